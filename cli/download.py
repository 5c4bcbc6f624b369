"""`pdfsluice download`."""

import asyncio
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

from pdfsluice.client.client import DEFAULT_SERVER
from pdfsluice.client.errors import ClientError, Unreachable
from pdfsluice.client.models import Document

from .console import err, out, print_json
from .exits import Exit
from .failures import report
from .options import (
    Json,
    KeyFile,
    Patience,
    Quiet,
    Server,
    connect,
)


def download(
    document_id: Annotated[int, typer.Argument(metavar="ID", help="Number of the document.")],
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to put it: a file, or a folder. By default here, under its own name.",
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

    A download outlives a lost connection. After Ctrl-C the same command goes on where it stopped;
    the file gets its name only when it is whole.
    """

    async def fetch() -> tuple[Document, Path]:
        async with connect(server, key_file, patience=patience) as client:
            document = await client.document(document_id)
            target = target_of(document, output)
            if target.exists() and not force:
                raise ClientError(
                    f"{target} is there already",
                    code="file-exists",
                    hint="Give another place with -o, or replace it with --force.",
                )
            with _display(target.name, quiet=quiet) as show:
                return await client.download(document_id, target, on_progress=show), target

    try:
        document, target = asyncio.run(fetch())
    except ClientError as error:
        code = report(error)
        if isinstance(error, Unreachable):
            err.print("  [dim]The same command goes on where this one stopped.[/]")
        raise typer.Exit(code) from None
    except KeyboardInterrupt:
        err.print("Interrupted. The same command goes on where this one stopped.")
        raise typer.Exit(Exit.INTERRUPTED) from None
    if as_json:
        print_json({"path": str(target), "document": document})
        return
    size = decimal(document.file_size)
    out.print(f"[green]✓[/] {escape(str(target))} ({size}, SHA-256 checked)", soft_wrap=True)


def target_of(document: Document, output: Path | None) -> Path:
    """Return where the file is to be; a name from the server never leads out of the folder."""
    if output is not None and not output.is_dir():
        return output
    name = Path(document.filename.replace("\\", "/")).name
    printable = "".join(letter for letter in name if letter.isprintable()).strip().lstrip(".")
    return (output or Path()) / (printable or f"document-{document.id}.pdf")


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
