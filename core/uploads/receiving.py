"""The way of a chunk, from the first body byte to the acknowledgement.

    gates -> parts -> in a worker thread: slices, chunk checks, Blob.write, Blob.sync
          -> SessionStore.commit -> acknowledged -> the follower is woken

A part is read where it is written: a worker takes the bytes from the connection, shows
them to the checks and writes them, while the event loop only waits for the next ones.
Nothing exists until it is committed: whatever goes wrong before, the bytes written so far
lie outside the committed ranges and are overwritten by the next attempt.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import Protocol

import xxhash

from pdfsluice.core.errors import (
    BodyIncomplete,
    BodyTimeout,
    OffsetConflict,
    ProtocolError,
    SizeExceeded,
    StorageFull,
)
from pdfsluice.core.models import Checksum, ChunkIntent, Extent
from pdfsluice.core.plugins.ports.stages import ChunkCheck, ChunkStage
from pdfsluice.core.plugins.ports.stores import Blob
from pdfsluice.core.plugins.registry import Registry
from pdfsluice.core.ranges import RangeSet
from pdfsluice.core.threads import Workers, run_uncancelled

from .upload import OpenUpload

_MAX_PART_BYTES = 8 * 1024 * 1024
_COMPARE_SIZE = 256 * 1024

Slice = bytes | bytearray | memoryview
Part = Iterable[Slice]
"""Bytes that are there, or that come without delay.

It is iterated once, in a worker thread, and may read from the connection itself. A slice is
done with when the next is asked for, so that its memory can be used again.
"""


class Body(Protocol):
    """The body of a request, as its protocol delivers it."""

    def parts(self, max_bytes: int) -> AsyncGenerator[Part]:
        """Yield the bytes of the chunk as they come; the event loop waits for them here.

        A part has been iterated when the next is asked for.

        Args:
            max_bytes: Most bytes that a part of a large body may have.

        Raises:
            BodyIncomplete: The connection broke, or the body is shorter than announced.
            BodyTimeout: The sender is too slow.
            ProtocolError: The body is malformed; a part may raise it too.
        """
        ...

    @property
    def checksum(self) -> Checksum | None:
        """A checksum that came behind the body; asked for when the parts have ended."""
        ...


class ChunkPipeline:
    """Takes chunks in; one for all uploads."""

    def __init__(self, registry: Registry, workers: Workers) -> None:
        self._gates = registry.gates
        self._stages = registry.chunk_stages
        self._workers = workers

    async def receive(self, upload: OpenUpload, chunk: ChunkIntent, body: Body) -> int:
        """Take one chunk in and commit it; return how many bytes the body had.

        What a broken or pre-empted body delivered is kept where no checksum was announced.

        Raises:
            PdfsluiceError: See :meth:`pdfsluice.core.uploads.service.UploadService.receive`.
        """
        async with AsyncExitStack() as gates:
            for spec in self._gates:
                await gates.enter_async_context(spec.gate.admit(upload.session, chunk))
            intake = _Intake(upload, chunk, [spec.stage for spec in self._stages], self._workers)
            try:
                max_bytes = min(upload.session.chunk_size, _MAX_PART_BYTES)
                async with aclosing(body.parts(max_bytes)) as parts:
                    async for part in parts:
                        await intake.take(part)
                await intake.finish(chunk.checksum or body.checksum)
            except (BodyIncomplete, BodyTimeout, StorageFull, asyncio.CancelledError):
                await intake.keep_prefix()
                raise
            finally:
                intake.settle()
            return intake.received


class _Intake:
    """One chunk on its way in."""

    def __init__(
        self,
        upload: OpenUpload,
        chunk: ChunkIntent,
        stages: Sequence[ChunkStage],
        workers: Workers,
    ) -> None:
        self._upload = upload
        self._chunk = chunk
        self._workers = workers
        begun = [(stage, stage.begin(upload.session, chunk)) for stage in stages]
        self._passed = [stage for stage, check in begun if check is None]
        checks = [check for _, check in begun if check is not None]
        writer = _ExtentWriter(upload.blob, upload.session.committed, chunk.offset)
        self._recorder = _Recorder(chunk, checks, writer)
        self._all_or_nothing = chunk.checksum is not None or chunk.checksum_follows
        self._uncommitted = 0

    @property
    def received(self) -> int:
        """How many bytes have come."""
        return self._recorder.received

    async def take(self, part: Part) -> None:
        """Have a part written; commit when that makes a chunk's worth."""
        before = self.received
        try:
            await run_uncancelled(self._workers.run(self._recorder.record, part))
        finally:
            size = self.received - before
            self._uncommitted += size
            self._upload.progress.received(size)
        more = self.received < (self._chunk.length or self._chunk.max_length)
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
        if not self._recorder.judged:
            late = self._begin_late(checksum)
            await run_uncancelled(self._workers.run(self._recorder.judge, checksum, late))
        await self._commit()

    def _begin_late(self, checksum: Checksum | None) -> Sequence[ChunkCheck]:
        """Ask the stages again that passed on a chunk of which no checksum was known yet."""
        if checksum is None or self._chunk.checksum is not None:
            return ()
        chunk = replace(self._chunk, checksum=checksum, checksum_follows=False)
        begun = (stage.begin(self._upload.session, chunk) for stage in self._passed)
        return [check for check in begun if check is not None]

    async def keep_prefix(self) -> None:
        """Commit what came before the body broke off, unless a checksum was or may be announced."""
        if not self._all_or_nothing or self._recorder.judged:
            await asyncio.shield(self._commit())

    def settle(self) -> None:
        """Forget what was not committed."""
        self._upload.progress.settled(self._uncommitted)

    async def _commit(self) -> None:
        if not self._recorder.judged:
            await run_uncancelled(self._workers.run(self._recorder.seal))
        extents = self._recorder.sealed()
        await self._upload.commit(extents, chunk_id=self._chunk.chunk_id)
        self._upload.progress.settled(self._uncommitted)
        self._uncommitted = 0


class _Recorder:
    """The part of an intake that works in threads, in one at a time.

    Attributes:
        received: How many bytes have come.
        judged: Whether the chunk is whole, found good, and durable.
    """

    def __init__(
        self, chunk: ChunkIntent, checks: Sequence[ChunkCheck], writer: "_ExtentWriter"
    ) -> None:
        self._chunk = chunk
        self._checks = checks
        self._writer = writer
        self._sealed: list[Extent] = []
        self.received = 0
        self.judged = False

    def record(self, part: Part) -> None:
        """Write a part and show it to the checks; judge the chunk as soon as it is whole."""
        for data in part:
            self.received += len(data)
            if self.received > self._chunk.max_length:
                raise SizeExceeded(
                    f"the body is longer than the {self._chunk.max_length} bytes that belong here",
                    details={"offset": self._chunk.offset, "max_length": self._chunk.max_length},
                )
            with memoryview(data) as view:
                for check in self._checks:
                    check.update(view)
                self._writer.write(view)
        whole = self.received == self._chunk.length and not self._chunk.checksum_follows
        if whole and not self.judged:  # what follows a file in a form makes parts too
            self.judge(self._chunk.checksum)

    def judge(self, checksum: Checksum | None, late: Sequence[ChunkCheck] = ()) -> None:
        """Let the checks judge a chunk that is whole, and make it durable.

        Args:
            checksum: What was announced.
            late: Checks that could not begin with the chunk; they see what is stored.
        """
        if late:
            for view in self._writer.stored(self._chunk.offset, self.received):
                for check in late:
                    check.update(view)
        for check in (*self._checks, *late):
            check.finish(checksum)
        self.seal()
        self.judged = True

    def seal(self) -> None:
        """Make what was written durable."""
        self._sealed += self._writer.seal()

    def sealed(self) -> Sequence[Extent]:
        """Return what is durable and can be committed, once."""
        extents, self._sealed = self._sealed, []
        return extents


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

    def stored(self, offset: int, size: int) -> Iterator[memoryview]:
        """Read back what was written or compared, in memory that is used again."""
        buffer = memoryview(bytearray(min(size, _COMPARE_SIZE)))
        for start in range(offset, offset + size, _COMPARE_SIZE):
            view = buffer[: min(len(buffer), offset + size - start)]
            yield view[: self._blob.read_into(start, view)]

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
