"""The way of a chunk, from the first body byte to the acknowledgement.

    gates -> slices -> chunk checks and Blob.write, in worker threads -> Blob.sync
          -> SessionStore.commit -> acknowledged -> the follower is woken

What is in flight of one body is one batch of slices that a worker writes and one that the
network fills. Nothing exists until it is committed: whatever goes wrong before, the bytes
written so far lie outside the committed ranges and are overwritten by the next attempt.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Protocol

import xxhash

from .active import ActiveUpload
from .errors import (
    BodyIncomplete,
    BodyTimeout,
    OffsetConflict,
    ProtocolError,
    SizeExceeded,
    StorageFull,
)
from .models import Checksum, ChunkIntent, Extent
from .ranges import RangeSet
from .registry import Registry
from .stages import ChunkCheck
from .stores import Blob
from .workers import Workers, to_its_end

_BATCH_SECONDS = 0.25
_LEAST_BATCH = 64 * 1024
_COMPARE_SIZE = 256 * 1024

Slice = bytes | bytearray | memoryview


class Body(Protocol):
    """The body of a request, as its protocol delivers it."""

    def slices(self) -> AsyncIterator[Slice]:
        """Yield the bytes of the chunk as they come.

        A ``memoryview`` is released when the pipeline is done with it, so that its owner
        can use the memory again; all else belongs to the pipeline from then on.

        Raises:
            BodyIncomplete: The connection broke, or the body is shorter than announced.
            BodyTimeout: The sender is too slow.
            ProtocolError: The body is malformed.
        """
        ...

    @property
    def checksum(self) -> Checksum | None:
        """A checksum that came behind the body; asked for when the slices have ended."""
        ...


class ChunkPipeline:
    """Takes chunks in; one for all uploads."""

    def __init__(
        self, registry: Registry, workers: Workers, *, slice_size: int, buffer_memory: int
    ) -> None:
        self._gates = registry.gates
        self._stages = registry.chunk_stages
        self._workers = workers
        self._slice_size = slice_size
        self._buffer_memory = buffer_memory
        self._under_way = 0

    async def receive(self, upload: ActiveUpload, chunk: ChunkIntent, body: Body) -> int:
        """Take one chunk in and commit it; return how many bytes the body had.

        What a broken or pre-empted body delivered is kept where no checksum was announced.

        Raises:
            PdfsluiceError: See :meth:`pdfsluice.core.service.UploadService.receive`.
        """
        async with AsyncExitStack() as gates:
            for spec in self._gates:
                await gates.enter_async_context(spec.gate.admit(upload.session, chunk))
            intake = _Intake(upload, chunk, self._begin_checks(upload, chunk), self)
            self._under_way += 1
            try:
                async for data in body.slices():
                    await intake.take(data)
                await intake.finish(chunk.checksum or body.checksum)
            except (BodyIncomplete, BodyTimeout, StorageFull, asyncio.CancelledError):
                await intake.keep_prefix()
                raise
            finally:
                self._under_way -= 1
                await intake.settle()
            return intake.received

    def _begin_checks(self, upload: ActiveUpload, chunk: ChunkIntent) -> list[ChunkCheck]:
        checks = (spec.stage.begin(upload.session, chunk) for spec in self._stages)
        return [check for check in checks if check is not None]

    def work(
        self, writer: "_ExtentWriter", checks: Sequence[ChunkCheck], batch: Sequence[Slice]
    ) -> "asyncio.Future[None]":
        """Write a batch and show it to the checks, in a worker thread."""
        return self._workers.run(_write_batch, writer, checks, batch)

    def seal(
        self,
        writer: "_ExtentWriter",
        checks: Sequence[ChunkCheck],
        batch: Sequence[Slice],
        verdict: Callable[[ChunkCheck], None] | None,
    ) -> "asyncio.Future[list[Extent]]":
        """Write the last batch, judge and sync, in a worker thread; return what to commit."""
        return self._workers.run(_seal, writer, checks, batch, verdict)

    @property
    def batch_size(self) -> int:
        """How many bytes a batch may hold: less, the more bodies share the memory."""
        share = self._buffer_memory // (2 * max(1, self._under_way))
        return max(_LEAST_BATCH, min(self._slice_size, share))


class _Intake:
    """One chunk on its way in."""

    def __init__(
        self,
        upload: ActiveUpload,
        chunk: ChunkIntent,
        checks: Sequence[ChunkCheck],
        pipeline: ChunkPipeline,
    ) -> None:
        self._upload = upload
        self._chunk = chunk
        self._checks = checks
        self._pipeline = pipeline
        self._writer = _ExtentWriter(upload.blob, upload.session.committed, chunk.offset)
        self._all_or_nothing = chunk.checksum is not None or chunk.checksum_follows
        self._batch: list[Slice] = []
        self._batch_size = 0
        self._batch_since = 0.0
        self._working: asyncio.Future[None] | None = None
        self._sealed: list[Extent] = []
        self._uncommitted = 0
        self.received = 0

    async def take(self, data: Slice) -> None:
        """Add bytes to the batch; hand the batch over when it is full, or old."""
        size = len(data)
        self.received += size
        if self.received > self._chunk.max_length:
            raise SizeExceeded(
                f"the body is longer than the {self._chunk.max_length} bytes that belong here",
                details={"offset": self._chunk.offset, "max_length": self._chunk.max_length},
            )
        now = time.monotonic()
        if not self._batch:
            self._batch_since = now
        self._batch.append(data)
        self._batch_size += size
        self._uncommitted += size
        self._upload.progress.received(size)
        more = self.received < (self._chunk.length or self._chunk.max_length)
        full = self._batch_size >= self._pipeline.batch_size
        if more and (full or now - self._batch_since >= _BATCH_SECONDS):
            await self._hand_over()
        enough = self._uncommitted >= self._upload.session.chunk_size
        if more and enough and not self._all_or_nothing:
            await self._commit()

    async def finish(self, checksum: Checksum | None) -> None:
        """Commit what is left of a body that has ended as its protocol says it should.

        Raises:
            ProtocolError: It is shorter than announced.
            ChecksumMismatch: It is not what was announced.
        """
        expected = self._chunk.length
        if expected is not None and self.received != expected:
            raise ProtocolError(
                f"the chunk has {self.received} bytes; {expected} belong here",
                hint="Send whole chunks of the session's chunk_size; the last may be shorter.",
                details={"received": self.received, "expected": expected},
            )
        await self._commit(lambda check: check.finish(checksum))

    async def keep_prefix(self) -> None:
        """Commit what came before the body broke off, unless a checksum had been announced."""
        if self._chunk.checksum is None:
            await asyncio.shield(self._commit_prefix())

    async def _commit_prefix(self) -> None:
        if self._working is not None:
            (failure,) = await asyncio.gather(self._working, return_exceptions=True)
            if failure is not None:  # what follows the failed slice would leave a hole
                self._batch = []
                self._working = None
        await self._commit()

    async def settle(self) -> None:
        """Wait for the worker and forget what was not committed."""
        if self._working is not None:
            await asyncio.gather(self._working, return_exceptions=True)
        self._upload.progress.settled(self._uncommitted)

    async def _hand_over(self) -> None:
        if self._working is not None:
            await to_its_end(self._working)
        batch, self._batch, self._batch_size = self._batch, [], 0
        self._working = self._pipeline.work(self._writer, self._checks, batch)

    async def _commit(self, verdict: Callable[[ChunkCheck], None] | None = None) -> None:
        """Commit what came so far; ``verdict`` judges a chunk that is whole."""
        if self._working is not None:
            await to_its_end(self._working)
        await to_its_end(self._seal(verdict))
        extents, self._sealed = self._sealed, []
        await self._upload.commit(extents, chunk_id=self._chunk.chunk_id)
        self._upload.progress.settled(self._uncommitted)
        self._uncommitted = 0

    async def _seal(self, verdict: Callable[[ChunkCheck], None] | None) -> None:
        batch, self._batch, self._batch_size = self._batch, [], 0
        self._sealed += await self._pipeline.seal(self._writer, self._checks, batch, verdict)


class _ExtentWriter:
    """Writes what is new of a chunk and compares what is already committed.

    Used by one worker thread at a time. Repeating a chunk is therefore harmless, and a
    different chunk at the same place is noticed before anything changes.
    """

    def __init__(self, blob: Blob, committed: RangeSet, offset: int) -> None:
        self._blob = blob
        self._committed = committed
        self._position = offset
        self._start = offset
        self._fingerprint = xxhash.xxh3_128()
        self._extents: list[Extent] = []

    def write(self, view: memoryview) -> None:
        """Write or compare the next bytes."""
        base, end = self._position, self._position + len(view)
        for start, stop in self._committed.missing(base, end):
            self._compare(view[self._position - base : start - base])
            piece = view[start - base : stop - base]
            self._blob.write(start, piece)
            self._fingerprint.update(piece)
            self._position = stop
        self._compare(view[self._position - base :])

    def seal(self) -> list[Extent]:
        """Make what was written durable and return it, once."""
        self._blob.sync()
        self._close_extent()
        extents, self._extents = self._extents, []
        return extents

    def _close_extent(self) -> None:
        if self._position > self._start:
            self._extents.append(Extent(self._start, self._position, self._fingerprint.hexdigest()))
        self._start = self._position
        self._fingerprint.reset()

    def _compare(self, view: memoryview) -> None:
        """Check that bytes which are committed already are sent unchanged."""
        if not view:
            return
        self._close_extent()
        stored = memoryview(bytearray(min(len(view), _COMPARE_SIZE)))
        while view:
            size = min(len(view), len(stored))
            read = self._blob.read_into(self._position, stored[:size])
            if stored[:read] != view[:size]:
                raise OffsetConflict(
                    f"other bytes are already committed at offset {self._position}",
                    hint="Is it the same file? Ask for the session's missing_ranges.",
                    details={"offset": self._position},
                )
            self._position += size
            view = view[size:]
        self._start = self._position


def _write_batch(
    writer: _ExtentWriter, checks: Sequence[ChunkCheck], batch: Sequence[Slice]
) -> None:
    for data in batch:
        with memoryview(data) as view:
            for check in checks:
                check.update(view)
            writer.write(view)
        if isinstance(data, memoryview):
            data.release()


def _seal(
    writer: _ExtentWriter,
    checks: Sequence[ChunkCheck],
    batch: Sequence[Slice],
    verdict: Callable[[ChunkCheck], None] | None,
) -> list[Extent]:
    _write_batch(writer, checks, batch)
    if verdict is not None:
        for check in checks:
            verdict(check)
    return writer.seal()
