"""Compares the text that was read with the text that was printed."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """How well texts were read, each from 0 to 1.

    Attributes:
        characters: Similarity of the characters, spaces included.
        words: Similarity of the sequences of words.
    """

    characters: float
    words: float


def score_of(truth: Sequence[str], texts: Sequence[str]) -> Score:
    """Return the score of texts; white space counts as one space.

    Args:
        truth: The text of each page as it was printed.
        texts: The text of each page as it was read.
    """
    pairs = [(one.split(), two.split()) for one, two in zip(truth, texts, strict=True)]
    characters = [(" ".join(one), " ".join(two)) for one, two in pairs]
    return Score(_similarity(characters), _similarity(pairs))


def _similarity(pairs: Sequence[tuple[Sequence[Hashable], Sequence[Hashable]]]) -> float:
    """Return twice the length of what is common, divided by the length of both."""
    total = sum(len(one) + len(two) for one, two in pairs)
    return 2 * sum(_common(one, two) for one, two in pairs) / total if total else 1.0


def _common(one: Sequence[Hashable], two: Sequence[Hashable]) -> int:
    """Return the length of the longest common subsequence (Hyyrö 2004, bit-parallel)."""
    positions: dict[Hashable, int] = {}
    for index, item in enumerate(one):
        positions[item] = positions.get(item, 0) | 1 << index
    mask = (1 << len(one)) - 1
    row = mask
    for item in two:
        matches = row & positions.get(item, 0)
        row = (row + matches | row - matches) & mask
    return len(one) - row.bit_count()
