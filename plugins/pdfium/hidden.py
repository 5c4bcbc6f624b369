"""Finds text that a person cannot see on a page, through PDFium.

Most pages are settled by the attributes of their objects. If those leave a doubt (light letters,
something drawn over or under them, a clip, a layer), the page is drawn with and without the
doubtful text: letters at which both pictures are equal cannot be seen.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image, ImageChops

from .calls import unchecked
from .objects import PageObject
from .visibility import visibility_of

_MIN_DIFFERENCE = 8  # of 255
_PICTURE_SIDE = 1000  # pixels

_object_of = unchecked(pdfium.FPDFText_GetTextObject, ctypes.c_void_p)


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
    visibility = visibility_of(page)
    if not visibility.hidden and not visibility.doubtful:
        return NOTHING_HIDDEN
    numbers: dict[int, list[int]] = {}
    for index in range(count):
        numbers.setdefault(_object_of(content.raw, index) or 0, []).append(index)
    hidden = [index for address in visibility.hidden for index in numbers.get(address, ())]
    doubtful = {a: each for a, each in visibility.doubtful.items() if a in numbers}
    if doubtful:
        difference = _Difference(page, list(doubtful.values()))
        for address in doubtful:
            hidden += [n for n in numbers[address] if not difference.shows(content, n)]
    outside = visibility.outside if visibility.has_marks else ()
    marks = frozenset(index for address in outside for index in numbers.get(address, ()))
    return HiddenCharacters(frozenset(hidden), marks)


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
        """Return whether a character is seen; it counts as seen if its place is unknown."""
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
