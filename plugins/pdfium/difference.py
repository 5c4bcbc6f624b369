"""Compares the pictures of a page with and without some of its objects.

It is imported for pages with doubtful text alone: PIL takes a tenth of the time in which the
child that reads text starts.
"""

import ctypes
from collections.abc import Sequence

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image, ImageChops

from .objects import PageObject

_MIN_DIFFERENCE = 8  # of 255
_PICTURE_SIDE = 1000  # pixels


class Difference:
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
