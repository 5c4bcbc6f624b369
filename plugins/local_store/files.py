"""Moving and copying files so that a crash at any point leaves a whole one."""

import errno
import os
import stat
from pathlib import Path

_COPY_STEP = 64 * 1024 * 1024
_BUFFER = 1024 * 1024
_NO_KERNEL_COPY = frozenset({errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP})
NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC


def sync_directory(directory: Path) -> None:
    """Make the names in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_regular(path: Path) -> bool:
    """Whether there is a file, and not a link that somebody put in its place."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def make_directory(directory: Path) -> None:
    """Make a directory, and those above it, for this user alone, if it is not there."""
    if directory.is_dir():
        return
    make_directory(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)
    sync_directory(directory.parent)


def move(source: Path, target: Path) -> None:
    """Move a file, also to another file system; durable on return, and repeatable.

    The target appears whole or not at all, and the source goes only when the target is
    durable. Where only the target is there, nothing but its name is made durable.

    Raises:
        FileNotFoundError: Neither is there.
    """
    make_directory(target.parent)
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        if not is_regular(target):
            raise
    else:
        try:
            _put(descriptor, source, target)
        finally:
            os.close(descriptor)
    # Also where there was nothing to move: whoever moved it may have ended before this.
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
        source.unlink()


def unfinished(target: Path) -> Path:
    """Return the file in which a copy grows until it is whole."""
    return target.with_name(f".{target.name}.copying")


def _copy_whole(source: int, target: Path) -> None:
    temporary = unfinished(target)
    temporary.unlink(missing_ok=True)  # of a copy that a crash ended
    descriptor = os.open(temporary, NEW_FILE, 0o600)
    try:
        append(descriptor, source)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.rename(target)
    sync_directory(target.parent)


def append(target: int, source: int) -> None:
    """Copy a whole file to the present position of another one.

    The kernel copies, where it can by sharing blocks; else this process does.
    """
    os.lseek(source, 0, os.SEEK_SET)
    try:
        while hasattr(os, "copy_file_range") and os.copy_file_range(source, target, _COPY_STEP):
            pass
    except OSError as error:
        if error.errno not in _NO_KERNEL_COPY:
            raise
    while data := os.read(source, _BUFFER):  # what the kernel did not copy: nothing, or all
        view = memoryview(data)
        while view:
            view = view[os.write(target, view) :]
