"""Puts right-to-left lines into reading order, from the positions of characters.

PDFium assumes that a file draws such text from left to right and turns it round. Files that
draw words one by one, as Chromium's do, come out with most words reversed; so do ligatures of
two letters. The places of the characters show the order beyond doubt.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median_low

from pdfsluice.core.documents.text.visual_order import RIGHT_TO_LEFT, VisualCluster, reading_order

from .glyphs import Glyph, PageGlyphs

_MAX_LINE = 2000  # characters; longer lines stay as PDFium returns them
_MIN_HEIGHT = 0.1  # points; a glyph that is drawn is higher
_MAX_TILT = 0.5  # of the height of a line, between neighbours on one line
_MAX_SHIFT = 0.1  # of the height of a line, between its parts
_MIN_SPACE = 0.2  # of the height of a line: less next to a mark or a sign is no space
_MAX_GAP = 0.35  # of the height of a line: more is a space
_TINY = 0.05  # points
_INVISIBLE = " \r\n\t\u00a0\u200b\u200c\u200d"
_LAM = "\u0644"
_ALEFS = frozenset("\u0622\u0623\u0625\u0627\u0671")


def in_reading_order(page: PageGlyphs) -> Iterator[str]:
    """Yield the lines of a page in reading order."""
    lines = list(_whole(page.lines()))
    texts = ["".join(glyph.text for glyph in line) for line in lines]
    whole = "".join(texts)
    right_to_left = len(RIGHT_TO_LEFT.findall(whole)) * 2 > sum(map(str.isalpha, whole))
    for line, text in zip(lines, texts, strict=True):
        if len(line) <= _MAX_LINE and RIGHT_TO_LEFT.search(text):
            yield _ordered(page, line, text, right_to_left=right_to_left)
        else:
            yield text


def _whole(lines: Iterable[list[Glyph]]) -> Iterator[list[Glyph]]:
    """Unite the parts of lines that PDFium has divided at marks."""
    pending: list[Glyph] = []
    for line in lines:
        if pending and line and _are_one(pending, line):
            pending = [*pending, replace(line[0], text=" ", is_inferred=True), *line]
        else:
            if pending:
                yield pending
            pending = line
    yield pending


def _are_one(one: Sequence[Glyph], two: Sequence[Glyph]) -> bool:
    if not any(RIGHT_TO_LEFT.search(glyph.text) for glyph in (*one, *two)):
        return False
    height = max(glyph.height for glyph in (*one, *two))
    bases = [median_low([glyph.base for glyph in line]) for line in (one, two)]
    return abs(bases[0] - bases[1]) <= _MAX_SHIFT * height


def _ordered(page: PageGlyphs, line: Sequence[Glyph], text: str, *, right_to_left: bool) -> str:
    glyphs = _with_their_marks(line)
    visible = [glyph for glyph in glyphs if glyph.text.strip(_INVISIBLE)]
    if not any(glyph.height > _MIN_HEIGHT for glyph in visible):
        return _by_content(glyphs)
    height = max(glyph.height for glyph in visible)
    if any(abs(a.base - b.base) > _MAX_TILT * height for a, b in pairwise(visible)):
        return text
    mirror = not _is_turned(glyphs)
    visual: list[VisualCluster] = []
    if page.draws_spaces:
        words = _divided(_clusters(visible), _separators(page, glyphs, visible), height)
    else:
        parts = _merged(_words(glyphs, _MAX_GAP * height), _MIN_SPACE * height)
        words = [_clusters(part) for part in parts]
    for word in words:
        if visual:
            visual.append(VisualCluster(" "))
        visual += (
            VisualCluster(
                "".join(glyph.text for glyph in cluster),
                is_mirrored=mirror and not cluster[0].is_cluster,
            )
            for cluster in word
        )
    return reading_order(visual, right_to_left=right_to_left)


def _separators(page: PageGlyphs, glyphs: Sequence[Glyph], visible: Sequence[Glyph]) -> list[Glyph]:
    """Return the spaces and joiners that are drawn on a line, from left to right."""
    origins = [glyph.origin for glyph in visible]
    blanks = page.blanks.on_line(min(origins), max(origins), visible[0].base)
    spaces = (glyph for glyph in glyphs if glyph.text.isspace() and not glyph.is_inferred)
    by_place = {glyph.origin: glyph for glyph in (*spaces, *blanks)}
    return sorted(by_place.values(), key=lambda glyph: glyph.origin)


def _divided(
    clusters: Sequence[list[Glyph]], separators: Sequence[Glyph], height: float
) -> list[list[list[Glyph]]]:
    """Divide the clusters of a line at its spaces and at wide gaps."""
    words: list[list[list[Glyph]]] = [[]]
    remaining = list(reversed(separators))
    end = math.inf
    for cluster in clusters:
        letter = cluster[0]
        is_new, joiner = letter.left - end > height, None
        while remaining and remaining[-1].origin <= letter.origin + _TINY:
            separator = remaining.pop()
            is_new |= separator.text.isspace()
            joiner = separator
        if is_new and words[-1]:
            words.append([])
        elif joiner is not None and words[-1]:
            words[-1].append([joiner])
        words[-1].append(cluster)
        end = max(glyph.right for glyph in cluster)
    return words


def _with_their_marks(glyphs: Sequence[Glyph]) -> list[Glyph]:
    """Unite letters with the marks that the file draws in one glyph with them."""
    clusters: list[Glyph] = []
    for glyph in glyphs:
        letter = clusters[-1] if clusters else None
        if letter is None or not glyph.is_mark or glyph.origin != letter.origin:
            clusters.append(glyph)
            continue
        left, right = min(letter.left, glyph.left), max(letter.right, glyph.right)
        clusters[-1] = replace(letter, text=letter.text + glyph.text, left=left, right=right)
    return clusters


def _by_content(glyphs: Sequence[Glyph]) -> str:
    """Read invisible text without glyphs in the order of the content stream."""
    in_order = sorted(glyphs, key=lambda glyph: glyph.origin)
    return "".join(glyph.text for glyph in in_order)


def _is_turned(glyphs: Sequence[Glyph]) -> bool:
    """Return whether PDFium has turned a line round, and its brackets with it."""
    steps = 0
    for one, two in pairwise(glyphs):
        if RIGHT_TO_LEFT.match(one.text) and RIGHT_TO_LEFT.match(two.text):
            steps += 1 if two.origin < one.origin else -1
    return steps > 0


def _words(glyphs: Sequence[Glyph], gap: float) -> list[list[Glyph]]:
    """Split a line at spaces and gaps, and order the words."""
    words: list[list[Glyph]] = [[]]
    for glyph in glyphs:
        if glyph.text.isspace():
            words.append([])
        else:
            words[-1].append(glyph)
    parts = [part for word in words if word for part in _parts(word, gap)]
    return sorted(parts, key=_starts)


def _parts(word: list[Glyph], gap: float) -> Iterator[list[Glyph]]:
    """Split what PDFium took for one word at gaps as wide as a space."""
    letters = sorted((glyph for glyph in word if not glyph.is_mark), key=lambda glyph: glyph.left)
    cuts = [two.left for one, two in pairwise(letters) if two.left - one.right > gap]
    rest = word
    for cut in cuts:
        yield [glyph for glyph in rest if glyph.middle < cut]
        rest = [glyph for glyph in rest if glyph.middle >= cut]
    if rest:
        yield rest


def _merged(words: list[list[Glyph]], space: float) -> list[list[Glyph]]:
    """Join words between which there is no space: PDFium ended one at a mark."""
    groups: list[list[Glyph]] = []
    for word in words:
        gap = _starts(word) - _ends(groups[-1]) if groups else space
        if gap < space and _is_part(groups[-1], word):
            groups[-1] = [*groups[-1], *word]
        else:
            groups.append(word)
    return groups


def _starts(word: list[Glyph]) -> float:
    return min(glyph.left for glyph in _letters(word))


def _ends(word: list[Glyph]) -> float:
    return max(glyph.right for glyph in _letters(word))


def _letters(word: list[Glyph]) -> list[Glyph]:
    return [glyph for glyph in word if not glyph.is_mark] or word


def _is_part(before: list[Glyph], word: list[Glyph]) -> bool:
    if any(glyph.is_mark for glyph in (*before, *word)):
        return True
    return not (_has_letters(before) and _has_letters(word))


def _has_letters(word: list[Glyph]) -> bool:
    return any(glyph.text[0].isalnum() for glyph in word)


def _clusters(word: list[Glyph]) -> list[list[Glyph]]:
    """Order letters from left to right, each with the marks above or below it."""
    letters = _letters(word)
    clusters = [[letter] for letter in sorted(letters, key=lambda glyph: glyph.origin)]
    for mark in word:
        if mark not in letters:
            min(clusters, key=lambda cluster: _distance(cluster[0], mark)).append(mark)
    return _with_ligatures(clusters)


def _distance(letter: Glyph, mark: Glyph) -> float:
    """Return the distance of a mark from a letter, then from the middle of it."""
    beside = max(letter.left - mark.middle, mark.middle - letter.right, 0.0)
    return beside * 1000 + abs(letter.middle - mark.middle)


def _with_ligatures(clusters: list[list[Glyph]]) -> list[list[Glyph]]:
    """Put the letters of one ligature, which share a place, from left to right."""
    in_order: list[list[Glyph]] = []
    for cluster in clusters:
        if in_order and _is_turned_ligature(in_order[-1][0], cluster[0]):
            in_order.insert(-1, cluster)
        else:
            in_order.append(cluster)
    return in_order


def _is_turned_ligature(one: Glyph, two: Glyph) -> bool:
    share_place = one.left == two.left and one.right == two.right
    return share_place and one.text == _LAM and two.text in _ALEFS
