"""An open partial upload."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from pdfsluice.core.errors import StorageFailed

from .errors import explained
from .ledger import Ledger

_sync_data = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync

_LARGE = 1024 * 1024


class LocalBlob:
    """Reads and writes one file at explicit offsets.

    It owns the descriptor, and closes it when the last call that uses it has ended, because
    a number closed under a running call could already mean another file.
    """

    def __init__(
        self, blob_id: str, path: Path, descriptor: int, ledger: Ledger, *, power_safe: bool
    ) -> None:
        self._id = blob_id
        self._path = path
        self._ledger = ledger
        self._power_safe = power_safe
        self._descriptor = descriptor
        self._users = 1  # the blob itself, until it is closed
        self._closed = False
        self._lock = Lock()

    @property
    def local_path(self) -> Path:
        """The file, as long as the blob is partial."""
        return self._path

    def write(self, offset: int, data: memoryview) -> None:
        """Write all of ``data`` at ``offset``."""
        length = len(data)
        self._ledger.allow(self._id, offset + length)
        with self._open() as descriptor, explained("store the bytes"):
            done = 0
            while done < length:
                done += os.pwrite(descriptor, data[done:], offset + done)
            if length >= _LARGE:
                _begin_to_write(descriptor, offset, length)
        self._ledger.wrote(self._id, offset, offset + length)

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset``; return how many bytes were there."""
        with self._open() as descriptor, explained("read the bytes back"):
            done = 0
            while done < len(buffer):
                got = os.preadv(descriptor, [buffer[done:]], offset + done)
                if not got:
                    break
                done += got
            return done

    def sync(self) -> None:
        """Bring what was written to the disk, where the setting asks for that."""
        if self._power_safe:
            with self._open() as descriptor, explained("bring the bytes to the disk"):
                _sync_data(descriptor)

    def close(self) -> None:
        """Let go of the file; again and again does no harm."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._let_go()

    @contextmanager
    def _open(self) -> Generator[int]:
        with self._lock:
            if self._closed:
                raise StorageFailed("The upload's file is closed already.")
            self._users += 1
        try:
            yield self._descriptor
        finally:
            self._let_go()

    def _let_go(self) -> None:
        with self._lock:
            self._users -= 1
            last = not self._users
        if last:
            os.close(self._descriptor)


def _begin_to_write(descriptor: int, offset: int, length: int) -> None:
    """Have the system bring bytes to the disk now that it would keep for half a minute.

    Otherwise it stops us when too much of a large file is waiting, and the sync at the end of
    the file takes long. Where bytes are not on the disk yet, this call only begins that.
    """
    with suppress(AttributeError, OSError):  # not every system and file system knows of it
        os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)
