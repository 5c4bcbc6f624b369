"""Compares stored bytes with the fingerprints under which they were committed."""

import asyncio
from collections.abc import Sequence

import xxhash

from pdfsluice.core.models.sessions import Extent
from pdfsluice.core.plugins.ports.stores import Blob
from pdfsluice.core.threads import run_uncancelled

_READ_BYTES = 1024 * 1024
_MAX_CONCURRENT = 8
_MAX_READERS = 2
_MIN_SHARE_BYTES = 32 * 1024 * 1024
_MAX_PROMPT_BYTES = 256 * 1024


class IntegrityChecker:
    """A reader of stored uploads in asyncio's threads: the workers are for senders.

    A large upload is read by several threads: its client waits for the answer, and neither its
    stages nor its sender needs a processor meanwhile. A small one whose bytes are in memory is
    read on the event loop, which takes less time than to ask a thread.

    Args:
        max_readers: How many threads read one upload.
        min_share: Bytes below which a thread reads alone.
        max_prompt: Most bytes that are read on the event loop.
    """

    def __init__(
        self,
        *,
        max_readers: int = _MAX_READERS,
        min_share: int = _MIN_SHARE_BYTES,
        max_prompt: int = _MAX_PROMPT_BYTES,
    ) -> None:
        self._turns = asyncio.Semaphore(_MAX_CONCURRENT)
        self._max_readers = max_readers
        self._min_share = min_share
        self._prompt_buffer = memoryview(bytearray(max_prompt))

    async def corrupt(self, blob: Blob, extents: Sequence[Extent]) -> list[Extent]:
        """Return the extents whose stored bytes are no longer what was committed.

        Raises:
            StorageFailed: The storage reported an I/O error, or the blob is closed.
        """
        if sum(extent.end - extent.start for extent in extents) <= len(self._prompt_buffer):
            corrupt = _corrupt_in_memory(blob, extents, self._prompt_buffer)
            if corrupt is not None:
                return corrupt
        loop = asyncio.get_running_loop()
        async with self._turns:
            readers = [
                loop.run_in_executor(None, _corrupt, blob, share) for share in self._shares(extents)
            ]
            if len(readers) == 1:
                return await run_uncancelled(readers[0])
            outcomes = await run_uncancelled(asyncio.gather(*readers, return_exceptions=True))
            corrupt = []
            for outcome in outcomes:  # all readers have ended: the blob may be closed
                if isinstance(outcome, BaseException):
                    raise outcome
                corrupt += outcome
            return corrupt

    def _shares(self, extents: Sequence[Extent]) -> Sequence[Sequence[Extent]]:
        """Divide extents among threads; each reads neighbours in their order."""
        size = sum(extent.end - extent.start for extent in extents)
        number = max(1, min(self._max_readers, size // self._min_share, len(extents)))
        length = -(-len(extents) // number) or 1
        return [extents[start : start + length] for start in range(0, len(extents), length)] or [()]


def _corrupt_in_memory(
    blob: Blob, extents: Sequence[Extent], memory: memoryview
) -> list[Extent] | None:
    """Return the corrupt extents, or ``None`` if a device would have to be waited for."""
    read_cached = getattr(blob, "read_cached", None)
    if read_cached is None:
        return None
    corrupt = []
    for extent in extents:
        buffer = memory[: extent.end - extent.start]
        if read_cached(extent.start, buffer) < len(buffer):
            return None
        if xxhash.xxh3_128_hexdigest(buffer) != extent.fingerprint:
            corrupt.append(extent)
    return corrupt


def _corrupt(blob: Blob, extents: Sequence[Extent]) -> list[Extent]:
    largest = max((extent.end - extent.start for extent in extents), default=0)
    buffer = memoryview(bytearray(min(largest, _READ_BYTES)))
    return [extent for extent in extents if not _intact(blob, extent, buffer)]


def _intact(blob: Blob, extent: Extent, buffer: memoryview) -> bool:
    return fingerprint_of(blob, extent.start, extent.end, buffer) == extent.fingerprint


def fingerprint_of(blob: Blob, start: int, end: int, buffer: memoryview | None = None) -> str:
    """Return the fingerprint of stored bytes, of those that are there. Blocking.

    Args:
        blob: The bytes.
        start: Offset of the first byte.
        end: Offset after the last byte.
        buffer: Memory to read into; by default it is made.

    Raises:
        StorageFailed: The storage reported an I/O error, or the blob is closed.
    """
    if buffer is None:
        buffer = memoryview(bytearray(min(end - start, _READ_BYTES)))
    fingerprint = xxhash.xxh3_128()
    while start < end:
        size = blob.read_into(start, buffer[: min(len(buffer), end - start)])
        if not size:
            break
        fingerprint.update(buffer[:size])
        start += size
    return fingerprint.hexdigest()
