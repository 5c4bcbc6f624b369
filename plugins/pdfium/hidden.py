"""Finds text that a person cannot see on a page, through PDFium.

Most pages are settled by the attributes of their objects. If those leave a doubt (light letters,
something drawn over or under them, a clip, a layer), the page is drawn with and without the
doubtful text: letters at which both pictures are equal cannot be seen.
"""

import ctypes
from dataclasses import dataclass

import pypdfium2
import pypdfium2.raw as pdfium

from .calls import unchecked
from .visibility import visibility_of

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
        from .difference import Difference  # noqa: PLC0415 - few pages need pictures

        difference = Difference(page, list(doubtful.values()))
        for address in doubtful:
            hidden += [n for n in numbers[address] if not difference.shows(content, n)]
    outside = visibility.outside if visibility.has_marks else ()
    marks = frozenset(index for address in outside for index in numbers.get(address, ()))
    return HiddenCharacters(frozenset(hidden), marks)
