"""An upload store in memory, for tests."""

import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from threading import Lock
from uuid import UUID, uuid4

from pdfsluice.core.errors import (
    Conflict,
    NotFound,
    StorageFailed,
    StorageFull,
)
from pdfsluice.core.models.sessions import Extent
from pdfsluice.core.plugins.ports.stores import Blob, StoreUsage


class MemoryUploadStore:
    """An upload store in memory; written bytes are as durable as they will ever be.

    Args:
        capacity: Most bytes that partial blobs may announce together.
    """

    def __init__(self, capacity: int = 1 << 40) -> None:
        self.identity = str(uuid4())
        self._capacity = capacity
        self._announced: dict[str, int] = {}
        self._partial: dict[str, bytearray] = {}
        self._published: dict[str, bytearray] = {}
        self._quarantined: dict[str, bytearray] = {}
        self.lock = Lock()

    async def create(self, blob_id: str, size: int | None) -> Blob:
        """Make an empty partial blob and open it."""
        _check(blob_id)
        if blob_id in self._partial:
            raise Conflict(f"There are bytes of {blob_id} already.")
        if (size or 0) > self._free_bytes:
            raise StorageFull(f"There is no space for {size} bytes.")
        self._announced[blob_id] = size or 0
        self._partial[blob_id] = bytearray()
        return await self.open(blob_id, ())

    async def open(self, blob_id: str, extents: Sequence[Extent]) -> Blob:  # noqa: ARG002
        """Open a partial blob."""
        return _MemoryBlob(self, blob_id, self._find(self._partial, blob_id))

    @asynccontextmanager
    async def local_path(self, blob_id: str) -> AsyncGenerator[Path]:
        """Provide the whole blob as a temporary file."""
        content = self._find(self._published | self._partial, blob_id)
        with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
            file.write(content)
            file.flush()
            yield Path(file.name)

    async def sizes(self, blob_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the sizes of those blobs that are there."""
        ids = self._partial | self._published
        return {blob_id: len(ids[blob_id]) for blob_id in blob_ids if blob_id in ids}

    async def lost(self, blob_id: str, extents: Sequence[Extent]) -> Sequence[Extent]:  # noqa: ARG002
        """Return nothing: no extent has a place of its own."""
        return ()

    async def copy(self, blob_id: str, extents: Sequence[Extent]) -> Sequence[Extent]:  # noqa: ARG002
        """Return the extents: none has a place of its own."""
        return extents

    async def publish(
        self,
        blob_id: str,
        extents: Sequence[Extent],  # noqa: ARG002
        sha256: str | None,  # noqa: ARG002
    ) -> None:
        """Turn a partial blob into a document's."""
        self._move(blob_id, self._partial, self._published)

    async def replace(self, blob_id: str, source_id: str) -> None:
        """Put another blob in the place of a published one."""
        _check(blob_id)
        if blob_id == source_id:
            self._move(blob_id, self._partial, self._published)
            return
        content = self._find(self._published | self._partial, source_id)
        await self.remove(source_id)
        self._published[blob_id] = content

    async def quarantine(self, blob_id: str) -> None:
        """Move a partial blob apart."""
        self._move(blob_id, self._partial, self._quarantined)

    async def restore(self, blob_id: str) -> None:
        """Make a quarantined blob partial again."""
        self._move(blob_id, self._quarantined, self._partial)

    async def remove(self, blob_id: str) -> None:
        """Delete a blob, partial, published or quarantined."""
        _check(blob_id)
        for place in (self._partial, self._published, self._quarantined):
            place.pop(blob_id, None)
        self._announced.pop(blob_id, None)

    async def discard(self, blob_id: str) -> None:
        """Delete a partial blob, if it is there."""
        _check(blob_id)
        self._partial.pop(blob_id, None)

    async def orphans(self, older_than: timedelta) -> Sequence[str]:
        """Return the ids of all partial blobs; none is older than the store."""
        return [] if older_than else list(self._partial)

    async def published_ids(self) -> Sequence[str]:
        """Return the ids of all published blobs."""
        return list(self._published)

    async def concatenate(self, blob_id: str, parts: Sequence[str]) -> None:
        """Replace the content of a partial blob by that of others, which are removed."""
        target = self._find(self._partial, blob_id)
        target[:] = b"".join(self._find(self._partial, part) for part in parts)
        for part in parts:
            await self.remove(part)

    async def usage(self) -> StoreUsage:
        """Return how much space partial blobs take and how much is left."""
        return StoreUsage(
            partial_count=len(self._partial),
            partial_bytes=sum(map(len, self._partial.values())),
            available_bytes=max(0, self._free_bytes),
        )

    def grow(self, blob_id: str, length: int) -> None:
        """Check that a blob may have this many bytes.

        Raises:
            StorageFull: There is no space for them.
        """
        growth = length - self._size(blob_id)
        if growth > 0 and growth > self._free_bytes:
            raise StorageFull(f"There is no space for {growth} more bytes.")

    @property
    def _free_bytes(self) -> int:
        return self._capacity - sum(map(self._size, self._partial))

    def _size(self, blob_id: str) -> int:
        return max(self._announced.get(blob_id, 0), len(self._partial.get(blob_id, b"")))

    def _find(self, place: dict[str, bytearray], blob_id: str) -> bytearray:
        _check(blob_id)
        if blob_id not in place:
            raise NotFound(f"There are no bytes of {blob_id}.")
        return place[blob_id]

    def _move(
        self, blob_id: str, source: dict[str, bytearray], target: dict[str, bytearray]
    ) -> None:
        if blob_id in source:
            target[blob_id] = source.pop(blob_id)
        self._find(target, blob_id)


class _MemoryBlob:
    def __init__(self, store: MemoryUploadStore, blob_id: str, content: bytearray) -> None:
        self._store = store
        self._id = blob_id
        self._content = content
        self._closed = False

    @property
    def local_path(self) -> None:
        """There is no file."""
        return None

    def write(self, offset: int, data: memoryview) -> None:
        """Write all of ``data`` at ``offset``."""
        end = offset + len(data)
        with self._store.lock:
            self._refuse_if_closed()
            self._store.grow(self._id, end)
            if len(self._content) < end:
                self._content.extend(bytes(end - len(self._content)))
            self._content[offset:end] = data

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset``."""
        with self._store.lock:
            self._refuse_if_closed()
            data = self._content[offset : offset + len(buffer)]
        buffer[: len(data)] = data
        return len(data)

    def seal(self, _start: int, _end: int) -> str:
        """Do nothing: there is nothing more durable than memory here."""
        self._refuse_if_closed()
        return ""

    def fetch(self, extents: Sequence[Extent]) -> None:
        """Do nothing: all bytes are in the blob."""

    def close(self) -> None:
        """Close the blob; its bytes stay."""
        self._closed = True

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StorageFailed("The blob is closed already.")


def _check(blob_id: str) -> None:
    try:
        valid = str(UUID(blob_id)) == blob_id
    except ValueError:
        valid = False
    if not valid:
        raise NotFound(f"There are no bytes of {blob_id!a}.")
