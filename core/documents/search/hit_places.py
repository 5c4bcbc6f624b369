"""Where a passage stands on its page."""

from bisect import bisect_left
from dataclasses import dataclass

from pdfsluice.core.models.documents import PageText
from pdfsluice.core.models.layout import Box, DamagedLayout, PageLayout
from pdfsluice.core.models.passages import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class HitPlace:
    """The rectangles of a passage on its page, as the page is displayed.

    They are in points from the upper left corner.

    Attributes:
        label: The page number that the document gives to the page; empty if it gives none.
        width: Width of the page in points.
        height: Height of the page in points.
        rectangles: Those of the whole passage, line by line.
        marks: Those of the words of the query.
    """

    label: str
    width: float
    height: float
    rectangles: tuple[Box, ...]
    marks: tuple[Box, ...]


def place_of(passage: Passage, page: PageText) -> HitPlace | None:
    """Return the place of a passage; ``None`` if the extractor gave no layout.

    Args:
        passage: The passage.
        page: Its page, with the layout.
    """
    if not page.layout:
        return None
    try:
        layout = PageLayout.decode(page.layout)
    except DamagedLayout:
        return None
    if not layout.width or not layout.height:
        return None
    offsets = _Offsets.of(passage.text, page.text)
    rectangles: tuple[Box, ...] = ()
    marks: list[Box] = []
    if offsets is not None:
        whole = offsets.range(0, len(passage.text))
        rectangles = layout.rectangles(*whole, page.text)
        for start, end in passage.marks:
            marks += layout.rectangles(*offsets.range(start, end), page.text)
    return HitPlace(
        label=layout.label,
        width=layout.width,
        height=layout.height,
        rectangles=rectangles,
        marks=tuple(marks),
    )


@dataclass(frozen=True, slots=True)
class _Offsets:
    """From offsets in a passage to offsets in the text of its page.

    Attributes:
        shift: What is added, if the passage is part of the page as it stands.
        passage: Otherwise, the offsets of letters and digits in the passage.
        page: The offsets of the same letters and digits in the page.
    """

    shift: int = 0
    passage: tuple[int, ...] = ()
    page: tuple[int, ...] = ()

    @classmethod
    def of(cls, passage: str, page: str) -> "_Offsets | None":
        start = page.find(passage)
        if start >= 0:
            return cls(shift=start)
        here = [index for index, character in enumerate(passage) if character.isalnum()]
        there = [index for index, character in enumerate(page) if character.isalnum()]
        letters = "".join(page[index] for index in there)
        first = letters.find("".join(passage[index] for index in here)) if here else -1
        if first < 0:
            return None
        return cls(passage=tuple(here), page=tuple(there[first : first + len(here)]))

    def range(self, start: int, end: int) -> tuple[int, int]:
        if not self.passage:
            return start + self.shift, end + self.shift
        first = min(bisect_left(self.passage, start), len(self.page) - 1)
        last = max(first, bisect_left(self.passage, end) - 1)
        return self.page[first], self.page[last] + 1
