"""The port of analytics: records of ended uploads, and totals over them.

A session store that keeps records has an attribute ``analytics``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from pdfsluice.core.models.sessions import Session
from pdfsluice.core.models.totals import Totals
from pdfsluice.core.models.upload_records import UploadRecord


class Dimension(StrEnum):
    """By what totals are separated."""

    PROTOCOL = "protocol"
    CLIENT = "client"
    END = "end"
    ACCOUNT = "account"

    def value_of(self, record: UploadRecord) -> str:
        """Return the value of a record; of a client, its name without the version."""
        match self:
            case Dimension.PROTOCOL:
                return record.protocol
            case Dimension.CLIENT:
                return record.client.partition("/")[0]
            case Dimension.END:
                return record.end.value
            case Dimension.ACCOUNT:
                return record.account

    @property
    def period(self) -> timedelta:
        """The shortest time for which there are totals: an hour, or a day of an account."""
        return timedelta(days=1) if self is Dimension.ACCOUNT else timedelta(hours=1)


class Analytics(Protocol):
    """Records of ended uploads and their totals. Every method is atomic."""

    async def record(
        self, records: Sequence[UploadRecord], imports: Mapping[str, datetime]
    ) -> None:
        """Store records and count them in the totals of the times at which they ended.

        A record of the same upload with the same end counts once; one with another end (of a
        released upload) takes the place of the earlier one.

        Args:
            records: The records.
            imports: When uploads that are or were recorded had been imported, by session; the
                first time counts, and unknown sessions are passed over.
        """
        ...

    async def unrecorded(
        self, since: datetime, until: datetime, *, after: Session | None, limit: int
    ) -> Sequence[Session]:
        """Return ended sessions without a record of their end, oldest first.

        Args:
            since: Only those last changed at this time or later.
            until: Only those last changed earlier.
            after: Only those that come after this one.
            limit: How many to return at most.
        """
        ...

    async def totals(
        self,
        dimension: Dimension,
        since: datetime,
        until: datetime,
        *,
        span: timedelta | None = None,
    ) -> Mapping[str, Totals]:
        """Return the totals of uploads that ended in ``[since, until)``.

        Args:
            dimension: By what they are separated.
            since: Start of a period of the dimension.
            until: End of the last one.
            span: Separate them by times of this length instead of by value; the keys are
                seconds since the epoch.
        """
        ...

    async def records(
        self, since: datetime, until: datetime, *, after: UploadRecord | None, limit: int
    ) -> Sequence[UploadRecord]:
        """Return records of uploads that ended in ``[since, until)``, oldest first.

        Args:
            since: The earliest end.
            until: The earliest end that is too late.
            after: Only those that come after this one.
            limit: How many to return at most.
        """
        ...

    async def delete_before(self, moment: datetime) -> int:
        """Delete records and totals of earlier uploads; return the number of records."""
        ...


@runtime_checkable
class HasAnalytics(Protocol):
    """A session store that keeps records of ended uploads."""

    @property
    def analytics(self) -> Analytics:
        """The records."""
        ...
