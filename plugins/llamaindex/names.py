"""Finds the documents that a query names: a company, a year, a quarter, a product.

A word of a title or file name is worth more the fewer documents have it. Words that name a
document choose it; the rest of the query finds the page in it.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .queries import Query
from .reader import FEW_DOCUMENTS, PassageReader
from .terms import fold, is_unspaced, pairs, tokens

_YEAR = re.compile(r"((?:19|20)\d\d)(?!\d)")
_DIGIT = re.compile(r"\d")
_RUNS = re.compile(r"\d+|[^\W\d_]+")
_MIN_TERM = 2  # characters
_MIN_PREFIX = 3
_MAX_JOINED = 4  # words that a file name writes together
_EARLIER_YEAR = 0.5  # the report of the last of several years has the others, too
_PREFIX = 0.5  # of the worth of a whole word: ``JPM`` for JPMORGAN
_MAX_DOCUMENTS = 5000  # a word of more names only orders documents that others have chosen
_MIN_SHARE = 0.6  # of the best document's score


@dataclass(frozen=True, slots=True)
class Named:
    """The documents that a query names.

    Attributes:
        weights: Documents and how well they are named, from 0 to 1. It is 1 if the query has
            as much of a name as it takes to single out one document of all.
        words: The words of the query that name documents.
    """

    weights: Mapping[int, float] = field(default_factory=dict)
    words: frozenset[str] = frozenset()

    @property
    def chosen(self) -> tuple[int, ...]:
        """The documents in which the rest of the query is looked up, best first."""
        best = max(self.weights.values(), default=0.0)
        by_weight = sorted(self.weights.items(), key=lambda item: (-item[1], item[0]))
        return tuple(number for number, weight in by_weight if weight >= _MIN_SHARE * best)[
            :FEW_DOCUMENTS
        ]

    def rest_of(self, text: str) -> str:
        """Return a query without the words that name documents."""
        return re.sub(
            r"\w+(?:['\u2019]s\b)?",
            lambda match: " " if _first(match.group()) in self.words else match.group(),
            text,
        ).strip()


def _first(text: str) -> str:
    return next(map(fold, tokens(text)), "")


def by_term(rows: Iterable[Sequence[Any]]) -> Mapping[str, frozenset[int]]:
    """Return the documents of each term, from rows with a term and a document."""
    documents: dict[str, set[int]] = {}
    for term, document in rows:
        documents.setdefault(str(term), set()).add(int(document))
    return {term: frozenset(numbers) for term, numbers in documents.items()}


def name_terms(name: str) -> list[str]:
    """Return the words of a title or file name, with the parts of compounds.

    Scripts without spaces have pairs of characters.
    """
    terms: list[str] = []
    for token in tokens(name.replace("_", " ")):
        terms += pairs(token) if is_unspaced(token) else _with_parts(fold(token))
    return [term for term in dict.fromkeys(terms) if len(term) >= _MIN_TERM]


def _with_parts(word: str) -> list[str]:
    """Return a word; of ``2024q2`` also 2024 and q2."""
    if word.isalpha() or word.isdigit():
        return [word]
    return [word, *filter(None, _YEAR.split(word)), *_RUNS.findall(word)]


class DocumentNames:
    """A search for documents by their names.

    Args:
        reader: The passages and the names.
        is_rare: Whether few passages have a word, so that it may be short for a name.
    """

    def __init__(self, reader: PassageReader, is_rare: Callable[[str], bool]) -> None:
        self._reader = reader
        self._is_rare = is_rare

    def named_by(self, query: Query, *, owner: str | None) -> Named:
        """Return the documents that a query names, without other editions of them."""
        total = self._reader.document_count(owner)
        matches = sorted(self._matches(query, owner), key=lambda match: len(match.documents))
        by_places = _by_places(matches)
        matches_of = {bits: _at(bits, matches) for bits in by_places}
        scores = {
            bits: sum(match.score(total) for match in some) for bits, some in matches_of.items()
        }
        best = max([*scores.values(), math.log(1 + total)])
        others = _other_editions(by_places, matches)
        return Named(
            {
                number: scores[bits] / best
                for bits, documents in by_places.items()
                if bits not in others
                for number in documents
            },
            frozenset(
                word for some in matches_of.values() for match in some for word in match.words
            ),
        )

    def _matches(self, query: Query, owner: str | None) -> "list[_Match]":
        candidates = _candidates(query)
        years = [term for term in candidates if _YEAR.fullmatch(term)]
        matches: list[_Match] = []
        named = self._reader.named(candidates.keys(), owner=owner)
        for term, words in candidates.items():
            worth = _EARLIER_YEAR if term in years and term != max(years) else float(len(words))
            documents = named.get(term, frozenset())
            if not documents and len(words) == 1:
                documents, worth = self._beginning_with(term, owner), _PREFIX
            if documents:
                matches.append(_Match(term, words, documents, worth))
        return matches

    def _beginning_with(self, term: str, owner: str | None) -> frozenset[int]:
        if len(term) < _MIN_PREFIX or not term.isalpha() or not self._is_rare(term):
            return frozenset()
        return self._reader.named_from(term, owner=owner, limit=_MAX_DOCUMENTS)


@dataclass(frozen=True, slots=True)
class _Match:
    """Words of the query and the documents that are named by them.

    Attributes:
        term: The term of the names.
        words: The words of the query that it consists of.
        documents: The documents with this term in their names.
        worth: How many words of the query it counts as.
    """

    term: str
    words: tuple[str, ...]
    documents: frozenset[int]
    worth: float

    @property
    def is_number(self) -> bool:
        """Whether it distinguishes editions, as a year and a quarter do."""
        return _DIGIT.search(self.term) is not None

    def score(self, total: int) -> float:
        """Return what it counts for a document, of so many."""
        return self.worth * math.log(1 + total / len(self.documents))


def _by_places(matches: Sequence[_Match]) -> Mapping[int, Sequence[int]]:
    """Return documents by the matches that name them: the bits at the places of these."""
    bits_of: dict[int, int] = {}
    for place, match in enumerate(matches):
        is_specific = len(match.documents) <= _MAX_DOCUMENTS
        for number in match.documents if is_specific else match.documents & bits_of.keys():
            bits_of[number] = bits_of.get(number, 0) | 1 << place
    by_places: defaultdict[int, list[int]] = defaultdict(list)
    for number, bits in bits_of.items():
        by_places[bits].append(number)
    return by_places


def _at(bits: int, matches: Sequence[_Match]) -> list[_Match]:
    return [match for place, match in enumerate(matches) if bits >> place & 1]


def _other_editions(all_bits: Iterable[int], matches: Sequence[_Match]) -> set[int]:
    """Return the bits of documents that another edition fits better than.

    It is named by the same words, and by more numbers, these among them.

    Args:
        all_bits: By which matches documents are named.
        matches: The matches.
    """
    are_numbers = sum(1 << place for place, match in enumerate(matches) if match.is_number)
    editions: defaultdict[int, list[int]] = defaultdict(list)
    for bits in sorted(all_bits, key=int.bit_count, reverse=True):
        if words := bits & ~are_numbers:
            editions[words].append(bits)
    others: set[int] = set()
    for some in editions.values():
        best: list[int] = []
        for bits in some:
            if any(bits & more == bits for more in best):
                others.add(bits)
            else:
                best.append(bits)
    return others


def _candidates(query: Query) -> dict[str, tuple[str, ...]]:
    """Return possible names with the words of the query that they consist of."""
    folded = query.folded
    candidates: dict[str, tuple[str, ...]] = {}
    for size in range(_MAX_JOINED, 1, -1):
        for start in range(len(folded) - size + 1):
            words = folded[start : start + size]
            candidates.setdefault("".join(words), words)
    for word in folded:
        if word not in query.common:
            for term in _with_parts(word):
                if len(term) >= _MIN_TERM:
                    candidates.setdefault(term, (word,))
    return candidates | {pair: (pair,) for pair in query.pairs}
