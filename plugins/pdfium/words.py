"""The places of words on a page, through PDFium."""

import ctypes
import math
import re
from array import array
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

from pdfsluice.core import PageLayout, WordBoxes
from pdfsluice.core.documents.placing import aligned

_WORD = re.compile("[^\\s\x02\ufffe]+")  # the last two mark a hyphen at the end of a line
_MAX_WORDS = 20_000  # no honest page has so many
_MAX_LABEL_BYTES = 1000
_TERMINATOR = 2  # bytes of the zero that ends a string
_QUARTER = 90  # degrees

_Getter = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
loose_box_of = _Getter(ctypes.cast(pdfium.FPDFText_GetLooseCharBox, ctypes.c_void_p).value or 0)
"""The same function for plain addresses: converting them would take half of the time.

It fills left, top, right and bottom of an ``FS_RECTF``, four floats.
"""

_SIDES = 4
_BYTES_OF_BOX = 4 * _SIDES


class Sides(NamedTuple):
    """The sides of many rectangles, a column for each."""

    left: Sequence[float]
    bottom: Sequence[float]
    right: Sequence[float]
    top: Sequence[float]


def layout_of(
    page: pypdfium2.PdfPage,
    content: pypdfium2.PdfTextPage,
    text: str,
    stored: str,
    *,
    label: str = "",
) -> PageLayout:
    """Return the size of a page and the places of the words that are stored of it.

    Args:
        page: The page.
        content: Its characters.
        text: All of them, as PDFium returns them.
        stored: The text that is stored of the page.
        label: See :func:`label_of`.
    """
    width, height = page.get_size()
    if not all(0 < side < math.inf for side in (width, height)):
        return PageLayout(0.0, 0.0)
    if not stored:
        return PageLayout(width, height, label)
    words, sides = _read(content, text)
    alignment = aligned(stored, words)
    boxes = _shares(page, sides)
    if alignment.numbers is not None:
        boxes = boxes.chosen(alignment.numbers)
    return PageLayout(width, height, label, alignment.spans, boxes)


def label_of(document: pypdfium2.PdfDocument, index: int) -> str:
    """Return the number that a document gives to a page (ISO 32000-1, 12.4.2).

    Args:
        document: The document.
        index: Number of the page, from 0.
    """
    size = pdfium.FPDF_GetPageLabel(document, index, None, 0)
    if not _TERMINATOR < size <= _MAX_LABEL_BYTES:
        return ""
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDF_GetPageLabel(document, index, buffer, size)
    return buffer.raw[: size - _TERMINATOR].decode("utf-16-le", "replace").strip()


def _read(content: pypdfium2.PdfTextPage, text: str) -> tuple[list[str], Sides]:
    """Return the words of a page with their rectangles in the page's own space.

    PDFium writes the rectangles of the first and the last character of each word into memory
    of which whole columns are read.
    """
    index_of = character_numbers(content, text)
    matches = list(islice(_WORD.finditer(text), _MAX_WORDS))
    values = array("f", bytes(2 * _BYTES_OF_BOX * len(matches)))
    address = values.buffer_info()[0]
    characters = ctypes.cast(content.raw, ctypes.c_void_p).value
    words: list[str] = []
    for match in matches:
        first, last = match.start(), match.end() - 1
        if index_of is not None:
            first, last = index_of(first), index_of(last)
        if not loose_box_of(characters, first, address):
            continue
        if not loose_box_of(characters, last, address + _BYTES_OF_BOX):
            loose_box_of(characters, first, address + _BYTES_OF_BOX)
        address += 2 * _BYTES_OF_BOX
        words.append(match[0])
    del values[2 * _SIDES * len(words) :]
    left, top, right, bottom = (
        list(map(outermost, values[side :: 2 * _SIDES], values[side + _SIDES :: 2 * _SIDES]))
        for side, outermost in enumerate((min, max, max, min))
    )
    return words, Sides(left, bottom, right, top)


def _shares(page: pypdfium2.PdfPage, sides: Sides) -> WordBoxes:
    """Return rectangles of a page's own space as shares of its picture's sides."""
    left, bottom, right, top = page.get_bbox()
    quarters = page.get_rotation() // _QUARTER % 4
    across = _along(sides.left, left, right), _along(sides.right, left, right)
    up = _along(sides.bottom, bottom, top), _along(sides.top, bottom, top)
    if quarters == 0:
        return WordBoxes(across[0], _turned(up[1]), across[1], _turned(up[0]))
    if quarters == 1:
        return WordBoxes(up[0], across[0], up[1], across[1])
    if quarters == 2:  # noqa: PLR2004 - upside down
        return WordBoxes(_turned(across[1]), up[0], _turned(across[0]), up[1])
    return WordBoxes(_turned(up[1]), _turned(across[1]), _turned(up[0]), _turned(across[0]))


def _along(values: Sequence[float], start: float, end: float) -> list[int]:
    """Return how far values are on the way from start to end."""
    if not values or end <= start:
        return [0] * len(values)
    factor = WordBoxes.STEPS / (end - start)
    if start <= min(values) and max(values) <= end:
        return [int((value - start) * factor) for value in values]
    return [min(WordBoxes.STEPS, max(0, int((value - start) * factor))) for value in values]


def _turned(shares: Sequence[int]) -> list[int]:
    return [WordBoxes.STEPS - share for share in shares]


def character_numbers(content: pypdfium2.PdfTextPage, text: str) -> Callable[[int], int] | None:
    """Return the function from offsets in the text to numbers of characters.

    ``None`` if both are the same.
    """
    units = [0]
    if text and max(text) > "\uffff":
        for character in text:
            units.append(units[-1] + (2 if character > "\uffff" else 1))
    size = units[-1] or len(text)
    is_wide, is_same = len(units) > 1, size == content.count_chars()

    if is_same and not is_wide:
        return None

    def index_of(offset: int) -> int:
        unit = units[offset] if is_wide else offset
        if is_same:
            return unit
        return max(0, int(pdfium.FPDFText_GetCharIndexFromTextIndex(content, unit)))

    return index_of
