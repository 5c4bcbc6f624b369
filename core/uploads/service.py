"""The operations on uploads: initiate, send, resume, complete, cancel, release."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pdfsluice.config import Settings
from pdfsluice.core.errors import (
    DigestMismatch,
    PdfsluiceError,
    SessionNotFound,
    StateConflict,
    StorageFailed,
)
from pdfsluice.core.models.sessions import (
    ChunkIntent,
    Principal,
    Scope,
    Session,
    SessionState,
)
from pdfsluice.core.plugins.ports.cluster import Cluster
from pdfsluice.core.plugins.ports.stores import (
    Catalogue,
    SessionStore,
    StoreUsage,
    UploadStore,
)
from pdfsluice.core.shortages import is_shortage, retry_later
from pdfsluice.core.threads import run_uncancelled

from .announcing import announce_digest, note_client, settle_size
from .completing.completer import require_document
from .completing.results import ChunkReceipt, Completion
from .concatenation import Concatenation
from .creating import Initiation, Initiator, check_size, checked_digest
from .direct import DirectUploads
from .idle_clock import IdleClock
from .lifecycle import ENDED, FINISHING, OPEN, expired, missing, refusal, stopping
from .open_upload.progress import Counters
from .open_uploads import OpenUploads
from .quarantine import Quarantine
from .receiving import Body, ChunkReceiver

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStats:
    """Numbers about all uploads."""

    active_sessions: int
    receiving_uploads: int
    committed_bytes: int
    store: StoreUsage


class UploadService:
    """All operations on uploads; each checks that the principal may do it.

    Attributes:
        direct: Chunks that clients send to the store themselves.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        sessions: SessionStore,
        uploads: UploadStore,
        catalogue: Catalogue,
        initiator: Initiator,
        idle_clock: IdleClock,
        open_uploads: OpenUploads,
        receiver: ChunkReceiver,
        quarantine: Quarantine,
        cluster: Cluster,
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._uploads = uploads
        self._catalogue = catalogue
        self._open_uploads = open_uploads
        self._receiver = receiver
        self._initiator = initiator
        self._idle_clock = idle_clock
        self._quarantine = quarantine
        self._concatenation = Concatenation(sessions, uploads, open_uploads, cluster)
        self._draining = False
        self.direct = DirectUploads(
            uploads,
            open_uploads,
            get=self.get,
            receive=self.receive,
            enabled=settings.direct_uploads,
            lifetime=settings.link_lifetime,
        )

    async def initiate(self, principal: Principal, initiation: Initiation) -> Session:
        """Open an upload and reserve space for it.

        Raises:
            ProtocolError: A value is malformed.
            SizeExceeded: The file is larger than allowed.
            DuplicateDocument: The principal has this document already.
            RateLimited: The principal has too many unfinished uploads.
            StorageFull: There is no space for the file.
            PermissionDenied: The principal may not upload.
        """
        principal.require(Scope.UPLOAD)
        self._refuse_while_draining()
        session = await run_uncancelled(self._open(principal, initiation))
        logger.info("upload opened", extra={"session_id": session.id, "owner": principal.name})
        return session

    async def _open(self, principal: Principal, initiation: Initiation) -> Session:
        session, blob = await self._initiator.open(principal, initiation)
        await self._open_uploads.begin(session, blob)
        return session

    async def get(self, principal: Principal, session_id: str) -> Session:
        """Return the current session. It takes no lock and delays no other request.

        Raises:
            SessionNotFound: There is none, or it is another principal's.
            SessionExpired: It was idle or open for too long.
            DocumentDeleted: It was completed, and its document has been deleted since.
        """
        session = await self._find(principal, session_id)
        upload = self._open_uploads.peek(session_id)
        in_use = upload is not None and upload.receiving
        idle = not in_use and self._idle_clock.is_expired(session)
        if idle or session.state is SessionState.EXPIRED:
            raise expired()
        if session.state is SessionState.COMPLETED:
            await require_document(self._catalogue, session)
        return session

    async def target(self, principal: Principal, session_id: str) -> Session:
        """Open the upload that a chunk is for; return its session.

        The commit decides whether the bytes belong there, so the row of an open upload of a known
        size is read again only if it would refuse them.

        Raises:
            PdfsluiceError: See :meth:`get`.
        """
        upload = self._open_uploads.peek(session_id)
        if upload is not None and upload.session.total_size is not None:
            session = upload.session
            if refusal(session) is None and not self._idle_clock.is_expired(session):
                return _owned(session, principal)
        session = await self.get(principal, session_id)
        if session.state in OPEN:
            await self._open_uploads.to_receive(session)
        return session

    def counters(self, session: Session) -> Counters:
        """Return the live numbers of an upload."""
        upload = self._open_uploads.peek(session.id)
        if upload is not None:
            return upload.progress.counters()
        is_complete = session.state is SessionState.COMPLETED
        size = session.total_size or 0
        durable = size if is_complete else session.committed.size
        return Counters(
            received=durable,
            durable=durable,
            validated=size if is_complete else 0,
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
            RateLimited, Overloaded: There is too much work now; try again later.
            StorageFull: There is no space; committed bytes are kept.
        """
        principal.require(Scope.UPLOAD)
        self._refuse_while_draining()
        session = await self.target(principal, session_id)
        try:
            session, received = await self._receiver.receive(principal, session, chunk, body)
        except PdfsluiceError:
            raise
        except Exception as error:
            if is_shortage(error):
                logger.exception("receiving a chunk of upload %s failed", session_id)
                raise retry_later(error, "receive the chunk") from error
            raise
        return ChunkReceipt(session=session, received=received, chunk_id=chunk.chunk_id)

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
        if session.total_size is None:
            check_size(total, self._settings)
        upload = await self._open_uploads.get(session)
        return await settle_size(upload, total)

    async def announce_digest(self, principal: Principal, session_id: str, digest: str) -> None:
        """Announce a SHA-256 that was not known when the upload began.

        Raises:
            DigestMismatch: Another digest was announced before, or the document has another.
        """
        principal.require(Scope.UPLOAD)
        session = await self._find(principal, session_id)
        announced = checked_digest(digest)
        if announced is None:
            return
        if session.expected_digest is None and session.state in OPEN:
            upload = await self._open_uploads.get(session)
            session = await announce_digest(upload, announced)
        actual = session.expected_digest or session.facts.get("sha256")
        if actual is not None and actual != announced:
            raise DigestMismatch(
                f"the upload has the SHA-256 {actual}; {announced} was announced",
                hint="Upload the file again.",
                details={"expected": announced, "actual": actual},
            )

    async def complete(self, principal: Principal, session_id: str) -> Completion:
        """Validate and import an upload; repeating it returns the same document.

        A caller that stops waiting does not stop it.

        Raises:
            UploadIncomplete: Bytes are missing.
            DigestMismatch: The file is not what was announced.
            ContentRejected: The policy refuses the file.
            SessionEnded, SessionExpired: The session has ended otherwise.
        """
        session = await self.start_completion(principal, session_id)
        return await self._open_uploads.result(session)

    async def start_completion(self, principal: Principal, session_id: str) -> Session:
        """Begin to complete an upload without waiting; see :meth:`complete`."""
        principal.require(Scope.UPLOAD)
        upload = self._open_uploads.peek(session_id)
        if upload and upload.is_whole_here and not self._idle_clock.is_expired(upload.session):
            session = _owned(upload.session, principal)  # the first step compares the version
        else:
            session = await self.get(principal, session_id)
        if session.state in ENDED and session.state is not SessionState.COMPLETED:
            raise refusal(session) or StateConflict(f"the upload is {session.state}")
        if session.state is SessionState.COMPLETED:
            return session
        if session.partial:
            raise StateConflict("a part is completed by concatenating it with others")
        return await self._open_uploads.complete(session)

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
        try:
            upload = await self._open_uploads.verify(session)
        except StorageFailed as error:  # perhaps because the upload was ended meanwhile
            raise refusal(await self._find(principal, session_id)) or error from None
        return await note_client(upload, client_id, self._idle_clock.now())

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
            return await self._quarantine.discard(session)
        if session.state in ENDED:
            raise StateConflict(f"the upload is {session.state} and cannot be cancelled")
        message = f"the upload was cancelled{': ' if reason else ''}{reason}"
        return await self._open_uploads.end(session, SessionState.CANCELLED, message)

    async def release(self, principal: Principal, session_id: str) -> Session:
        """Overrule the refusal of a quarantined upload; it continues where it stopped.

        Raises:
            PermissionDenied: The principal is no administrator.
            StateConflict: The upload is not in quarantine.
        """
        principal.require(Scope.ADMIN)
        session = await self._find(principal, session_id)
        current = await self._quarantine.release(session.id)
        logger.warning("upload released", extra={"session_id": session.id, "by": principal.name})
        if current.next_chunk_id is None and not current.partial:
            return await self._open_uploads.complete(current)
        return current

    async def resumable(
        self, principal: Principal, *, client_id: str | None = None
    ) -> Sequence[Session]:
        """Return the principal's unfinished uploads, or those of one client, newest first."""
        sessions = await self._sessions.find(
            states=(*OPEN, *FINISHING), owner=principal.id, client_id=client_id
        )
        return [s for s in sessions if not s.partial and not self._idle_clock.is_expired(s)]

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
            part = replace(initiation, total_size=size, partial=True)
            return await self.initiate(principal, part)

        return await self._concatenation.join(find, part_ids, open_whole)

    async def stats(self) -> UploadStats:
        """Count open uploads and used space."""
        return UploadStats(
            active_sessions=await self._sessions.count((*OPEN, *FINISHING)),
            receiving_uploads=self._open_uploads.receiving,
            committed_bytes=self._open_uploads.committed_bytes,
            store=await self._uploads.usage(),
        )

    async def drain(self, grace: float) -> None:
        """Accept no more, give running work ``grace`` seconds, then close all uploads."""
        self._draining = True
        await self._open_uploads.drain(grace)

    async def _find(self, principal: Principal, session_id: str) -> Session:
        try:
            session = await self._open_uploads.current(session_id)
        except SessionNotFound:
            raise missing() from None
        return _owned(session, principal)

    def _refuse_while_draining(self) -> None:
        if self._draining:
            raise stopping()


def _owned(session: Session, principal: Principal) -> Session:
    """Return a session that a principal may use.

    Raises:
        SessionNotFound: It is another principal's.
    """
    if session.owner != principal.id and not principal.may(Scope.ADMIN):
        raise missing()
    return session
