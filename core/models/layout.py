"""The places of the words of a page: how they are stored, and questions to them.

Coordinates are those of the page as it is displayed, rotated and cropped: points from its upper
left corner, ``x`` to the right and ``y`` downwards.
"""

import re
import struct
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar

_HEAD = struct.Struct("<BffHI")  # version, width, height, bytes of the label, number of words
_VERSION = 1
_BYTES_OF_SPAN = 8
_MAX_LABEL = 100
_LEVEL = 1  # of compression: the size hardly depends on it
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_MIN_OVERLAP = 0.5  # of the lower of two boxes on one line
_MAX_GAP = 1.5  # heights of a line: words further apart are in two columns


class DamagedLayout(ValueError):
    """The stored form of a layout cannot be read."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, in points from the upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    def united(self, other: "Box") -> "Box":
        """Return the smallest rectangle that contains both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def continues(self, other: "Box") -> bool:
        """Return whether this box stands on the same line as the one before, next to it."""
        height = min(self.bottom - self.top, other.bottom - other.top)
        shared = min(self.bottom, other.bottom) - max(self.top, other.top)
        gap = max(self.left - other.right, other.left - self.right)
        return height > 0 and shared >= _MIN_OVERLAP * height and gap <= _MAX_GAP * height


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word of the stored text of a page, with its rectangle.

    Attributes:
        start: Offset of its first character in the text.
        end: Offset after its last character.
    """

    start: int
    end: int
    box: Box


@dataclass(frozen=True, slots=True)
class WordBoxes:
    """Rectangles of many words, as shares of the page's sides: 0 to ``STEPS``."""

    STEPS: ClassVar[int] = 65535

    lefts: Sequence[int] = ()
    tops: Sequence[int] = ()
    rights: Sequence[int] = ()
    bottoms: Sequence[int] = ()

    @classmethod
    def of(cls, boxes: Iterable[Box], width: float, height: float) -> "WordBoxes":
        """Return boxes as shares of a page."""
        rectangles = list(boxes)
        return cls(
            [_share(box.left, width) for box in rectangles],
            [_share(box.top, height) for box in rectangles],
            [_share(box.right, width) for box in rectangles],
            [_share(box.bottom, height) for box in rectangles],
        )

    def chosen(self, numbers: Sequence[int]) -> "WordBoxes":
        """Return the rectangles with these numbers, in their order."""
        return WordBoxes(*([column[n] for n in numbers] for column in self._columns()))

    def _columns(self) -> tuple[Sequence[int], ...]:
        return self.lefts, self.tops, self.rights, self.bottoms

    def encode(self) -> bytes:
        """Return two bytes for each side of each rectangle."""
        return b"".join(array("H", column).tobytes() for column in self._columns())

    @classmethod
    def decode(cls, data: bytes) -> "WordBoxes":
        """Return what :meth:`encode` was given."""
        columns = array("H", data)
        count = len(columns) // 4
        return cls(*(columns[n * count : (n + 1) * count] for n in range(4)))


NO_BOXES = WordBoxes()


@dataclass(frozen=True, slots=True)
class PageLayout:
    """The size of a page and the places of its words.

    Attributes:
        width: Width in points, as displayed.
        height: Height in points, as displayed.
        label: The page number that the document itself gives (ISO 32000-1, 12.4.2); empty if
            it gives none.
        spans: Offsets of words in the text of the page, ``(start, end)``, ascending.
        boxes: Their rectangles.
    """

    width: float
    height: float
    label: str = ""
    spans: Sequence[tuple[int, int]] = ()
    boxes: WordBoxes = NO_BOXES

    def encode(self) -> bytes:
        """Return the stored form."""
        label = self.label[:_MAX_LABEL].encode("utf-8", "replace")
        head = _HEAD.pack(_VERSION, self.width, self.height, len(label), len(self.spans))
        offsets = array("I", chain.from_iterable(self.spans)).tobytes()
        return zlib.compress(head + label + offsets + self.boxes.encode(), _LEVEL)

    @classmethod
    def decode(cls, data: bytes) -> "PageLayout":
        """Return the layout of a stored form.

        Raises:
            DamagedLayout: It is damaged, or of a later version.
        """
        try:
            raw = zlib.decompress(data)
            version, width, height, label_size, count = _HEAD.unpack_from(raw)
            if version != _VERSION:
                raise DamagedLayout(f"version {version} is not known")
            start = _HEAD.size + label_size
            label = raw[_HEAD.size : start].decode()
            offsets = array("I", raw[start : start + _BYTES_OF_SPAN * count])
            boxes = WordBoxes.decode(raw[start + _BYTES_OF_SPAN * count :])
            if not len(offsets) == 2 * count == 2 * len(boxes.bottoms):
                raise DamagedLayout("it is too short")
        except (zlib.error, struct.error, ValueError) as error:
            raise DamagedLayout(str(error)) from error
        return cls(width, height, label, list(_pairs(offsets)), boxes)

    def words(self) -> Iterator[PlacedWord]:
        """Yield all words with their rectangles."""
        for number, (start, end) in enumerate(self.spans):
            yield PlacedWord(start, end, self._box(number))

    def rectangles(self, start: int, end: int, text: str) -> tuple[Box, ...]:
        """Return the rectangles of a range of the text, one for each line and column.

        Args:
            start: Offset of the first character.
            end: Offset after the last character.
            text: The text of the page. A part of a word from left to right has the
                corresponding part of its rectangle.
        """
        merged: list[Box] = []
        first = bisect_left(self.spans, start, key=lambda span: span[1] - 1)
        for number in range(first, len(self.spans)):
            span = self.spans[number]
            if span[0] >= end:
                break
            box = _part(PlacedWord(*span, self._box(number)), start, end, text)
            if merged and box.continues(merged[-1]):
                merged[-1] = merged[-1].united(box)
            else:
                merged.append(box)
        return tuple(merged)

    def _box(self, number: int) -> Box:
        boxes, across, down = (
            self.boxes,
            self.width / WordBoxes.STEPS,
            self.height / WordBoxes.STEPS,
        )
        return Box(
            boxes.lefts[number] * across,
            boxes.tops[number] * down,
            boxes.rights[number] * across,
            boxes.bottoms[number] * down,
        )


def _pairs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    return zip(numbers[::2], numbers[1::2], strict=True)


def _share(value: float, side: float) -> int:
    return min(WordBoxes.STEPS, max(0, round(value / side * WordBoxes.STEPS))) if side > 0 else 0


def _part(word: PlacedWord, start: int, end: int, text: str) -> Box:
    """Return the rectangle of the part of a word that is in a range."""
    box, length = word.box, word.end - word.start
    is_whole = start <= word.start and word.end <= end
    is_upright = box.bottom - box.top > box.right - box.left and length > 1
    if is_whole or is_upright or _RIGHT_TO_LEFT.search(text, word.start, word.end):
        return box
    width = (box.right - box.left) / length
    return Box(
        box.left + width * max(0, start - word.start),
        box.top,
        box.right - width * max(0, word.end - end),
        box.bottom,
    )
