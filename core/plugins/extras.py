"""Which extra of the distribution installs a library that is missing.

``pip install pdfsluice`` brings the client, the command and the scanner. What else needs
libraries of its own is an extra (``pdfsluice[server]``), as the metadata of the distribution say.
"""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires

from pdfsluice.core.errors import PluginError

_DISTRIBUTION = "pdfsluice"
_EVERYTHING = "all"
_OTHER_NAMES = {"pil": "pillow", "stemmer": "pystemmer"}
_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+).*;.*extra\s*==\s*['\"](?P<extra>[^'\"]+)")


class ExtraMissing(PluginError):
    """A library is missing that an extra of the distribution installs."""

    code = "extra-missing"


def missing_extra(error: BaseException) -> ExtraMissing | None:
    """Return what is to be installed, if a library is missing that belongs to an extra.

    Args:
        error: What an import raised; errors that led to it are looked at too.
    """
    for cause in _causes(error):
        if isinstance(cause, ModuleNotFoundError) and cause.name:
            library = cause.name.partition(".")[0]
            extra = extra_of(library, _requirements())
            if extra:
                return ExtraMissing(
                    f"{library} is not installed; it belongs to the extra {extra!r}",
                    hint=f"Install it: pip install '{_DISTRIBUTION}[{extra}]'",
                    details={"library": library, "extra": extra},
                )
    return None


def extra_of(library: str, requirements: Iterable[str]) -> str:
    """Return the extra that installs a library; empty if none does.

    Args:
        library: Name of the top-level module.
        requirements: Requirements of the distribution with their markers (PEP 508).
    """
    wanted = _canonical(library)
    wanted = _OTHER_NAMES.get(wanted, wanted)
    extras = []
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match is None:
            continue
        name = _canonical(match["name"])
        if name == wanted or name.startswith(f"{wanted}-"):
            extras.append(match["extra"])
    return min(extras, key=lambda extra: (extra == _EVERYTHING, extras.index(extra)), default="")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _requirements() -> list[str]:
    try:
        return requires(_DISTRIBUTION) or []
    except PackageNotFoundError:
        return []


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
