"""Decides whether the passages that were found have anything to do with the query.

Some passage always is the nearest, and a long question has words that occur anywhere. An answer
is trusted if the nearest passage is near, or if one of the best passages by words has enough of
the words, of which rare ones count more. ``benchmarks/search/run.py`` measures this.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from .expressions import Alternatives
from .rankings import Nearness, Neighbours, Rankings
from .reader import PassageReader
from .stored import Slot

NEARNESS: Mapping[Slot, Nearness] = {
    "main": Nearness(related=0.3, answering=0.35),
    "other": Nearness(related=0.25, answering=0.27),
}
"""Of the models that come with pdfsluice."""
MIN_SHARE = 0.5
"""The least share of a query's words that one of the best passages has."""
_EXAMINED = 3  # passages at the head of each ranking


def is_answered(
    reader: PassageReader,
    rankings: Rankings,
    neighbours: Iterable[Neighbours],
    frequency: Callable[[Alternatives], int],
) -> bool:
    """Return whether a query has an answer among the passages.

    Args:
        reader: The passages.
        rankings: What was found by words.
        neighbours: What was found by meaning.
        frequency: Returns the number of passages with a word.
    """
    if any(each.answers is not False for each in neighbours):
        return True
    rankings_by_words = (*rankings.tiers, *rankings.words)
    best = {number for ranking in rankings_by_words for number in ranking[:_EXAMINED]}
    passages = reader.count()
    weights = [math.log(1 + passages / max(1, frequency(word))) for word in rankings.groups]
    needed = MIN_SHARE * sum(weights)
    return any(
        _share(has, weights) >= needed for has in reader.having(best, rankings.groups).values()
    )


def _share(has: Sequence[bool], weights: Sequence[float]) -> float:
    """Return the weight of the words that a passage has."""
    return sum(weight for is_there, weight in zip(has, weights, strict=True) if is_there)
