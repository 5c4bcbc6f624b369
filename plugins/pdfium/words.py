"""The places of words on a page, through PDFium."""

import ctypes
import math
import re
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from struct import Struct

import pypdfium2
import pypdfium2.raw as pdfium

from pdfsluice.core import PageLayout, WordBoxes
from pdfsluice.core.documents.text.placing import aligned

from .calls import unchecked

_WITHOUT_MARKS = re.compile("[^\\s\x02\ufffe]+")
_HYPHEN_MARKS = "\x02\ufffe"
"""They mark a hyphen at the end of a line."""
_MAX_WORDS = 20_000  # no honest page has so many
_MAX_LABEL_BYTES = 1000
_TERMINATOR = 2  # bytes of the zero that ends a string
_QUARTER = 90  # degrees
_MAX_NARROW = "\uffff"  # characters above it have two units in UTF-16

loose_box_of = unchecked(pdfium.FPDFText_GetLooseCharBox)
"""It fills left, top, right and bottom of an ``FS_RECTF``, four floats."""

_CORNERS = Struct("8f")  # of the first and the last character of a word


@dataclass(frozen=True, slots=True)
class _Frame:
    """The part of a page's own space that is displayed, and how it is turned.

    Attributes:
        left: Its left side; ``bottom``, ``right`` and ``top`` are the others.
        quarters: How many quarters of a circle it is turned to the right for display.
    """

    left: float
    bottom: float
    right: float
    top: float
    quarters: int

    @classmethod
    def of(cls, page: pypdfium2.PdfPage) -> "_Frame":
        """Return the frame of a page."""
        left, bottom, right, top = page.get_bbox()
        return cls(left, bottom, right, top, page.get_rotation() // _QUARTER % 4)

    @property
    def across(self) -> float:
        """Steps of ``WordBoxes`` in a unit of the page, from left to right."""
        return WordBoxes.STEPS / (self.right - self.left) if self.right > self.left else 0.0

    @property
    def up(self) -> float:
        """Steps of ``WordBoxes`` in a unit of the page, upwards."""
        return WordBoxes.STEPS / (self.top - self.bottom) if self.top > self.bottom else 0.0

    def displayed(self, corners: "array[float]") -> WordBoxes:
        """Return the rectangles around pairs of characters as the reader sees them."""
        left, bottom, right, top = map(_clamped, self._steps(corners))
        if self.quarters == 0:
            return WordBoxes(left, _turned(top), right, _turned(bottom))
        if self.quarters == 1:
            return WordBoxes(bottom, left, top, right)
        if self.quarters == 2:  # noqa: PLR2004 - upside down
            return WordBoxes(_turned(right), bottom, _turned(left), top)
        return WordBoxes(_turned(top), _turned(right), _turned(bottom), _turned(left))

    def _steps(self, corners: "array[float]") -> tuple[list[int], ...]:
        """Return the sides of rectangles in steps from the left or the lower edge."""
        lefts: list[int] = []
        bottoms: list[int] = []
        rights: list[int] = []
        tops: list[int] = []
        x, y, across, up = self.left, self.bottom, self.across, self.up
        for left, top, right, bottom, left2, top2, right2, bottom2 in _CORNERS.iter_unpack(corners):
            # calls of min() and max() would take most of the time
            lefts.append(int(((left2 if left2 < left else left) - x) * across))  # noqa: FURB136
            bottoms.append(int(((bottom2 if bottom2 < bottom else bottom) - y) * up))  # noqa: FURB136
            rights.append(int(((right2 if right2 > right else right) - x) * across))  # noqa: FURB136
            tops.append(int(((top2 if top2 > top else top) - y) * up))  # noqa: FURB136
        return lefts, bottoms, rights, tops


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
    frame = _Frame.of(page)
    words, corners = _read(content, text)
    alignment = aligned(stored, words)
    boxes = frame.displayed(corners)
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


def _read(content: pypdfium2.PdfTextPage, text: str) -> tuple[list[str], "array[float]"]:
    """Return the words of a page, and the boxes of their first and last characters.

    Of each box there are left, top, right and bottom in the page's own space.
    """
    has_marks = any(mark in text for mark in _HYPHEN_MARKS)
    words = _WITHOUT_MARKS.findall(text) if has_marks else text.split()
    index_of = character_numbers(content, text)
    characters, find = content.raw, text.index
    corners = array("f", bytes(_CORNERS.size))
    memory = (ctypes.c_float * len(corners)).from_buffer(corners)
    at_first, at_last = ctypes.byref(memory), ctypes.byref(memory, _CORNERS.size // 2)
    placed: list[str] = []
    values = array("f")
    end = 0
    for word in words[:_MAX_WORDS]:
        start = find(word, end)
        end = start + len(word)
        first, last = start, end - 1
        if index_of is not None:
            first, last = index_of(first), index_of(last)
        if not loose_box_of(characters, first, at_first):
            continue
        if not loose_box_of(characters, last, at_last):
            loose_box_of(characters, first, at_last)
        values.extend(corners)
        placed.append(word)
    return placed, values


def _clamped(steps: list[int]) -> list[int]:
    if not steps or (min(steps) >= 0 and max(steps) <= WordBoxes.STEPS):
        return steps
    return [min(WordBoxes.STEPS, max(0, step)) for step in steps]


def _turned(steps: Sequence[int]) -> list[int]:
    return [WordBoxes.STEPS - step for step in steps]


def character_numbers(content: pypdfium2.PdfTextPage, text: str) -> Callable[[int], int] | None:
    """Return the function from offsets in the text to numbers of characters.

    ``None`` if both are the same.
    """
    is_wide = not text.isascii() and max(text) > _MAX_NARROW
    units = _units(text) if is_wide else range(len(text) + 1)
    is_same = units[-1] == content.count_chars()
    if is_same and not is_wide:
        return None

    def index_of(offset: int) -> int:
        unit = units[offset]
        if is_same:
            return unit
        return max(0, int(pdfium.FPDFText_GetCharIndexFromTextIndex(content, unit)))

    return index_of


def _units(text: str) -> Sequence[int]:
    """Return the offset of each character, and of the end, in units of UTF-16."""
    sizes = (2 if character > _MAX_NARROW else 1 for character in text)
    return list(accumulate(sizes, initial=0))
