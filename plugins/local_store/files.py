"""Moving and copying files so that a crash at any point leaves a whole one."""

import errno
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from pdfsluice.core.directories import sync_directory

_COPY_STEP = 64 * 1024 * 1024
_BUFFER = 1024 * 1024
_NO_KERNEL_COPY = frozenset({errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})
NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
READ_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_COPYING = ".copying"


def is_in_memory(directory: Path) -> bool:
    """Return whether the system reports that a directory is in memory (tmpfs)."""
    device = directory.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        return False
    return any(
        line.split()[2] == number and line.partition(" - ")[2].startswith("tmpfs ")
        for line in mounts.splitlines()
    )


def is_regular(path: Path) -> bool:
    """Return whether there is a file, and not a link in its place."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def move(source: Path, target: Path) -> None:
    """Move a file, also to another file system; durable on return, and repeatable.

    The target appears whole or not at all, and the source is deleted only when the target is
    durable. If only the target is there, its name is made durable. The directory of the target
    exists and is durable.

    Raises:
        FileNotFoundError: Neither is there.
    """
    try:
        descriptor = os.open(source, READ_FILE)
        try:
            _put(descriptor, source, target)
        finally:
            os.close(descriptor)
    except FileNotFoundError:  # it was moved before, or another process moves it now
        if not is_regular(target):
            raise
    # Also if there was nothing to move: an earlier attempt may have failed before this.
    sync_directory(target.parent)
    sync_directory(source.parent)


def _put(descriptor: int, source: Path, target: Path) -> None:
    os.fsync(descriptor)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy_whole(descriptor, target)
    # A rename does nothing if both are names of one file (POSIX), as a crash in the middle of
    # an earlier rename leaves them on file systems without a journal.
    source.unlink(missing_ok=True)


def unfinished(target: Path) -> Path:
    """Return the file in which a copy grows until it is whole."""
    return target.with_name(f".{target.name}{_COPYING}")


def is_unfinished(name: str) -> bool:
    """Return whether a file name is one of :func:`unfinished`."""
    return name.startswith(".") and name.endswith(_COPYING)


def write_again(path: Path) -> None:
    """Write a file to the disk again, after a sync of it has failed.

    The system counts bytes as written that a failed sync lost, so that another sync of the same
    file proves nothing. The bytes are therefore copied into a new file, which takes its place.
    A copy by the kernel could share the lost blocks.
    """
    descriptor = os.open(path, READ_FILE)
    try:
        _copy_whole(descriptor, path, copy=_append_here)
    finally:
        os.close(descriptor)


def _copy_whole(
    source: int, target: Path, *, copy: Callable[[int, int], None] | None = None
) -> None:
    temporary = unfinished(target)
    temporary.unlink(missing_ok=True)  # of a copy that a crash ended
    descriptor = os.open(temporary, NEW_FILE, 0o600)
    try:
        (copy or append)(descriptor, source)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.rename(target)
    sync_directory(target.parent)


def join(whole: Path, sources: Sequence[Path], *, sync: bool) -> None:
    """Copy files one after the other into a new one."""
    target = os.open(whole, NEW_FILE, 0o600)
    try:
        for path in sources:
            source = os.open(path, READ_FILE)
            try:
                append(target, source)
            finally:
                os.close(source)
        if sync:
            os.fsync(target)
    finally:
        os.close(target)


def append(target: int, source: int) -> None:
    """Copy a whole file to the present position of another one.

    The kernel copies if it can, by sharing blocks; else this process does.
    """
    os.lseek(source, 0, os.SEEK_SET)
    try:
        while hasattr(os, "copy_file_range") and os.copy_file_range(source, target, _COPY_STEP):
            pass
    except OSError as error:
        if error.errno not in _NO_KERNEL_COPY:
            raise
    _copy_rest(target, source)


def _append_here(target: int, source: int) -> None:
    os.lseek(source, 0, os.SEEK_SET)
    _copy_rest(target, source)


def _copy_rest(target: int, source: int) -> None:
    """Copy what the kernel did not copy: nothing, or all."""
    while data := os.read(source, _BUFFER):
        view = memoryview(data)
        while view:
            view = view[os.write(target, view) :]
