"""`pdfsluice documents` and what can be done with one."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.filesize import decimal
from rich.markup import escape

from pdfsluice.client.client import DEFAULT_SERVER, Client
from pdfsluice.client.models import Document

from .console import (
    err,
    listing,
    out,
    print_json,
    print_table,
)
from .failures import print_findings, run
from .help import CONTEXT, Group
from .invocation import command, typed
from .options import (
    Authority,
    Json,
    KeyFile,
    Server,
    connect,
)

T = TypeVar("T")
Id = Annotated[int, typer.Argument(metavar="ID", help="Number of the document.")]
OwnServer = Annotated[
    str | None, typer.Option("--server", "-s", help="As for `pdfsluice documents`.")
]
OwnKeyFile = Annotated[
    Path | None, typer.Option("--api-key-file", help="As for `pdfsluice documents`.")
]
OwnAuthority = Annotated[Path | None, typer.Option("--ca", help="As for `pdfsluice documents`.")]

app = typer.Typer(
    cls=Group,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=CONTEXT,
)


def _with_client(
    context: typer.Context,
    server: str | None,
    key_file: Path | None,
    ca: Path | None,
    work: Callable[[Client], Awaitable[T]],
    *,
    as_json: bool = False,
) -> T:
    """Run with a client for the options after the command, or else those before it."""
    before = context.parent.params if context.parent else {}
    server = server or before.get("server") or DEFAULT_SERVER
    key_file = key_file or before.get("key_file")
    ca = ca or before.get("ca")

    async def connected() -> T:
        async with connect(server, key_file, ca) as client:
            return await work(client)

    return run(connected(), as_json=as_json)


@app.callback(invoke_without_command=True)
def documents(
    context: typer.Context,
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    as_json: Json = False,
) -> None:
    """List the documents; with a command, do something with one of them."""
    if context.invoked_subcommand is not None:
        return

    async def show(client: Client) -> None:
        table = listing("ID", "Title", "Pages", "Size", "Added", "Index")
        async for document in client.documents():
            if as_json:
                print_json(document)
            else:
                table.add_row(*_row(document))
        if table.row_count:
            print_table(table)
        elif not as_json:
            err.print("You have no documents yet.")

    _with_client(context, server, key_file, ca, show, as_json=as_json)


def _row(document: Document) -> tuple[str, ...]:
    return (
        str(document.id),
        escape(document.title),
        "" if document.page_count is None else str(document.page_count),
        decimal(document.file_size),
        f"{document.created_at:%Y-%m-%d %H:%M}",
        document.index_status,
    )


@app.command()
def show(
    context: typer.Context,
    document_id: Id,
    server: OwnServer = None,
    key_file: OwnKeyFile = None,
    ca: OwnAuthority = None,
    *,
    as_json: Json = False,
) -> None:
    """Show a document and what was found in it."""

    async def ask(client: Client) -> tuple[Document, tuple[str, ...]]:
        document = await client.document(document_id)
        if "failed" not in {document.import_status, document.index_status}:
            return document, ()
        status = await client.import_status(document_id)
        return document, tuple(job.message for job in status.jobs if job.state == "failed")

    document, failures = _with_client(context, server, key_file, ca, ask, as_json=as_json)
    if as_json:
        print_json({**asdict(document), "failures": failures})
        return
    table = listing("", "")
    table.show_header = False
    for name, value in (
        ("Title", document.title),
        ("File", document.filename),
        ("Size", decimal(document.file_size)),
        ("Pages", "unknown" if document.page_count is None else str(document.page_count)),
        ("Added", f"{document.created_at:%Y-%m-%d %H:%M}"),
        ("SHA-256", document.sha256),
        ("Import", document.import_status),
        ("Index", document.index_status),
        ("Decision", document.decision),
        *(("Failure", message) for message in failures),
    ):
        table.add_row(f"[dim]{name}[/]", escape(value))
    print_table(table)
    if failures:
        again = command("documents", "index", str(document.id))
        err.print(f"  [dim]Try again with: {escape(again)}[/]", soft_wrap=True)
    print_findings(document.findings)
    for part in document.unscanned:
        err.print(f"  [yellow]not looked into:[/] {escape(part.message)}", soft_wrap=True)


@app.command()
def rename(
    context: typer.Context,
    document_id: Id,
    title: str,
    *,
    server: OwnServer = None,
    key_file: OwnKeyFile = None,
    ca: OwnAuthority = None,
) -> None:
    """Give a document another title."""
    title = typed(title)
    if not title.strip():
        raise typer.BadParameter("a title has at least one letter", param_hint="'TITLE'")
    document = _with_client(
        context, server, key_file, ca, lambda client: client.rename(document_id, title)
    )
    out.print(f"Document {document.id} is now {escape(document.title)}.")


@app.command()
def index(
    context: typer.Context,
    document_id: Id,
    server: OwnServer = None,
    key_file: OwnKeyFile = None,
    ca: OwnAuthority = None,
) -> None:
    """Make a document searchable, in the background."""
    status = _with_client(context, server, key_file, ca, lambda client: client.index(document_id))
    out.print(f"The index of document {status.document_id} is {status.index_status}.")


@app.command()
def delete(
    context: typer.Context,
    document_id: Id,
    server: OwnServer = None,
    key_file: OwnKeyFile = None,
    ca: OwnAuthority = None,
) -> None:
    """Delete a document, its file and what was derived from it."""
    _with_client(context, server, key_file, ca, lambda client: client.delete(document_id))
    out.print(f"Document {document_id} is deleted.")
