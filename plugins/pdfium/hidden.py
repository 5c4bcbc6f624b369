"""Finds text that a person cannot see on a page, through PDFium.

Most pages are settled by the attributes of their objects. If those leave a doubt (light letters,
something drawn over or under them, a clip, a layer), the page is drawn with and without the
doubtful text: letters at which both pictures are equal cannot be seen.
"""

import ctypes
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image, ImageChops

from .objects import Bounds, PageObject, address_of, objects_of, overlap

_MIN_POINTS = 2.0
_MIN_ALPHA = 13  # of 255
_LIGHT = 200  # of 255: letters from here on may have the colour of paper
_DARK = 40  # of 255: letters up to here are seen on anything but black
_MIN_DIFFERENCE = 8  # of 255
_MIN_SCAN_SHARE = 0.6  # of the page, covered by a picture
_MAX_PAIRS = 400_000
_PICTURE_SIDE = 1000  # pixels


@dataclass(frozen=True, slots=True)
class HiddenCharacters:
    """The characters of a page that cannot be seen.

    Attributes:
        numbers: Their numbers.
        marks: Those of them that stand among printer's marks outside of the page.
    """

    numbers: frozenset[int] = frozenset()
    marks: frozenset[int] = frozenset()


NOTHING_HIDDEN = HiddenCharacters()


@dataclass(slots=True)
class _Survey:
    """What the attributes of the objects show.

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


def hidden_characters(
    page: pypdfium2.PdfPage, content: pypdfium2.PdfTextPage, count: int
) -> HiddenCharacters:
    """Return the characters of a page that cannot be seen.

    The text that OCR has laid over a scan is invisible as well, but its picture is seen: it
    does not count.

    Args:
        page: The page.
        content: Its characters.
        count: How many of them to look at.
    """
    survey = _survey(page)
    if not survey.hidden and not survey.doubtful:
        return NOTHING_HIDDEN
    numbers: dict[int, list[int]] = {}
    for index in range(count):
        address = address_of(pdfium.FPDFText_GetTextObject(content, index))
        numbers.setdefault(address, []).append(index)
    hidden = [index for address in survey.hidden for index in numbers.get(address, ())]
    doubtful = {a: each for a, each in survey.doubtful.items() if a in numbers}
    if doubtful:
        difference = _Difference(page, list(doubtful.values()))
        for address in doubtful:
            hidden += [n for n in numbers[address] if not difference.shows(content, n)]
    outside = survey.outside if survey.has_marks else ()
    marks = frozenset(index for address in outside for index in numbers.get(address, ()))
    return HiddenCharacters(frozenset(hidden), marks)


def _survey(page: pypdfium2.PdfPage) -> _Survey:
    survey = _Survey()
    box: Bounds = page.get_bbox()
    least = _MIN_SCAN_SHARE * (box[2] - box[0]) * (box[3] - box[1])
    texts: list[PageObject] = []
    covers: list[PageObject] = []
    scans: list[Bounds] = []
    pairs = 0
    for item in objects_of(page):
        if item.is_text:
            texts.append(item)
            pairs += len(covers)
            _judge(item, box, covers if pairs <= _MAX_PAIRS else None, survey)
            continue
        survey.has_marks |= _is_outside(item.bounds, box)
        if item.covers:
            covers.append(item)
            if item.is_picture and overlap(item.bounds, box) >= least:
                scans.append(item.bounds)
            pairs += len(texts)
            _cover(item, texts, survey, every=pairs > _MAX_PAIRS)
    _set_invisible(texts, scans, survey)
    for address in survey.hidden:
        survey.doubtful.pop(address, None)
    return survey


def _judge(
    item: PageObject, box: Bounds, covers: Sequence[PageObject] | None, survey: _Survey
) -> None:
    """Decide about a text object by its attributes and by what was drawn before it."""
    address = item.address
    red, green, blue, alpha = item.colour
    if _is_outside(item.bounds, box):
        survey.outside.add(address)
        survey.hidden.add(address)
        return
    if alpha < _MIN_ALPHA or item.points < _MIN_POINTS:
        survey.hidden.add(address)
        return
    on_something = covers is None or any(overlap(item.bounds, c.bounds) > 0 for c in covers)
    if (
        min(red, green, blue) >= _LIGHT
        or (on_something and _may_be_background(item, covers))
        or item.is_clipped
        or item.in_layer
    ):
        survey.doubtful[address] = item


def _is_outside(bounds: Bounds, box: Bounds) -> bool:
    left, bottom, right, top = bounds
    return right < box[0] or left > box[2] or top < box[1] or bottom > box[3]


def _may_be_background(item: PageObject, covers: Sequence[PageObject] | None) -> bool:
    """Whether what is under a text may have its colour."""
    colour = item.colour[:3]
    if covers is None or max(colour) > _DARK:
        return True
    return any(
        each.is_picture or max(each.colour[:3]) <= 2 * _DARK
        for each in covers
        if overlap(item.bounds, each.bounds) > 0
    )


def _cover(
    item: PageObject, texts: Collection[PageObject], survey: _Survey, *, every: bool
) -> None:
    """Doubt the texts over which something is drawn."""
    for text in texts:
        if every or overlap(text.bounds, item.bounds) > 0:
            survey.doubtful[text.address] = text


def _set_invisible(
    texts: Collection[PageObject], scans: Collection[Bounds], survey: _Survey
) -> None:
    """Decide about text that is not drawn at all: hidden, or the OCR of a scan."""
    for text in texts:
        if text.is_invisible:
            address = text.address
            survey.doubtful.pop(address, None)
            if not any(overlap(text.bounds, scan) > 0 for scan in scans):
                survey.hidden.add(address)


class _Difference:
    """What some text objects change in the picture of a page."""

    def __init__(self, page: pypdfium2.PdfPage, objects: Sequence[PageObject]) -> None:
        scale = _PICTURE_SIDE / max(page.get_size())
        complete = page.render(scale=scale).to_pil().convert("RGB")
        for item in objects:
            pdfium.FPDFPageObj_SetIsActive(item.handle, False)
        rest = page.render(scale=scale).to_pil().convert("RGB")
        for item in objects:
            pdfium.FPDFPageObj_SetIsActive(item.handle, True)
        bands = ImageChops.difference(complete, rest).split()
        self._page = page
        self._picture: Image.Image = bands[0]
        for band in bands[1:]:
            self._picture = ImageChops.lighter(self._picture, band)

    def shows(self, content: pypdfium2.PdfTextPage, index: int) -> bool:
        """Whether a character is seen; it counts as seen if its place is unknown."""
        box = pdfium.FS_RECTF()
        if not pdfium.FPDFText_GetLooseCharBox(content, index, box):
            return True
        corners = (self._place(box.left, box.bottom), self._place(box.right, box.top))
        (left, right), (top, bottom) = (sorted(values) for values in zip(*corners, strict=True))
        width, height = self._picture.size
        area = (max(0, left - 1), max(0, top - 1), min(width, right + 2), min(height, bottom + 2))
        if area[0] >= area[2] or area[1] >= area[3]:
            return False
        strongest = max(self._picture.crop(area).tobytes())
        return strongest >= _MIN_DIFFERENCE

    def _place(self, x: float, y: float) -> tuple[int, int]:
        across, down = ctypes.c_int(), ctypes.c_int()
        pdfium.FPDF_PageToDevice(self._page, 0, 0, *self._picture.size, 0, x, y, across, down)
        return across.value, down.value
