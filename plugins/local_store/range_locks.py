"""Locks on byte ranges of a file, which belong to the open file and end with it.

The usual locks of POSIX belong to the process and end when it closes any descriptor of the file.
Locks of open file descriptions do not (``F_OFD_SETLK`` in ``fcntl(2)``, Linux).
"""

import errno
import fcntl
import struct
import sys

_SET_LOCK: int | None = getattr(fcntl, "F_OFD_SETLK", None) if sys.platform == "linux" else None
"""The command of such locks; ``None`` if this system has none."""


def lock_range(descriptor: int, start: int, end: int) -> bool:
    """Lock a range for writing, without waiting; return whether it is locked now."""
    try:
        _set(descriptor, fcntl.F_WRLCK, start, end)
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            return False
        raise
    return True


def unlock_range(descriptor: int, start: int, end: int) -> None:
    """Release a range."""
    _set(descriptor, fcntl.F_UNLCK, start, end)


def _set(descriptor: int, kind: int, start: int, end: int) -> None:
    if _SET_LOCK is None:
        raise OSError(errno.ENOSYS, "this system has no locks of open files")
    if end <= start:
        return  # a length of 0 would mean all bytes after the start
    # struct flock of 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid, which must be 0.
    request = struct.pack("hhqqi4x", kind, 0, start, end - start, 0)
    fcntl.fcntl(descriptor, _SET_LOCK, request)
