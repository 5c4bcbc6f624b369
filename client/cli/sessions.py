"""`pdfsluice sessions`, `cancel` and `release`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Column, Table

from pdfsluice.client.client import DEFAULT_SERVER
from pdfsluice.client.models import QuarantinedUpload, ResumableUpload

from .console import err, out, print_json
from .failures import run
from .options import Json, KeyFile, Server, connect

_HOURS_OF_TWO_DAYS = 48


def sessions(
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    *,
    quarantined: Annotated[
        bool,
        typer.Option(
            "--quarantined", help="List refused uploads that are kept instead; for administrators."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """List the unfinished uploads; each can be resumed or cancelled."""
    if quarantined:
        _list_quarantine(server, key_file, as_json=as_json)
        return
    found = run(_sessions(server, key_file))
    if as_json:
        for upload in found:
            print_json(upload)
        return
    if not found:
        err.print("There is no unfinished upload.")
        return
    table = Table(
        Column("Session", no_wrap=True),
        Column("File", overflow="fold"),
        *(Column(name, no_wrap=True) for name in ("Size", "Stored", "Begun", "Status")),
        box=None,
        pad_edge=False,
    )
    for upload in found:
        table.add_row(*_row(upload))
    out.print(table)
    err.print("\nGo on with: pdfsluice resume SESSION FILE")


async def _sessions(server: str, key_file: Path | None) -> tuple[ResumableUpload, ...]:
    async with connect(server, key_file) as client:
        return await client.sessions()


def _row(upload: ResumableUpload) -> tuple[str, ...]:
    return (
        upload.session_id,
        escape(upload.filename),
        "?" if upload.total_size is None else decimal(upload.total_size),
        f"{upload.progress_percentage:.0f}%",
        _age(upload.age_hours),
        upload.status,
    )


def _age(hours: float) -> str:
    """Return how long ago something was, in the unit that says it best."""
    if hours < 1:
        return f"{hours * 60:.0f} min ago"
    return f"{hours:.0f} h ago" if hours < _HOURS_OF_TWO_DAYS else f"{hours / 24:.0f} d ago"


def _list_quarantine(server: str, key_file: Path | None, *, as_json: bool) -> None:
    async def ask() -> tuple[QuarantinedUpload, ...]:
        async with connect(server, key_file) as client:
            return await client.quarantine()

    found = run(ask())
    if as_json:
        for upload in found:
            print_json(upload)
        return
    if not found:
        err.print("Nothing is in quarantine.")
        return
    table = Table(
        Column("Session", no_wrap=True),
        Column("File", overflow="fold"),
        *(Column(name, no_wrap=True) for name in ("Size", "Refused")),
        "Because of",
        box=None,
        pad_edge=False,
    )
    for upload in found:
        table.add_row(
            upload.session_id,
            escape(upload.filename),
            "?" if upload.total_size is None else decimal(upload.total_size),
            _age((datetime.now(UTC) - upload.refused_at).total_seconds() / 3600),
            escape(", ".join(dict.fromkeys(finding.kind for finding in upload.findings))),
        )
    out.print(table)
    err.print("\nLet one in with: pdfsluice release SESSION")


def cancel(
    session: Annotated[list[str], typer.Argument(metavar="SESSION", help="The uploads.")],
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    *,
    reason: Annotated[str, typer.Option(help="Why; for the server's log.")] = "",
) -> None:
    """End unfinished uploads; the server deletes their bytes."""
    run(_cancel(server, key_file, session, reason or "cancelled by the user"))


async def _cancel(server: str, key_file: Path | None, sessions: list[str], reason: str) -> None:
    async with connect(server, key_file) as client:
        for session in sessions:
            await client.cancel(session, reason=reason)
            out.print(f"Cancelled {escape(session)}.")


def release(
    session: Annotated[list[str], typer.Argument(metavar="SESSION", help="The uploads.")],
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
) -> None:
    """Let quarantined uploads in although they were refused; for administrators.

    What was found stays with the document. A file that had not arrived whole when it was refused
    waits for the rest of its bytes.
    """
    run(_release(server, key_file, session))


async def _release(server: str, key_file: Path | None, sessions: list[str]) -> None:
    async with connect(server, key_file) as client:
        for session in sessions:
            released = await client.release(session)
            out.print(f"Released {escape(released.filename)}.", soft_wrap=True)
            if released.missing_ranges:
                err.print(
                    "  It had not arrived whole. Whoever has the file goes on with:\n"
                    f"  pdfsluice resume {escape(session)} FILE",
                    soft_wrap=True,
                )
