"""Refused uploads whose bytes are kept: deleted, or released to continue."""

from collections.abc import Callable
from datetime import UTC, datetime

from pdfsluice.core.errors import StateConflict
from pdfsluice.core.findings import Decision
from pdfsluice.core.models import Session, SessionState
from pdfsluice.core.plugins.ports.stores import SessionStore, UploadStore
from pdfsluice.core.threads import run_uncancelled

from .open_uploads import OpenUploads
from .records import reduced


class RefusedUploads:
    """Changes uploads in quarantine; the row first, and the bytes after it.

    Of two changes at the same time, also at two nodes, one fails at the version of the row,
    before it touches the bytes.

    Args:
        sessions: Where their rows are.
        uploads: Where their bytes are.
        open_uploads: Closes them before.
        now: The clock (UTC).
    """

    def __init__(
        self,
        sessions: SessionStore,
        uploads: UploadStore,
        open_uploads: OpenUploads,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sessions = sessions
        self._uploads = uploads
        self._open_uploads = open_uploads
        self._now = now

    async def discard(self, session: Session) -> Session:
        """Delete the bytes of a quarantined upload; it stays refused.

        The row changes first: of a discard and a release at the same time, one fails before
        it touches the bytes.
        """
        return await run_uncancelled(self._discard(session))

    async def _discard(self, session: Session) -> Session:
        await self._open_uploads.drop(session.id)
        session = await self._sessions.update(
            session, **reduced(session, quarantined=False, updated_at=self._now())
        )
        await self._uploads.remove(session.id)
        return session

    async def release(self, session_id: str) -> Session:
        """Overrule the refusal of a quarantined upload; it continues where it stood.

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
            updated_at=self._now(),
        )
        await self._uploads.restore(session_id)
        return current
