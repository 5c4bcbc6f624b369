"""Cleans up: expired sessions, old records, files that belong to nobody."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from pdfsluice.config import Settings

from .activation import ActiveUploads
from .errors import PdfsluiceError, SessionNotFound, StateConflict
from .lifecycle import ENDED, FINISHING, OPEN, expiry, is_expired
from .models import Session, SessionState
from .stores import SessionStore, UploadStore

logger = logging.getLogger(__name__)

_IDLE_SECONDS = 300.0
_TIDY_SECONDS = 15.0
_BATCH = 500


class Sweeper:
    """Runs beside the server; touches only sessions that have not been completed."""

    def __init__(
        self,
        settings: Settings,
        sessions: SessionStore,
        uploads: UploadStore,
        active: ActiveUploads,
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._uploads = uploads
        self._active = active

    async def reconcile(self) -> list[Session]:
        """Bring files and sessions together after a start.

        Files without an open session are deleted, unless the session store is empty; a
        session without its file starts again from nothing when it is touched.

        Returns:
            Sessions whose completion was interrupted and has to go on.
        """
        stray = [
            blob_id
            for blob_id in await self._uploads.partial_ids()
            if not await self._is_wanted(blob_id)
        ]
        if stray and not await self._sessions.count(tuple(SessionState)):
            # More likely a lost or mistyped database than so many uploads without a session.
            logger.error(
                "%d partial uploads are left alone because no session is known at all;"
                " check where the state is kept, or delete them by hand",
                len(stray),
            )
            stray = []
        for blob_id in stray:
            logger.warning("bytes of no open upload are deleted: %s", blob_id)
            try:
                await self._uploads.remove(blob_id)
            except PdfsluiceError as error:  # no reason not to start
                logger.error("they could not be deleted: %s", error.message)  # noqa: TRY400
        return list(await self._sessions.find(states=FINISHING))

    async def _is_wanted(self, blob_id: str) -> bool:
        try:
            session = await self._sessions.get(blob_id)
        except SessionNotFound:
            return False
        return session.state in {*OPEN, *FINISHING}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sweep in the background until the context is left."""
        tasks = [
            asyncio.create_task(
                self._repeat(self.sweep, self._settings.cleanup_interval.total_seconds())
            ),
            asyncio.create_task(self._repeat(self._tidy, _TIDY_SECONDS)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _repeat(self, work: Callable[[], Awaitable[object]], seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except Exception:
                logger.exception("cleaning up failed; it is tried again in %.0f s", seconds)

    async def _tidy(self) -> None:
        await self._active.put_idle_away(_IDLE_SECONDS)

    async def sweep(self) -> int:
        """Expire what was idle or open for too long and forget old records.

        Returns:
            How many sessions expired.
        """
        now = datetime.now(UTC)
        count = 0
        for session in await self._sessions.find(states=OPEN, expired_before=now, limit=_BATCH):
            count += await self._expire(session, now)
        await self._forget(now)
        return count

    async def _expire(self, session: Session, now: datetime) -> bool:
        upload = self._active.peek(session.id)
        current = session if upload is None else upload.session
        if upload is not None and upload.receiving:
            return False
        if not is_expired(current, self._settings, now):
            # Bytes came in since the time was set; look again when it would be due.
            if upload is None:
                with suppress(StateConflict):  # more came in just now
                    await self._sessions.update(current, expires_at=expiry(current, self._settings))
            return False
        try:
            await self._active.end(current, SessionState.EXPIRED, "idle or open for too long")
        except PdfsluiceError as error:
            logger.warning("session %s could not be expired: %s", session.id, error.message)
            return False
        return True

    async def _forget(self, now: datetime) -> None:
        """Delete the records that were kept for long enough, a batch at a time.

        A record that has to stay is put off until it can be due. So however many stay, such
        as those of quarantined uploads, the others get their turn.
        """
        oldest = now - self._settings.session_retention
        for session in await self._sessions.find(states=ENDED, expired_before=oldest, limit=_BATCH):
            if session.updated_at < oldest and not session.quarantined:
                await self._sessions.delete(session.id)
                continue
            put_off = now if session.quarantined else session.updated_at
            with suppress(StateConflict):  # it has just been released
                await self._sessions.update(session, expires_at=put_off)
