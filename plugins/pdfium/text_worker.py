"""The child process that reads text with PDFium."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from pdfsluice.core import PageText
from pdfsluice.core.documents.text.cleaning import MAX_PAGE_CHARACTERS
from pdfsluice.core.documents.text.notes import XFA_NOTE, is_placeholder
from pdfsluice.core.documents.text.page import page_text
from pdfsluice.core.documents.text.serving import MemoryWatch, serve_pages

from .calls import unchecked
from .dividing import divided
from .glyphs import glyphs_of, needs_glyphs
from .hidden import NOTHING_HIDDEN, HiddenCharacters, hidden_characters
from .notes import notes_of
from .opening import notes_about, open_with_page
from .outline import Outline, bookmarks_of, outline_of
from .right_to_left import in_reading_order
from .spacing import closed_up
from .wording import in_plain_words
from .words import character_numbers, label_of, layout_of

_GROWTH = 16 * 1024 * 1024
_SAMPLES = 100
_MIN_SAMPLES = 4

_has_map_error = unchecked(pdfium.FPDFText_HasUnicodeMapError)


def read(path: Path, numbers: Iterator[int]) -> Iterator[PageText]:
    """Yield pages of a file, which is opened again to limit PDFium's memory."""
    with in_plain_words():
        yield from _pages(path, numbers)


def _pages(path: Path, numbers: Iterator[int]) -> Iterator[PageText]:
    first = next(numbers)
    document = open_with_page(path, first)
    watch = MemoryWatch(_GROWTH)
    outline = outline_of(document)
    try:
        for number in chain([first], numbers):
            if number > len(document):
                return
            if watch.due():
                document.close()
                document = open_with_page(path, number)
                watch.restart()
            page = _page(path, document, number, outline)
            yield _with_document_notes(path, document, page) if number == 1 else page
    finally:
        document.close()


def _with_document_notes(path: Path, document: pypdfium2.PdfDocument, page: PageText) -> PageText:
    notes = notes_about(path, document)
    is_form = document.get_formtype() == pdfium.FORMTYPE_XFA_FOREGROUND
    if is_form and is_placeholder(page.text):
        notes = (*notes, XFA_NOTE)
    return replace(page, notes=notes)


def _page(path: Path, document: pypdfium2.PdfDocument, number: int, outline: Outline) -> PageText:
    page = document[number - 1]
    try:
        content = page.get_textpage()
        try:
            drawn = _drawn(content)
            count = min(content.count_chars(), MAX_PAGE_CHARACTERS)
            hidden = hidden_characters(page, content, count) if drawn else NOTHING_HIDDEN
            parts = divided(drawn, hidden, _numbers(content, drawn, hidden))
            text, unmapped = _ordered(page, content, parts.visible, hidden), _is_unmapped(content)
            notes = [*notes_of(document, page), *bookmarks_of(outline, number - 1, text)]
            if number == 1 and pdfium.FPDFDoc_GetAttachmentCount(document) > 0:
                from .attachments import attached_texts  # noqa: PLC0415 - loads pikepdf

                notes += attached_texts(path)
            result = page_text(number, text, notes, unmapped=unmapped)
            label = label_of(document, number - 1)
            layout = layout_of(page, content, drawn, result.text, label=label)
        finally:
            content.close()
        return replace(result, layout=layout.encode(), hidden=parts.hidden)
    finally:
        page.close()


def _drawn(content: pypdfium2.PdfTextPage) -> str:
    """Return the text of a page in the order in which PDFium reads it."""
    count = min(content.count_chars(), MAX_PAGE_CHARACTERS)
    return str(content.get_text_range(0, count)) if count else ""


def _numbers(
    content: pypdfium2.PdfTextPage, text: str, hidden: HiddenCharacters
) -> Callable[[int], int] | None:
    return character_numbers(content, text) if hidden.numbers else None


def _ordered(
    page: pypdfium2.PdfPage,
    content: pypdfium2.PdfTextPage,
    text: str,
    hidden: HiddenCharacters,
) -> str:
    """Return the visible text of a page with its words and lines in reading order."""
    if needs_glyphs(text):
        count = min(content.count_chars(), MAX_PAGE_CHARACTERS)
        return "\n".join(in_reading_order(glyphs_of(page, content, count, without=hidden.numbers)))
    return text if hidden.numbers else closed_up(content, text)


def _is_unmapped(content: pypdfium2.PdfTextPage) -> bool:
    """Return whether the fonts of a page map too few of its codes to Unicode."""
    count = content.count_chars()
    step = max(1, count // _SAMPLES)
    indexes = range(0, count, step)
    unmapped = sum(_has_map_error(content.raw, index) == 1 for index in indexes)
    return len(indexes) >= _MIN_SAMPLES and unmapped * 2 > len(indexes)


if __name__ == "__main__":
    serve_pages(read)
