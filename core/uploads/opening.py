"""Opens uploads: the snapshot from the session store, the bytes, and the stages."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from pdfsluice.core.errors import NotFound, PdfsluiceError, StateConflict, StorageFailed
from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.models.sessions import Extent, Session, SessionState
from pdfsluice.core.plugins.ports.stores import Blob
from pdfsluice.core.plugins.ports.streams import StageContext
from pdfsluice.core.scanning.follower import DEFAULT_INTERVAL, CheckpointInterval, Follower
from pdfsluice.core.scanning.reader import Checkpoints
from pdfsluice.core.scanning.runner import StageRunners

from .lifecycle import ENDED, OPEN, refusal
from .open_upload.backends import Backends
from .open_upload.progress import ProgressPublisher, status_event
from .open_upload.upload import OpenUpload

logger = logging.getLogger(__name__)


class UploadOpener:
    """The factory of open uploads, from stored sessions.

    Args:
        backends: What all uploads work with.
        stages: Runs the stream stages.
        events: Where progress is published.
        progress_interval: Seconds between two progress events of an upload.
        first_pause: Seconds until stages start again after a passing fault.
        checkpoints: How often the checkpoints of stages are stored.
    """

    def __init__(
        self,
        backends: Backends,
        stages: StageRunners,
        events: EventHub,
        *,
        progress_interval: float,
        first_pause: float,
        checkpoints: CheckpointInterval = DEFAULT_INTERVAL,
    ) -> None:
        self._backends = backends
        self._stages = stages
        self._events = events
        self._progress_interval = progress_interval
        self._first_pause = first_pause
        self._interval = checkpoints

    def new(self, session: Session, blob: Blob, *, holding: bool = True) -> OpenUpload:
        """Return the open upload of a session that was just created."""
        return self._make(session, blob, {}, (), holding=holding)

    def publish_status(self, session: Session) -> None:
        """Publish the state of an upload that another node holds."""
        self._events.publish(status_event(session))

    async def open(self, session: Session, *, holding: bool = True) -> OpenUpload:
        """Open an upload that is known to the stores alone. Not to be cancelled.

        Nothing is read: the bytes are compared with their fingerprints when the client
        resumes, and before the file is judged.

        Args:
            session: The upload, as its row was just read.
            holding: Whether this node holds it.

        Raises:
            PdfsluiceError: It has ended, so there is nothing to open.
            StorageFull, StorageFailed: Its bytes cannot be opened.
        """
        _require_open(session)
        if session.state is SessionState.IMPORTING:
            return self._make(session, _Published(), {}, holding=holding)
        sessions = self._backends.sessions
        extents = await sessions.extents(session.id) if session.committed else ()
        blob = await self._open_blob(session, extents)
        try:
            reads = holding and session.committed
            checkpoints = await sessions.checkpoints(session.id) if reads else {}
        except BaseException:
            await self._backends.workers.run(blob.close)
            raise
        return self._make(session, blob, checkpoints, extents, holding=holding)

    async def _open_blob(self, session: Session, extents: Sequence[Extent]) -> Blob:
        """Open the bytes; a session without committed ranges may start from nothing.

        Bytes that are not here are not necessarily gone: a disk may not be mounted. What was
        acknowledged is therefore kept, and the request fails until the bytes are back.

        Raises:
            StorageFailed: The bytes of committed ranges are missing.
        """
        uploads = self._backends.uploads
        try:
            return await uploads.open(session.id, extents)
        except NotFound:
            current = await self._backends.sessions.get(session.id)
        _require_open(current)  # nothing is reserved if it has ended since it was read
        try:  # a crash may have come between the release of an upload and that of its bytes
            await uploads.restore(current.id)
            return await uploads.open(current.id, extents)
        except NotFound:
            if current.committed:
                raise missing_bytes(current) from None
            return await uploads.create(current.id, current.total_size)

    def _make(
        self,
        session: Session,
        blob: Blob,
        checkpoints: Checkpoints,
        extents: Sequence[Extent] | None = None,
        *,
        holding: bool,
    ) -> OpenUpload:
        unscanned = session.partial or session.encryption or session.state is SessionState.IMPORTING
        return OpenUpload(
            session,
            blob,
            self._backends,
            progress=self._publisher,
            follow=None if unscanned else self._follow,
            checkpoints=checkpoints,
            extents=extents,
            holding=holding,
        )

    def _publisher(
        self, snapshot: Callable[[], Session], pending: Callable[[], int]
    ) -> ProgressPublisher:
        return ProgressPublisher(
            self._events.publish, self._progress_interval, snapshot=snapshot, pending=pending
        )

    def _follow(self, upload: OpenUpload, checkpoints: Checkpoints) -> Follower:
        return Follower(
            upload.session.id,
            lambda latest: self._stages.runner(
                lambda: _context(upload.session), upload.blob, latest
            ),
            checkpoints,
            frontier=lambda: upload.session.committed.frontier,
            prepare=upload.prepare,
            on_findings=upload.verdicts.add,
            on_validated=upload.validated,
            on_failure=partial(self._fail, upload),
            on_checkpoints=partial(self._keep, upload),
            interval=self._interval,
            first_pause=self._first_pause,
        )

    @staticmethod
    async def _fail(upload: OpenUpload, error: PdfsluiceError) -> None:
        """End an upload because a stage failed; after a passing fault it can be resumed."""
        if error.retryable:
            logger.warning("upload %s: %s", upload.session.id, error.message)
            return

        async def end() -> None:
            if upload.session.state in OPEN:
                await upload.end(SessionState.FAILED, error)

        await upload.as_unit(end)

    async def _keep(self, upload: OpenUpload, checkpoints: Checkpoints) -> None:
        """Store checkpoints, unless the upload has ended or lost the bytes before them."""

        async def store() -> None:
            frontier = upload.session.committed.frontier
            whole = all(offset <= frontier for offset, _ in checkpoints.values())
            is_valid = whole and not upload.checkpoints_void
            if upload.session.state in OPEN and is_valid and upload.holding:
                sessions = self._backends.sessions
                await sessions.save_checkpoints(upload.session.id, dict(checkpoints))

        await upload.as_unit(store)


class _Published:
    """A replacement for the bytes of an upload that is being imported."""

    local_path: Path | None = None

    def write(self, _offset: int, _data: memoryview) -> None:
        raise StateConflict("the upload is being imported")

    def read_into(self, _offset: int, _buffer: memoryview) -> int:
        raise StateConflict("the upload is being imported")

    def seal(self, _start: int, _end: int) -> str:
        """There is nothing to make durable."""
        return ""

    def fetch(self, _extents: Sequence[Extent]) -> None:
        raise StateConflict("the upload is being imported")

    def close(self) -> None:
        """There is nothing to close."""


def missing_bytes(session: Session) -> StorageFailed:
    """Return the error for an upload whose committed bytes are not in the store."""
    return StorageFailed(
        f"The server does not find the {session.committed.size} bytes that it has of this upload.",
        hint="Try again when the server's upload_dir is complete, or cancel and start again.",
        details={"committed_bytes": session.committed.size},
    )


def _require_open(session: Session) -> None:
    """Refuse to open an upload that has ended.

    Raises:
        PdfsluiceError: It has.
    """
    if session.state in ENDED:
        raise refusal(session) or StateConflict(f"the upload is {session.state}")


def _context(session: Session) -> StageContext:
    return StageContext(
        session_id=session.id, filename=session.filename, total_size=session.total_size
    )
