"""Applies all means that the kernel has, and reports which of them hold."""

import logging
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from pdfsluice.core.plugins.ports.children import ChildAccess

from . import landlock, seccomp
from .folders import system_paths
from .system import PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, prctl

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """Which means hold.

    Attributes:
        no_new_privileges: Starting a set-user-id program gives no privileges.
        landlock: Version of Landlock that restricts files and signals; 0 for none.
        seccomp: Whether system calls are filtered.
    """

    no_new_privileges: bool = False
    landlock: int = 0
    seccomp: bool = False

    @property
    def complete(self) -> bool:
        """Whether everything holds that this package knows."""
        return self.no_new_privileges and self.seccomp and self.landlock > 0

    def __str__(self) -> str:
        files = f"Landlock ABI {self.landlock}" if self.landlock else "no Landlock"
        calls = "seccomp filter" if self.seccomp else "no seccomp filter"
        rights = "no new privileges" if self.no_new_privileges else "privileges not limited"
        return f"{files}, {calls}, {rights}"


_applied: ContextVar[Protection | None] = ContextVar("protection", default=None)


def confine(access: ChildAccess, readable: Sequence[str] | None) -> Protection:
    """Confine this process for good, as far as the kernel can.

    Call it before threads exist.

    Args:
        access: What it may reach besides.
        readable: The folders of the files that it works on, and of code outside of the usual
            places; ``None`` if it may read all that its user can.
    """
    rights = _succeeds(PR_SET_NO_NEW_PRIVS, 1)
    folders = None if readable is None or access.everything else (*system_paths(), *readable)
    try:
        version = landlock.restrict(access, folders)
    except OSError as error:
        logger.warning("files are not restricted: %s", error.strerror)
        version = 0
    result = Protection(
        no_new_privileges=rights, landlock=version, seccomp=seccomp.restrict(access)
    )
    _applied.set(result)
    return result


def protection() -> Protection:
    """Return what :func:`confine` achieved in this process."""
    return _applied.get() or Protection()


def hide_memory() -> bool:
    """Keep other processes of the same user out of this one's memory and descriptors.

    Returns:
        Whether the kernel does that. Debuggers need root then, and there are no core dumps.
    """
    return _succeeds(PR_SET_DUMPABLE, 0)


def _succeeds(option: int, value: int) -> bool:
    try:
        prctl(option, value)
    except OSError:
        return False
    return True
