"""The characters of a page with their places, each cluster of glyphs as one.

A cluster that is drawn in several parts is counted once. White space that PDFium inferred gives
way to the spaces that the file draws.
"""

import ctypes
import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from operator import attrgetter

import pypdfium2
import pypdfium2.raw as pdfium

from .calls import unchecked
from .marked_text import Blank, Cluster, marked_text_of

_SHAPED = re.compile(
    "[\u0590-\u08ff\u0900-\u0dff\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1a20-\u1aaf\ufb1d-\ufdff"
    "\ufe70-\ufefc\U00010800-\U00010fff\U00011000-\U00011fff\U0001e800-\U0001efff]"
)
_SURROGATES = range(0xD800, 0xE000)
_MIN_GAP = 0.2  # of the height of a letter: less next to a cluster is no space
_MAX_GAP = 1.0  # of the height of a letter: more is a space, even if none is drawn
_MIN_SPACES = 0.02  # of the letters of a page: a file with fewer draws no spaces
_SAME_LINE = 0.45  # of the height of a letter, between two origins on one line
_MAX_BLANKS = 1000  # to look at: those of all lines at one place
_TINY = 0.05  # points
_DROPPED = frozenset(" \u200b\u200c\u200d\u200e\u200f\u00ad\ufeff")
"""Characters that PDFium drops."""
_BRACKETS = str.maketrans(")]}>»\u203a", "([{<«\u2039")


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character, or the cluster that is drawn for several.

    Attributes:
        text: One character, or those of a cluster in reading order.
        left: Its left side on the page.
        right: Its right side.
        origin: Position of the pen.
        base: The height of the line of writing.
        height: Its height.
        is_cluster: Whether the file itself states its text.
        is_inferred: Whether PDFium added it: a space or the end of a line.
    """

    text: str
    left: float
    right: float
    origin: float
    base: float
    height: float
    is_cluster: bool = False
    is_inferred: bool = False

    @property
    def middle(self) -> float:
        """Half-way between its sides."""
        return (self.left + self.right) / 2

    @property
    def is_mark(self) -> bool:
        """Whether it stands above or below a letter."""
        return unicodedata.combining(self.text[0]) != 0


class Blanks:
    """The objects without any width, by their place."""

    def __init__(self, blanks: Sequence[Blank]) -> None:
        self._blanks = sorted(blanks)

    def on_line(self, one: float, two: float, base: float) -> Iterator[Glyph]:
        """Yield what is drawn on a line between two places, from left to right."""
        left, right = sorted((one, two))
        start = bisect_left(self._blanks, left + _TINY, key=attrgetter("x"))
        for x, y, text in islice(self._blanks, start, start + _MAX_BLANKS):
            if x > right + _TINY:
                return
            if abs(y - base) <= _TINY:
                yield Glyph(text, x, x, x, y, 0.0)


@dataclass(frozen=True, slots=True)
class PageGlyphs:
    """The characters of a page.

    Attributes:
        glyphs: In the order of PDFium.
        blanks: The spaces that are objects of their own.
        draws_spaces: Whether the file draws spaces, so that none has to be inferred.
    """

    glyphs: Sequence[Glyph]
    blanks: Blanks
    draws_spaces: bool

    def lines(self) -> Iterator[list[Glyph]]:
        """Yield the lines of the page, without what ends them."""
        line: list[Glyph] = []
        for glyph in self.glyphs:
            if glyph.text == "\n":
                yield line
                line = []
            elif glyph.text != "\r":
                line.append(glyph)
        yield line


def needs_glyphs(text: str) -> bool:
    """Return whether a text has letters that are shaped or written from right to left."""
    return not text.isascii() and _SHAPED.search(text) is not None


def glyphs_of(
    page: pypdfium2.PdfPage,
    content: pypdfium2.PdfTextPage,
    count: int,
    *,
    without: frozenset[int] = frozenset(),
) -> PageGlyphs:
    """Return the first ``count`` characters of a page.

    Args:
        page: The page.
        content: Its characters.
        count: How many of them.
        without: Numbers of characters that are left out.
    """
    numbers = [number for number in range(count) if number not in without]
    marked = marked_text_of(page)
    glyphs = list(_Reader(content).read(numbers, marked.clusters))
    drawn = sum(glyph.text == " " and not glyph.is_inferred for glyph in glyphs)
    blank_count = sum(blank.text == " " for blank in marked.blanks)
    letters = sum(not glyph.text.isspace() for glyph in glyphs)
    blanks = Blanks(marked.blanks)
    draws_spaces = drawn + blank_count > _MIN_SPACES * letters
    return PageGlyphs(_spaced(glyphs, blanks, draws_spaces=draws_spaces), blanks, draws_spaces)


_box_of = unchecked(pdfium.FPDFText_GetCharBox)
_origin_of = unchecked(pdfium.FPDFText_GetCharOrigin)
_code_of = unchecked(pdfium.FPDFText_GetUnicode, ctypes.c_uint)
_object_of = unchecked(pdfium.FPDFText_GetTextObject, ctypes.c_void_p)


class _Reader:
    """A reader of characters through memory that is used again for each."""

    def __init__(self, content: pypdfium2.PdfTextPage) -> None:
        self._characters = content.raw
        self._values = array("d", [0.0] * 6)
        memory = (ctypes.c_double * 6).from_buffer(self._values)
        self._at = [ctypes.byref(memory, 8 * n) for n in range(6)]

    def read(self, numbers: Sequence[int], clusters: Mapping[int, Cluster]) -> Iterator[Glyph]:
        """Yield characters, each cluster at its first one."""
        addresses = [_object_of(self._characters, number) or 0 for number in numbers]
        usable = self._usable(numbers, addresses, clusters)
        emitted_ids: set[int] = set()
        for number, address in zip(numbers, addresses, strict=True):
            cluster = usable.get(address)
            if cluster is None:
                yield self._glyph(number, is_inferred=not address)
            elif id(cluster) not in emitted_ids:
                emitted_ids.add(id(cluster))
                yield self._cluster(cluster)

    def _usable(
        self, numbers: Sequence[int], addresses: Sequence[int], clusters: Mapping[int, Cluster]
    ) -> Mapping[int, Cluster]:
        """Return the clusters whose text PDFium has taken over, for one object at least."""
        characters: dict[int, list[str]] = {}
        for number, address in zip(numbers, addresses, strict=True):
            if address in clusters:
                characters.setdefault(address, []).append(self._character(number))
        usable = {
            id(clusters[address])
            for address, texts in characters.items()
            if _letters("".join(texts)) == _letters(clusters[address].text)
        }
        return {address: each for address, each in clusters.items() if id(each) in usable}

    def _character(self, number: int) -> str:
        code = _code_of(self._characters, number)
        return chr(code) if code and code not in _SURROGATES else " "

    def _glyph(self, number: int, *, is_inferred: bool) -> Glyph:
        _box_of(self._characters, number, *self._at[:4])
        _origin_of(self._characters, number, *self._at[4:])
        left, right, bottom, top, x, y = self._values
        return Glyph(
            self._character(number), left, right, x, y, top - bottom, is_inferred=is_inferred
        )

    def _cluster(self, cluster: Cluster) -> Glyph:
        left, _, right, _ = cluster.bounds
        return Glyph(cluster.text, left, right, *cluster.origin, cluster.height, is_cluster=True)


def _letters(text: str) -> list[str]:
    """Return what remains of a text if PDFium turns it round and mirrors it."""
    plain = unicodedata.normalize("NFKD", text).translate(_BRACKETS)
    return sorted(character for character in plain if character not in _DROPPED)


def _spaced(glyphs: Sequence[Glyph], blanks: Blanks, *, draws_spaces: bool) -> list[Glyph]:
    """Replace the white space that PDFium inferred by the spaces that the file draws.

    If the file draws none, spaces next to clusters alone are inferred again.
    """
    max_gap = _MAX_GAP if draws_spaces else _MIN_GAP
    spaced: list[Glyph] = []
    inferred: list[Glyph] = []
    for glyph in glyphs:
        if glyph.is_inferred:
            inferred.append(glyph)
            continue
        if spaced:
            before = spaced[-1]
            height = max(before.height, glyph.height)
            is_cluster = before.is_cluster or glyph.is_cluster
            if before.text.isspace() or glyph.text.isspace():
                spaced += [each for each in inferred if each.text != " "]
            elif inferred and abs(before.base - glyph.base) > _SAME_LINE * height:
                spaced += inferred
            elif drawn := list(blanks.on_line(before.origin, glyph.origin, before.base)):
                spaced += drawn
            elif inferred and not draws_spaces and not is_cluster:
                spaced += inferred
            elif inferred and _gap(before, glyph) > max_gap * height:
                spaced.append(replace(inferred[0], text=" "))
        inferred = []
        spaced.append(glyph)
    return spaced


def _gap(one: Glyph, two: Glyph) -> float:
    return max(two.left - one.right, one.left - two.right)
