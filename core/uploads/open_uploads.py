"""The uploads that this process is working on: taken up when touched, put away when idle."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from weakref import WeakValueDictionary

import xxhash

from pdfsluice.core.errors import (
    NotFound,
    Overloaded,
    SessionEnded,
    StateConflict,
)
from pdfsluice.core.event_hub import EventHub
from pdfsluice.core.models import Extent, Session, SessionState
from pdfsluice.core.plugins.ports.policy import Policy
from pdfsluice.core.plugins.ports.stages import StageContext
from pdfsluice.core.plugins.ports.stores import Blob, SessionStore, UploadStore
from pdfsluice.core.scanning.follower import Follower
from pdfsluice.core.scanning.reader import Checkpoints
from pdfsluice.core.scanning.runner import StageHosts
from pdfsluice.core.threads import Workers, run_uncancelled

from .lifecycle import (
    ENDED,
    FINISHING,
    OPEN,
    stopping,
)
from .progress import ProgressPublisher
from .upload import OpenUpload

logger = logging.getLogger(__name__)

_VERIFY_SIZE = 1024 * 1024
_MOST_AHEAD = 256
"""How many uploads may be open before the next that is new is not: each holds a file open."""
_MOST_READ_BACK = 2
"""How many uploads are compared with their fingerprints at a time."""


class OpenUploads:
    """Opens uploads when they are first touched in this process, and closes them again."""

    def __init__(
        self,
        *,
        sessions: SessionStore,
        uploads: UploadStore,
        stages: StageHosts,
        policy: Policy,
        events: EventHub,
        workers: Workers,
        progress_interval: float,
    ) -> None:
        self._sessions = sessions
        self._uploads = uploads
        self._stages = stages
        self._policy = policy
        self._events = events
        self._workers = workers
        self._progress_interval = progress_interval
        self._open: dict[str, OpenUpload] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._touched: dict[str, float] = {}
        self._reading_back = asyncio.Semaphore(_MOST_READ_BACK)

    def peek(self, session_id: str) -> OpenUpload | None:
        """Return an upload if it is open, without opening it."""
        return self._open.get(session_id)

    @property
    def receiving(self) -> int:
        """How many uploads are receiving bytes right now."""
        return sum(upload.receiving for upload in self._open.values())

    async def begin(self, session: Session, blob: Blob) -> None:
        """Open an upload that is new, whose first bytes will come soon as a rule.

        Where many are open already, it waits for its first bytes like one of earlier days.

        Args:
            session: As it was just stored.
            blob: Its bytes, open.
        """
        if len(self._open) >= _MOST_AHEAD:
            await self._workers.run(blob.close)
            return
        self._touched[session.id] = time.monotonic()
        upload = self._new(session, blob)
        if not session.partial:
            self._follow(upload, {})
        self._open[session.id] = upload

    async def get(self, session: Session) -> OpenUpload:
        """Return the open upload of a session, opening it if need be.

        What a process left behind is checked first: extents whose stored bytes are no
        longer what was committed are missing again.
        """
        self._touched[session.id] = time.monotonic()
        upload = self._open.get(session.id)
        if upload is not None:
            return upload
        async with self._turns.setdefault(session.id, asyncio.Lock()):
            upload = self._open.get(session.id)
            if upload is None:
                upload = await run_uncancelled(self._take_up(session.id))
        return upload

    async def _take_up(self, session_id: str) -> OpenUpload:
        session = await self._sessions.get(session_id)
        blob = await self._open_blob(session)
        upload = self._new(session, blob)
        try:
            if session.state is not SessionState.IMPORTING and not session.partial:
                fresh = not session.committed or await self._drop_corrupt(upload)
                known = {} if fresh else await self._sessions.checkpoints(session_id)
                self._follow(upload, known)
        except BaseException:
            await self._workers.run(blob.close)
            raise
        self._open[session_id] = upload
        return upload

    def _new(self, session: Session, blob: Blob) -> OpenUpload:
        return OpenUpload(
            session,
            blob,
            sessions=self._sessions,
            uploads=self._uploads,
            policy=self._policy,
            progress=self._teller,
            now=_now,
        )

    def _teller(self, snapshot: Callable[[], Session]) -> ProgressPublisher:
        return ProgressPublisher(self._events.publish, self._progress_interval, snapshot)

    async def _open_blob(self, session: Session) -> Blob:
        """Open the bytes; a session whose file is gone starts again from nothing."""
        if session.state is SessionState.IMPORTING:
            return _Published()
        try:
            return await self._uploads.open(session.id)
        except NotFound:
            logger.warning("the bytes of upload %s are gone; it starts again", session.id)
            return await self._uploads.create(session.id, session.total_size)

    async def verify(self, upload: OpenUpload) -> None:
        """Compare the stored bytes with their fingerprints; what differs is missing again.

        However many ask for it at the same time, an upload is read once.
        """
        if upload.verification is None or upload.verification.done():
            upload.verification = asyncio.create_task(self._verify(upload))
            upload.verification.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(upload.verification)

    async def _verify(self, upload: OpenUpload) -> None:
        if await self._drop_corrupt(upload):
            if upload.follower is not None:
                await upload.follower.close()
            async with upload.lock:
                await upload.change(findings=())
            self._follow(upload, {})

    async def _drop_corrupt(self, upload: OpenUpload) -> bool:
        extents = await self._sessions.extents(upload.session.id)
        async with self._reading_back:  # the worker threads are for those who send
            corrupt = await run_uncancelled(asyncio.to_thread(_corrupt, upload.blob, extents))
        if not corrupt:
            return False
        logger.warning("upload %s: %d stored ranges are damaged", upload.session.id, len(corrupt))
        await self._sessions.drop_extents(upload.session.id, corrupt)
        await self._sessions.save_checkpoints(upload.session.id, {})  # of the bytes that were
        stored = await self._sessions.get(upload.session.id)
        upload.session = replace(upload.session, committed=stored.committed)
        return True

    def _follow(self, upload: OpenUpload, checkpoints: Checkpoints) -> None:
        upload.progress.validated = 0
        upload.follower = Follower(
            upload.session.id,
            lambda known: self._stages.host(lambda: _context(upload.session), upload.blob, known),
            checkpoints,
            frontier=lambda: upload.session.committed.frontier,
            on_findings=upload.found,
            on_validated=upload.validated,
            on_failure=upload.failed,
        )
        upload.follower.wake()

    async def end(self, session: Session, state: SessionState, reason: str) -> Session:
        """End an upload without a document: cancel or expire it."""
        upload = await self.get(session)
        async with upload.lock:
            if upload.session.state is SessionState.IMPORTING:
                raise StateConflict("the upload is already being imported")
            if upload.session.state in {*OPEN, *FINISHING}:
                await upload.end(state, SessionEnded(reason))
        await self.put_away(upload)
        return upload.session

    async def discard(self, session: Session) -> Session:
        """Delete the bytes of a quarantined upload; it stays refused."""
        await self.drop(session.id)
        await self._uploads.remove(session.id)
        return await self._sessions.update(session, quarantined=False, updated_at=_now())

    async def put_away(self, upload: OpenUpload) -> None:
        """Close an upload; its state stays in the stores."""
        if self._open.get(upload.session.id) is upload:
            del self._open[upload.session.id]
            self._touched.pop(upload.session.id, None)
        await upload.stop_receiving(
            Overloaded("the upload is being put away", retry_after=1, hint="Send it again.")
        )
        upload.progress.close()
        try:
            if upload.follower is not None:
                checkpoints = await upload.follower.close()
                if checkpoints and upload.session.state in OPEN:
                    await self._sessions.save_checkpoints(upload.session.id, dict(checkpoints))
        finally:
            await run_uncancelled(self._workers.run(upload.blob.close))

    async def drop(self, session_id: str) -> None:
        """Put an upload away if it is open."""
        upload = self._open.get(session_id)
        if upload is not None:
            async with upload.lock:  # a change of state that is under way ends first
                pass
            await self.put_away(upload)

    async def put_idle_away(self, idle_seconds: float) -> None:
        """Put away what has ended, and what nobody touched for a while."""
        limit = time.monotonic() - idle_seconds
        for upload in list(self._open.values()):
            forgotten = self._touched.get(upload.session.id, 0.0) < limit
            if upload.idle and (forgotten or upload.session.state in ENDED):
                await self.put_away(upload)

    async def drain(self, grace: float) -> None:
        """Give what goes on ``grace`` seconds to end, then stop it and put everything away."""
        uploads = list(self._open.values())
        await asyncio.gather(*(self._drain_one(upload, grace) for upload in uploads))

    async def _drain_one(self, upload: OpenUpload, grace: float) -> None:
        clock = asyncio.get_running_loop().time
        end = clock() + grace
        try:
            await upload.received(grace)
            await upload.stop_receiving(stopping())
            if upload.completion is not None:
                await asyncio.wait({upload.completion}, timeout=max(0.0, end - clock()))
                upload.completion.cancel()
                await asyncio.gather(upload.completion, return_exceptions=True)
            await self.put_away(upload)
        except Exception:  # one upload in trouble must not keep the others from their stores
            logger.exception("upload %s could not be put away", upload.session.id)


class _Published:
    """Stands for the bytes of an upload that is being imported: nobody writes them."""

    local_path = None

    def write(self, _offset: int, _data: memoryview) -> None:
        raise StateConflict("the upload is being imported")

    def read_into(self, _offset: int, _buffer: memoryview) -> int:
        raise StateConflict("the upload is being imported")

    def sync(self) -> None:
        """There is nothing to make durable."""

    def close(self) -> None:
        """There is nothing to let go of."""


def _context(session: Session) -> StageContext:
    return StageContext(
        session_id=session.id, filename=session.filename, total_size=session.total_size
    )


def _corrupt(blob: Blob, extents: Sequence[Extent]) -> list[Extent]:
    buffer = memoryview(bytearray(_VERIFY_SIZE))
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


def _now() -> datetime:
    return datetime.now(UTC)
