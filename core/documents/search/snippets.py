"""The part of a passage that shows why it was found."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from pdfsluice.core.models.passages import Passage

MAX_SNIPPET = 300
"""Characters; a word more at each end is left out."""

_LEAD = 60  # characters before the first marked word
_SPACE = re.compile(r"\s+")
_OMISSION = "…"


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a snippet.

    Attributes:
        marked: Whether words of the query match it.
    """

    text: str
    marked: bool = False


def snippet_of(passage: Passage, *, size: int = MAX_SNIPPET) -> tuple[Segment, ...]:
    """Return the part of a passage with most of its marked words, on one line.

    Args:
        passage: The passage and its marks.
        size: Characters at most.
    """
    text = passage.text
    start, end = _window(text, passage.marks, size)
    segments = [Segment(_OMISSION)] if start else []
    position = start
    for mark_start, mark_end in passage.marks:
        if start <= mark_start and mark_end <= end and mark_start >= position:
            segments.append(Segment(text[position:mark_start]))
            segments.append(Segment(text[mark_start:mark_end], marked=True))
            position = mark_end
    segments.append(Segment(text[position:end]))
    if end < len(text):
        segments.append(Segment(_OMISSION))
    return _on_one_line(segments)


def _window(text: str, marks: Sequence[tuple[int, int]], size: int) -> tuple[int, int]:
    if len(text) <= size:
        return 0, len(text)
    best = max(range(len(marks)), key=lambda n: _variety(text, marks[n:], size), default=None)
    start = 0 if best is None else max(0, min(marks[best][0] - _LEAD, len(text) - size))
    end = start + size
    if start:
        start = _next_word(text, start, min(start + _LEAD // 2, end))
    if end < len(text):
        space = max(text.rfind(" ", start + size // 2, end), text.rfind("\n", start, end))
        end = space if space > start + size // 2 else end
    while start < end < len(text) and _is_mark(text[end]):  # marks stay with their letter
        end -= 1
    while start < end and _is_mark(text[start]):
        start += 1
    return start, end


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def _variety(text: str, marks: Sequence[tuple[int, int]], size: int) -> int:
    """Return the number of different words in a snippet from the first mark on."""
    limit = marks[0][0] - _LEAD + size
    return len({text[start:end].casefold() for start, end in marks if end <= limit})


def _next_word(text: str, start: int, limit: int) -> int:
    space = _SPACE.search(text, start, limit)
    return space.end() if space else start


def _on_one_line(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    lines = [Segment(_SPACE.sub(" ", part.text), marked=part.marked) for part in segments]
    return tuple(part for part in lines if part.text)
