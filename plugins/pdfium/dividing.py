"""Divides the text of a page into what a person can see and what not."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from pdfsluice.core.documents.text.cleaning import clean_text

from .hidden import HiddenCharacters

_TAGS = re.compile("[\U000e0000-\U000e007f]")
"""Unicode tags, which no font draws: copies of ASCII for programs."""
_TAG_BASE = 0xE0000
_MAX_HIDDEN = 10_000
_GAPS = re.compile(r"(?:[ \t]*\r?\n){3,}")


@dataclass(frozen=True, slots=True)
class Divided:
    """The text of a page.

    Attributes:
        visible: What can be seen.
        hidden: What cannot be seen, cleaned and of bounded length; without printer's marks.
    """

    visible: str
    hidden: str = ""


def divided(
    text: str, characters: HiddenCharacters, number_of: Callable[[int], int] | None
) -> Divided:
    """Return the visible and the hidden part of a page's text.

    Args:
        text: The text as PDFium returns it.
        characters: What of it is hidden.
        number_of: Returns the number of the character at an offset in the text; ``None`` if
            both are the same.
    """
    if not characters.numbers:
        return _without_tags(text, "")
    visible: list[str] = []
    hidden: list[str] = []
    for offset, character in enumerate(text):
        number = offset if number_of is None else number_of(offset)
        if number not in characters.numbers:
            visible.append(character)
            if hidden and character.isspace() and not hidden[-1].isspace():
                hidden.append(" ")
        elif number not in characters.marks:
            hidden.append(character)
    return _without_tags(_GAPS.sub("\n\n", "".join(visible)).strip(), "".join(hidden))


def _without_tags(visible: str, hidden: str) -> Divided:
    tags = [] if visible.isascii() else _TAGS.findall(visible)
    if tags:
        hidden += " " + "".join(chr(ord(tag) - _TAG_BASE) for tag in tags)
        visible = _TAGS.sub("", visible)
    hidden = _TAGS.sub(lambda tag: chr(ord(tag[0]) - _TAG_BASE), hidden[: 2 * _MAX_HIDDEN])
    return Divided(visible, clean_text(hidden).strip()[:_MAX_HIDDEN] if hidden else "")
