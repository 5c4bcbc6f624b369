"""The way of a chunk, from its first byte to its acknowledgement, in one function.

Bytes are written at explicit offsets and exist only when they are committed. Whatever fails
before that leaves bytes outside the committed ranges, which the next attempt overwrites.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import Protocol

from pdfsluice.core.errors import (
    BodyIncomplete,
    BodyTimeout,
    OffsetConflict,
    PdfsluiceError,
    SizeExceeded,
    StorageFull,
)
from pdfsluice.core.models.sessions import Checksum, ChunkIntent, Principal, Session
from pdfsluice.core.plugins.ports.cluster import Alone, Cluster
from pdfsluice.core.plugins.ports.stages import ChunkCheck, ChunkStage
from pdfsluice.core.plugins.registry import Registry
from pdfsluice.core.threads import Workers, run_uncancelled

from .checksums import ChecksumStage
from .limits.pacing import Pacing
from .open_upload.claims import Claim
from .open_upload.upload import OpenUpload
from .open_uploads import OpenUploads
from .range_locks import exclusive
from .reserving import reserved
from .writer import ChunkWriter, Part, Slice

__all__ = ["Body", "ChunkReceiver", "Part", "Slice"]

logger = logging.getLogger(__name__)

_MAX_PART_BYTES = 8 * 1024 * 1024
"""Most bytes that one call of a worker receives, if the chunks are larger than that."""


class Body(Protocol):
    """The body of a request, as its protocol delivers it."""

    def parts(self, max_bytes: int) -> AsyncGenerator[Part]:
        """Yield the bytes of the chunk as they come; the event loop waits for them here.

        A part has been iterated when the next is requested.

        Args:
            max_bytes: Most bytes that a part of a large body may have.

        Raises:
            BodyIncomplete: The connection broke, or the body is shorter than announced.
            BodyTimeout: The sender is too slow.
            ProtocolError: The body is malformed; iterating a part may raise it too.
        """
        ...

    @property
    def checksum(self) -> Checksum | None:
        """A checksum that came after the body; read when the parts have ended."""
        ...

    @property
    def coded_bytes(self) -> int | None:
        """Bytes that have arrived of a coded body; ``None`` for any other."""
        ...


class ChunkReceiver:
    """The receiver of chunks, for all uploads.

    Args:
        registry: The gates, checksum algorithms and chunk stages.
        workers: Threads that read, check and write.
        open_uploads: Where uploads are open.
        pacing: How fast uploads may send.
        max_file_size: The limit for files whose size is not known, in bytes.
        max_ranges: Most separate committed ranges of one upload.
        cluster: The other nodes, which may receive bytes of the same uploads.
    """

    def __init__(
        self,
        registry: Registry,
        workers: Workers,
        open_uploads: OpenUploads,
        *,
        pacing: Pacing,
        max_file_size: int,
        max_ranges: int,
        cluster: Cluster | None = None,
    ) -> None:
        self._gates = [spec.gate for spec in registry.gates]
        checksums: ChunkStage = ChecksumStage(registry.checksums)
        self._stages = [checksums, *(spec.stage for spec in registry.chunk_stages)]
        self._workers = workers
        self._open_uploads = open_uploads
        self._pacing = pacing
        self._max_file_size = max_file_size
        self._max_ranges = max_ranges
        self._cluster = cluster or Alone()

    async def receive(
        self, principal: Principal, session: Session, chunk: ChunkIntent, body: Body
    ) -> tuple[Session, int]:
        """Receive one chunk; on return its bytes are durable and committed.

        Returns:
            The session after the last commit, and how many bytes the body had.

        Raises:
            PdfsluiceError: See :meth:`pdfsluice.core.uploads.service.UploadService.receive`.
        """
        upload = await self._open_uploads.to_receive(session)
        # 1. Check the chunk's position against the session.
        self._check_position(upload.session, chunk)
        # 2. Claim its range. Older requests for these bytes commit what they have and end.
        async with (
            reserved(upload, chunk),
            upload.claim(chunk.offset, chunk.end) as claim,
            AsyncExitStack() as gates,
        ):
            if self._cluster.shared:  # the bytes of other nodes
                await gates.enter_async_context(exclusive(upload, claim, self._cluster))
            # 3. Pass the gates before the first body byte is read.
            admissions = [
                await gates.enter_async_context(gate.admit(upload.session, chunk))
                for gate in self._gates
            ]
            pacers = [pacer for pacer in admissions if pacer is not None]
            attempts = [(stage, stage.begin(upload.session, chunk)) for stage in self._stages]
            checks = [check for _, check in attempts if check is not None]
            writer = ChunkWriter(upload.blob, upload.session.committed, chunk, claim, checks)
            upload.meter.begin_request()
            try:
                # 4. Wait for bytes here; read, check and write them in one worker thread.
                pace = self._pacing.uploads.paced(principal, session.id)
                max_bytes = min(upload.session.chunk_size, pace.part_size or _MAX_PART_BYTES)
                async with aclosing(body.parts(max_bytes)) as parts:
                    async for part in parts:
                        before = writer.received
                        try:
                            await run_uncancelled(self._workers.run(writer.write, part))
                        finally:
                            upload.progress.received(writer.received - before)
                        # 5. Commit when a chunk's worth is written and more is to come.
                        enough = claim.pending >= upload.session.chunk_size
                        if enough and claim.position < claim.end and not writer.all_or_nothing:
                            await self._commit(upload, claim, writer, chunk)
                        for pacer in pacers:
                            await pacer.take(writer.received - before)
                        await pace.take(writer.received - before)
                # 6. Judge the whole chunk, perhaps by a checksum that came after it.
                if not writer.judged:
                    late = self._begin_late(upload.session, chunk, body.checksum, attempts)
                    checksum = chunk.checksum or body.checksum
                    await run_uncancelled(self._workers.run(writer.judge, checksum, late))
                # 7. Commit the rest: session store, then stages and events. Acknowledge.
                await self._commit(upload, claim, writer, chunk)
            except (BodyIncomplete, BodyTimeout, StorageFull, asyncio.CancelledError):
                # 8. Keep the prefix of a broken body, unless a checksum was to verify it.
                upload.meter.interrupt()
                if not writer.all_or_nothing:
                    await self._keep_prefix(upload, claim, writer, chunk)
                raise
            finally:
                claim.pending = 0
                upload.meter.end_request(writer.received, body.coded_bytes)
                # 9. A blob that failed is poisoned: the next request opens it again.
                upload.blob_failed |= writer.blob_failed
            return upload.session, writer.received

    async def _commit(
        self, upload: OpenUpload, claim: Claim, writer: ChunkWriter, chunk: ChunkIntent
    ) -> None:
        if not writer.judged:
            await run_uncancelled(self._workers.run(writer.seal))
        await upload.commit(claim, writer.take_sealed(), chunk_id=chunk.chunk_id)

    async def _keep_prefix(
        self, upload: OpenUpload, claim: Claim, writer: ChunkWriter, chunk: ChunkIntent
    ) -> None:
        """Commit what came of a broken body; failing that, the client sends it again."""
        try:
            await run_uncancelled(self._commit(upload, claim, writer, chunk))
        except PdfsluiceError as error:
            extra = {"session_id": upload.session.id}
            logger.info("the prefix of a broken chunk was dropped: %s", error.message, extra=extra)

    @staticmethod
    def _begin_late(
        session: Session,
        chunk: ChunkIntent,
        checksum: Checksum | None,
        attempts: Sequence[tuple[ChunkStage, ChunkCheck | None]],
    ) -> Sequence[ChunkCheck]:
        """Ask stages again that had no check for a chunk without an announced checksum."""
        if checksum is None or chunk.checksum is not None:
            return ()
        chunk = replace(chunk, checksum=checksum, checksum_follows=False)
        late = (stage.begin(session, chunk) for stage, check in attempts if check is None)
        return [check for check in late if check is not None]

    def _check_position(self, session: Session, chunk: ChunkIntent) -> None:
        """Check that a chunk lies inside the file and does not scatter it further."""
        limit = session.total_size or self._max_file_size
        if not 0 <= chunk.offset <= limit:
            raise OffsetConflict(
                f"offset {chunk.offset} lies outside the file of {limit} bytes",
                details={"offset": chunk.offset, "file_size": limit},
            )
        if chunk.length is not None and chunk.end > limit:
            raise SizeExceeded(
                f"the chunk ends at {chunk.end}, after the file's {limit} bytes",
                details={"offset": chunk.offset, "length": chunk.length, "file_size": limit},
            )
        committed = session.committed
        if len(committed.ranges) >= self._max_ranges and not committed.touches(chunk.offset):
            raise OffsetConflict(
                f"the committed bytes are in {len(committed.ranges)} separate ranges already",
                hint=f"Fill the gaps first, from offset {committed.frontier} on.",
                details={"offset": committed.frontier},
            )
