"""Deprecated parts of the plugin interface: still served, with a warning.

A name is listed here for one minor version of the interface before it is removed.
"""

import logging
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

logger = logging.getLogger(__name__)

_OWN_PACKAGE = "pdfsluice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """Something of the plugin interface that will be removed.

    Attributes:
        since: The version of the interface that deprecated it.
        removed_in: The version that no longer has it.
        replacement: What to use in its place.
    """

    since: tuple[int, int]
    removed_in: tuple[int, int]
    replacement: str

    def __post_init__(self) -> None:
        """Check that it warns for at least one minor version.

        Raises:
            ValueError: It would be removed in the version that deprecates it, or before.
        """
        if self.removed_in <= self.since:
            raise ValueError(f"deprecated in {self.since}, and removed in {self.removed_in}")


class Deprecations:
    """Warnings, one for each deprecated thing and distribution that uses it.

    Args:
        things: The deprecated things by the name under which plugins use them.
        log: Writes one line about each; it appears in the log at the start.
    """

    def __init__(
        self, things: Mapping[str, Deprecation], log: Callable[[str], None] = logger.warning
    ) -> None:
        self._things = things
        self._log = log
        self._warned: set[tuple[str, str]] = set()

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def warn(self, name: str, distribution: str, *, stacklevel: int = 2) -> None:
        """Warn that a distribution uses a deprecated thing.

        Args:
            name: The deprecated thing.
            distribution: The installed distribution that uses it.
            stacklevel: How far up the line is that the warning names, as of ``warnings.warn``.
        """
        if (name, distribution) in self._warned:
            return
        self._warned.add((name, distribution))
        thing = self._things[name]
        version = ".".join(map(str, thing.removed_in))
        message = (
            f"{distribution} uses {name}, which version {version} of the plugin interface removes."
            f" Use {thing.replacement} instead."
        )
        self._log(message)
        warnings.warn(message, DeprecationWarning, stacklevel=stacklevel + 1)


def calling_distribution(depth: int = 2) -> str:
    """Return the distribution of the calling code, from frame ``depth`` outwards.

    Frames of pdfsluice itself and of the import system are skipped.
    """
    from importlib.metadata import packages_distributions  # noqa: PLC0415 - only for a warning

    frame = sys._getframe(depth)  # noqa: SLF001 - documented, despite its underscore
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in {_OWN_PACKAGE, "importlib", ""}:
            return next(iter(packages_distributions().get(package, ())), package)
        following = frame.f_back
        if following is None:
            break
        frame = following
    return "(unknown)"


INTERFACE = Deprecations({})
"""Deprecated names (``OffsetConflict``), hooks (``pdfsluice_register_...``) and fields of
descriptors (``ImporterSpec.retry``). Names stand in ``_DEPRECATED`` of ``pdfsluice.core``, too.
"""


def warn_of_hooks(plugin: object, distribution: str, deprecations: Deprecations) -> None:
    """Warn if a plugin implements deprecated hooks."""
    for name in dir(plugin):
        if name in deprecations and hasattr(getattr(plugin, name), "pdfsluice_impl"):
            deprecations.warn(name, distribution)


def warn_of_fields(spec: Any, distribution: str, deprecations: Deprecations) -> None:
    """Warn if a descriptor gives a deprecated field another value than its default."""
    for field in fields(spec):
        name = f"{type(spec).__name__}.{field.name}"
        if name in deprecations and getattr(spec, field.name) != field.default:
            deprecations.warn(name, distribution)
