"""`pdfsluice sessions`, `cancel` and `release`."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Column

from pdfsluice.client.client import DEFAULT_SERVER, Client
from pdfsluice.client.errors import ClientError, NotFound
from pdfsluice.client.models import QuarantinedUpload, ResumableUpload

from .console import (
    err,
    listing,
    out,
    print_json,
    print_table,
)
from .exits import Exit
from .failures import (
    hopeless,
    kinds_of,
    report,
    run,
)
from .invocation import program, typed
from .options import (
    Authority,
    Json,
    KeyFile,
    Server,
    connect,
)

_HOURS_OF_TWO_DAYS = 48


def sessions(
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    quarantined: Annotated[
        bool,
        typer.Option(
            "--quarantined", help="List refused uploads in quarantine instead; for administrators."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """List the unfinished uploads; each can be resumed or cancelled."""
    if quarantined:
        _list_quarantine(server, key_file, ca, as_json=as_json)
        return
    uploads = run(_sessions(server, key_file, ca), as_json=as_json)
    if as_json:
        for upload in uploads:
            print_json(upload)
        return
    if not uploads:
        err.print("There are no unfinished uploads.")
        return
    table = listing(*_names(), "Started", "State")
    for upload in uploads:
        table.add_row(*_row(upload))
    print_table(table)
    err.print(f"\nContinue with: {program()} resume SESSION FILE")


def _names() -> tuple[Column, Column]:
    """Return the columns that the next command needs: nothing of them is cut off."""
    return Column("Session", no_wrap=True), Column("File", overflow="fold")


async def _sessions(
    server: str, key_file: Path | None, ca: Path | None
) -> tuple[ResumableUpload, ...]:
    async with connect(server, key_file, ca) as client:
        return await client.sessions()


def _row(upload: ResumableUpload) -> tuple[str, ...]:
    size = "?" if upload.total_size is None else decimal(upload.total_size)
    return (
        upload.session_id,
        escape(upload.filename),
        _age(upload.age_hours),
        f"{upload.status}, {upload.progress_percentage:.0f}% of {size}",
    )


def _age(hours: float) -> str:
    """Return how long ago something was, in the largest fitting unit."""
    if hours < 1:
        return f"{hours * 60:.0f} min ago"
    return f"{hours:.0f} h ago" if hours < _HOURS_OF_TWO_DAYS else f"{hours / 24:.0f} d ago"


def _list_quarantine(server: str, key_file: Path | None, ca: Path | None, *, as_json: bool) -> None:
    async def ask() -> tuple[QuarantinedUpload, ...]:
        async with connect(server, key_file, ca) as client:
            return await client.quarantine()

    uploads = run(ask(), as_json=as_json)
    if as_json:
        for upload in uploads:
            print_json(upload)
        return
    if not uploads:
        err.print("Nothing is in quarantine.")
        return
    table = listing(*_names(), "Refused", "Because of")
    for upload in uploads:
        table.add_row(
            upload.session_id,
            escape(upload.filename),
            _age((datetime.now(UTC) - upload.refused_at).total_seconds() / 3600),
            escape(kinds_of(upload.findings)),
        )
    print_table(table)
    err.print(
        f"\nRelease one with: {program()} release SESSION\n"
        f"Delete one with: {program()} cancel SESSION"
    )


def cancel(
    session: Annotated[list[str], typer.Argument(metavar="SESSION", help="The uploads.")],
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    reason: Annotated[str, typer.Option(help="Why; for the server's log and for the sender.")] = "",
) -> None:
    """End unfinished uploads, or quarantined ones; the server deletes their bytes."""

    async def cancel_one(client: Client, upload: str) -> None:
        await client.cancel(upload, reason=typed(reason))
        out.print(f"Cancelled {escape(upload)}.", soft_wrap=True)

    _with_each(server, key_file, ca, session, cancel_one, lists="sessions")


def release(
    session: Annotated[list[str], typer.Argument(metavar="SESSION", help="The uploads.")],
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
) -> None:
    """Release quarantined uploads although they were refused; for administrators.

    The findings stay with the document. A file that had not arrived completely when it was refused
    waits for the rest of its bytes.
    """

    async def release_one(client: Client, upload: str) -> None:
        released = await client.release(upload)
        out.print(f"Released {escape(released.filename)}.", soft_wrap=True)
        if released.missing_ranges:
            err.print(
                "  It had not arrived completely. The owner of the file resumes it with:\n"
                f"  {program()} resume {escape(upload)} FILE",
                soft_wrap=True,
            )

    _with_each(server, key_file, ca, session, release_one, lists="sessions --quarantined")


def _with_each(
    server: str,
    key_file: Path | None,
    ca: Path | None,
    sessions: Sequence[str],
    work: Callable[[Client, str], Awaitable[None]],
    *,
    lists: str,
) -> None:
    """Do something with each upload, independently of the others, and end the command.

    Args:
        server: Address of the server.
        key_file: File with the API key.
        ca: File with certificates of further authorities that are trusted.
        sessions: The uploads.
        work: What is done with one of them.
        lists: The command that lists those with which it can be done.

    Raises:
        typer.Exit: With the code for all of them.
    """

    async def each() -> Exit:
        exits = []
        async with connect(server, key_file, ca) as client:
            for session in sessions:
                try:
                    await work(client, session)
                except ClientError as error:
                    if session not in error.message:
                        error.message = f"{session}: {error.message}"
                    if isinstance(error, NotFound):
                        error.hint = f"See which there are: {program()} {lists}"
                    exits.append(report(error))
                    if hopeless(error):
                        break
        return Exit.of_all(exits)

    raise typer.Exit(run(each()))
