"""Closes up letter-spaced lines, from the places of their letters.

PDFium takes wide gaps between letters for spaces, at some letters more often than at others. On a
letter-spaced line all gaps are wide, and those between words are much wider than the rest.
"""

import ctypes
import re
from array import array
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median

import pypdfium2

from .words import character_numbers, loose_box_of

_PART = re.compile(r"(?<!\S)[^\W\d_]{1,3}(?!\S)")
"""A word so short that it may be part of another."""
_MAX_PART = 3
_SINGLE_LETTER = re.compile(r"(?<!\S)[^\W\d_](?!\S)")
_MAX_LINE = 200  # characters: nothing longer is letter-spaced
_HEADING = 60  # characters: the parts of a longer line are worth a look if one is a letter
_MIN_LETTERS = 4
_SAMPLE = 12  # neighbours without a space, which decide about most lines
_MIN_SAMPLE = 3
_MIN_GAP = 0.08  # of the height of a letter: less is no letter-spacing
_WORD_GAP = 1.6  # of the gap between letters: more is a space

Corners = tuple[float, float, float, float]


def closed_up(content: pypdfium2.PdfTextPage, text: str) -> str:
    """Return the text of a page with its letter-spaced lines closed up.

    Args:
        content: The characters of the page.
        text: All of them, as PDFium returns them.
    """
    reader = _Reader(content, text)
    lines: list[str] = []
    start = 0
    for line in text.split("\n"):
        if _may_have_parts(line):
            lines.append(reader.closed_up(start, line))
        else:
            lines.append(line)
        start += len(line) + 1
    return "\n".join(lines)


def _may_have_parts(line: str) -> bool:
    if not line or len(line) > _MAX_LINE:
        return False
    shortest = min(map(len, line.split()), default=_MAX_PART + 1)
    if len(line) > _HEADING:
        return shortest == 1 and _SINGLE_LETTER.search(line) is not None
    return shortest <= _MAX_PART and _PART.search(line) is not None


class _Reader:
    """A reader of the gaps between the letters of lines."""

    def __init__(self, content: pypdfium2.PdfTextPage, text: str) -> None:
        self._number_of: Callable[[int], int] | None = character_numbers(content, text)
        self._characters = content.raw
        self._values = array("f", [0.0] * 4)
        self._at = ctypes.byref((ctypes.c_float * 4).from_buffer(self._values))

    def closed_up(self, start: int, line: str) -> str:
        offsets = [offset for offset, letter in enumerate(line) if not letter.isspace()]
        if len(offsets) < _MIN_LETTERS or not self._may_be_spaced(start, offsets):
            return line
        boxes = [self._box(start + offset) for offset in offsets]
        gaps = [two[0] - one[2] for one, two in pairwise(boxes)]
        height = median(top - bottom for _, bottom, _, top in boxes)
        usual = median(gaps)
        if usual <= _MIN_GAP * height or min(gaps) < 0:
            return line
        letters = [line[offset] for offset in offsets]
        return letters[0] + "".join(
            f" {letter}" if gap > _WORD_GAP * usual else letter
            for letter, gap in zip(letters[1:], gaps, strict=True)
        )

    def _may_be_spaced(self, start: int, offsets: Sequence[int]) -> bool:
        """Return whether there are gaps between letters without a space between them."""
        gaps: list[float] = []
        height = 0.0
        for one, two in pairwise(offsets):
            if two == one + 1:
                left, right = self._box(start + one), self._box(start + two)
                gaps.append(right[0] - left[2])
                height = max(height, left[3] - left[1])
                if len(gaps) == _SAMPLE:
                    break
        return len(gaps) < _MIN_SAMPLE or median(gaps) > _MIN_GAP * height

    def _box(self, offset: int) -> Corners:
        number = offset if self._number_of is None else self._number_of(offset)
        loose_box_of(self._characters, number, self._at)
        left, top, right, bottom = self._values
        return left, bottom, right, top
