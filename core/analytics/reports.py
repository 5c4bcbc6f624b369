"""Reports over ended uploads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pdfsluice.core.errors import SizeExceeded
from pdfsluice.core.models.totals import Totals, summed
from pdfsluice.core.plugins.ports.analytics import Analytics, Dimension

_MAX_TIMES = 1000
_MAX_VALUES = 200
OTHERS = "(others)"
"""The group of the smallest values, if there are too many."""


class Grouping(StrEnum):
    """By what a report is grouped."""

    HOUR = "hour"
    DAY = "day"
    PROTOCOL = "protocol"
    CLIENT = "client"
    END = "end"
    ACCOUNT = "account"

    @property
    def span(self) -> timedelta | None:
        """The length of a group of times; ``None`` for groups of values."""
        spans = {Grouping.HOUR: timedelta(hours=1), Grouping.DAY: timedelta(days=1)}
        return spans.get(self)

    @property
    def dimension(self) -> Dimension:
        """The dimension whose totals are read; for hours, one that has them by the hour."""
        return Dimension.END if self.span else Dimension(self.value)


@dataclass(frozen=True, slots=True)
class Group:
    """The totals of one value.

    Attributes:
        value: The value; for times, the start in ISO 8601.
        totals: The totals.
    """

    value: str
    totals: Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Totals of uploads that ended in ``[since, until)``.

    Attributes:
        since: Start of the first hour, or day, that counts.
        until: End of the last one.
        grouping: By what it is grouped.
        total: The totals of all groups.
        groups: Times in order, or values with the largest share of bytes first.
    """

    since: datetime
    until: datetime
    grouping: Grouping
    total: Totals
    groups: Sequence[Group]


async def make_report(
    analytics: Analytics,
    since: datetime,
    until: datetime,
    grouping: Grouping,
    *,
    max_times: int = _MAX_TIMES,
) -> Report:
    """Return a report over whole hours, or whole days (UTC) for accounts and days.

    Args:
        analytics: The records.
        since: The earliest end of an upload.
        until: The earliest end that is too late.
        grouping: By what the report is grouped.
        max_times: How many hours or days it may have in which uploads ended.

    Raises:
        SizeExceeded: Uploads ended in too many times.
    """
    span = grouping.span
    unit = max(span or timedelta(0), grouping.dimension.period)
    since, until = _floor(since, unit), _ceiling(until, unit)
    totals = await analytics.totals(grouping.dimension, since, until, span=span)
    if span is not None and len(totals) > max_times:
        raise SizeExceeded(
            f"uploads ended in {len(totals)} times of one {grouping.value} each;"
            f" {max_times} can be returned",
            hint="Ask for a shorter time, or group by day.",
        )
    if span is None:
        groups = _largest([Group(value, each) for value, each in totals.items()])
    else:
        groups = [
            Group(datetime.fromtimestamp(int(second), UTC).isoformat(), totals[second])
            for second in sorted(totals, key=int)
        ]
    return Report(
        since=since,
        until=until,
        grouping=grouping,
        total=summed(group.totals for group in groups),
        groups=groups,
    )


def _largest(groups: Sequence[Group]) -> Sequence[Group]:
    """Return the groups with most bytes, and one of all others."""
    ordered = sorted(groups, key=lambda group: (-group.totals.bytes, group.value))
    if len(ordered) <= _MAX_VALUES:
        return ordered
    others = summed(group.totals for group in ordered[_MAX_VALUES:])
    return [*ordered[:_MAX_VALUES], Group(OTHERS, others)]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _floor(moment: datetime, unit: timedelta) -> datetime:
    """Return the start of the unit in which a moment lies."""
    return _EPOCH + (moment - _EPOCH) // unit * unit


def _ceiling(moment: datetime, unit: timedelta) -> datetime:
    """Return the first start of a unit that is not before a moment."""
    return _EPOCH - (_EPOCH - moment) // unit * unit
