"""The folders that a child may read."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/etc",
    "/nix/store",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
)


_folders: ContextVar[Sequence[str] | None] = ContextVar("file_folders", default=None)


def file_folders() -> Sequence[str] | None:
    """Return the folders that children work in; ``None`` if that may be any folder."""
    return _folders.get()


@contextmanager
def reading_only(folders: Iterable[Path] | None) -> Iterator[None]:
    """Restrict the children started inside to the files in these folders.

    Args:
        folders: The folders; ``None`` if it is unknown where the files are.
    """
    before = _folders.get()
    _folders.set(None if folders is None else tuple(str(folder) for folder in folders))
    try:
        yield
    finally:
        _folders.set(before)


def system_paths() -> Sequence[str]:
    """Return what any Python program reads: system, prefix and module folders."""
    return _outermost((*_SYSTEM, *_prefixes(), *filter(None, sys.path)))


def code_paths() -> Sequence[str]:
    """Return the folders of loaded packages that are installed elsewhere.

    An editable installation has its code in a checkout, which is on no search path of a child.
    """
    covered = tuple(folder.rstrip("/") + "/" for folder in (*_SYSTEM, *_prefixes()))
    folders = {
        str(folder) for module in tuple(sys.modules.values()) for folder in _package_folders(module)
    }
    return _outermost(folder for folder in folders if not f"{folder}/".startswith(covered))


def _prefixes() -> tuple[str, ...]:
    return (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)


def _package_folders(module: object) -> Iterator[str]:
    try:
        yield from getattr(module, "__path__", ())
    except Exception:  # noqa: BLE001 - a lazy module may do anything
        return


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    outer: list[str] = []
    for path in sorted(set(paths)):
        if not _covered(path, outer):
            outer.append(path)
    return tuple(outer)


def _covered(path: str, by: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in by)
