"""Sums over ended uploads, and distributions of which percentiles can be asked.

Both can be added and subtracted, so that totals of hours add up to those of a year and a record
that was wrong can be taken back.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .upload_records import UploadRecord

_RATIO = 1.04
_LOG_RATIO = math.log(_RATIO)
_MICROSECONDS = 1_000_000


class Distribution:
    """How often values of each magnitude occurred.

    Values are counted in buckets whose bounds grow by 4 %, so a percentile is off by at most
    2 %.

    Attributes:
        counts: Bucket to count.
    """

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts = dict(counts or {})

    def add(self, value: int, number: int = 1) -> None:
        """Count a value that is not negative."""
        bucket = 1 + int(math.log(value) / _LOG_RATIO) if value > 0 else 0
        self.counts[bucket] = self.counts.get(bucket, 0) + number

    def merge(self, other: "Distribution") -> None:
        """Add the counts of another distribution."""
        counts = self.counts
        for bucket, number in other.counts.items():
            counts[bucket] = counts.get(bucket, 0) + number

    def percentile(self, percent: float) -> float | None:
        """Return the value that so many per cent do not exceed; ``None`` if there is none."""
        total = sum(self.counts.values())
        if total <= 0:
            return None
        rank = max(1, math.ceil(total * percent / 100))
        for bucket in sorted(self.counts):
            rank -= self.counts[bucket]
            if rank <= 0:
                return 0.0 if bucket == 0 else _RATIO ** (bucket - 0.5)
        return None

    def to_record(self) -> dict[str, int]:
        """Return the counts as a value of JSON types."""
        return {str(bucket): number for bucket, number in self.counts.items() if number}

    @classmethod
    def from_record(cls, record: Mapping[str, int]) -> "Distribution":
        """Return the distribution that :meth:`to_record` encoded."""
        return cls({int(bucket): number for bucket, number in record.items()})


_SUMS = (
    "uploads",
    "bytes",
    "received_bytes",
    "resent_bytes",
    "requests",
    "resumes",
    "findings",
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
    sizes: Distribution = field(default_factory=Distribution)
    receiving: Distribution = field(default_factory=Distribution)
    validating: Distribution = field(default_factory=Distribution)
    importing: Distribution = field(default_factory=Distribution)

    def add(self, record: UploadRecord, number: int = 1) -> None:
        """Count an upload, or take it back if ``number`` is -1."""
        measures = record.measures
        self.uploads += number
        self.bytes += number * record.committed_bytes
        self.received_bytes += number * measures.received_bytes
        self.resent_bytes += number * record.resent_bytes
        self.requests += number * measures.requests
        self.resumes += number * measures.resumes
        self.findings += number * record.findings
        self.sizes.add(record.committed_bytes, number)
        self.receiving.add(_micros(measures.receiving_seconds), number)
        if measures.validating_seconds:
            self.validating.add(_micros(measures.validating_seconds), number)
        if record.importing_seconds is not None:
            self.importing.add(_micros(record.importing_seconds), number)

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
        """Return the totals that :meth:`to_record` encoded."""
        sums: dict[str, Any] = {name: record[name] for name in _SUMS}
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
