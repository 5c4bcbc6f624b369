"""Forbids a process the system calls that it does not need (seccomp(2)).

The filter is a program for the kernel's classic BPF machine. It refuses with EPERM instead of
ending the process: a library that tries something unneeded continues without it.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable, Iterator, Mapping

from pdfsluice.core.plugins.ports.children import ChildAccess

from . import syscalls
from .syscalls import Architecture, Numbers
from .system import PR_SET_NO_NEW_PRIVS, prctl, syscall

_SET_MODE_FILTER = 1
_ALL_THREADS = 1  # SECCOMP_FILTER_FLAG_TSYNC

_LOAD, _RETURN = 0x20, 0x06
_IF_EQUAL, _IF_GREATER_OR_EQUAL, _IF_SET = 0x15, 0x35, 0x45
_NUMBER, _AUDIT, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_CLONE_THREAD = 0x00010000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def architecture() -> Architecture | None:
    """Return the description of this machine; ``None`` if it can have no filter."""
    return syscalls.ARCHITECTURES.get(platform.machine())


def restrict(access: ChildAccess) -> bool:
    """Filter the system calls of all threads of this process.

    Returns:
        Whether the filter is in force.
    """
    machine = architecture()
    if machine is None:
        return False
    code = b"".join(program(access, machine, os.getpid()))
    buffer = ctypes.create_string_buffer(code, len(code))
    header = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_char_p))
    try:
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        failed = syscall(machine.seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(header))
    except OSError:
        return False
    return not failed  # otherwise the id of a thread that could not be filtered


def program(access: ChildAccess, machine: Architecture, process: int) -> Iterator[bytes]:
    """Yield the instructions of the filter for a process."""
    yield _instruction(_LOAD, _AUDIT)
    yield _instruction(_IF_EQUAL, machine.audit, then=1)
    yield _instruction(_RETURN, _KILL_PROCESS)
    yield _instruction(_LOAD, _NUMBER)
    if machine.other_abi:
        yield _instruction(_IF_GREATER_OR_EQUAL, machine.other_abi, otherwise=1)
        yield _refuse(errno.EPERM)
    denied: list[Mapping[str, Numbers]] = [syscalls.OTHERS, syscalls.KERNEL]
    if not access.programs:
        denied.append(syscalls.PROGRAMS)
        yield from _unless_thread(syscalls.CLONE[machine.column])
        yield from _deny([syscalls.CLONE3[machine.column]], errno.ENOSYS)  # clone is tried then
    if not access.network:
        yield from _deny([syscalls.SOCKET[machine.column]], errno.EACCES)
    for numbers in syscalls.OWN_TARGET.values():
        yield from _unless_own(numbers[machine.column], process)
    calls = [numbers[machine.column] for group in denied for numbers in group.values()]
    yield from _deny(calls, errno.EPERM)
    yield _instruction(_RETURN, _ALLOW)


def _deny(numbers: Iterable[int | None], code: int) -> Iterator[bytes]:
    for number in numbers:
        if number is not None:
            yield _instruction(_IF_EQUAL, number, otherwise=1)
            yield _refuse(code)


def _unless_thread(number: int | None) -> Iterator[bytes]:
    """Refuse clone(2) that makes a process; threads are needed."""
    yield _instruction(_IF_EQUAL, number or 0, otherwise=4)
    yield _instruction(_LOAD, _FIRST_ARGUMENT)
    yield _instruction(_IF_SET, _CLONE_THREAD, otherwise=1)
    yield _instruction(_RETURN, _ALLOW)
    yield _refuse(errno.EPERM)


def _unless_own(number: int | None, process: int) -> Iterator[bytes]:
    """Refuse a call whose first argument names another process."""
    yield _instruction(_IF_EQUAL, number or 0, otherwise=5)
    yield _instruction(_LOAD, _FIRST_ARGUMENT)
    yield _instruction(_IF_EQUAL, process, then=1)
    yield _instruction(_IF_EQUAL, 0, otherwise=1)
    yield _instruction(_RETURN, _ALLOW)
    yield _refuse(errno.EPERM)


def _refuse(code: int) -> bytes:
    return _instruction(_RETURN, _ERRNO | code)


def _instruction(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    """Return one ``struct sock_filter``.

    Args:
        code: What the instruction does.
        value: Its operand.
        then: How many of the next instructions a jump skips if its condition holds.
        otherwise: How many it skips if the condition does not hold.
    """
    return struct.pack("=HBBI", code, then, otherwise, value)
