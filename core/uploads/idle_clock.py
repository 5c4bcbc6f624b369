"""When an upload has been idle for too long: clock jumps and outages do not count.

Times in the database are those of the wall clock, which may be set forward by a month. Two things
protect uploads from that. While the server runs, the wall clock is compared with the monotonic
one: if it has advanced by an hour more, it jumped. And about once a minute the server records
that it runs; if the last record is more than an hour old, no server ran, or the clock jumped in
between. In both cases idle time counts from now on, for every upload, and that is stored.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from pdfsluice.config import Settings
from pdfsluice.core.models.sessions import Session
from pdfsluice.core.plugins.ports.stores import SessionStore

from .lifecycle import OPEN, expiry

_MAX_GAP_SECONDS = 3600.0
"""A greater advance of the wall clock counts as a jump."""
_RECORD_INTERVAL_SECONDS = 60.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class IdleClock:
    """The clock by which sessions expire.

    Args:
        settings: For how long a session may be idle, and its age.
        sessions: Where the server records that it runs.
        wall: The wall clock (UTC).
        monotonic: A clock in seconds that cannot be set.
    """

    def __init__(
        self,
        settings: Settings,
        sessions: SessionStore,
        *,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._wall = wall
        self._monotonic = monotonic
        self._idle_from = _EPOCH
        self._anchor: tuple[datetime, float] = wall(), monotonic()
        self._recorded_at: float | None = None

    @property
    def idle_from(self) -> datetime:
        """Since when idle time counts; of a clock that has just jumped, its present time."""
        self._check_for_jump()
        return self._idle_from

    def now(self) -> datetime:
        """Return the time by the wall clock."""
        return self._wall()

    def expiry(self, session: Session) -> datetime:
        """Return when an open session expires if nothing more comes in."""
        earliest = self.idle_from
        if earliest == _EPOCH:
            return expiry(session, self._settings)
        return max(expiry(session, self._settings), earliest + self._settings.session_timeout)

    def is_expired(self, session: Session) -> bool:
        """Return whether an open session has been idle or open for too long."""
        return session.state in OPEN and self.expiry(session) <= self._wall()

    async def record(self) -> None:
        """Store that the server runs, if that was not stored within the last minute."""
        has_jumped = self._check_for_jump()
        at = self._monotonic()
        if (
            self._recorded_at is not None
            and at - self._recorded_at < _RECORD_INTERVAL_SECONDS
            and not has_jumped
        ):
            return
        self._idle_from = await self._sessions.idle_from(self._wall(), _MAX_GAP_SECONDS)
        self._recorded_at = at

    def _check_for_jump(self) -> bool:
        wall, monotonic = self._wall(), self._monotonic()
        anchor_wall, anchor_monotonic = self._anchor
        self._anchor = wall, monotonic
        advance = (wall - anchor_wall).total_seconds()
        has_jumped = advance - (monotonic - anchor_monotonic) > _MAX_GAP_SECONDS
        if has_jumped or self._idle_from > wall:
            self._idle_from = wall
        return has_jumped
