"""The text extractor ``pypdfium2``: the parent's side."""

from collections.abc import AsyncIterator
from pathlib import Path

from pdfsluice.core.extraction import pages_from_child
from pdfsluice.core.models import PageText

from .options import PdfiumOptions


class PdfiumText:
    """Reads the text of pages with PDFium, in a child process of its own for each document."""

    def __init__(self, options: PdfiumOptions) -> None:
        self._options = options

    def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        """Yield pages from number ``first`` on, in bounded memory.

        Raises:
            StageFailed: PDFium cannot read the file (any further).
        """
        return pages_from_child(
            "pdfsluice.plugins.pdfium.text_worker",
            self._options.limits(),
            path,
            first=first,
            seconds=self._options.document_seconds,
        )
