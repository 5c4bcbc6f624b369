"""`pdfsluice download`."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from pdfsluice.client.client import DEFAULT_SERVER, Client
from pdfsluice.client.download import check_target, shortened
from pdfsluice.client.encryption import plain_name
from pdfsluice.client.errors import ClientError, Unreachable
from pdfsluice.client.models import Document
from pdfsluice.core.text import clean_name

from .console import err, out, print_json
from .exits import Exit
from .failures import as_object, report
from .options import (
    Authority,
    Json,
    KeyFile,
    Patience,
    Quiet,
    Server,
    connect,
)


def _place(text: str) -> Path:
    """Return the path that is meant; one with a slash at its end has to be a folder."""
    place = Path(text)
    if text.endswith("/") and not place.is_dir():
        raise typer.BadParameter(f"there is no folder {text!r}; create it first")
    return place


def download(
    document_id: Annotated[int, typer.Argument(metavar="ID", help="Number of the document.")],
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            parser=_place,
            metavar="FILE",
            help="File, folder, or - for standard output. By default the file is stored in the"
            " current folder, under its own name.",
        ),
    ] = None,
    identity: Annotated[
        Path | None,
        typer.Option(
            "--identity",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Decrypt the file with a secret key in this file, after it has arrived.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace a file that is there already.")
    ] = False,
    patience: Patience = 300.0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Fetch a document's file, and check that it is the one that was uploaded.

    A download outlives a lost connection. After Ctrl-C the same command continues where it
    stopped. The file gets its name only when it is complete.
    """
    to_output = output is not None and str(output) == "-"
    if to_output and identity is not None:
        raise typer.BadParameter("only a file is decrypted", param_hint="-o - and --identity")
    try:
        if to_output:
            _to_output(
                document_id, connect(server, key_file, ca, patience=patience), as_json=as_json
            )
            return
        document, target = asyncio.run(
            _to_file(
                document_id,
                connect(server, key_file, ca, patience=patience),
                output,
                identity=identity,
                force=force,
                quiet=quiet,
            )
        )
    except ClientError as error:
        if as_json:
            print_json({"error": as_object(error)})
        code = report(error)
        if isinstance(error, Unreachable) and not to_output:
            err.print("  [dim]The same command continues where this one stopped.[/]")
        raise typer.Exit(code) from None
    except KeyboardInterrupt:
        continues = "" if to_output else " The same command continues where this one stopped."
        err.print(f"Interrupted.{continues}")
        raise typer.Exit(Exit.INTERRUPTED) from None
    if as_json:
        print_json({"path": str(target), "document": document})
        return
    size = decimal(document.file_size)
    out.print(f"[green]✓[/] {escape(str(target))} ({size}, SHA-256 checked)", soft_wrap=True)


async def _to_file(
    document_id: int,
    client: Client,
    output: Path | None,
    *,
    identity: Path | None,
    force: bool,
    quiet: bool,
) -> tuple[Document, Path]:
    async with client:
        document = await client.document(document_id)
        target = target_of(document, output, decrypted=identity is not None)
        check_target(target)
        if target.exists() and not force:
            raise ClientError(
                f"{target} exists already",
                code="file-exists",
                hint="Give another place with -o, or replace it with --force.",
            )
        with _display(target.name, quiet=quiet) as show:
            download = client.download(document_id, target, identity=identity, on_progress=show)
            return await download, target


def _to_output(document_id: int, client: Client, *, as_json: bool) -> None:
    """Write the file to standard output, which must not be a terminal.

    Raises:
        BrokenPipeError: The reader of standard output has gone.
        typer.BadParameter: Standard output is a terminal, or is to have JSON.
    """
    if as_json:
        raise typer.BadParameter("standard output cannot have both", param_hint="-o - and --json")
    if sys.stdout.isatty():
        raise typer.BadParameter(
            "a PDF cannot be shown on a terminal; redirect standard output", param_hint="-o -"
        )

    async def fetch() -> None:
        async with client:
            await client.download(document_id, sys.stdout.buffer)

    try:
        asyncio.run(fetch())
    except ClientError as error:
        if isinstance(error.__cause__, BrokenPipeError):
            raise error.__cause__ from None
        raise


def target_of(document: Document, output: Path | None, *, decrypted: bool = False) -> Path:
    """Return the path of the file; a name from the server stays in the folder."""
    if output is not None and not output.is_dir():
        return output
    name = Path(document.filename.replace("\\", "/")).name
    if decrypted:
        name = plain_name(name)
    clean = clean_name(name, len(name)).lstrip(".")
    return (output or Path()) / shortened(clean or f"document-{document.id}.pdf")


@contextmanager
def _display(name: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal, and nothing elsewhere."""
    if quiet or not err.is_terminal:
        yield lambda _arrived, _total: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(escape(name))

        def show(arrived: int, total: int) -> None:
            progress.update(task, completed=arrived, total=total)

        yield show
