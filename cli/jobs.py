"""`pdfsluice jobs`: what the server does with documents in the background."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pdfsluice.client.client import DEFAULT_SERVER, Client
from pdfsluice.client.jobs import ListedJob

from .console import err, listing, out, print_json, print_table
from .failures import run
from .options import Authority, Json, KeyFile, Server, connect

_MAX_MESSAGE = 60

app = typer.Typer(no_args_is_help=True, help="List, cancel and retry background jobs.")


class _State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"


class _Kind(StrEnum):
    IMPORT = "import"
    INDEX = "index"
    OCR = "ocr"


_Id = Annotated[int, typer.Argument(metavar="ID", help="Number of the job.")]


@app.command(name="list")
def list_jobs(  # noqa: PLR0917 - each is an option of the command, none has a position
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    state: Annotated[_State | None, typer.Option(help="Only jobs in this state.")] = None,
    kind: Annotated[_Kind | None, typer.Option(help="Only jobs that do this.")] = None,
    owner: Annotated[str, typer.Option(help="Only jobs on documents of this owner.")] = "",
    document: Annotated[int | None, typer.Option(min=1, help="Only jobs on this document.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many jobs to list at most.")] = 50,
    *,
    as_json: Json = False,
) -> None:
    """List background jobs, newest first; for administrators."""

    async def jobs() -> list[ListedJob]:
        listed: list[ListedJob] = []
        async with connect(server, key_file, ca) as client:
            selected = client.jobs(
                state=state or "",
                kind=kind or "",
                owner=owner,
                document=document,
                page_size=min(limit, 500),
            )
            async for job in selected:
                listed.append(job)
                if len(listed) == limit:
                    break
        return listed

    entries = run(jobs(), as_json=as_json)
    if as_json:
        for job in entries:
            print_json(job)
        return
    if not entries:
        err.print("There is no such job.")
        return
    table = listing("ID", "Job", "State", "Attempts", "Document", "Owner", "Message")
    for job in entries:
        table.add_row(*_row(job))
    print_table(table)


@app.command()
def cancel(
    job_id: _Id,
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    as_json: Json = False,
) -> None:
    """Cancel a queued or running job; for administrators.

    A running one is stopped, with the processes that it uses.
    """
    job = _with(server, key_file, ca, lambda client: client.cancel_job(job_id), as_json=as_json)
    if as_json:
        print_json(job)
    elif job.stopping:
        err.print(f"Job {job.id} is stopping; `pdfsluice jobs list` shows when it has ended.")
    elif job.state == _State.CANCELLED:
        out.print(f"Job {job.id} is cancelled.")
    else:
        err.print(f"Job {job.id} had ended before it was stopped: it is {job.state}.")


@app.command()
def retry(
    job_id: _Id,
    server: Server = DEFAULT_SERVER,
    key_file: KeyFile = None,
    ca: Authority = None,
    *,
    as_json: Json = False,
) -> None:
    """Queue an ended job again as if it were new; for administrators."""
    job = _with(server, key_file, ca, lambda client: client.retry_job(job_id), as_json=as_json)
    if as_json:
        print_json(job)
    else:
        out.print(f"Job {job.id} is queued again.")


def _with(
    server: str,
    key_file: Path | None,
    ca: Path | None,
    change: Callable[[Client], Awaitable[ListedJob]],
    *,
    as_json: bool,
) -> ListedJob:
    async def work() -> ListedJob:
        async with connect(server, key_file, ca) as client:
            return await change(client)

    return run(work(), as_json=as_json)


def _row(job: ListedJob) -> tuple[str, ...]:
    state = "stopping" if job.stopping else job.state
    if job.state == _State.RUNNING and not job.stopping:
        state = f"{job.state} {job.progress:.0%}"
    message = job.message if len(job.message) <= _MAX_MESSAGE else f"{job.message[:_MAX_MESSAGE]}…"
    document = f"{job.document_id} {job.document_title}"
    name = job.kind if job.name == job.kind else f"{job.kind} {job.name}"
    texts = (name, state, str(job.attempts), document, job.owner, message)
    return (str(job.id), *map(escape, texts))
