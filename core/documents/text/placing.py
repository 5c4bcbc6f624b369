"""Finds the words that an extractor read in the text that is stored of them.

Cleaning joins broken words, resolves ligatures and orders right-to-left lines, so that offsets
differ. Words are therefore compared by their letters and digits, in the order of both texts; a
word that stands elsewhere is looked for nearby.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_MAX_DISTANCE = 80  # words between the expected place of a word and the actual one
_MAX_PARTS = 60  # of a word that is stored as one: "J a c k s o n"


@dataclass(slots=True)
class _Word:
    start: int
    end: int
    key: str


@dataclass(frozen=True, slots=True)
class Alignment:
    """Ranges of a stored text, and the number of the word that was read of each.

    Attributes:
        spans: ``(start, end)`` of each, ascending.
        numbers: The word's number for each of them; ``None`` if they are all words in order.
    """

    spans: Sequence[tuple[int, int]]
    numbers: Sequence[int] | None = None


def aligned(text: str, read: Sequence[str]) -> Alignment:
    """Find words in a stored text.

    Args:
        text: The stored text.
        read: The words of the page, in the order in which they were read.
    """
    written = text.split()
    spans = list(_spans(text, written))
    if written == read:
        return Alignment(spans)
    head = _common(written, read)
    tail = _common(written[head:][::-1], read[head:][::-1])
    middle = len(read) - tail
    words = [
        _Word(*spans[n], key)
        for n in range(head, len(written) - tail)
        if (key := letters_of(written[n]))
    ]
    keyed = [(n, key) for n in range(head, middle) if (key := letters_of(read[n]))]
    parts = [
        *((*spans[n], n) for n in range(head)),
        *sorted(_parts_of(words, keyed)),
        *((*spans[n - len(read)], n) for n in range(middle, len(read))),
    ]
    return Alignment([(start, end) for start, end, _ in parts], [number for *_, number in parts])


def _spans(text: str, words: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield start and end of each word of a text."""
    end = 0
    for word in words:
        start = text.index(word, end)
        end = start + len(word)
        yield start, end


def _common(one: Sequence[str], two: Sequence[str]) -> int:
    """Return how many words at the beginning are equal."""
    pairs = enumerate(zip(one, two, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(two)))


def letters_of(word: str) -> str:
    """Return the letters and digits of a word, by which its spellings are compared."""
    if not word.isascii():
        word = unicodedata.normalize("NFKD", word)
        if _RIGHT_TO_LEFT.search(word):  # it may have been read from left to right
            return "".join(sorted(character for character in word if character.isalnum()))
    if word.isalnum():
        return word.casefold()
    return "".join(character for character in word if character.isalnum()).casefold()


def _parts_of(
    words: Sequence[_Word], read: Sequence[tuple[int, str]]
) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and number of each part of a stored word."""
    places: dict[str, list[int]] = {}
    for index, (_, key) in enumerate(read):
        places.setdefault(key, []).append(index)
    used = bytearray(len(read))
    position = 0
    for word in words:
        while position < len(read) and used[position]:
            position += 1
        indexes = _found(word.key, read, used, position, places)
        for index in indexes:
            used[index] = 1
        if indexes:
            position = indexes[-1] + 1
            yield from _divided(word, [read[index] for index in indexes])


def _found(
    key: str,
    read: Sequence[tuple[int, str]],
    used: bytearray,
    position: int,
    places: Mapping[str, Sequence[int]],
) -> Sequence[int]:
    """Return the indexes of the words that make up a stored one."""
    if position < len(read) and read[position][1] == key:
        return (position,)
    joined = _joined(key, read, used, position)
    if joined:
        return joined
    near = [
        index
        for index in places.get(key, ())
        if not used[index] and abs(index - position) <= _MAX_DISTANCE
    ]
    return (min(near, key=lambda index: abs(index - position)),) if near else ()


def _joined(
    key: str, read: Sequence[tuple[int, str]], used: bytearray, position: int
) -> Sequence[int]:
    """Return consecutive words whose letters together are those of a stored word."""
    letters = ""
    for index in range(position, min(position + _MAX_PARTS, len(read))):
        letters += read[index][1]
        if used[index] or not key.startswith(letters):
            break
        if letters == key:
            return range(position, index + 1)
    return ()


def _divided(word: _Word, parts: Sequence[tuple[int, str]]) -> Iterator[tuple[int, int, int]]:
    """Divide a stored word among its parts, which may be on two lines."""
    total = sum(len(key) for _, key in parts)
    start, done = word.start, 0
    for number, key in parts:
        done += len(key)
        end = word.start + (word.end - word.start) * done // total
        if end > start:
            yield start, end, number
        start = end
