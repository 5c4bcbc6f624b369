"""The child process that reads text with PDFium."""

from collections.abc import Iterator
from pathlib import Path

import pypdfium2

from pdfsluice.core.documents.reading import MAX_PAGE_CHARACTERS, MemoryWatch, serve_pages
from pdfsluice.core.models import PageText

from .wording import in_plain_words

_GROWTH = 16 * 1024 * 1024


def read(path: Path, first: int) -> Iterator[PageText]:
    """Yield the pages of a file; it is opened anew whenever PDFium has kept too much of it."""
    with in_plain_words():
        yield from _pages(path, first)


def _pages(path: Path, first: int) -> Iterator[PageText]:
    document = pypdfium2.PdfDocument(path)
    watch = MemoryWatch(_GROWTH)
    try:
        for number in range(first, len(document) + 1):
            if watch.due():
                document.close()
                document = pypdfium2.PdfDocument(path)
                watch.restart()
            yield PageText(number, _page_text(document, number - 1))
    finally:
        document.close()


def _page_text(document: pypdfium2.PdfDocument, index: int) -> str:
    page = document[index]
    try:
        text = page.get_textpage()
        try:
            count = min(text.count_chars(), MAX_PAGE_CHARACTERS)
            return str(text.get_text_range(0, count)) if count else ""
        finally:
            text.close()
    finally:
        page.close()


if __name__ == "__main__":
    serve_pages(read)
