"""Sends files one after the other and reports the result of each."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.filesize import decimal
from rich.markup import escape

from pdfsluice.client.client import DEFAULT_SERVER, Client, Listener
from pdfsluice.client.errors import ClientError, ContentRejected, PermissionDenied, SessionGone
from pdfsluice.client.models import Document
from pdfsluice.client.progress import TransferProgress
from pdfsluice.core.text import legible

from .bars import UploadDisplay, display
from .console import (
    counted,
    err,
    out,
    print_json,
)
from .exits import Exit
from .failures import (
    as_object,
    hopeless,
    kinds_of,
    print_findings,
    report,
)
from .invocation import command, typed
from .options import connect

Sender = Callable[[Client, Path, Listener], Awaitable[Document]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """How the command shows what it does, and how it names itself in advice.

    Attributes:
        resumable: Whether another run can resume an upload.
    """

    server: str
    key_file: Path | None
    ca: Path | None
    json: bool
    quiet: bool
    wait: bool
    resumable: bool = True

    def resume_command(self, session_id: str, file: Path) -> str:
        """Return the command line that resumes an upload."""
        words = ["resume", session_id, str(file)]
        if self.server != DEFAULT_SERVER:
            words += ["--server", self.server]
        if self.key_file is not None:
            words += ["--api-key-file", str(self.key_file)]
        if self.ca is not None:
            words += ["--ca", str(self.ca)]
        return command(*words)


def send_files(files: Sequence[Path], send: Sender, output: Output, *, patience: float) -> Exit:
    """Send files and return the exit code of the command.

    Args:
        files: What to send.
        send: Sends one of them.
        output: How to show it.
        patience: Seconds to wait for a server that is away.
    """
    try:
        client = connect(output.server, output.key_file, output.ca, patience=patience)
    except ClientError as error:
        for file in files if output.json else ():
            print_json({"file": str(file), "error": as_object(error)})
        return report(error)
    run = _Run(send, output)
    try:
        asyncio.run(run.all(client, files))
    except KeyboardInterrupt:
        run.advise("Interrupted.")
        return Exit.INTERRUPTED
    return Exit.of_all(run.exits)


@dataclass(slots=True)
class _Run:
    """One run of the command; knows after an interruption where it was.

    Attributes:
        exits: How each file ended.
        file: The file under way.
        latest: How far it is.
        stored: What it has become, once it is sent.
    """

    send: Sender
    output: Output
    exits: list[Exit] = field(default_factory=list)
    file: Path = Path()
    latest: TransferProgress = field(default_factory=TransferProgress)
    stored: Document | None = None

    async def all(self, client: Client, files: Sequence[Path]) -> None:
        """Send all files; stop early if the others would meet the same error."""
        async with client:
            for number, self.file in enumerate(files):
                self.latest, self.stored = TransferProgress(), None
                try:
                    with display(_shown(self.file), err, quiet=self.output.quiet) as bars:
                        document = await self._one(client, bars)
                except ClientError as error:
                    several = len(files) > 1 and not hopeless(error)
                    about = _shown(self.file) if several else ""
                    self.exits.append(await self._failed(client, error, about))
                    if hopeless(error):
                        self._print_unsent(files[number + 1 :], error)
                        return
                else:
                    self.exits.append(Exit.OK)
                    self._report(document)

    async def _failed(self, client: Client, error: ClientError, about: str) -> Exit:
        """Report what went wrong with the current file, its state, and what to do next."""
        code = report(error, about)
        if self.output.json:
            print_json(
                {
                    "file": str(self.file),
                    "session_id": self.latest.session_id,
                    "document": self.stored,
                    "error": as_object(error),
                }
            )
        if self.stored is not None and (caveats := _caveats(self.stored)):
            err.print(f"  It is {escape(caveats)}", soft_wrap=True)
        if error.retryable and self.latest.session_id:
            self.advise("The upload is not lost.")
        if isinstance(error, ContentRejected):
            await self._report_quarantine(client)
        return code

    def _print_unsent(self, files: Sequence[Path], error: ClientError) -> None:
        """Print a result for each file that was not tried."""
        for file in files if self.output.json else ():
            print_json({"file": str(file), "error": as_object(error)})

    async def _one(self, client: Client, bars: UploadDisplay) -> Document:
        def listener(now: TransferProgress) -> None:
            self.latest = now
            bars.transfer(now)

        try:
            self.stored = document = await self.send(client, self.file, listener)
        except SessionGone as error:
            error.hint = error.hint or "Upload the file again."
            raise
        if not self.output.wait:
            return document
        try:
            return await settled(client, document, bars)
        except PermissionDenied as error:  # the document is stored, which the key may do
            if not self.output.quiet:
                err.print(f"  The import cannot be followed: {escape(error.message)}.")
            return document

    def _report(self, document: Document) -> None:
        if self.output.json:
            print_json(document)
            return
        pages = f", {counted(document.page_count, 'page')}" if document.page_count else ""
        verb = "is already there as" if document.duplicate else "is"
        version = f", version {document.version}" if document.version > 1 else ""
        searchable = {"done": ", searchable", "skipped": ", without text"}.get(
            document.index_status, ""
        )
        caveats = _caveats(document)
        mark = "[yellow]![/]" if caveats else "[green]✓[/]"
        out.print(
            f"{mark} {escape(_shown(self.file))} {verb} document [bold]{document.id}[/]:"
            f" {escape(document.title)} ({decimal(document.file_size)}{pages}{version}{searchable})"
            f"{'; ' if caveats else ''}{escape(caveats)}",
            soft_wrap=True,
        )
        if document.decision != "note" and not self.output.quiet:
            err.print("  It was accepted; review these findings:")
            print_findings(document.findings)

    def advise(self, why: str) -> None:
        """Report how to resume the interrupted upload."""
        now, name = self.latest, escape(_shown(self.file))
        if self.stored is not None:
            err.print(
                f"{why} {name} is document {self.stored.id}, and its import continues. See:\n"
                f"  {command('documents', 'show', str(self.stored.id))}",
                soft_wrap=True,
            )
            return
        if not now.session_id:
            err.print(f"{why} Nothing of {name} was sent.")
            return
        if not self.output.resumable:
            err.print(f"{why} Upload {name} again: its encrypted copy existed for this run only.")
            return
        share = now.acknowledged_bytes / now.total_bytes if now.total_bytes else 0.0
        err.print(
            f"{why} {share:.0%} of {name} is stored on the server. Resume with:\n"
            f"  {escape(self.output.resume_command(now.session_id, self.file))}",
            soft_wrap=True,
        )

    async def _report_quarantine(self, client: Client) -> None:
        """Report where a refused file is, if the server kept it."""
        with suppress(ClientError):
            session = await client.session(self.latest.session_id)
            if session.quarantined:
                err.print(
                    f"  It is kept in quarantine as {session.session_id}. An administrator can"
                    " release it with:\n"
                    f"  {command('release', session.session_id)}",
                    soft_wrap=True,
                )


def _shown(file: Path) -> str:
    """Return the name of a file as text for a terminal, whatever bytes it has."""
    return legible(typed(file.name))


def _caveats(document: Document) -> str:
    """Return why a document is not called clean; empty if it is."""
    caveats = []
    if document.decision != "note":
        caveats.append(f"flagged: {kinds_of(document.findings)}")
    if document.unscanned:
        caveats.append(f"{counted(len(document.unscanned), 'part')} not checked")
    see = f"see {command('documents', 'show', str(document.id))}"
    return "; ".join([*caveats, see]) if caveats else ""


async def settled(client: Client, document: Document, bars: UploadDisplay) -> Document:
    """Show import and index until they end, and return what became of the document."""
    status = await client.settled(document.id, on_status=bars.importing, on_waiting=bars.waiting)
    if "failed" in {status.import_status, status.index_status}:
        failed = [job for job in status.latest if job.state == "failed"]
        reasons = [f"{job.name}: {job.message}" for job in failed]
        again = f"Try again with: {command('documents', 'index', str(document.id))}"
        raise ClientError(
            f"document {document.id} is stored, and its import failed: {'; '.join(reasons)}",
            code="import-failed",
            hint=again if status.index_status == "failed" else "",
        )
    latest = await client.document(document.id)
    return replace(latest, duplicate=document.duplicate)
