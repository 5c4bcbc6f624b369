"""Directories whose names survive a power cut."""

import os
from contextlib import suppress
from pathlib import Path
from threading import Lock


def sync_directory(directory: Path) -> None:
    """Make the names in a directory survive a power cut. Blocking."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(directory: Path) -> None:
    """Make a missing directory and its parents, for this user alone. Blocking.

    The names of those that it makes are durable on return.
    """
    if directory.is_dir():
        return
    make_directory(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)
    sync_directory(directory.parent)


def ensure_durable(directory: Path) -> None:
    """Make a directory if it is missing, and its name and content durable. Blocking.

    A process that was killed may have made it without syncing its name. A parent that this
    user may not read was made by another user and is not synced.
    """
    make_directory(directory)
    sync_directory(directory)
    with suppress(PermissionError):
        sync_directory(directory.parent)


def free_bytes(directory: Path) -> int:
    """Return how many bytes this process may still write to a directory's file system."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


class DurableDirectories:
    """Directories that this process made durable. Safe for use by threads.

    That a directory is there does not mean that its name is durable: another thread may have
    made it and not synced its parent yet, or the sync may have failed.
    """

    def __init__(self) -> None:
        self._durable: set[Path] = set()
        self._lock = Lock()

    def make(self, directory: Path) -> None:
        """Make a directory if it is missing; its name is durable on return. Blocking.

        The parent is synced once for each directory and process.
        """
        # In this order: a directory that is made again is not in the set while it is not durable.
        if directory.is_dir() and directory in self._durable:
            return
        with self._lock:
            self._durable.discard(directory)
            make_directory(directory)
            sync_directory(directory.parent)
            self._durable.add(directory)
