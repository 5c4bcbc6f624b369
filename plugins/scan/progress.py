"""A bar on the terminal for each large file; nothing without a terminal."""

from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars

from pdfsluice.core import legible
from pdfsluice.core.scanning.inspection import Inspection, Inspector

LARGE = 32 * 1024 * 1024


class Progress:
    """A line on standard error about large files, gone at the end."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    async def follow(self, inspector: Inspector, path: Path) -> Inspection:
        """Inspect a file, with a bar if it is large."""
        size = _size_of(path)
        if self._bars.disable or size < LARGE:
            return await inspector.inspect(path)
        bar = self._bars.add_task(escape(legible(path.name)), total=size)
        try:
            return await inspector.inspect(path, lambda more: self._bars.advance(bar, more))
        finally:
            self._bars.remove_task(bar)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
