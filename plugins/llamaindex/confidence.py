"""Decides whether the passages that were found have anything to do with the query.

Some passage always is the nearest, and a long question has words that occur anywhere. An answer
is trusted if the nearest passage is near, or if one of the best passages by words has enough of
the words, of which rare ones count more. ``benchmarks/search/run.py`` measures this.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

import apsw

from .passages import Slot
from .rankings import Nearness, Neighbours, Rankings

NEARNESS: Mapping[Slot, Nearness] = {
    "main": Nearness(related=0.3, answering=0.35),
    "other": Nearness(related=0.25, answering=0.27),
}
"""Of the models that come with pdfsluice."""
MIN_SHARE = 0.5
"""The least share of a query's words that one of the best passages has."""
_EXAMINED = 3  # passages at the head of each ranking


def is_answered(
    database: apsw.Connection,
    rankings: Rankings,
    neighbours: Iterable[Neighbours],
    frequency: Callable[[str], int],
) -> bool:
    """Whether a query has an answer among the passages.

    Args:
        database: The passages and the word index.
        rankings: What was found by words.
        neighbours: What was found by meaning.
        frequency: Returns the number of passages with a word.
    """
    if any(each.answers is not False for each in neighbours):
        return True
    best = (number for ranking in (*rankings.tiers, *rankings.words) for number in _head(ranking))
    weights = _weights(database, rankings.groups, frequency)
    needed = MIN_SHARE * sum(weights)
    return any(_share(database, number, rankings.groups, weights) >= needed for number in {*best})


def _share(
    database: apsw.Connection, number: int, groups: Sequence[str], weights: Sequence[float]
) -> float:
    """Return the weight of the words that a passage has."""
    pairs = zip(groups, weights, strict=True)
    return sum(weight for group, weight in pairs if _has(database, number, group))


def _head(ranking: Sequence[int]) -> Iterable[int]:
    return islice(ranking, _EXAMINED)


def _weights(
    database: apsw.Connection, groups: Sequence[str], frequency: Callable[[str], int]
) -> list[float]:
    """Return the weight of each word: the rarer, the greater, as in BM25."""
    passages = int(database.execute("SELECT coalesce(max(id), 0) FROM passages").get)
    return [math.log(1 + passages / max(1, frequency(group))) for group in groups]


def _has(database: apsw.Connection, number: int, group: str) -> bool:
    row = database.execute(
        "SELECT 1 FROM words WHERE words MATCH ? AND rowid = ?", (group, number)
    ).get
    return row is not None
