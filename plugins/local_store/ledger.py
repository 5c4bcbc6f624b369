"""Space that is reserved for uploads and not used yet.

Space is reserved by accounting: announced bytes that are not written yet are subtracted from
the free bytes of the file system. The announced size is kept as the size of the (sparse) file
itself, so that a restart finds all reservations again and no second record can disagree.
Real allocation (``fallocate``) was rejected: on tmpfs it takes memory immediately, on a
file system without it the C library writes every block, and an abandoned upload would hold
the space as firmly as a running one.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from pdfsluice.core import RangeSet, StorageFull
from pdfsluice.core.directories import free_bytes

_MIB = 1024 * 1024
_BLOCK = 512  # what st_blocks counts in, whatever the file system's block size (stat(2))


@dataclass(slots=True)
class _Entry:
    """The space of a partial upload.

    Attributes:
        announced: Its size in bytes, as far as it is known.
        written: How many bytes it has.
        ranges: Those of them that were written in this run: a client whose chunk breaks off
            sends it again, which does not make the file grow.
    """

    announced: int
    written: int = 0
    ranges: RangeSet = field(default_factory=RangeSet)

    @property
    def size(self) -> int:
        return max(self.announced, self.written)


class Ledger:
    """The space that partial uploads take and reserve; thread-safe.

    Args:
        directory: A directory on the file system in question.
        max_bytes: Most bytes for all partial uploads together; ``None`` for no limit.
        min_free: Bytes of the file system that stay free.
    """

    def __init__(self, directory: Path, *, max_bytes: int | None, min_free: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._min_free = min_free
        self._entries: dict[str, _Entry] = {}
        self._reserved = 0
        self._written = 0
        self._lock = Lock()

    @property
    def count(self) -> int:
        """How many partial uploads there are."""
        return len(self._entries)

    @property
    def written(self) -> int:
        """How many bytes all partial uploads have."""
        return self._written

    @property
    def available(self) -> int:
        """How many more bytes may be reserved."""
        with self._lock:
            return max(0, self._available())

    def _available(self) -> int:
        unwritten = self._reserved - self._written
        space = free_bytes(self._directory) - self._min_free - unwritten
        if self._max_bytes is None:
            return space
        return min(space, self._max_bytes - self._reserved)

    def adopt(self, blob_id: str, file: os.stat_result) -> None:
        """Add an existing file, with its present and its announced size."""
        with self._lock:
            self._drop(blob_id)
            written = min(file.st_blocks * _BLOCK, file.st_size)
            self._enter(blob_id, _Entry(file.st_size, written))

    def adopt_all(self, files: Mapping[str, os.stat_result]) -> None:
        """Count the files that are there, in place of what was counted before.

        What this process wrote is in them: the file system counts blocks as they are written.
        """
        with self._lock:
            for blob_id in [*self._entries]:
                self._drop(blob_id)
            for blob_id, file in files.items():
                written = min(file.st_blocks * _BLOCK, file.st_size)
                self._enter(blob_id, _Entry(file.st_size, written))

    def reserve(self, blob_id: str, size: int, *, also_in: Path) -> None:
        """Reserve space for a new upload.

        Args:
            blob_id: The upload.
            size: Its announced size in bytes; 0 while unknown.
            also_in: A directory to which the upload will move, perhaps on another disk.

        Raises:
            StorageFull: There is not enough.
        """
        later = free_bytes(also_in) - self._min_free
        with self._lock:
            available = min(self._available(), later)
            if size > available:
                raise _full(size, available, self._min_free)
            self._enter(blob_id, _Entry(size))

    def wrote(self, blob_id: str, start: int, end: int) -> None:
        """Record that the bytes from ``start`` to ``end`` were written, perhaps again."""
        with self._lock:
            entry = self._entries.get(blob_id)
            if entry is None:
                return
            self._leave(entry)
            new = entry.ranges.missing(start, end).size
            entry.ranges = entry.ranges.add(start, end)
            entry.announced = max(entry.announced, end)
            entry.written = min(entry.written + new, entry.announced)
            self._count_in(entry)

    def allow(self, blob_id: str, end: int) -> None:
        """Check that an upload of unknown size may grow to ``end``.

        Raises:
            StorageFull: The limit for all partial uploads does not allow it.
        """
        if self._max_bytes is None:
            return
        with self._lock:
            entry = self._entries.get(blob_id)
            growth = end - entry.size if entry else 0
            if growth > 0 and self._reserved + growth > self._max_bytes:
                raise _full(growth, self._max_bytes - self._reserved)

    def forget(self, blob_id: str) -> None:
        """Release the reservation of an upload."""
        with self._lock:
            self._drop(blob_id)

    def _drop(self, blob_id: str) -> None:
        entry = self._entries.pop(blob_id, None)
        if entry is not None:
            self._leave(entry)

    def _enter(self, blob_id: str, entry: _Entry) -> None:
        self._entries[blob_id] = entry
        self._count_in(entry)

    def _count_in(self, entry: _Entry) -> None:
        self._reserved += entry.size
        self._written += entry.written

    def _leave(self, entry: _Entry) -> None:
        self._reserved -= entry.size
        self._written -= entry.written


def _full(size: int, available: int, min_free: int = 0) -> StorageFull:
    stays_free = f"; {min_free // _MIB} MiB of its disk stay free (min_free_space)"
    return StorageFull(
        f"There is no space for {size} more bytes; {max(0, available)} can be taken.",
        hint="Try again when other uploads are finished or the server has more space"
        f"{stays_free if min_free else ''}.",
        details={"wanted_bytes": size, "available_bytes": max(0, available)},
    )
