"""Sums over ended uploads, and distributions of which percentiles can be asked.

Both can be added and subtracted, so that totals of hours add up to those of a year and a record
that was wrong can be taken back.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from .upload_records import UploadRecord

_RATIO = 1.1
_LOG_RATIO = math.log(_RATIO)
_MICROSECONDS = 1_000_000


def bucket_of(value: int) -> int:
    """Return the bucket of a value that is not negative."""
    return 1 + int(math.log(value) / _LOG_RATIO) if value > 0 else 0


class Distribution:
    """How often values of each magnitude occurred.

    Values are counted in buckets whose bounds grow by 10 %, so a percentile is off by at most
    5 %.

    Args:
        first: The first bucket that is counted.
        counts: The counts of that bucket and those after it.
    """

    __slots__ = ("counts", "first")

    def __init__(self, first: int = 0, counts: Sequence[int] = ()) -> None:
        self.first = first
        self.counts = list(counts)

    def add(self, bucket: int, number: int = 1) -> None:
        """Count a value of a bucket."""
        index = bucket - self.first
        if not 0 <= index < len(self.counts):
            self._cover(bucket, bucket + 1)
            index = bucket - self.first
        self.counts[index] += number

    def merge(self, other: "Distribution") -> None:
        """Add the counts of another distribution."""
        if other.counts:
            self._cover(other.first, other.first + len(other.counts))
            start = other.first - self.first
            end = start + len(other.counts)
            sums = [x + y for x, y in zip(self.counts[start:end], other.counts, strict=True)]
            self.counts[start:end] = sums

    def _cover(self, first: int, end: int) -> None:
        """Make sure that buckets are counted."""
        if not self.counts:
            self.first, self.counts = first, [0] * (end - first)
            return
        if first < self.first:
            self.counts[:0] = [0] * (self.first - first)
            self.first = first
        if (missing := end - self.first - len(self.counts)) > 0:
            self.counts += [0] * missing

    def percentile(self, percent: float) -> float | None:
        """Return the value that so many per cent do not exceed; ``None`` if there is none."""
        total = sum(self.counts)
        if total <= 0:
            return None
        rank = max(1, math.ceil(total * percent / 100))
        for bucket, number in enumerate(self.counts, self.first):
            rank -= number
            if rank <= 0:
                return 0.0 if bucket == 0 else _RATIO ** (bucket - 0.5)
        return None

    def to_record(self) -> Sequence[int]:
        """Return the distribution as a value of JSON types."""
        counts = self.counts
        used = [index for index, number in enumerate(counts) if number]
        if not used:
            return []
        return [self.first + used[0], *counts[used[0] : used[-1] + 1]]

    @classmethod
    def from_record(cls, record: Sequence[int]) -> Self:
        """Return the distribution that :meth:`to_record` encoded."""
        return cls(record[0], record[1:]) if record else cls()


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one upload adds to totals.

    Attributes:
        sums: What it adds to the sums after ``uploads``, in their order.
        buckets: In which bucket of each distribution it is; ``None`` if it is in none.
    """

    sums: tuple[int, int, int, int, int, int, int]
    buckets: tuple[int, int, int | None, int | None]

    @classmethod
    def of(cls, record: UploadRecord) -> Self:
        """Return the contribution of a record."""
        measures, imported = record.measures, record.importing_seconds
        validated = measures.validating_seconds
        return cls(
            (
                record.committed_bytes,
                measures.received_bytes,
                record.resent_bytes,
                measures.requests,
                measures.resumes,
                record.findings,
                measures.saved_bytes,
            ),
            (
                bucket_of(record.committed_bytes),
                bucket_of(_micros(measures.receiving_seconds)),
                bucket_of(_micros(validated)) if validated else None,
                None if imported is None else bucket_of(_micros(imported)),
            ),
        )


_SUMS = (
    "uploads",
    "bytes",
    "received_bytes",
    "resent_bytes",
    "requests",
    "resumes",
    "findings",
    "saved_bytes",
)
_DISTRIBUTIONS = ("sizes", "receiving", "validating", "importing")


@dataclass(slots=True, kw_only=True)
class Totals:
    """Sums over ended uploads.

    Attributes:
        uploads: How many.
        bytes: Their committed bytes.
        received_bytes: Bytes received, repeated ones included.
        resent_bytes: Received bytes that are not among the committed ones.
        requests: Requests that sent bytes.
        resumes: How often an upload was resumed.
        findings: How many findings there were.
        saved_bytes: Received bytes that compression and deltas did not have to send.
        sizes: The committed bytes of each.
        receiving: Microseconds for which each was received.
        validating: Microseconds for which each was validated, of those that were.
        importing: Microseconds until each was imported, of those that were.
    """

    uploads: int = 0
    bytes: int = 0
    received_bytes: int = 0
    resent_bytes: int = 0
    requests: int = 0
    resumes: int = 0
    findings: int = 0
    saved_bytes: int = 0
    sizes: Distribution = field(default_factory=Distribution)
    receiving: Distribution = field(default_factory=Distribution)
    validating: Distribution = field(default_factory=Distribution)
    importing: Distribution = field(default_factory=Distribution)

    @property
    def sent_bytes(self) -> int:
        """Bytes of the bodies as they were sent, repeated ones included."""
        return self.received_bytes - self.saved_bytes

    @staticmethod
    def contribution(record: UploadRecord) -> Contribution:
        """Return what an upload adds, to be added to several totals."""
        return Contribution.of(record)

    def add(self, contribution: Contribution, number: int = 1) -> None:
        """Count an upload, or take it back if ``number`` is -1."""
        size, received, resent, requests, resumes, findings, saved = contribution.sums
        self.uploads += number
        self.bytes += number * size
        self.received_bytes += number * received
        self.resent_bytes += number * resent
        self.requests += number * requests
        self.resumes += number * resumes
        self.findings += number * findings
        self.saved_bytes += number * saved
        sizes, receiving, validating, importing = contribution.buckets
        self.sizes.add(sizes, number)
        self.receiving.add(receiving, number)
        if validating is not None:
            self.validating.add(validating, number)
        if importing is not None:
            self.importing.add(importing, number)

    def merge(self, other: "Totals") -> None:
        """Add other totals to these."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in _DISTRIBUTIONS:
            getattr(self, name).merge(getattr(other, name))

    def to_record(self) -> dict[str, Any]:
        """Return the totals as a value of JSON types."""
        record: dict[str, Any] = {name: getattr(self, name) for name in _SUMS}
        for name in _DISTRIBUTIONS:
            record[name] = getattr(self, name).to_record()
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Totals":
        """Return the totals that :meth:`to_record` encoded; sums that it lacks are 0."""
        sums: dict[str, Any] = {name: record.get(name, 0) for name in _SUMS}
        for name in _DISTRIBUTIONS:
            sums[name] = Distribution.from_record(record[name])
        return cls(**sums)


def summed(totals: Iterable[Totals]) -> Totals:
    """Return the sum of several totals."""
    result = Totals()
    for each in totals:
        result.merge(each)
    return result


def _micros(seconds: float) -> int:
    return round(seconds * _MICROSECONDS)
