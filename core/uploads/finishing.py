"""Completions under way: one for each upload, whoever asks for it and however often."""

import asyncio
import logging
from collections.abc import Sequence

from pdfsluice.core.errors import DigestMismatch, PdfsluiceError, StateConflict
from pdfsluice.core.models import Completion, Session, SessionState
from pdfsluice.core.plugins.ports.stores import Catalogue, SessionStore
from pdfsluice.core.shortages import retry_later

from .completing import Completer, require_whole
from .creating import checked_digest
from .lifecycle import OPEN, refusal, stopping
from .open_uploads import OpenUploads
from .upload import OpenUpload

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 30.0


class Completions:
    """Completes uploads in tasks that go on when nobody waits for them any more."""

    def __init__(
        self,
        completer: Completer,
        active: OpenUploads,
        sessions: SessionStore,
        catalogue: Catalogue,
    ) -> None:
        self._completer = completer
        self._active = active
        self._sessions = sessions
        self._catalogue = catalogue

    async def announce(self, session: Session, digest: str) -> None:
        """Let a completion that begins later compare the stored bytes with a digest.

        Raises:
            ProtocolError: It is not a SHA-256 in hexadecimal.
            DigestMismatch: Another digest was announced before, or the document has another.
        """
        announced = checked_digest(digest)
        if announced is None or session.expected_digest == announced:
            return
        if session.expected_digest is None and session.state in OPEN:
            upload = await self._active.get(session)
            async with upload.lock:
                session = upload.session
                if session.expected_digest is None and session.state in OPEN:
                    await upload.change(expected_digest=announced)
                    return
        known = session.expected_digest or session.facts.get("sha256")
        if known is not None and known != announced:
            raise DigestMismatch(
                f"the upload has the SHA-256 {known}; {announced} was announced",
                hint="Upload the file again.",
                details={"expected": announced, "actual": known},
            )

    async def begin(self, session: Session) -> Session:
        """Begin to complete an upload, unless that is going on already.

        Raises:
            UploadIncomplete: Bytes are missing.
        """
        upload = await self._active.get(session)
        if upload.session.state in OPEN:
            require_whole(upload.session)
        if upload.completion is None or upload.completion.done():
            upload.completion = asyncio.create_task(self._complete(upload))
            # How it ends is logged; it may be that nobody waits for it.
            upload.completion.add_done_callback(lambda task: task.cancelled() or task.exception())
        return upload.session

    async def result(self, session_id: str) -> Completion:
        """Wait for a completion and say how it ended. Going away does not stop it.

        Raises:
            Overloaded: The server stops before it has come to its end; it goes on by itself.
            PdfsluiceError: See :meth:`pdfsluice.core.uploads.service.UploadService.complete`.
        """
        upload = self._active.peek(session_id)
        if upload is None or upload.completion is None:
            return await self._ended(session_id)
        try:
            return await asyncio.shield(upload.completion)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            raise stopping() from None

    async def go_on(self, sessions: Sequence[Session]) -> None:
        """Take up completions that a restart interrupted, one after the other.

        One that cannot be taken up, because of the storage as a rule, keeps none of the
        others from going on, and is tried again.
        """
        while sessions:
            sessions = [session for session in sessions if not await self._goes_on(session)]
            if sessions:
                await asyncio.sleep(_RETRY_SECONDS)

    async def _goes_on(self, session: Session) -> bool:
        try:
            await self.begin(session)
        except Exception:
            logger.exception("upload %s could not be taken up; it is tried again", session.id)
            return False
        return True

    async def _complete(self, upload: OpenUpload) -> Completion:
        """Complete an upload, then put it away: it has ended, or its bytes need checking anew."""
        session_id = upload.session.id
        try:
            completion = await self._completer.complete(upload)
        except PdfsluiceError as error:
            details = {"session_id": session_id, "code": error.code}
            logger.info("upload not completed: %s", error.message, extra=details)
            raise
        except Exception as error:
            logger.exception("completing upload %s failed", session_id)
            raise retry_later(error, "complete the upload") from error
        finally:
            await self._active.put_away(upload)
        logger.info("upload completed", extra={"session_id": session_id})
        return completion

    async def _ended(self, session_id: str) -> Completion:
        """Say how an upload ended that has been put away."""
        session = await self._sessions.get(session_id)
        error = None if session.state is SessionState.COMPLETED else refusal(session)
        if error is not None:
            raise error
        if session.document_id is None:
            raise StateConflict(f"the upload is {session.state} and has no document")
        document = await self._catalogue.get(session.document_id, owner=session.owner)
        return Completion(session, document)
