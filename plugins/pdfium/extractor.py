"""The text extractor ``pypdfium2``: the parent's side."""

from collections.abc import AsyncIterator
from pathlib import Path

from pdfsluice.core import PageText
from pdfsluice.core.documents.text.reading import pages_from_child, reader_pool

from .options import PdfiumOptions


class PdfiumText:
    """A reader of the text of pages with PDFium, in limited child processes."""

    def __init__(self, options: PdfiumOptions) -> None:
        self._pool = reader_pool("pdfsluice.plugins.pdfium.text_worker", options.limits())

    def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        """Yield pages from number ``first`` on, in bounded memory.

        Raises:
            StageFailed: PDFium cannot read the file (any further).
        """
        return pages_from_child(self._pool, path, first=first)

    async def warm_up(self) -> None:
        """Start a child process if there is none."""
        await self._pool.warm_up()

    async def close(self) -> None:
        """End the child processes."""
        await self._pool.close()
