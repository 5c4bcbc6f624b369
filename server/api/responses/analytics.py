"""Reports over ended uploads, as JSON and as CSV."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Self

from pydantic import Field

from pdfsluice.core.analytics.reports import Group, Report
from pdfsluice.core.models.totals import Distribution, Totals
from pdfsluice.core.models.upload_records import UploadRecord

from .views import View

_SECONDS = 1e-6
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class PercentilesView(View):
    """Values that 50, 95 and 99 per cent do not exceed; null if nothing was measured."""

    p50: float | None
    p95: float | None
    p99: float | None

    @classmethod
    def of(cls, distribution: Distribution, unit: float = 1.0) -> Self:
        """Describe a distribution; it is exact to 5 %."""

        def value(percent: float) -> float | None:
            measured = distribution.percentile(percent)
            return None if measured is None else float(f"{measured * unit:.3g}")

        return cls(p50=value(50), p95=value(95), p99=value(99))


class TotalsView(View):
    """Totals of ended uploads."""

    uploads: int
    bytes: int = Field(description="Bytes that were durable at the end.")
    received_bytes: int = Field(description="Bytes received, repeated ones included.")
    resent_bytes: int = Field(description="Received bytes that are not among the durable ones.")
    sent_bytes: int = Field(
        description="Received bytes as they were sent: compressed, or as deltas."
    )
    saved_bytes: int = Field(description="Received bytes that were not sent.")
    requests: int = Field(description="Requests that sent bytes.")
    resumes: int = Field(
        description="Times that bytes came again after a broken request, a request to resume or"
        " a restart."
    )
    findings: int
    sizes: PercentilesView = Field(description="Durable bytes of each upload.")
    receiving_seconds: PercentilesView = Field(
        description="Time during which requests sent bytes of an upload."
    )
    validating_seconds: PercentilesView = Field(description="Time to the verdict.")
    importing_seconds: PercentilesView = Field(
        description="Time from the end of an upload to that of its import."
    )


class GroupView(TotalsView):
    """Totals of one group, and its shares of all."""

    value: str
    share: float = Field(description="Its uploads as a share of all, 0 to 1.")
    bytes_share: float = Field(description="Its bytes as a share of all, 0 to 1.")


class ReportView(View):
    """Totals of uploads that ended in ``[since, until)``."""

    since: datetime = Field(description="Start of the first hour or day that counts.")
    until: datetime = Field(description="End of the last one.")
    by: str
    total: TotalsView
    groups: list[GroupView]

    @classmethod
    def of(cls, report: Report) -> Self:
        """Describe a report."""
        return cls(
            since=report.since,
            until=report.until,
            by=report.grouping.value,
            total=TotalsView.model_validate(_values(report.total)),
            groups=[_group(group, report.total) for group in report.groups],
        )


def _values(totals: Totals) -> dict[str, object]:
    values: dict[str, object] = {
        name: getattr(totals, name)
        for name, field in TotalsView.model_fields.items()
        if field.annotation is int
    }
    return {
        **values,
        "sizes": PercentilesView.of(totals.sizes),
        "receiving_seconds": PercentilesView.of(totals.receiving, _SECONDS),
        "validating_seconds": PercentilesView.of(totals.validating, _SECONDS),
        "importing_seconds": PercentilesView.of(totals.importing, _SECONDS),
    }


def _group(group: Group, total: Totals) -> GroupView:
    return GroupView.model_validate(
        {
            **_values(group.totals),
            "value": group.value,
            "share": _share(group.totals.uploads, total.uploads),
            "bytes_share": _share(group.totals.bytes, total.bytes),
        }
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def report_csv(view: ReportView) -> bytes:
    """Return the groups of a report as CSV (RFC 4180)."""
    percentiles = ("sizes", "receiving_seconds", "validating_seconds", "importing_seconds")
    plain = ["value", *(name for name in GroupView.model_fields if name not in percentiles)]
    plain = list(dict.fromkeys(plain))
    rows = []
    for group in view.groups:
        values = [getattr(group, name) for name in plain]
        for name in percentiles:
            each = getattr(group, name)
            values += [each.p50, each.p95, each.p99]
        rows.append(values)
    head = [*plain, *(f"{name}_{p}" for name in percentiles for p in ("p50", "p95", "p99"))]
    return _csv([head, *rows])


_COLUMNS: dict[str, Callable[[UploadRecord], object]] = {
    "session_id": lambda record: record.session_id,
    "account": lambda record: record.account,
    "protocol": lambda record: record.protocol,
    "client": lambda record: record.client,
    "end": lambda record: record.end.value,
    "began_at": lambda record: record.began_at.isoformat(),
    "ended_at": lambda record: record.ended_at.isoformat(),
    "size": lambda record: record.size,
    "bytes": lambda record: record.committed_bytes,
    "received_bytes": lambda record: record.measures.received_bytes,
    "resent_bytes": lambda record: record.resent_bytes,
    "sent_bytes": lambda record: record.measures.sent_bytes,
    "saved_bytes": lambda record: record.measures.saved_bytes,
    "requests": lambda record: record.measures.requests,
    "resumes": lambda record: record.measures.resumes,
    "findings": lambda record: record.findings,
    "finding_kinds": lambda record: " ".join(record.finding_kinds),
    "receiving_seconds": lambda record: round(record.measures.receiving_seconds, 6),
    "validating_seconds": lambda record: round(record.measures.validating_seconds, 6),
    "importing_seconds": lambda record: record.importing_seconds,
}


def records_head() -> bytes:
    """Return the first line of the CSV of records."""
    return _csv([list(_COLUMNS)])


def records_csv(records: Sequence[UploadRecord]) -> bytes:
    """Return records as lines of CSV."""
    return _csv([read(record) for read in _COLUMNS.values()] for record in records)


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([_safe(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _safe(cell: object) -> object:
    """Return text that is no formula in a spreadsheet: clients name themselves."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
