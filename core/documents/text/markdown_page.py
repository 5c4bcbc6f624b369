"""Decides what is returned as the Markdown of a page.

A Markdown parser reads a file on its own, so it may return text that a person cannot see. Its
page is used only if the stored text accounts for the letters on it, because hidden text is not
stored. Otherwise the stored text is the Markdown of the page.
"""

import re
import unicodedata
from dataclasses import dataclass

from pdfsluice.core.models.documents import PageText, TextSource

from .notes import NoteKind, split_notes
from .visual_order import RIGHT_TO_LEFT

_MAX_UNACCOUNTED_BYTES = 20  # of UTF-8: three short words in Latin letters, six in Chinese ones
_RUN = 5  # letters
_MIN_COMPLETE_SHARE = 0.8

_LINK = re.compile(r"!?\[([^\[\]\n]{0,1000})\]\([^()\n]{0,2000}\)")
_TAG = re.compile(r"</?(?:b|br|del|i|s|sub|sup|u)\s?/?>")
_CELL = re.compile(r"[|\n]")
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_NOT_CHARACTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class MarkdownPage:
    """A page of a document as Markdown.

    Attributes:
        number: 1-based page number.
        markdown: The page.
        structured: Whether tables and headings are marked; otherwise ``markdown`` is the
            stored text.
        note: Why they are not, in a sentence; empty if there is nothing to explain.
        source: Where the text comes from.
    """

    number: int
    markdown: str
    structured: bool
    note: str = ""
    source: TextSource = TextSource.TEXT


def markdown_page(
    stored: PageText, markdown: str, *, is_hiding: bool, failure: str
) -> MarkdownPage:
    """Return a page as Markdown.

    Args:
        stored: Its stored text.
        markdown: What the parser read; empty if it read nothing.
        is_hiding: Whether the page is known to have text that a person cannot see.
        failure: Why the parser did not read the page; empty if it did.
    """
    flat = _without_links(markdown).strip()
    body, notes = split_notes(stored.text)
    note = _obstacle(stored, body, flat, is_hiding=is_hiding) if flat else failure
    if flat and not note:
        text = "\n\n".join([flat, *notes])
        return MarkdownPage(stored.number, text, structured=True, source=stored.source)
    if stored.source is TextSource.OCR:
        note = "The text was read by OCR."
    return MarkdownPage(
        stored.number, stored.text, structured=False, note=note, source=stored.source
    )


def _obstacle(stored: PageText, body: str, flat: str, *, is_hiding: bool) -> str:
    """Return why the Markdown of a page is not used; empty if it is."""
    if is_hiding:
        return "The page has text that a person cannot see, so its structure is left out."
    visible = "\n".join(
        line for line in stored.text.split("\n") if not line.startswith(NoteKind.HIDDEN)
    )
    unaccounted = _unaccounted(flat, visible)
    if RIGHT_TO_LEFT.search(unaccounted):
        return "The parser reads right-to-left words in another order than they are read."
    if len(unaccounted.encode()) > _MAX_UNACCOUNTED_BYTES:
        return "The parser reads words on the page that its stored text lacks."
    if len(_characters(flat)) < _MIN_COMPLETE_SHARE * len(_characters(body)):
        return "The parser reads only a part of the page."
    return ""


def _without_links(markdown: str) -> str:
    """Return Markdown without the targets of links, which a reader does not see."""
    return _LINK.sub(r"\1", markdown)


def _unaccounted(markdown: str, visible: str) -> str:
    """Return the letters that the visible text does not account for.

    They are in no run of its letters. Runs are compared without spaces, because parsers divide
    lines and words differently, and within cells, because tables are read in different orders.
    """
    letters = _letters(visible)
    runs = {letters[start : start + _RUN] for start in range(len(letters) - _RUN + 1)}
    cells = _CELL.split(_TAG.sub(" ", markdown))
    return "".join(_outside(_letters(cell), letters, runs) for cell in cells)


def _outside(cell: str, letters: str, runs: set[str]) -> str:
    """Return the letters of a cell that are in none of the runs."""
    if len(cell) < _RUN:
        return "" if cell in letters else cell
    covered = bytearray(len(cell))
    for start in range(len(cell) - _RUN + 1):
        if cell[start : start + _RUN] in runs:
            covered[start : start + _RUN] = b"\1" * _RUN
    return "".join(
        letter for letter, is_covered in zip(cell, covered, strict=True) if not is_covered
    )


def _letters(text: str) -> str:
    return _NOT_LETTERS.sub("", _folded(text))


def _characters(text: str) -> str:
    return _NOT_CHARACTERS.sub("", _folded(text))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
