"""`pdfsluice analytics`: what came in, how fast, and how it ended."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape

from pdfsluice.client.analytics import AnalyticsReport, UploadGroup, UploadTotals
from pdfsluice.client.client import DEFAULT_SERVER

from .console import err, listing, out, print_json, print_table
from .failures import run
from .options import Authority, Json, KeyFile, Server, connect


class _By(StrEnum):
    HOUR = "hour"
    DAY = "day"
    PROTOCOL = "protocol"
    CLIENT = "client"
    END = "end"
    ACCOUNT = "account"


_HEADINGS = {
    _By.HOUR: "Hour (UTC)",
    _By.DAY: "Day (UTC)",
    _By.PROTOCOL: "Protocol",
    _By.CLIENT: "Client",
    _By.END: "End",
    _By.ACCOUNT: "Account",
}
_COLUMNS = (
    "Uploads",
    "Share",
    "Bytes",
    "Resent",
    "Resumes",
    "Findings",
    "Received in (p50)",
    "Received in (p95)",
    "Imported in (p95)",
)

_TWO_DIGITS_BELOW = 10  # seconds


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a time such as 2024-05-01 or 2024-05-01T12:00Z"
        ) from None


def analytics(  # noqa: PLR0917 - each is an option of the command, none has a position
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            parser=_time,
            metavar="TIME",
            help="Only uploads that ended from then on.  [default: 30 days before --to]",
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            "--to",
            parser=_time,
            metavar="TIME",
            help="Only uploads that ended before.  [default: now]",
        ),
    ] = None,
    by: Annotated[
        _By, typer.Option(help="What a line is about; account is for administrators.")
    ] = _By.DAY,
    *,
    as_json: Json = False,
) -> None:
    """Report on ended uploads: how many, how large, how fast and how they ended.

    The key needs the scope metrics. A time without a zone is local. Whole hours count, or
    whole days (UTC) by day and account.
    """

    async def report() -> AnalyticsReport:
        async with connect(server, key_file, ca) as client:
            return await client.analytics(since=since, until=until, by=by)

    result = run(report(), as_json=as_json)
    if as_json:
        print_json(result)
        return
    out.print(f"Uploads that ended from {_minute(result.since)} to {_minute(result.until)} (UTC)")
    if not result.groups:
        err.print("There are none.")
        return
    table = listing(_HEADINGS[by], *_COLUMNS)
    for group in result.groups:
        table.add_row(escape(_name(group, by)), *_cells(group, group.share))
    table.add_row("All", *_cells(result.total, 1.0))
    print_table(table)


def _name(group: UploadGroup, by: _By) -> str:
    if by not in {_By.HOUR, _By.DAY}:
        return group.value or "unknown"
    start = datetime.fromisoformat(group.value)
    return f"{start:%Y-%m-%d}" if by is _By.DAY else _minute(start)


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"


def _cells(totals: UploadTotals, share: float) -> tuple[str, ...]:
    return (
        f"{totals.uploads:,}",
        f"{share:.0%}",
        decimal(totals.bytes),
        decimal(totals.resent_bytes),
        f"{totals.resumes:,}",
        f"{totals.findings:,}",
        _seconds(totals.receiving_seconds.p50),
        _seconds(totals.receiving_seconds.p95),
        _seconds(totals.importing_seconds.p95),
    )


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2g} s" if value < _TWO_DIGITS_BELOW else f"{value:,.0f} s"
