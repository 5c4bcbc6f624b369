"""Compares stored bytes with the fingerprints under which they were committed."""

import asyncio
from collections.abc import Sequence

import xxhash

from pdfsluice.core.models import Extent
from pdfsluice.core.plugins.ports.stores import Blob
from pdfsluice.core.threads import run_uncancelled

_READ_BYTES = 1024 * 1024
_MAX_CONCURRENT = 8


class IntegrityChecker:
    """Reads uploads back, in threads of their own: the worker threads are for senders.

    Args:
        max_concurrent: How many uploads are read at a time.
    """

    def __init__(self, max_concurrent: int = _MAX_CONCURRENT) -> None:
        self._turns = asyncio.Semaphore(max_concurrent)

    async def corrupt(self, blob: Blob, extents: Sequence[Extent]) -> list[Extent]:
        """Return the extents whose stored bytes are no longer what was committed.

        Raises:
            StorageFailed: The storage reported an I/O error, or the blob is closed.
        """
        async with self._turns:
            return await run_uncancelled(asyncio.to_thread(_corrupt, blob, extents))


def _corrupt(blob: Blob, extents: Sequence[Extent]) -> list[Extent]:
    largest = max((extent.end - extent.start for extent in extents), default=0)
    buffer = memoryview(bytearray(min(largest, _READ_BYTES)))
    return [extent for extent in extents if not _intact(blob, extent, buffer)]


def _intact(blob: Blob, extent: Extent, buffer: memoryview) -> bool:
    fingerprint = xxhash.xxh3_128()
    position = extent.start
    while position < extent.end:
        read = blob.read_into(position, buffer[: min(len(buffer), extent.end - position)])
        if not read:
            return False
        fingerprint.update(buffer[:read])
        position += read
    return fingerprint.hexdigest() == extent.fingerprint
