"""Calls of the Linux kernel for which Python has no function."""

import ctypes
import errno
import os
import sys
from functools import cache
from typing import Any

PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38


class Unsupported(OSError):
    """A call that this system does not have."""

    def __init__(self) -> None:
        super().__init__(errno.ENOSYS, os.strerror(errno.ENOSYS))


@cache
def _libc() -> Any:
    if sys.platform != "linux":
        raise Unsupported
    return ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """Change a property of this process (prctl(2)).

    Raises:
        OSError: The kernel refuses.
    """
    zero = ctypes.c_ulong(0)
    _checked(_libc().prctl(option, ctypes.c_ulong(value), zero, zero, zero))


def syscall(number: int, *arguments: Any) -> int:
    """Call the kernel (syscall(2)); integers are passed as long.

    Raises:
        OSError: The call failed.
    """
    passed = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    call = _libc().syscall
    call.restype = ctypes.c_long
    return _checked(call(ctypes.c_long(number), *passed))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
