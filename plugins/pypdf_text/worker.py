"""The child process that reads text with pypdf."""

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pypdf import PdfReader
from pypdf.errors import FileNotDecryptedError, PyPdfError

from pdfsluice.core.documents.reading import CannotRead, MemoryWatch, serve_pages
from pdfsluice.core.documents.unreadable import LOCKED
from pdfsluice.core.models import PageText

_GROWTH = 32 * 1024 * 1024


def read(path: Path, first: int) -> Iterator[PageText]:
    """Yield the pages of a file; it is opened anew whenever pypdf has kept too much of it."""
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # damage is told by what is raised
    # Given a path, pypdf would read the whole file at once.
    with _in_plain_words(), path.open("rb") as file:
        reader = PdfReader(file)
        watch = MemoryWatch(_GROWTH)
        for number in range(first, len(reader.pages) + 1):
            if watch.due():
                del reader
                gc.collect()  # the objects of a document refer to each other
                reader = PdfReader(file)
                watch.restart()
            yield PageText(number, reader.pages[number - 1].extract_text())


@contextmanager
def _in_plain_words() -> Iterator[None]:
    try:
        yield
    except FileNotDecryptedError as error:
        raise CannotRead(LOCKED) from error
    except PyPdfError as error:
        raise CannotRead(f"the file is damaged ({error})") from error


if __name__ == "__main__":
    serve_pages(read)
