"""Uploads that another task or node completes: the request, and how they ended."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

from pdfsluice.core.errors import Overloaded, PdfsluiceError, StateConflict, from_record
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.ports.stores import Catalogue, SessionStore
from pdfsluice.core.uploads.lifecycle import FINISHING, OPEN, refusal
from pdfsluice.core.uploads.open_upload.state import UploadState

from .completer import record_validation, require_whole
from .results import Completion

_POLL_SECONDS = 1.0
"""Time after which a row is read again without a hint."""
_RETRY_AFTER_SECONDS = 5


class Outcomes:
    """Requests to complete uploads at other nodes, and how these and others ended.

    Args:
        sessions: Where their rows are.
        catalogue: Where their documents are.
        publish_status: Publishes the state of an upload.
    """

    def __init__(
        self,
        sessions: SessionStore,
        catalogue: Catalogue,
        publish_status: Callable[[Session], None],
    ) -> None:
        self._sessions = sessions
        self._catalogue = catalogue
        self._publish_status = publish_status
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    async def request(self, upload: UploadState) -> Session:
        """Record that an upload is to be completed; its holder receives a hint."""

        async def change() -> None:
            if upload.session.state in OPEN:
                require_whole(upload.session)
                await record_validation(upload)
                self._publish_status(upload.session)

        try:
            await upload.as_unit(change, current=True)
        except StateConflict:
            if upload.session.state in OPEN:  # otherwise the holder was faster
                raise
        return upload.session

    def changed(self, session_id: str, state: str) -> None:
        """Note that the row of an upload has changed; ``state`` is empty if not known."""
        if state not in FINISHING:
            for event in self._waiting.get(session_id, ()):
                event.set()

    async def of(self, session_id: str) -> Completion:
        """Return how an upload ended.

        Raises:
            StateConflict: It has not ended.
            PdfsluiceError: It ended without a document.
        """
        return await self._read(await self._sessions.get(session_id))

    async def _read(self, session: Session) -> Completion:
        error = None if session.state is SessionState.COMPLETED else refusal(session)
        if error is not None:
            raise error
        if session.document_id is None:
            raise StateConflict(f"the upload is {session.state} and has no document")
        document = await self._catalogue.get(session.document_id, owner=session.owner)
        return Completion(session, document)

    async def wait(self, session: Session) -> Completion:
        """Wait until the node that completes an upload has done so.

        Args:
            session: As it was just read or changed.

        Raises:
            PdfsluiceError: What its completion failed with.
        """
        session = await self._finished(session)
        if session.state in OPEN:  # a passing fault, or bytes that were damaged
            require_whole(session)
            raise _failure(session)
        if session.state is SessionState.FAILED:
            raise _failure(session)
        return await self._read(session)

    async def _finished(self, session: Session) -> Session:
        event, session_id = asyncio.Event(), session.id
        self._waiting[session_id].add(event)
        try:
            while session.state in FINISHING:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_SECONDS):
                        await event.wait()
                event.clear()
                session = await self._sessions.get(session_id)
        finally:
            self._waiting[session_id].discard(event)
            if not self._waiting[session_id]:
                del self._waiting[session_id]
        return session


def _failure(session: Session) -> PdfsluiceError:
    """Return the error that another node has recorded."""
    if not session.failure_code:
        return Overloaded(
            "the file was not validated yet",
            retry_after=_RETRY_AFTER_SECONDS,
            hint="Complete the upload again.",
        )
    return from_record(
        {
            "code": session.failure_code,
            "message": session.failure_message,
            "hint": "",
            "details": {"retry_after": _RETRY_AFTER_SECONDS},
        }
    )
