"""Displays upload progress: a live bar on a terminal, a few lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

from pdfsluice.client.errors import ClientError
from pdfsluice.client.models import ImportStatus
from pdfsluice.client.progress import TransferProgress, why_waiting, without_pause

_NEVER_DONE = 0.999  # the spinner stops at 1, and what follows the bytes takes time too


class UploadDisplay:
    """The progress bar of one file.

    Args:
        name: Of the file.
        console: Where to show it.
        progress: The live display; ``None`` writes a line for each stage.
        quiet: Shows nothing.
    """

    def __init__(
        self, name: str, console: Console, progress: Progress | None, *, quiet: bool
    ) -> None:
        self._name = name
        self._console = console
        self._progress = progress
        self._quiet = quiet
        self._printed: set[tuple[str, str]] = set()
        self._task = progress.add_task(escape(name), stage="", detail="") if progress else None
        self._share = 0.0

    def transfer(self, now: TransferProgress) -> None:
        """Show the progress of sending the file; the callback ``on_progress``."""
        position = now.sent_bytes
        if now.stage == "validating":
            position = now.validated_bytes or now.total_bytes
        self._show(now.stage, position / now.total_bytes if now.total_bytes else 0.0, _detail(now))

    def importing(self, status: ImportStatus) -> None:
        """Show the import and the index."""
        for job in status.jobs:
            if job.state in {"queued", "running"}:
                stage = "indexing" if job.kind == "index" else "importing"
                stage = "queued" if job.state == "queued" else stage
                self._show(stage, job.progress, job.message)
                return

    def waiting(self, error: ClientError, pause: float) -> None:
        """Show that the server cannot be reached while it works on the document."""
        self._show("waiting", self._share, why_waiting(error, pause))

    def _show(self, stage: str, share: float, detail: str) -> None:
        self._share = min(share, _NEVER_DONE)
        if self._progress is not None and self._task is not None:
            self._progress.update(
                self._task, total=1.0, completed=self._share, stage=stage, detail=escape(detail)
            )
        elif not self._quiet:
            self._line(stage, detail if stage == "waiting" else "")

    def _line(self, stage: str, reason: str) -> None:
        """Write a line when a stage begins, and for each new reason to wait.

        An upload may try again for minutes, after another pause each time.
        """
        key = (stage, without_pause(reason))
        if key not in self._printed:
            self._printed.add(key)
            parts = filter(None, (self._name, stage, reason))
            self._console.print(escape(": ".join(parts)), soft_wrap=True)


@contextmanager
def display(name: str, console: Console, *, quiet: bool) -> Iterator[UploadDisplay]:
    """Show an upload for the time of the context."""
    if quiet or not console.is_terminal:
        yield UploadDisplay(name, console, None, quiet=quiet)
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("[cyan]{task.fields[stage]}"),
        TextColumn("[dim]{task.fields[detail]}"),
        console=console,
        transient=True,
    ) as progress:
        yield UploadDisplay(name, console, progress, quiet=quiet)


def _detail(now: TransferProgress) -> str:
    if now.stage not in {"uploading", "waiting"}:
        return now.message
    if now.message:
        return now.message
    parts = [f"{decimal(now.sent_bytes)} of {decimal(now.total_bytes)}"]
    if now.speed_bps:
        parts.append(f"{decimal(int(now.speed_bps))}/s")
        if now.eta_seconds is not None:
            parts.append(f"{timedelta(seconds=round(now.eta_seconds))} left")
    return ", ".join(parts)
