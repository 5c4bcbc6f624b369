"""Reports over ended uploads, as the server answers them. All frozen."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """Values that most uploads do not exceed; ``None`` if nothing was measured.

    Attributes:
        p50: The value that 50 per cent do not exceed.
        p95: The value that 95 per cent do not exceed.
        p99: The value that 99 per cent do not exceed.
    """

    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadTotals:
    """Totals of ended uploads.

    Attributes:
        uploads: How many.
        bytes: Bytes that were durable at the end.
        received_bytes: Bytes received, repeated ones included.
        resent_bytes: Received bytes that are not among the durable ones.
        requests: Requests that sent bytes.
        resumes: Times that bytes came again after a broken request, a request to resume or a
            restart.
        findings: How many findings there were.
        sizes: Durable bytes of each upload.
        receiving_seconds: Time during which requests sent bytes of an upload.
        validating_seconds: Time to the verdict.
        importing_seconds: Time from the end of an upload to that of its import.
        sent_bytes: Received bytes as they were sent: compressed, or as deltas.
        saved_bytes: Received bytes that were not sent.
    """

    uploads: int
    bytes: int
    received_bytes: int
    resent_bytes: int
    requests: int
    resumes: int
    findings: int
    sizes: Percentiles
    receiving_seconds: Percentiles
    validating_seconds: Percentiles
    importing_seconds: Percentiles
    sent_bytes: int = 0
    saved_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadGroup(UploadTotals):
    """Totals of one group.

    Attributes:
        value: What its uploads have in common; for times, the start in ISO 8601.
        share: Its uploads as a share of all, 0 to 1.
        bytes_share: Its bytes as a share of all, 0 to 1.
    """

    value: str
    share: float
    bytes_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsReport:
    """Totals of uploads that ended in ``[since, until)``.

    Attributes:
        since: Start of the first hour or day that counts.
        until: End of the last one.
        by: By what it is grouped.
        total: The totals of all groups.
        groups: Times in order, or values with the largest share of bytes first.
    """

    since: datetime
    until: datetime
    by: str
    total: UploadTotals
    groups: tuple[UploadGroup, ...]
