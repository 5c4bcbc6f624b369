"""Cleans up: expired sessions, old ended ones, files without a session."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial

from pdfsluice.config import Settings
from pdfsluice.core.background import background
from pdfsluice.core.errors import PdfsluiceError, SessionNotFound, StateConflict
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.ports.cluster import Cluster
from pdfsluice.core.plugins.ports.stores import SessionStore, UploadStore

from .idle_clock import IdleClock
from .lifecycle import ENDED, FINISHING, OPEN
from .open_upload.extent_merging import by_place
from .open_uploads import OpenUploads
from .quarantine import Quarantine

logger = logging.getLogger(__name__)

_MAX_IDLE_SECONDS = 300.0
_TIDY_INTERVAL_SECONDS = 15.0
DEFAULT_BATCH = 500
"""Sessions that are read at a time."""
_ORPHAN_AGE = timedelta(days=1)


class Sweeper:
    """The clean-up in the background, of sessions that have not been completed."""

    def __init__(
        self,
        *,
        settings: Settings,
        sessions: SessionStore,
        uploads: UploadStore,
        open_uploads: OpenUploads,
        quarantine: Quarantine,
        idle_clock: IdleClock,
        cluster: Cluster,
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._uploads = uploads
        self._open_uploads = open_uploads
        self._quarantine = quarantine
        self._idle_clock = idle_clock
        self._cluster = cluster

    async def reconcile(self, *, sole_store: bool) -> list[Session]:
        """Compare partial files with sessions after a start.

        Files without an open session are deleted, unless the session store is empty; those
        that were on their way to quarantine are moved there. After a power cut at the level
        ``process``, a session may be without its file: it starts again from nothing.

        Args:
            sole_store: Whether all bytes of these sessions were always in this upload store, so
                that those that are not here are gone.

        Returns:
            Sessions whose completion was interrupted and has to continue.
        """
        partial_ids = await self._uploads.orphans(timedelta(0))
        if sole_store:
            await self._drop_lost(frozenset(partial_ids))
        await self._discard_strays(partial_ids)
        interrupted = await self._sessions.count(FINISHING)
        return list(await self._sessions.find(states=FINISHING, limit=max(1, interrupted)))

    async def discard_orphans(self) -> None:
        """Delete partial bytes that have belonged to no open session for a day."""
        await self._discard_strays(await self._uploads.orphans(_ORPHAN_AGE))

    async def _discard_strays(self, partial_ids: Sequence[str]) -> None:
        """Delete those partial bytes that belong to no open session."""
        stray = []
        for blob_id in partial_ids:
            session = await self._session(blob_id)
            if session is not None and session.quarantined:
                await self._try("put into quarantine", self._uploads.quarantine(blob_id))
            elif session is None or session.state in ENDED:
                stray.append(blob_id)
        if stray and not await self._sessions.count(tuple(SessionState)):
            # More likely a lost or another database than so many uploads without a session.
            logger.error(
                "%d partial uploads are left alone because no session is known at all;"
                " check where the state is kept, or delete them by hand",
                len(stray),
            )
            stray = []
        for blob_id in stray:
            logger.warning("bytes of no open upload are deleted: %s", blob_id)
            await self._try("deleted", self._uploads.discard(blob_id))

    async def _drop_lost(self, partial_ids: frozenset[str]) -> None:
        """Drop the committed ranges of sessions whose bytes are gone.

        Bytes with a place of their own are asked for by name: a list may be out of date.
        """
        states, after = (*OPEN, SessionState.VALIDATING), None
        while page := await self._sessions.find(states=states, after=after, limit=DEFAULT_BATCH):
            suspects = [s.id for s in page if s.committed and s.id not in partial_ids]
            if suspects:  # a node that has joined since may have begun them, or published them
                partial_ids |= frozenset(await self._uploads.orphans(timedelta(0)))
            for session_id in suspects:
                session = None if session_id in partial_ids else await self._session(session_id)
                if session is not None and session.state in states:
                    await self._drop_lost_of(session)
            after = page[-1]

    async def _drop_lost_of(self, session: Session) -> None:
        extents = await self._sessions.extents(session.id)
        lost, elsewhere = by_place(extents)
        if elsewhere:
            lost += await self._uploads.lost(session.id, elsewhere)
        if lost:
            logger.error("the bytes of upload %s are gone; it starts again", session.id)
            await self._sessions.save_checkpoints(session.id, {})  # no stage has seen what follows
            await self._sessions.drop_extents(session.id, lost)

    async def _session(self, blob_id: str) -> Session | None:
        try:
            return await self._sessions.get(blob_id)
        except SessionNotFound:
            return None

    @staticmethod
    async def _try(what: str, work: Awaitable[None]) -> None:
        """Do something whose failure does not prevent a start."""
        try:
            await work
        except PdfsluiceError as error:
            logger.error("bytes could not be %s: %s", what, error.message)  # noqa: TRY400

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sweep in the background until the context is left."""
        works: dict[str, Callable[[], Awaitable[object]]] = {
            "sweeping": self._as_duty(
                "sweep", self.sweep, self._settings.cleanup_interval.total_seconds()
            ),
            "closing idle uploads": partial(_repeat, self._tidy, _TIDY_INTERVAL_SECONDS),
            "deleting orphans": self._as_duty(
                "orphans", self.discard_orphans, _ORPHAN_AGE.total_seconds()
            ),
        }
        async with background(works):
            yield

    def _as_duty(
        self, name: str, work: Callable[[], Awaitable[object]], seconds: float
    ) -> Callable[[], Awaitable[None]]:
        """Repeat work that one node at a time does for all."""

        async def turn() -> None:
            if await self._cluster.duty(name, seconds):
                await work()

        return partial(_repeat, turn, seconds)

    async def _tidy(self) -> None:
        await self._idle_clock.record()
        await self._open_uploads.close_idle(_MAX_IDLE_SECONDS)

    async def sweep(self, *, batch: int = DEFAULT_BATCH) -> int:
        """Expire sessions that were idle or open for too long, and delete old ended ones.

        Args:
            batch: How many sessions are read at a time.

        Returns:
            How many sessions expired.
        """
        await self._idle_clock.record()
        now = self._idle_clock.now()
        count = 0
        async for session in self._due(OPEN, now, batch):
            count += await self._expire(session)
        retention = self._settings.session_retention
        if self._settings.quarantine_retention:
            retention = min(retention, self._settings.quarantine_retention)
        async for session in self._due(ENDED, now - retention, batch):
            try:
                await self._forget(session, now, retention)
            except PdfsluiceError as error:
                logger.warning("session %s could not be deleted: %s", session.id, error.message)
        return count

    async def _due(
        self, states: Sequence[SessionState], before: datetime, batch: int
    ) -> AsyncIterator[Session]:
        """Yield sessions that expired before some time, each once."""
        after: Session | None = None
        while page := await self._sessions.find(
            states=states, expired_before=before, after=after, limit=batch
        ):
            for session in page:
                yield session
            after = page[-1]

    async def _expire(self, session: Session) -> bool:
        upload = self._open_uploads.peek(session.id)
        if upload is not None:
            if upload.receiving:
                return False
            await upload.refresh()
        current = session if upload is None else upload.session
        if not self._idle_clock.is_expired(current):
            # Bytes came in since the time was set; look again when it would be due.
            if upload is None:
                await self._postpone(current, self._idle_clock.expiry(current))
            return False
        try:
            await self._open_uploads.end(current, SessionState.EXPIRED, "idle or open for too long")
        except PdfsluiceError as error:
            logger.warning("session %s could not be expired: %s", session.id, error.message)
            return False
        return True

    async def _forget(self, session: Session, now: datetime, shortest: timedelta) -> None:
        """Delete an ended session, or a file in quarantine, that was kept long enough.

        Time that no server ran, or that a clock skipped, does not count here either.
        """
        since = max(session.updated_at, self._idle_clock.idle_from)
        retention: timedelta | None = self._settings.session_retention
        if session.quarantined:
            retention = self._settings.quarantine_retention or None
        if retention is None:
            await self._postpone(session, now)
        elif since + retention >= now:
            await self._postpone(session, since + retention - shortest)
        elif session.quarantined:
            logger.info("quarantine is over", extra={"session_id": session.id})
            await self._quarantine.discard(session)
        else:
            await self._sessions.delete(session.id)

    async def _postpone(self, session: Session, until: datetime) -> None:
        with suppress(StateConflict):  # it has just been changed, and is looked at next time
            await self._sessions.update(session, expires_at=until)


async def _repeat(work: Callable[[], Awaitable[object]], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await work()
