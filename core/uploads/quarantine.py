"""Refused uploads whose bytes are kept: listed, released to continue, or deleted."""

from collections.abc import Sequence
from datetime import UTC, datetime

from pdfsluice.core.errors import StateConflict
from pdfsluice.core.models.findings import Decision
from pdfsluice.core.models.sessions import Principal, Scope, Session, SessionState
from pdfsluice.core.plugins.ports.stores import SessionStore, UploadStore
from pdfsluice.core.threads import run_uncancelled

from .ended_sessions import reduced
from .open_uploads import OpenUploads


class Quarantine:
    """The refused uploads of one server whose bytes are kept.

    A change updates the row first and the bytes after it. Of two simultaneous changes, also at
    two nodes, one fails at the version of the row, before it touches the bytes.

    Args:
        sessions: Where their rows are.
        uploads: Where their bytes are.
        open_uploads: Closes an upload before it is changed.
    """

    def __init__(
        self,
        sessions: SessionStore,
        uploads: UploadStore,
        open_uploads: OpenUploads,
    ) -> None:
        self._sessions = sessions
        self._uploads = uploads
        self._open_uploads = open_uploads

    async def find(
        self, principal: Principal, *, after: str | None = None, limit: int = 500
    ) -> Sequence[Session]:
        """Return the quarantined uploads of all owners, newest first.

        Args:
            principal: The caller.
            after: The id of the last upload of the page before.
            limit: How many to return at most.

        Raises:
            PermissionDenied: The principal is no administrator.
            SessionNotFound: The upload ``after`` no longer has a row.
        """
        principal.require(Scope.ADMIN)
        last = None if after is None else await self._sessions.get(after)
        return await self._sessions.find(
            states=(SessionState.REJECTED,), quarantined=True, after=last, limit=limit
        )

    async def discard(self, session: Session) -> Session:
        """Delete the bytes of a quarantined upload; it stays refused."""
        return await run_uncancelled(self._discard(session))

    async def _discard(self, session: Session) -> Session:
        await self._open_uploads.drop(session.id)
        session = await self._sessions.update(
            session, **reduced(session, quarantined=False, updated_at=datetime.now(UTC))
        )
        await self._uploads.remove(session.id)
        return session

    async def release(self, session_id: str) -> Session:
        """Overrule the refusal of a quarantined upload; it continues where it stopped.

        A crash between row and bytes is repaired when the upload is opened.

        Raises:
            StateConflict: It is not in quarantine.
        """
        return await run_uncancelled(self._release(session_id))

    async def _release(self, session_id: str) -> Session:
        await self._open_uploads.drop(session_id)
        session = await self._sessions.get(session_id)
        if not session.quarantined:
            raise StateConflict(
                "the upload is not in quarantine",
                hint="Only refused uploads whose bytes were kept can be released.",
            )
        current = await self._sessions.update(
            session,
            state=SessionState.UPLOADING,
            quarantined=False,
            released=True,
            decision=Decision.FLAG,
            failure_code="",
            failure_message="",
            updated_at=datetime.now(UTC),
        )
        await self._uploads.restore(session_id)
        return current
