"""The child process that reads Markdown with pdf-inspector."""

from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pdf_inspector

from pdfsluice.core import PageText
from pdfsluice.core.documents.text.page import page_text
from pdfsluice.core.documents.text.serving import CannotRead, serve_pages
from pdfsluice.core.documents.unreadable import LOCKED

_LOCKED = "PDF is encrypted"


def read(path: Path, numbers: Iterator[int]) -> Iterator[PageText]:
    """Yield pages of a file, which is read as a whole before the first."""
    try:
        pages = pdf_inspector.extract_pages_markdown(str(path)).pages
    except ValueError as error:
        reason = LOCKED if str(error) == _LOCKED else f"the file is damaged, or no PDF ({error})"
        raise CannotRead(reason) from error
    for number in takewhile(len(pages).__ge__, numbers):
        yield page_text(number, pages[number - 1].markdown)


if __name__ == "__main__":
    serve_pages(read)
