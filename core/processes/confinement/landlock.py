"""Restricts which files a process can reach (Linux 5.13 and later; landlock(7)).

A restriction cannot be lifted, and holds for all threads and children that begin after it.
Each kernel knows the rights of its ABI and of earlier ones; the others are left out.
"""

import ctypes
import os
import stat
from collections.abc import Iterable, Sequence

from pdfsluice.core.plugins.ports.children import ChildAccess

from .system import PR_SET_NO_NEW_PRIVS, prctl, syscall

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on all architectures
_VERSION = 1
_RULE_PATH_BENEATH = 1

_EXECUTE = 1 << 0
_READ = 1 << 2 | 1 << 3  # files, folders
_WRITE = 1 << 1 | sum(1 << bit for bit in range(4, 13))
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FILE_RIGHTS = 1 << 0 | 1 << 1 | 1 << 2 | _TRUNCATE | _IOCTL_DEV
_LATER_RIGHTS = ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV))
_TCP = 1 << 0 | 1 << 1  # bind, connect
_TCP_ABI = 4
_SCOPES = 1 << 0 | 1 << 1  # abstract Unix sockets, signals
_SCOPE_ABI = 6


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def abi() -> int:
    """Return the version of the kernel; 0 if it has none or it is switched off."""
    try:
        return syscall(_CREATE_RULESET, None, 0, _VERSION)
    except OSError:
        return 0


def restrict(access: ChildAccess, readable: Sequence[str] | None) -> int:
    """Restrict this process to what it may reach.

    Args:
        access: What it may reach besides.
        readable: Files and folders that it may read; ``None`` for all.

    Returns:
        The version by which it is restricted; 0 if it is not.
    """
    version = abi()
    if version == 0:
        return 0
    handled = _handled(access, version, reading=readable is not None)
    rules = _Ruleset(
        handled_access_fs=handled,
        handled_access_net=_TCP if version >= _TCP_ABI and not access.network else 0,
        scoped=_SCOPES if version >= _SCOPE_ABI else 0,
    )
    ruleset = syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.sizeof(rules), 0)
    try:
        if readable is not None:
            _allow(ruleset, (*readable, *access.readable), _READ & handled)
        _allow(ruleset, access.writable, handled & ~_EXECUTE)
        _allow(ruleset, ["/dev/null"], (_READ | 1 << 1) & handled)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return version


def _handled(access: ChildAccess, version: int, *, reading: bool) -> int:
    rights = _WRITE
    if reading:
        rights |= _READ
    if not access.programs:
        rights |= _EXECUTE
    for since, right in _LATER_RIGHTS:
        if version >= since:
            rights |= right
    return rights


def _allow(ruleset: int, paths: Iterable[str], rights: int) -> None:
    """Add a rule for each path that exists."""
    for path in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            allowed = rights if is_folder else rights & _FILE_RIGHTS
            rule = _PathBeneath(allowed_access=allowed, parent_fd=descriptor)
            if allowed:
                syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0)
        finally:
            os.close(descriptor)
