"""The extractor ``pdf-inspector``: the parent's side."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from pdfsluice.core import PageText, StageFailed
from pdfsluice.core.documents.text.reading import PageReader

from .options import MarkdownOptions


class MarkdownText:
    """A reader of pages as Markdown with pdf-inspector, in limited child processes."""

    def __init__(self, options: MarkdownOptions) -> None:
        self._options = options
        worker = "pdfsluice.plugins.markdown.worker"
        self._reader = PageReader(worker, options.limits(), children=1)

    async def pages(self, path: Path, *, first: int = 1) -> AsyncGenerator[PageText, None]:
        """Yield pages from number ``first`` on; the child reads the whole file before.

        Raises:
            StageFailed: The file is too large, or pdf-inspector cannot read it.
        """
        size = (await asyncio.to_thread(path.stat)).st_size
        if size > self._options.max_file_size:
            raise StageFailed(
                f"Files of more than {self._options.max_file_mb} MiB are not read as Markdown.",
                hint="Raise plugins.markdown.max_file_mb, and memory_mb with it.",
            )
        async with aclosing(self._reader.pages(path, first=first)) as pages:
            async for page in pages:
                yield page

    async def close(self) -> None:
        """End the child processes."""
        await self._reader.close()
