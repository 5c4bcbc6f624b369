"""Whether a passage has a word of a query, or is only near to it in meaning."""

import re
import unicodedata

_MIN_LETTERS = 4
"""Shorter words are articles and the like in most languages; they count if there are no others."""
_MAX_ENDING = 2
_WORD = re.compile(r"\w+")


def has_word_of(text: str, query: str) -> bool:
    """Return whether a text has a word of a query.

    Case, accents and the ending of a long word do not matter: "canals" fits "canal". In scripts
    without case, which often have no spaces either, two neighbouring letters are enough.
    """
    content = _plain(text)
    words = _WORD.findall(_plain(query))
    long = [word for word in words if len(word) >= _MIN_LETTERS or not _has_case(word)]
    return any(_is_in(word, content) for word in long or words)


def _is_in(word: str, content: str) -> bool:
    if not _has_case(word):
        pairs = [word[at : at + 2] for at in range(max(1, len(word) - 1))]
        return any(pair in content for pair in pairs)
    stem = word[: max(_MIN_LETTERS, len(word) - _MAX_ENDING)]
    return re.search(rf"\b{re.escape(stem)}", content) is not None


def _has_case(word: str) -> bool:
    return any(letter.lower() != letter.upper() or letter.isdecimal() for letter in word)


def _plain(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in parts if not unicodedata.combining(letter))
