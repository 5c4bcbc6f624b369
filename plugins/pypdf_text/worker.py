"""The child process that reads text with pypdf."""

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pypdf import PdfReader
from pypdf.errors import FileNotDecryptedError, PyPdfError

from pdfsluice.core import PageText
from pdfsluice.core.documents.text.page import page_text
from pdfsluice.core.documents.text.serving import CannotRead, MemoryWatch, serve_pages
from pdfsluice.core.documents.unreadable import LOCKED

from .fonts import is_unmapped
from .notes import notes_about, notes_of

_GROWTH = 32 * 1024 * 1024


def read(path: Path, numbers: Iterator[int]) -> Iterator[PageText]:
    """Yield pages of a file.

    The file is opened once, however many pages it has: opening it takes as long as its page
    tree is large. When pypdf has kept too many objects, they are dropped and read again when
    they are needed.
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # damage is reported by what is raised
    # Given a path, pypdf would read the whole file into memory.
    with _in_plain_words(), path.open("rb") as file:
        reader = PdfReader(file)
        count = len(reader.pages)  # reads the whole page tree
        watch = MemoryWatch(_GROWTH)
        for number in numbers:
            if number > count:
                return
            page = reader.pages[number - 1]
            text = page.extract_text()
            result = page_text(number, text, notes_of(page), unmapped=is_unmapped(page))
            yield replace(result, notes=notes_about(reader, result.text)) if number == 1 else result
            if watch.due():
                reader.resolved_objects.clear()
                gc.collect()  # the objects of a document refer to each other
                watch.restart()


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
