"""An open partial upload."""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from pdfsluice.core import Extent, StorageFailed
from pdfsluice.core.storage_errors import explained

from .errors import deleted
from .ledger import Ledger
from .range_locks import lock_range, unlock_range

Sync = Callable[[int], None]
sync_data: Sync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync
"""Write the bytes of an open file to its disk; raises ``OSError`` if some were lost."""

_READ_CACHED: int | None = getattr(os, "RWF_NOWAIT", None)  # of Linux
_MIN_EARLY_WRITE = 1024 * 1024


class LocalBlob:
    """One file, read and written at explicit offsets.

    It owns the descriptor, and closes it when the last call that uses it has ended: a descriptor
    that is closed under a running call could already mean another file.

    One sync runs at a time, so that each caller learns of a failure, which the system reports
    only once. A caller whose bytes an earlier sync covered does not wait for one of its own.

    Args:
        blob_id: The upload.
        path: Its file.
        descriptor: The open file.
        ledger: Where written bytes are counted.
        power_safe: Whether :meth:`seal` syncs.
        in_memory: Whether the file is in memory, so that no read waits for a device.
        sync: Writes the bytes of the descriptor to the disk.
        on_lost_sync: Called when a sync failed, before the caller learns of it.
    """

    def __init__(
        self,
        blob_id: str,
        path: Path,
        descriptor: int,
        ledger: Ledger,
        *,
        power_safe: bool,
        in_memory: bool = False,
        sync: Sync = sync_data,
        on_lost_sync: Callable[[], None] = lambda: None,
    ) -> None:
        self._id = blob_id
        self._path = path
        self._ledger = ledger
        self._power_safe = power_safe
        self._read_flags = 0 if in_memory else _READ_CACHED
        self._sync_data = sync
        self._on_lost_sync = on_lost_sync
        self._descriptor = descriptor
        self._users = 1  # the blob itself, until it is closed
        self._closed = False
        self._poisoned = False
        self._writes = 0
        self._synced = -1  # how many of the writes the last sync covered
        self._lock = Lock()
        self._syncing = Lock()

    @property
    def local_path(self) -> Path:
        """The file, as long as the blob is partial."""
        return self._path

    def write(self, offset: int, data: memoryview) -> None:
        """Write all of ``data`` at ``offset``."""
        length = len(data)
        self._ledger.allow(self._id, offset + length)
        self._refuse_if_poisoned()
        with self._open() as descriptor, explained("store the bytes"):
            position = 0
            while position < length:
                position += os.pwrite(descriptor, data[position:], offset + position)
            with self._lock:
                self._writes += 1
            if length >= _MIN_EARLY_WRITE:
                _begin_writeback(descriptor, offset, length)
        self._ledger.wrote(self._id, offset, offset + length)

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset``; return how many bytes were there."""
        with self._open() as descriptor, explained("read the bytes back"):
            position = 0
            while position < len(buffer):
                count = os.preadv(descriptor, [buffer[position:]], offset + position)
                if not count:
                    break
                position += count
            return position

    def read_cached(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset`` with bytes that are in memory; return how many."""
        if self._read_flags is None:
            return 0
        with self._open() as descriptor, suppress(OSError):  # a thread finds out what it means
            return os.preadv(descriptor, [buffer], offset, self._read_flags)
        return 0

    def changed_at(self) -> int:
        """Return when the file was last changed, in nanoseconds.

        Systems that count this time in ticks of a few milliseconds (Linux before 6.13) give the
        same number for two changes in one tick.
        """
        with self._open() as descriptor, explained("look at the file"):
            return os.fstat(descriptor).st_ctime_ns

    def seal(self, _start: int, _end: int) -> str:
        """Check that the file is still there; sync it if the setting asks for that."""
        with self._open() as descriptor, explained("sync the bytes to the disk"):
            self._refuse_if_poisoned()
            self._refuse_if_deleted(descriptor)
            if self._power_safe:
                self._sync(descriptor)
        return ""

    def fetch(self, extents: Sequence[Extent]) -> None:
        """Do nothing: all bytes are in the file."""

    def lock(self, start: int, end: int) -> bool:
        """Lock a range against other processes; return whether it is locked now."""
        with self._open() as descriptor, explained("lock the upload's file"):
            return lock_range(descriptor, start, end)

    def unlock(self, start: int, end: int) -> None:
        """Release a range; closing the file releases all."""
        with suppress(StorageFailed), self._open() as descriptor:
            unlock_range(descriptor, start, end)

    def _sync(self, descriptor: int) -> None:
        with self._lock:
            mine = self._writes
        with self._syncing:
            self._refuse_if_poisoned()
            if self._synced >= mine:
                return
            with self._lock:
                writes = self._writes
            try:
                self._sync_data(descriptor)
            except OSError:
                self._poisoned = True
                self._on_lost_sync()
                raise
            self._synced = writes

    def close_published(self) -> None:
        """Close the file after it was published, and thereby synced."""
        self.close()

    def close(self) -> None:
        """Close the file; closing it again is harmless."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._release()

    def _refuse_if_poisoned(self) -> None:
        if self._poisoned:
            raise StorageFailed(
                "The disk lost bytes of this upload that were not acknowledged.",
                hint="Send the chunk again; what was acknowledged is kept.",
            )

    def _refuse_if_deleted(self, descriptor: int) -> None:
        """Refuse to acknowledge bytes in a file that has no name any more."""
        try:
            status = self._path.stat(follow_symlinks=False)
        except FileNotFoundError:
            raise deleted(self._path) from None
        if not os.path.samestat(status, os.fstat(descriptor)):
            raise deleted(self._path)

    @contextmanager
    def _open(self) -> Generator[int]:
        with self._lock:
            if self._closed:
                raise StorageFailed("The upload's file is closed already.")
            self._users += 1
        try:
            yield self._descriptor
        finally:
            self._release()

    def _release(self) -> None:
        with self._lock:
            self._users -= 1
            last = not self._users
        if last:
            os.close(self._descriptor)


def _begin_writeback(descriptor: int, offset: int, length: int) -> None:
    """Start writing bytes to the disk that the system would keep for half a minute.

    Otherwise it blocks writers when too much of a large file is dirty, and the sync at the end
    of the file takes long. For bytes that are not on the disk yet, this call only begins that.
    """
    with suppress(AttributeError, OSError):  # not every system and file system supports it
        os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)
