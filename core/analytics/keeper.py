"""Keeps records of ended uploads: completes them, deletes old ones, reports."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from pdfsluice.core.background import background
from pdfsluice.core.errors import NotFound, PdfsluiceError
from pdfsluice.core.models.sessions import Principal, Scope, Session
from pdfsluice.core.models.upload_records import UploadRecord
from pdfsluice.core.plugins.ports.analytics import Analytics, HasAnalytics
from pdfsluice.core.plugins.ports.sinks import EventSinkSpec
from pdfsluice.core.plugins.ports.stores import SessionStore

from .recorder import UploadRecorder
from .records import record_of
from .reports import Grouping, Report, make_report

logger = logging.getLogger(__name__)

_CHECK_INTERVAL_SECONDS = 3600.0
_MARGIN = timedelta(minutes=10)
_PAGE = 500
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


class AnalyticsKeeper:
    """The operations on records of ended uploads.

    Each checks that the principal may do it.

    Args:
        sessions: The session store; it keeps records, or has no analytics.
        retention: How long records are kept; nothing is recorded if it is 0.
    """

    def __init__(
        self,
        sessions: SessionStore,
        *,
        retention: timedelta,
    ) -> None:
        self._retention = retention
        self._checked_until = _FIRST
        self._analytics: Analytics | None = None
        self._recorder: UploadRecorder | None = None
        if retention and isinstance(sessions, HasAnalytics):
            self._analytics = sessions.analytics
            self._recorder = UploadRecorder(sessions.analytics)

    @property
    def sinks(self) -> Sequence[EventSinkSpec]:
        """The event sink that records uploads, if they are recorded."""
        if self._recorder is None:
            return ()
        return (
            EventSinkSpec(
                name="analytics",
                sink=self._recorder,
                events=UploadRecorder.EVENTS,
                capacity=_PAGE * 20,
            ),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Record uploads, complete the records and delete old ones in the background."""
        if self._recorder is None:
            yield
            return
        async with (
            self._recorder.running(),
            background({"check of recorded uploads": self._check_repeatedly}),
        ):
            yield

    async def report(
        self, principal: Principal, since: datetime, until: datetime, grouping: Grouping
    ) -> Report:
        """Return the totals of uploads that ended in a time.

        Raises:
            PermissionDenied: The principal may not see them; accounts need an administrator.
            NotFound: This server records no uploads.
            SizeExceeded: Uploads ended in too many hours or days.
        """
        principal.require(Scope.ADMIN if grouping is Grouping.ACCOUNT else Scope.METRICS)
        return await make_report(await self._current(), since, until, grouping)

    async def records(
        self, principal: Principal, since: datetime, until: datetime
    ) -> AsyncIterator[Sequence[UploadRecord]]:
        """Return the records of uploads that ended in a time, oldest first, in pages.

        Raises:
            PermissionDenied: The principal is no administrator.
            NotFound: This server records no uploads.
        """
        principal.require(Scope.ADMIN)
        return _pages(await self._current(), since, until)

    async def _current(self) -> Analytics:
        """Return the records, with those of this process up to now."""
        if self._analytics is None or self._recorder is None:
            raise NotFound(
                "this server records no uploads",
                hint="Set analytics_retention, and use the session store 'sql'.",
            )
        await self._recorder.flush()
        return self._analytics

    async def _check_repeatedly(self) -> None:
        while True:
            try:
                await self.check()
            except PdfsluiceError as error:
                logger.warning("recorded uploads could not be checked: %s", error.message)
            await asyncio.sleep(_CHECK_INTERVAL_SECONDS)

    async def check(self) -> None:
        """Record ended uploads whose record was lost, and delete records that are old."""
        if self._analytics is None:
            return
        now = datetime.now(UTC)
        oldest = now - self._retention
        since, until = max(self._checked_until - _MARGIN, oldest), now
        after: Session | None = None
        while page := await self._analytics.unrecorded(since, until, after=after, limit=_PAGE):
            records = [record_of(each, each.updated_at) for each in page if not each.partial]
            await self._analytics.record(records, {})
            after = page[-1]
        self._checked_until = until
        if count := await self._analytics.delete_before(oldest):
            logger.info("%d records of uploads were deleted for their age", count)


async def _pages(
    analytics: Analytics, since: datetime, until: datetime
) -> AsyncIterator[Sequence[UploadRecord]]:
    after: UploadRecord | None = None
    while page := await analytics.records(since, until, after=after, limit=_PAGE):
        yield page
        after = page[-1]
