"""Cuts pages into passages that are sized by the density of their script."""

import re
from collections.abc import Iterator

_LEADERS = re.compile(r"(?:[.·•…_‥]\s?){4,}")
_BREAK = re.compile(r"\n\s*\n|(?<=[.!?…؟])\s+|(?<=[\u3002\uff01\uff1f])|\n")
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_DENSE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u0900-\u0dff]")
_FIGURE = re.compile(r"[\d$%€£,.()|/+-]")
_ASCII_FIGURES = b"0123456789$%,.()|/+-"
_UNITS_PER_TOKEN = 4  # characters of an alphabet
_HEADING_LINES, _MAX_HEADING_LINES = 8, 3
_MAX_HEADING = 80  # characters of a line
_HEADING_SAMPLE = 4000


def collapse_leaders(text: str) -> str:
    """Shorten rows of dots.

    They make all lines of a table of contents look alike to a model.
    """
    return _LEADERS.sub(" … ", text)


def heading(text: str) -> str:
    """Return the short lines that begin a page: its heading."""
    lines = [line.strip() for line in text[:_HEADING_SAMPLE].splitlines() if line.strip()]
    short = [line for line in lines[:_HEADING_LINES] if len(line) <= _MAX_HEADING]
    return "\n".join(short[:_MAX_HEADING_LINES])


def split(text: str, *, tokens: int, overlap: int) -> list[str]:
    """Return the passages of a page.

    Args:
        text: The text of the page.
        tokens: Size of a passage. A token counts as four letters of an alphabet, two figures
            or signs, or a little more than one ideograph.
        overlap: How much of the passage before a passage repeats, at most, so that a shorter
            phrase stands whole in one of them.
    """
    size, common = tokens * _UNITS_PER_TOKEN, overlap * _UNITS_PER_TOKEN
    passages: list[str] = []
    current: list[str] = []
    width = 0
    for piece in _pieces(collapse_leaders(text), size - common):
        units = _units(piece)
        if current and width + units > size:
            passages.append("".join(current))
            current = [_last_words("".join(current), common)]
            width = _units(current[0])
        current.append(piece)
        width += units
    if current:
        passages.append("".join(current))
    return [passage.strip() for passage in passages if passage.strip()]


def _units(text: str) -> int:
    if text.isascii():
        return 2 * len(text) - len(text.encode().translate(None, _ASCII_FIGURES))
    wide, dense, figures = (len(kind.findall(text)) for kind in (_WIDE, _DENSE, _FIGURE))
    return len(text) + 2 * wide + dense // 2 + figures


def _last_words(text: str, units: int) -> str:
    """Return the last whole words of a text that fit into so many units."""
    end = text[len(text) - _fitting(text[::-1], units) :]
    _, space, words = end.partition(" ")
    return words if space and words.strip() else end


def _pieces(text: str, size: int) -> Iterator[str]:
    """Yield sentences and lines with the white space after them; long ones are cut."""
    start = 0
    for match in _BREAK.finditer(text):
        if match.end() > start:
            yield from _cut(text[start : match.end()], size)
            start = match.end()
    if start < len(text):
        yield from _cut(text[start:], size)


def _cut(sentence: str, size: int) -> Iterator[str]:
    while _units(sentence) > size:
        length = max(1, _fitting(sentence, size))
        space = sentence.rfind(" ", length // 2, length)
        end = space + 1 if space >= 0 else length
        yield sentence[:end]
        sentence = sentence[end:]
    if sentence:
        yield sentence


def _fitting(text: str, units: int) -> int:
    """Return how many of the first characters fit into so many units."""
    length = min(len(text), len(text) * units // max(1, _units(text)))
    while length > 0 and _units(text[:length]) > units:
        length = length * 9 // 10
    return length
