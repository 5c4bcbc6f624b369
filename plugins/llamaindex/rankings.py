"""Ranked lists of passages, and how they become one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .expressions import Alternatives
from .marking import Mark, Wanted

RANK_OFFSET = 10  # of reciprocal rank fusion; the usual 60 would let a passage in the middle
# of both rankings win over the only one that has the rare word of the query
HEAD = 100
"""The length of the lists of every search; those of a search for more hits are longer."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found.

    Attributes:
        language: The language of the text.
        score: Greater is better; comparable within one answer.
        match: ``words`` or ``meaning``.
        marks: Ranges of the text that words of the query match.
    """

    document: int
    page: int
    text: str
    language: str
    score: float
    match: str = "words"
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The passages that are nearest to a query in meaning.

    Attributes:
        numbers: Nearest first.
        answers: Whether the nearest is near enough to be an answer; ``None`` if that is unknown,
            as for the cosines of a model that is not ours.
    """

    numbers: Sequence[int] = ()
    answers: bool | None = None


@dataclass(frozen=True, slots=True)
class Nearness:
    """What the cosines of a model mean.

    Attributes:
        related: Below it a passage has nothing to do with a query.
        answering: Below it the nearest passage is no answer.
    """

    related: float
    answering: float


@dataclass(slots=True)
class Rankings:
    """Lists of passage numbers, best first.

    Attributes:
        tiers: What comes before all others: exact matches, then passages with all words.
        words: By words: by all of the query, and in the documents that it names by the rest.
        meaning: By vectors.
        documents: How well documents are named by the query, from 0 to 1.
        wanted: The words of the query, to be marked.
        groups: The words of the query.
    """

    tiers: list[list[int]] = field(default_factory=list)
    words: list[list[int]] = field(default_factory=list)
    meaning: list[Sequence[int]] = field(default_factory=list)
    documents: Mapping[int, float] = field(default_factory=dict)
    wanted: Wanted = field(default_factory=Wanted)
    groups: Sequence[Alternatives] = ()

    @property
    def is_deep(self) -> bool:
        """Whether a list is longer than its head."""
        lists = (*self.tiers, *self.words, *self.meaning)
        return any(len(each) > HEAD for each in lists)

    @property
    def head(self) -> "Rankings":
        """The beginnings of all lists."""
        return replace(
            self,
            tiers=[tier[:HEAD] for tier in self.tiers],
            words=[ranking[:HEAD] for ranking in self.words],
            meaning=[ranking[:HEAD] for ranking in self.meaning],
        )

    @property
    def has_words(self) -> bool:
        """Whether any passage has words of the query."""
        return any((*self.tiers, *self.words))


def fuse(rankings: Iterable[Sequence[int]]) -> dict[int, float]:
    """Return the sum of the reciprocal ranks of each passage."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, number in enumerate(ranking, 1):
            scores[number] = scores.get(number, 0.0) + 1.0 / (RANK_OFFSET + rank)
    return scores


def among(numbers: Sequence[int], documents: Sequence[int] | None) -> list[int]:
    """Return the numbers that are among the documents to look in."""
    wanted = None if documents is None else set(documents)
    return [number for number in numbers if wanted is None or number in wanted]
