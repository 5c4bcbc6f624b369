"""Which text of a page can be seen, by the attributes of its objects."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pypdfium2

from .grid import Cells, Grid
from .objects import Bounds, PageObject, objects_of, overlap

_MIN_POINTS = 2.0
_MIN_ALPHA = 13  # of 255
_LIGHT = 200  # of 255: letters from here on may have the colour of paper
_DARK = 40  # of 255: letters up to here are seen on anything but black
_MIN_SCAN_SHARE = 0.6  # of the page, covered by a picture
_MIN_COVER = 0.3  # of the height of a text: what covers less is a rule
_MAX_RULES = 3  # over or under one text; more of them may cover it together
_MAX_PAIRS = 400_000


@dataclass(slots=True)
class Visibility:
    """Which text objects of a page can be seen, as far as their attributes show.

    Attributes:
        hidden: Addresses of the text objects that are certainly not seen.
        outside: Those that are not seen because they are outside of the page.
        doubtful: The text objects that may not be seen, by address.
        has_marks: Whether anything but text is drawn outside of the page.
    """

    hidden: set[int] = field(default_factory=set)
    outside: set[int] = field(default_factory=set)
    doubtful: dict[int, PageObject] = field(default_factory=dict)
    has_marks: bool = False


def visibility_of(page: pypdfium2.PdfPage) -> Visibility:
    """Return which text objects of a page can be seen."""
    return _Judge(page.get_bbox()).judge(objects_of(page))


class _Judge:
    """A judge of the objects of a page, in the order of drawing."""

    def __init__(self, box: Bounds) -> None:
        self._box = box
        self._min_scan_area = _MIN_SCAN_SHARE * (box[2] - box[0]) * (box[3] - box[1])
        self._result = Visibility()
        self._cells = Cells(box)
        self._every: list[PageObject] = []
        self._texts: Grid[PageObject] = Grid()
        self._in_grid = 0  # of all texts: a page without covers needs no grid
        self._dark: Grid[PageObject] = Grid()
        self._light: Grid[PageObject] = Grid()
        self._scans: list[Bounds] = []
        self._rules: dict[int, int] = {}
        self._pairs = 0

    def judge(self, items: Iterable[PageObject]) -> Visibility:
        """Return the result; with too many objects in one place, all texts are in doubt."""
        result = self._result
        for item in items:
            if item.is_text:
                self._every.append(item)
                self._judge_text(item)
                continue
            result.has_marks |= self._is_outside(item.bounds)
            if item.covers:
                self._cover(item)
        if self._pairs > _MAX_PAIRS:
            result.doubtful.update((item.address, item) for item in self._every)
        self._set_invisible()
        for address in result.hidden:
            result.doubtful.pop(address, None)
        return result

    def _judge_text(self, item: PageObject) -> None:
        """Decide about a text object by its attributes and by what was drawn before it."""
        red, green, blue, alpha = item.colour
        if self._is_outside(item.bounds):
            self._result.outside.add(item.address)
            self._result.hidden.add(item.address)
        elif alpha < _MIN_ALPHA or item.points < _MIN_POINTS:
            self._result.hidden.add(item.address)
        elif (
            (red >= _LIGHT and green >= _LIGHT and blue >= _LIGHT)
            or (self._dark and self._is_covered(item, self._dark))
            or (
                self._light
                and (red > _DARK or green > _DARK or blue > _DARK)
                and self._is_covered(item, self._light)
            )
            or item.is_clipped
            or item.in_layer
        ):
            self._result.doubtful[item.address] = item

    def _is_covered(self, item: PageObject, covers: Grid[PageObject]) -> bool:
        """Return whether what is under a text may have its colour."""
        if self._pairs > _MAX_PAIRS:
            return True
        rules = 0
        for cover in covers.near(self._cells.of(item.bounds)):
            self._pairs += 1
            coverage = _coverage(item.bounds, cover.bounds)
            rules += coverage > 0
            if coverage >= _MIN_COVER or rules > _MAX_RULES:
                return True
        return False

    def _cover(self, item: PageObject) -> None:
        """Note what covers an area; the texts under it become doubtful."""
        cells = self._cells.of(item.bounds)
        if item.is_picture or max(item.colour[:3]) <= 2 * _DARK:
            self._dark.add(cells, item)
        else:
            self._light.add(cells, item)
        if item.is_picture and overlap(item.bounds, self._box) >= self._min_scan_area:
            self._scans.append(item.bounds)
        if self._pairs > _MAX_PAIRS:
            return
        for text in self._every[self._in_grid :]:
            self._texts.add(self._cells.of(text.bounds), text)
        self._in_grid = len(self._every)
        for text in self._texts.near(cells):
            self._pairs += 1
            address = text.address
            coverage = _coverage(text.bounds, item.bounds)
            if coverage > 0:
                self._rules[address] = self._rules.get(address, 0) + 1
                if coverage >= _MIN_COVER or self._rules[address] > _MAX_RULES:
                    self._result.doubtful[address] = text

    def _set_invisible(self) -> None:
        """Decide about text that is not drawn at all: hidden, or the OCR of a scan."""
        for text in self._every:
            if text.is_invisible:
                self._result.doubtful.pop(text.address, None)
                if not any(overlap(text.bounds, scan) > 0 for scan in self._scans):
                    self._result.hidden.add(text.address)

    def _is_outside(self, bounds: Bounds) -> bool:
        left, bottom, right, top = bounds
        box = self._box
        return right < box[0] or left > box[2] or top < box[1] or bottom > box[3]


def _coverage(text: Bounds, cover: Bounds) -> float:
    """Return how much of the height of a text a rectangle covers somewhere."""
    left, bottom, right, top = text
    width = min(right, cover[2]) - max(left, cover[0])
    if width <= 0:
        return 0.0
    height = min(top, cover[3]) - max(bottom, cover[1])
    if height <= 0:
        return 0.0
    thickness = min(right - left, top - bottom)
    return min(width, height) / thickness if thickness > 0 else 1.0
