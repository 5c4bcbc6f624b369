"""Puts right-to-left lines into reading order, from the positions of characters.

PDFium assumes that a file draws such text from left to right and turns it round. Files that
draw words one by one, as Chromium's do, come out with most words reversed; so do ligatures of
two letters. The places of the characters show the order beyond doubt.
"""

import ctypes
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pypdfium2
import pypdfium2.raw as pdfium

from pdfsluice.core.documents.visual_order import RIGHT_TO_LEFT, logical_order

_MAX_LINE = 2000  # characters; longer lines stay as PDFium returns them
_MIN_HEIGHT = 0.1  # points; a glyph that is drawn is higher
_MAX_TILT = 0.5  # of the height of a line, between neighbours on one line
_MIN_SPACE = 0.2  # of the height of a line: less next to a mark or a sign is no space
_MAX_GAP = 0.35  # of the height of a line: more is a space
_SURROGATES = range(0xD800, 0xE000)
_LAM = "\u0644"
_ALEFS = frozenset("\u0622\u0623\u0625\u0627\u0671")


@dataclass(frozen=True, slots=True)
class _Glyph:
    text: str
    left: float
    right: float
    origin: float
    base: float
    height: float

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


def needs_places(text: str) -> bool:
    """Whether a page has right-to-left characters."""
    return RIGHT_TO_LEFT.search(text) is not None


def in_reading_order(
    page: pypdfium2.PdfTextPage, count: int, *, without: frozenset[int] = frozenset()
) -> str:
    """Return the first ``count`` characters of a page in reading order.

    Args:
        page: The characters.
        count: How many of them.
        without: Numbers of characters that are left out.
    """
    whole = str(page.get_text_range(0, count))
    right_to_left = len(RIGHT_TO_LEFT.findall(whole)) * 2 > sum(map(str.isalpha, whole))
    lines: list[str] = []
    for start, end in _lines(page, count):
        text = str(page.get_text_range(start, end - start)) if end > start else ""
        numbers: Sequence[int] = range(start, end)
        if without and not without.isdisjoint(numbers):
            numbers = [number for number in numbers if number not in without]
            text = "".join(str(page.get_text_range(number, 1)) for number in numbers)
        if len(numbers) <= _MAX_LINE and RIGHT_TO_LEFT.search(text):
            text = _ordered(page, numbers, text, right_to_left=right_to_left)
        lines.append(text)
    return "\n".join(lines)


def _lines(page: pypdfium2.PdfTextPage, count: int) -> Iterator[tuple[int, int]]:
    start = 0
    for index in range(count):
        if pdfium.FPDFText_GetUnicode(page, index) == ord("\n"):
            end = index
            if end > start and pdfium.FPDFText_GetUnicode(page, end - 1) == ord("\r"):
                end -= 1
            yield start, end
            start = index + 1
    yield start, count


def _ordered(
    page: pypdfium2.PdfTextPage, numbers: Sequence[int], text: str, *, right_to_left: bool
) -> str:
    glyphs = _with_their_marks([_glyph(page, number) for number in numbers])
    visible = [glyph for glyph in glyphs if not glyph.text.isspace()]
    if not any(glyph.height > _MIN_HEIGHT for glyph in visible):
        return _by_content(glyphs)
    height = max(glyph.height for glyph in visible)
    if any(abs(a.base - b.base) > _MAX_TILT * height for a, b in pairwise(visible)):
        return text
    words = _merged(_words(glyphs, _MAX_GAP * height), _MIN_SPACE * height)
    visual = " ".join("".join(map(_cluster_text, _clusters(word))) for word in words)
    return logical_order(visual, mirror=not _is_turned(glyphs), right_to_left=right_to_left)


def _glyph(page: pypdfium2.PdfTextPage, index: int) -> _Glyph:
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetCharBox(page, index, left, right, bottom, top)
    pdfium.FPDFText_GetCharOrigin(page, index, x, y)
    code = pdfium.FPDFText_GetUnicode(page, index)
    text = chr(code) if code and code not in _SURROGATES else " "
    height = top.value - bottom.value
    return _Glyph(text, left.value, right.value, x.value, y.value, height)


def _with_their_marks(glyphs: list[_Glyph]) -> list[_Glyph]:
    """Unite letters with the marks that the file draws in one glyph with them."""
    clusters: list[_Glyph] = []
    for glyph in glyphs:
        letter = clusters[-1] if clusters else None
        if letter is None or not _is_mark(glyph) or glyph.origin != letter.origin:
            clusters.append(glyph)
            continue
        left, right = min(letter.left, glyph.left), max(letter.right, glyph.right)
        clusters[-1] = replace(letter, text=letter.text + glyph.text, left=left, right=right)
    return clusters


def _by_content(glyphs: list[_Glyph]) -> str:
    """Read invisible text without glyphs in the order of the content stream."""
    in_order = sorted(glyphs, key=lambda glyph: glyph.origin)
    return "".join(glyph.text for glyph in in_order)


def _is_turned(glyphs: list[_Glyph]) -> bool:
    """Whether PDFium has turned a line round, and its brackets with it."""
    steps = 0
    for one, two in pairwise(glyphs):
        if RIGHT_TO_LEFT.match(one.text) and RIGHT_TO_LEFT.match(two.text):
            steps += 1 if two.middle < one.middle else -1
    return steps > 0


def _words(glyphs: list[_Glyph], gap: float) -> list[list[_Glyph]]:
    """Split a line at spaces and gaps, and order the words."""
    words: list[list[_Glyph]] = [[]]
    for glyph in glyphs:
        if glyph.text.isspace():
            words.append([])
        else:
            words[-1].append(glyph)
    parts = [part for word in words if word for part in _parts(word, gap)]
    return sorted(parts, key=_starts)


def _parts(word: list[_Glyph], gap: float) -> Iterator[list[_Glyph]]:
    """Split what PDFium took for one word where there is room for a space."""
    letters = sorted((glyph for glyph in word if not _is_mark(glyph)), key=lambda glyph: glyph.left)
    cuts = [two.left for one, two in pairwise(letters) if two.left - one.right > gap]
    rest = word
    for cut in cuts:
        yield [glyph for glyph in rest if glyph.middle < cut]
        rest = [glyph for glyph in rest if glyph.middle >= cut]
    if rest:
        yield rest


def _merged(words: list[list[_Glyph]], space: float) -> list[list[_Glyph]]:
    """Join words between which there is no space: PDFium ended one at a mark."""
    groups: list[list[_Glyph]] = []
    for word in words:
        gap = _starts(word) - _ends(groups[-1]) if groups else space
        if gap < space and _is_part(groups[-1], word):
            groups[-1] = [*groups[-1], *word]
        else:
            groups.append(word)
    return groups


def _starts(word: list[_Glyph]) -> float:
    return min(glyph.left for glyph in _letters(word))


def _ends(word: list[_Glyph]) -> float:
    return max(glyph.right for glyph in _letters(word))


def _letters(word: list[_Glyph]) -> list[_Glyph]:
    return [glyph for glyph in word if not _is_mark(glyph)] or word


def _is_part(before: list[_Glyph], word: list[_Glyph]) -> bool:
    if any(map(_is_mark, (*before, *word))):
        return True
    return not (_has_letters(before) and _has_letters(word))


def _has_letters(word: list[_Glyph]) -> bool:
    return any(glyph.text.isalnum() for glyph in word)


def _is_mark(glyph: _Glyph) -> bool:
    return unicodedata.combining(glyph.text[0]) != 0


def _clusters(word: list[_Glyph]) -> list[list[_Glyph]]:
    """Order letters from left to right, each with the marks above or below it."""
    letters = _letters(word)
    clusters = [[letter] for letter in sorted(letters, key=lambda glyph: glyph.middle)]
    for mark in word:
        if mark not in letters:
            min(clusters, key=lambda cluster: _distance(cluster[0], mark)).append(mark)
    return _with_ligatures(clusters)


def _distance(letter: _Glyph, mark: _Glyph) -> float:
    """Return the distance of a mark from a letter, then from the middle of it."""
    beside = max(letter.left - mark.middle, mark.middle - letter.right, 0.0)
    return beside * 1000 + abs(letter.middle - mark.middle)


def _with_ligatures(clusters: list[list[_Glyph]]) -> list[list[_Glyph]]:
    """Put the letters of one ligature, which share a place, from left to right."""
    in_order: list[list[_Glyph]] = []
    for cluster in clusters:
        if in_order and _is_turned_ligature(in_order[-1][0], cluster[0]):
            in_order.insert(-1, cluster)
        else:
            in_order.append(cluster)
    return in_order


def _is_turned_ligature(one: _Glyph, two: _Glyph) -> bool:
    share_place = one.left == two.left and one.right == two.right
    return share_place and one.text == _LAM and two.text in _ALEFS


def _cluster_text(cluster: list[_Glyph]) -> str:
    return "".join(glyph.text for glyph in cluster)
