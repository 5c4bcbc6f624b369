"""Turns what a recognizer read in a picture into the text that is stored."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain

from pdfsluice.core.models.documents import PageText, TextSource
from pdfsluice.core.models.layout import Box, DamagedLayout, PageLayout, WordBoxes
from pdfsluice.core.plugins.ports.recognition import RecognizedPage, RecognizedWord

from .cleaning import clean_text
from .placing import aligned, letters_of

_POINTS_PER_INCH = 72
_DEFAULT_WIDTH = 612.0  # points, of a page whose size no extractor knows
_MAX_PIXELS = 12_000_000
_MIN_PICTURE_WIDTH, _MAX_PICTURE_WIDTH = 200, 3600
_MAX_WORDS = 20_000  # no honest page has so many


@dataclass(frozen=True, slots=True)
class PageSize:
    """The size of a page as displayed, in points, and its printed number."""

    width: float = 0.0
    height: float = 0.0
    label: str = ""

    @classmethod
    def of(cls, page: PageText) -> "PageSize":
        """Return the size in the stored layout of a page; 0 by 0 if there is none."""
        if page.layout:
            with suppress(DamagedLayout):
                layout = PageLayout.decode(page.layout)
                return cls(layout.width, layout.height, layout.label)
        return cls()

    def picture_width(self, resolution: int) -> int:
        """Return how wide the page is drawn, in pixels.

        Args:
            resolution: Dots per inch; fewer if the picture would have too many pixels.
        """
        width = self.width or _DEFAULT_WIDTH
        scale = resolution / _POINTS_PER_INCH
        if self.height:
            scale = min(scale, (_MAX_PIXELS / (width * self.height)) ** 0.5)
        return round(min(_MAX_PICTURE_WIDTH, max(_MIN_PICTURE_WIDTH, width * scale)))


def page_of(stored: PageText, recognized: RecognizedPage) -> PageText:
    """Return the text of a page from what was read in its picture.

    What the page has in addition, field values and comments, stays at the end of the text.

    Args:
        stored: The page as it is stored.
        recognized: What was read.
    """
    words = list(chain.from_iterable(recognized.lines))[:_MAX_WORDS]
    text = clean_text(_joined(recognized.lines))
    text = _with_rest(text, stored.text)
    layout = _layout(PageSize.of(stored), recognized, words, text)
    return replace(stored, text=text, layout=layout, source=TextSource.OCR)


def _joined(lines: Sequence[Sequence[RecognizedWord]]) -> str:
    return "\n".join(" ".join(word.text for word in line) for line in lines).strip()


def _with_rest(text: str, stored: str) -> str:
    """Append the stored lines that the picture does not show."""
    letters = letters_of(text)
    rest = [line for line in stored.splitlines() if letters_of(line) not in letters]
    return "\n\n".join(filter(None, [text, "\n".join(rest).strip()]))


def _layout(
    size: PageSize, recognized: RecognizedPage, words: Sequence[RecognizedWord], text: str
) -> bytes:
    """Return the encoded places of the words; nothing without the size of the page."""
    if not (size.width > 0 and size.height > 0 and recognized.width > 0 and recognized.height > 0):
        return b""
    alignment = aligned(text, [word.text for word in words])
    # A page that is much higher than wide is drawn in the middle of a wider picture.
    drawn = min(recognized.width, recognized.height * size.width / size.height)
    margin = (recognized.width - drawn) / 2
    boxes = WordBoxes.of((_moved(word.box, -margin) for word in words), drawn, recognized.height)
    if alignment.numbers is not None:
        boxes = boxes.chosen(alignment.numbers)
    return PageLayout(size.width, size.height, size.label, alignment.spans, boxes).encode()


def _moved(box: Box, across: float) -> Box:
    return Box(box.left + across, box.top, box.right + across, box.bottom)
