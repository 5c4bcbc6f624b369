"""What clients can do with uploads: initiate, send, resume, complete, cancel, release."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pdfsluice.config import Settings
from pdfsluice.core.errors import (
    OffsetConflict,
    ProtocolError,
    SessionNotFound,
    SizeExceeded,
    StateConflict,
    StorageFailed,
)
from pdfsluice.core.findings import Decision
from pdfsluice.core.models import (
    ChunkIntent,
    ChunkReceipt,
    Completion,
    Principal,
    Scope,
    Session,
    SessionState,
)
from pdfsluice.core.plugins.ports.stores import (
    Catalogue,
    SessionStore,
    StoreUsage,
    UploadStore,
)
from pdfsluice.core.threads import run_uncancelled

from .completing import require_document
from .concatenation import Concatenation
from .creating import Initiation, Initiator, check_size
from .finishing import Completions
from .lifecycle import (
    ENDED,
    FINISHING,
    OPEN,
    expired,
    is_expired,
    missing,
    refusal,
    stopping,
)
from .open_uploads import OpenUploads
from .progress import Counters
from .receiving import Body, ChunkPipeline

logger = logging.getLogger(__name__)

_MOST_RANGES = 10_000
"""Places in which the bytes of one upload may lie; each chunk costs time for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStats:
    """Numbers about all uploads."""

    active_sessions: int
    receiving_uploads: int
    store: StoreUsage


class UploadService:
    """All operations on uploads; each checks that the principal may do it."""

    def __init__(
        self,
        *,
        settings: Settings,
        sessions: SessionStore,
        uploads: UploadStore,
        catalogue: Catalogue,
        active: OpenUploads,
        pipeline: ChunkPipeline,
        completions: Completions,
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._uploads = uploads
        self._catalogue = catalogue
        self._active = active
        self._pipeline = pipeline
        self._completions = completions
        self._initiator = Initiator(settings, sessions, uploads, catalogue)
        self._concatenation = Concatenation(sessions, uploads, active)
        self._draining = False

    async def initiate(self, principal: Principal, initiation: Initiation) -> Session:
        """Open an upload and reserve room for it.

        Raises:
            ProtocolError: A value is malformed.
            SizeExceeded: The file is larger than allowed.
            DuplicateDocument: The principal has this document already.
            RateLimited: The principal has too many unfinished uploads.
            StorageFull: There is no room for the file.
            PermissionDenied: The principal may not upload.
        """
        principal.require(Scope.UPLOAD)
        self._refuse_while_draining()
        session = await run_uncancelled(self._open(principal, initiation))
        logger.info("upload opened", extra={"session_id": session.id, "owner": principal.name})
        return session

    async def _open(self, principal: Principal, initiation: Initiation) -> Session:
        session, blob = await self._initiator.open(principal, initiation)
        await self._active.begin(session, blob)
        return session

    async def get(self, principal: Principal, session_id: str) -> Session:
        """Return a session as it stands. Takes no lock and disturbs nobody.

        Raises:
            SessionNotFound: There is none, or it is another principal's.
            SessionExpired: It was idle or open for too long.
            DocumentDeleted: It was completed, and its document has been deleted since.
        """
        session = await self._find(principal, session_id)
        upload = self._active.peek(session_id)
        in_use = upload is not None and upload.receiving
        idle = not in_use and is_expired(session, self._settings, _now())
        if idle or session.state is SessionState.EXPIRED:
            raise expired()
        if session.state is SessionState.COMPLETED:
            await require_document(self._catalogue, session)
        return session

    def counters(self, session: Session) -> Counters:
        """Return the live numbers of an upload."""
        upload = self._active.peek(session.id)
        if upload is not None:
            return upload.progress.counters()
        done = session.state is SessionState.COMPLETED
        size = session.total_size or 0
        durable = size if done else session.committed.size
        return Counters(
            received=durable,
            durable=durable,
            validated=size if done else 0,
            imported=0.0,
            speed=0.0,
            eta=None,
            stage=session.state.value,
        )

    async def receive(
        self, principal: Principal, session_id: str, chunk: ChunkIntent, body: Body
    ) -> ChunkReceipt:
        """Take a chunk in; on return its bytes are durable.

        Raises:
            OffsetConflict: The chunk lies outside the file, or differs from what is committed.
            SizeExceeded: The body is longer than what belongs there.
            ChecksumMismatch: The bytes are not what was announced.
            ContentRejected: The policy refuses the file.
            SessionExpired, SessionEnded, StateConflict: The session takes no more bytes.
            Preempted: A newer request for the same bytes took over.
            RateLimited, Overloaded: Too much is going on; try again later.
            StorageFull: There is no room; what was committed is kept.
        """
        principal.require(Scope.UPLOAD)
        self._refuse_while_draining()
        session = await self.get(principal, session_id)
        error = refusal(session)
        if error is not None:
            raise error
        self._check_place(session, chunk)
        upload = await self._active.get(session)
        end = chunk.offset + (chunk.max_length if chunk.length is None else chunk.length)
        received = await upload.run_claimed(
            chunk.offset, end, lambda: self._pipeline.receive(upload, chunk, body)
        )
        return ChunkReceipt(session=upload.session, received=received, chunk_id=chunk.chunk_id)

    async def set_total_size(self, principal: Principal, session_id: str, total: int) -> Session:
        """Announce a size that was deferred (tus, creation-defer-length).

        Raises:
            ProtocolError: Another size was announced before.
            SizeExceeded: The file is larger than allowed.
            OffsetConflict: More bytes are committed already.
            PermissionDenied: The principal may not upload.
        """
        principal.require(Scope.UPLOAD)
        session = await self._find(principal, session_id)
        if session.total_size == total:
            return session
        if session.total_size is not None:
            raise ProtocolError(
                f"the size is {session.total_size} bytes and cannot change to {total}"
            )
        check_size(total, self._settings)
        upload = await self._active.get(session)
        async with upload.lock:
            if upload.session.committed and upload.session.committed.ranges[-1][1] > total:
                raise OffsetConflict(f"more than {total} bytes are committed already")
            await upload.change(total_size=total)
        return upload.session

    async def announce_digest(self, principal: Principal, session_id: str, digest: str) -> None:
        """Announce a SHA-256 that was not known when the upload began.

        Raises:
            DigestMismatch: Another digest was announced before, or the document has another.
        """
        principal.require(Scope.UPLOAD)
        await self._completions.announce(await self._find(principal, session_id), digest)

    async def complete(self, principal: Principal, session_id: str) -> Completion:
        """Validate and import an upload; repeating it returns the same document.

        Going away while waiting does not stop it.

        Raises:
            UploadIncomplete: Bytes are missing.
            DigestMismatch: The file is not what was announced.
            ContentRejected: The policy refuses the file.
            SessionEnded, SessionExpired: The session has ended otherwise.
        """
        session = await self.start_completion(principal, session_id)
        return await self._completions.result(session.id)

    async def start_completion(self, principal: Principal, session_id: str) -> Session:
        """Begin to complete an upload and return at once; see :meth:`complete`."""
        principal.require(Scope.UPLOAD)
        session = await self.get(principal, session_id)
        if session.state in ENDED and session.state is not SessionState.COMPLETED:
            raise refusal(session) or StateConflict(f"the upload is {session.state}")
        if session.state is SessionState.COMPLETED:
            return session
        if session.partial:
            raise StateConflict("a part is completed by concatenating it with others")
        return await self._completions.begin(session)

    async def resume(self, principal: Principal, session_id: str, client_id: str) -> Session:
        """Check the stored bytes and return what is still missing.

        Ranges whose bytes are no longer what was committed are missing again.

        Raises:
            SessionNotFound: There is no such session, or it is another principal's.
            SessionExpired, SessionEnded, ContentRejected: It cannot be resumed.
        """
        principal.require(Scope.UPLOAD)
        session = await self.get(principal, session_id)
        if session.state in ENDED and session.state is not SessionState.COMPLETED:
            raise refusal(session) or StateConflict(f"the upload is {session.state}")
        if session.state not in OPEN:
            return session
        upload = await self._active.get(session)
        try:
            await self._active.verify(upload)
        except StorageFailed as error:  # because the upload was ended meanwhile, perhaps
            raise refusal(upload.session) or error from None
        async with upload.lock:
            if upload.session.state in OPEN:
                await upload.change(client_id=client_id or session.client_id, updated_at=_now())
        return upload.session

    async def cancel(self, principal: Principal, session_id: str, reason: str = "") -> Session:
        """End an upload and delete its bytes; cancelling it again is harmless.

        An administrator may also delete the bytes of a refused upload that are kept in
        quarantine. It stays refused.

        Raises:
            StateConflict: The upload is already being imported, or has ended otherwise.
        """
        principal.require(Scope.UPLOAD)
        session = await self._find(principal, session_id)
        if session.state is SessionState.CANCELLED:
            return session
        if session.quarantined and principal.may(Scope.ADMIN):
            extra = {"session_id": session.id, "by": principal.name}
            logger.warning("quarantined upload deleted", extra=extra)
            return await self._active.discard(session)
        if session.state in ENDED:
            raise StateConflict(f"the upload is {session.state} and cannot be cancelled")
        return await self._active.end(session, SessionState.CANCELLED, reason or "cancelled")

    async def release(self, principal: Principal, session_id: str) -> Session:
        """Overrule the refusal of a quarantined upload; it goes on where it stood.

        Raises:
            PermissionDenied: The principal is no administrator.
            StateConflict: The upload is not in quarantine.
        """
        principal.require(Scope.ADMIN)
        session = await self._find(principal, session_id)
        if not session.quarantined:
            raise StateConflict(
                "the upload is not in quarantine",
                hint="Only refused uploads whose bytes were kept can be released.",
            )
        await self._active.drop(session.id)
        session = await self._find(principal, session_id)
        await self._uploads.restore(session.id)
        released = await self._sessions.update(
            session,
            state=SessionState.UPLOADING,
            quarantined=False,
            released=True,
            decision=Decision.FLAG,
            failure_code="",
            failure_message="",
            updated_at=_now(),
        )
        logger.warning("upload released", extra={"session_id": session.id, "by": principal.name})
        if released.next_chunk_id is None and not released.partial:
            return await self._completions.begin(released)
        return released

    async def resumable(
        self, principal: Principal, *, client_id: str | None = None
    ) -> Sequence[Session]:
        """Return the principal's unfinished uploads, or those of one client, newest first."""
        found = await self._sessions.find(
            states=(*OPEN, *FINISHING), owner=principal.id, client_id=client_id
        )
        now = _now()
        return [s for s in found if not s.partial and not is_expired(s, self._settings, now)]

    async def concatenate(
        self, principal: Principal, initiation: Initiation, part_ids: Sequence[str]
    ) -> Session:
        """Make one upload of finished parts, in the given order (tus, concatenation).

        Repeating it, also after a crash in the middle, returns the same upload.

        Raises:
            ProtocolError: A part is named twice, is no part, or is not complete.
            SessionNotFound: A part does not exist, or is another principal's.
        """
        principal.require(Scope.UPLOAD)

        async def find(session_id: str) -> Session:
            return await self.get(principal, session_id)

        async def open_whole(size: int) -> Session:
            hidden = replace(initiation, total_size=size, partial=True)
            return await self.initiate(principal, hidden)

        return await self._concatenation.join(find, part_ids, open_whole)

    async def stats(self) -> UploadStats:
        """Count what is going on."""
        return UploadStats(
            active_sessions=await self._sessions.count((*OPEN, *FINISHING)),
            receiving_uploads=self._active.receiving,
            store=await self._uploads.usage(),
        )

    async def drain(self, grace: float) -> None:
        """Take no more, give what is under way ``grace`` seconds, then put all uploads away."""
        self._draining = True
        await self._active.drain(grace)

    async def _find(self, principal: Principal, session_id: str) -> Session:
        upload = self._active.peek(session_id)
        try:
            session = upload.session if upload else await self._sessions.get(session_id)
        except SessionNotFound:
            raise missing() from None
        if session.owner != principal.id and not principal.may(Scope.ADMIN):
            raise missing()
        return session

    def _refuse_while_draining(self) -> None:
        if self._draining:
            raise stopping()

    def _check_place(self, session: Session, chunk: ChunkIntent) -> None:
        """Check that a chunk lies inside the file, ends there, and does not scatter it further."""
        limit = session.total_size or int(self._settings.max_file_size)
        if not 0 <= chunk.offset <= limit:
            raise OffsetConflict(
                f"offset {chunk.offset} lies outside the file of {limit} bytes",
                details={"offset": chunk.offset, "file_size": limit},
            )
        if chunk.length is not None and chunk.offset + chunk.length > limit:
            raise SizeExceeded(
                f"the chunk ends at {chunk.offset + chunk.length}, behind the file's {limit} bytes",
                details={"offset": chunk.offset, "length": chunk.length, "file_size": limit},
            )
        committed = session.committed
        if len(committed.ranges) >= _MOST_RANGES and not committed.touches(chunk.offset):
            raise OffsetConflict(
                f"the bytes that have come lie in {len(committed.ranges)} places already",
                hint=f"Fill the gaps first, from offset {committed.frontier} on.",
                details={"offset": committed.frontier},
            )


def _now() -> datetime:
    return datetime.now(UTC)
