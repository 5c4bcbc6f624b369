"""`pdfsluice documents` and what can be done with one."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.filesize import decimal
from rich.markup import escape

from pdfsluice.client.client import DEFAULT_SERVER, Client
from pdfsluice.client.models import Document, ImportStatus, Job

from .console import (
    counted,
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
_TEXT = "text"  # the importer that queues OCR
Id = Annotated[int, typer.Argument(metavar="ID", help="Number of the document.")]

app = typer.Typer(
    cls=Group,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=CONTEXT,
)


def _with_client(
    server: str,
    key_file: Path | None,
    ca: Path | None,
    work: Callable[[Client], Awaitable[T]],
    *,
    as_json: bool = False,
) -> T:
    """Run with a client for the options of a command."""

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
    if context.invoked_subcommand is None:
        list_documents(server, key_file, ca, as_json=as_json)


@app.command(name="list")
def list_documents(
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    as_json: Json = False,
) -> None:
    """List the documents, as without a command."""

    async def print_all(client: Client) -> None:
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

    _with_client(server, key_file, ca, print_all, as_json=as_json)


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
    document_id: Id,
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    as_json: Json = False,
) -> None:
    """Show a document and what was found in it."""

    async def ask(client: Client) -> tuple[Document, ImportStatus]:
        return await client.document(document_id), await client.import_status(document_id)

    document, status = _with_client(server, key_file, ca, ask, as_json=as_json)
    failed = [job for job in status.latest if job.state == "failed"]
    if as_json:
        failures = [job.message for job in failed]
        print_json({**asdict(document), "failures": failures, "jobs": status.latest})
        return
    imports = [job for job in status.latest if job.importer]
    table = listing("", "")
    table.show_header = False
    for name, value in (
        ("Title", document.title),
        ("File", document.filename),
        ("Version", _version_of(document)),
        ("Size", decimal(document.file_size)),
        ("Pages", "unknown" if document.page_count is None else str(document.page_count)),
        ("Added", f"{document.created_at:%Y-%m-%d %H:%M}"),
        ("SHA-256", document.sha256),
        *([("Tags", ", ".join(document.tags))] if document.tags else []),
        ("Import", document.import_status),
        *((f"  {job.importer}", _in_words(job)) for job in imports),
        ("Index", document.index_status),
        ("Decision", document.decision),
        *(("OCR", _in_words(job)) for job in status.latest if job.kind == "ocr"),
        *((f"Failure of {job.name}", job.message) for job in failed if job.kind == "index"),
    ):
        table.add_row(f"[dim]{name}[/]", escape(value))
    print_table(table)
    for job in failed:
        importer = _TEXT if job.kind == "ocr" else job.importer
        action = ("retry", str(document.id), importer) if importer else ("index", str(document.id))
        again = command("documents", *action)
        err.print(f"  [dim]Try again with: {escape(again)}[/]", soft_wrap=True)
    print_findings(document.findings)
    for part in document.unscanned:
        err.print(f"  [yellow]not checked:[/] {escape(part.message)}", soft_wrap=True)


def _version_of(document: Document) -> str:
    if document.replaced_by is None:
        return str(document.version)
    return f"{document.version}, replaced by document {document.replaced_by}"


def _in_words(job: Job) -> str:
    """Return the state of an importer in words."""
    if job.state == "failed":
        return f"failed after {counted(job.attempts, 'attempt')}: {job.message}"
    if job.state == "queued" and job.retry_at is not None:
        when = f"{job.retry_at:%Y-%m-%d %H:%M:%S} UTC"
        return f"waits until {when} for attempt {job.attempts + 1}: {job.message}"
    return f"{job.state}: {job.message}" if job.message else job.state


@app.command()
def retry(
    document_id: Id,
    importer: Annotated[
        str, typer.Argument(metavar="IMPORTER", help="Its name; `documents show` lists them.")
    ],
    *,
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
) -> None:
    """Run one importer of a document again, in the background."""
    importer = typed(importer)
    status = _with_client(
        server, key_file, ca, lambda client: client.retry_import(document_id, importer)
    )
    states = {job.importer: job.state for job in status.latest}
    out.print(
        f"The importer {escape(importer)} of document {status.document_id}"
        f" is {states.get(importer, 'queued')}."
    )


@app.command()
def rename(
    document_id: Id,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="The new title.")],
    *,
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
) -> None:
    """Give a document another title."""
    title = typed(title)
    if not title.strip():
        raise typer.BadParameter("the title must not be empty", param_hint="'TITLE'")
    document = _with_client(server, key_file, ca, lambda client: client.rename(document_id, title))
    out.print(f"Document {document.id} is now {escape(document.title)}.")


@app.command()
def tag(
    document_id: Id,
    tags: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TAG", help="All tags that the document shall have; none removes all."
        ),
    ] = None,
    *,
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
) -> None:
    """Replace the tags of a document, by which a search can be narrowed."""
    wanted = [typed(each) for each in tags or ()]
    tagged = _with_client(server, key_file, ca, lambda client: client.set_tags(document_id, wanted))
    words = ", ".join(tagged.tags) or "none"
    out.print(f"The tags of document {tagged.id}: {escape(words)}.")


@app.command()
def index(
    document_id: Annotated[
        int | None, typer.Argument(metavar="ID", help="Number of the document.")
    ] = None,
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Index all documents again that were indexed before.")
    ] = False,
) -> None:
    """Make a document searchable, in the background.

    With --all, an administrator indexes the documents of all owners again.
    """
    if every == (document_id is not None):
        raise typer.BadParameter("give the number of a document, or --all", param_hint="ID")
    if document_id is None:
        count = _with_client(server, key_file, ca, lambda client: client.index_again())
        out.print(f"{counted(count, 'document')} queued for the index.")
        return
    status = _with_client(server, key_file, ca, lambda client: client.index(document_id))
    out.print(f"The index of document {status.document_id} is {status.index_status}.")


@app.command()
def versions(
    document_id: Id,
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    as_json: Json = False,
) -> None:
    """List the versions of a document, the newest first."""
    listed = _with_client(
        server, key_file, ca, lambda client: client.versions(document_id), as_json=as_json
    )
    table = listing("Version", "ID", "Title", "Pages", "Size", "Added", "Index")
    for document in listed:
        if as_json:
            print_json(document)
        else:
            table.add_row(str(document.version), *_row(document))
    if not as_json:
        print_table(table)


@app.command()
def markdown(
    document_id: Id,
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    as_json: Json = False,
) -> None:
    """Print the text of a document as Markdown, with its tables and headings."""

    async def show(client: Client) -> None:
        async for page in client.markdown(document_id):
            if as_json:
                print_json(page)
                continue
            text = f"<!-- page {page.page} -->\n\n{page.markdown}\n"
            out.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)
            if page.note:
                err.print(f"Page {page.page}: {escape(page.note)}", soft_wrap=True)

    _with_client(server, key_file, ca, show, as_json=as_json)


@app.command()
def delete(
    document_id: Id,
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    all_versions: Annotated[
        bool, typer.Option("--all-versions", help="Delete all versions of it.")
    ] = False,
) -> None:
    """Delete a document, its file and what was derived from it.

    If it is the newest of several versions, the one before it is the newest again.
    """
    _with_client(
        server,
        key_file,
        ca,
        lambda client: client.delete(document_id, all_versions=all_versions),
    )
    out.print(f"Document {document_id} is deleted.")
