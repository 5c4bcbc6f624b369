"""Ranks passages by words of which some are frequent, as BM25 of FTS5 does.

FTS5 finds and scores what has rare words. Numbers of frequent terms come from the tables of
:mod:`.frequent_terms`; each term whose numbers were read keeps an array of them, to which those
of new passages are added before a search.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import apsw
import numpy as np
import numpy.typing as npt

from .counts import recent_numbers, stored_numbers
from .expressions import AllOf, Alternatives, AnyOf, Expression
from .frequent_terms import LAST, varints
from .term_numbers import HEADING_SHIFT, LENGTH, MAX_IN_TEXT
from .word_index import K1, Among, B, WordIndex

_MIN_IDF = 1e-6
_MAX_ARRAYS = 64
_MAX_LISTED = 64  # documents whose passages are looked up before passages are ranked
_DEEPER = 8  # times as many passages are looked up if too few of the best are to be found

Passages: TypeAlias = npt.NDArray[np.int64]
Numbers: TypeAlias = npt.NDArray[np.uint16]
Frequencies: TypeAlias = npt.NDArray[np.float32]
Scores: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(slots=True)
class _Array:
    """The numbers of a term, one for each passage up to the last that was counted."""

    numbers: Numbers
    last: int = 0


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a query: its terms that are frequent, and the others."""

    codes: Sequence[int]
    rare: Sequence[str]
    whole: Alternatives

    @property
    def is_rare(self) -> bool:
        return not self.codes


class FrequentWords:
    """A ranking by the numbers of frequent terms.

    Args:
        connection: The database.
        words: Finds passages by rare words.
    """

    def __init__(self, connection: apsw.Connection, words: WordIndex) -> None:
        self._db = connection
        self._words = words
        self._arrays: dict[int, _Array] = {}

    def matching(self, wanted: Expression, among: Among) -> list[int] | None:
        """Return the best passages; ``None`` if FTS5 alone knows them.

        Args:
            wanted: The words.
            among: The passages that may be found.
        """
        parts = [part for part in wanted.parts if isinstance(part, Alternatives)]
        others = wanted.others if isinstance(wanted, AnyOf) else ()
        if len(parts) < len(wanted.parts) or any(word.is_beginning for word in (*parts, *others)):
            return None
        words, orders = [self._word(part) for part in parts], [self._word(each) for each in others]
        if all(word.is_rare for word in (*words, *orders)):
            return None
        last = self._last()
        if last is None:
            return None
        ranking = _Ranking(self, last, has_headings=isinstance(wanted, AnyOf))
        if isinstance(wanted, AllOf):
            return self._all(ranking, words, among)
        return self._any(ranking, words, orders, among)

    def _word(self, word: Alternatives) -> _Word:
        codes: list[int] = []
        rare: list[str] = []
        for term in word.terms:
            code = self._db.execute(
                "SELECT code FROM frequent_terms WHERE term = ? AND is_counted", (term,)
            ).get
            if code is None:
                rare.append(term)
            else:
                codes.append(int(code))
        return _Word(codes, rare, word)

    def _last(self) -> int | None:
        """Return the last passage; ``None`` if not all are counted."""
        counted = int(self._db.execute(LAST, (LENGTH,)).get)
        last = int(self._db.execute("SELECT coalesce(max(id), 0) FROM passages").get)
        return counted if counted >= last else None

    # the two kinds of expressions

    def _all(self, ranking: "_Ranking", words: Sequence[_Word], among: Among) -> list[int]:
        rare = [word.whole for word in words if word.is_rare]
        frequent = [word for word in words if not word.is_rare]
        for word in frequent:
            ranking.count(word)
        if rare:
            passages, scores = _unpacked(
                self._words.ranked(AllOf(tuple(rare)), among, has_all=True)
            )
            mask = np.ones(len(passages), bool)
            for word in frequent:
                mask &= ranking.having(word)[passages]
            passages, scores = passages[mask], scores[mask]
            ranking.score(frequent, passages, scores)
            return _numbers(_best(passages, scores, among.limit)[0])[: among.limit]
        mask = ranking.having(frequent[0])
        for word in frequent[1:]:
            mask &= ranking.having(word)
        return self._ranked(ranking, frequent, mask, among)

    def _any(
        self, ranking: "_Ranking", words: Sequence[_Word], others: Sequence[_Word], among: Among
    ) -> list[int]:
        if not any(word.codes for word in words):
            rare = tuple(Alternatives(tuple(other.rare)) for other in others if other.rare)
            wanted = AnyOf(tuple(word.whole for word in words), rare)
            passages, scores = _unpacked(self._words.ranked(wanted, among, has_all=True))
            if rare:
                scores /= 2  # see the expression of FTS5
            ordering = [_Word(word.codes, (), word.whole) for word in others]
            ranking.score(ordering, passages, scores)
            return _numbers(_best(passages, scores, among.limit)[0])[: among.limit]
        for word in (*words, *others):
            ranking.count(word)
        mask = ranking.having(words[0])
        for word in words[1:]:
            mask |= ranking.having(word)
        return self._ranked(ranking, [*words, *others], mask, among)

    def _ranked(
        self, ranking: "_Ranking", words: Sequence[_Word], mask: Mask, among: Among
    ) -> list[int]:
        if among.documents is not None and len(among.documents) <= _MAX_LISTED:
            mask = mask & self._mask_of(among.documents, len(mask))
        passages = np.flatnonzero(mask)
        scores = np.zeros(len(passages))
        ranking.score(words, passages, scores)
        return self._first_of(passages, scores, among)

    def _mask_of(self, documents: Sequence[int], size: int) -> Mask:
        mask = np.zeros(size, bool)
        rows = self._db.execute(
            "SELECT id FROM passages WHERE document IN (SELECT value FROM json_each(?))",
            (json.dumps(list(documents)),),
        )
        mask[[number for (number,) in rows]] = True
        return mask

    def _first_of(self, passages: Passages, scores: Scores, among: Among) -> list[int]:
        """Return the best passages that exist and may be found."""
        results: list[int] = []
        size = 2 * among.limit
        while len(passages) and len(results) < among.limit:
            best, rest = _best(passages, scores, size)
            results += self._only(_numbers(best), among)
            passages, scores = passages[rest], scores[rest]
            size *= _DEEPER
        return results[: among.limit]

    def _only(self, numbers: Sequence[int], among: Among) -> list[int]:
        documents = None if among.documents is None else json.dumps(list(among.documents))
        rows = self._db.execute(
            "SELECT p.id FROM passages p INDEXED BY passages_without_text"
            " WHERE p.id IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR p.owner = ?2)"
            " AND (?3 IS NULL OR p.document IN (SELECT value FROM json_each(?3)))",
            (json.dumps(list(numbers)), among.owner, documents),
        )
        existing = {number for (number,) in rows}
        return [number for number in numbers if number in existing]

    # what the ranking reads

    def numbers(self, code: int, last: int) -> Numbers:
        """Return the numbers of a term for all passages up to the last."""
        entry = self._arrays.pop(code, None)
        if entry is None or entry.last > last:
            entry = _Array(np.zeros(last + 1, np.uint16))
        while len(self._arrays) >= _MAX_ARRAYS:
            del self._arrays[next(iter(self._arrays))]
        self._arrays[code] = entry
        if entry.last < last:
            self._extend(entry, code, last)
        return entry.numbers[: last + 1]

    def _extend(self, entry: _Array, code: int, last: int) -> None:
        if len(entry.numbers) <= last:
            longer = np.zeros(max(last + 1, len(entry.numbers) * 9 // 8), np.uint16)
            longer[: len(entry.numbers)] = entry.numbers
            entry.numbers = longer
        for first, counts in self._db.execute(
            "SELECT first, counts FROM term_counts WHERE code = ? AND last > ?", (code, entry.last)
        ):
            passages, numbers = stored_numbers(first, counts)
            new = passages > entry.last
            entry.numbers[passages[new]] += numbers[new]
        for row in self._db.execute(
            "SELECT first, last, counts FROM recent_counts WHERE last > ?", (entry.last,)
        ):
            passages, numbers = recent_numbers(row, code)
            new = passages > entry.last
            entry.numbers[passages[new]] += numbers[new]
        entry.last = last

    def scored(self, terms: Sequence[str], *, has_headings: bool) -> tuple[Passages, Scores]:
        """Return the passages with rare terms, and their scores by these."""
        return _unpacked(self._words.scored(terms, with_headings=has_headings))

    def average_length(self) -> float:
        """Return how many terms the passages have on average, as the word index knows it."""
        count, *terms = varints(self._db.execute("SELECT block FROM words_data WHERE id = 1").get)
        return max(1.0, sum(terms) / max(1, count))


class _Ranking:
    """The words of one search.

    Args:
        words: What it reads.
        last: The last passage.
        has_headings: Whether terms in headings of pages count.
    """

    def __init__(self, words: FrequentWords, last: int, *, has_headings: bool) -> None:
        self._words = words
        self._last = last
        self._has_headings = has_headings
        self._average = words.average_length()
        self._count = int(np.count_nonzero(words.numbers(LENGTH, last)))  # those gone, too
        self._rare: dict[Sequence[str], tuple[Passages, Scores]] = {}

    def count(self, word: _Word) -> None:
        """Read the passages that have the rare terms of a word."""
        if word.rare:
            key = tuple(word.rare)
            self._rare[key] = self._words.scored(key, has_headings=self._has_headings)

    def having(self, word: _Word) -> Mask:
        """Return which of all passages have a word."""
        mask = np.zeros(self._last + 1, bool)
        for code in word.codes:
            mask |= self._counting(self._words.numbers(code, self._last)) > 0
        passages, _ = self._rare.get(tuple(word.rare), (None, None))
        if passages is not None:
            mask[passages] = True
        return mask

    def _counting(self, numbers: Numbers) -> Numbers:
        return numbers if self._has_headings else numbers & np.uint16(MAX_IN_TEXT)

    def score(self, words: Sequence[_Word], passages: Passages, scores: Scores) -> None:
        """Add the scores of passages by words."""
        lengths = self._words.numbers(LENGTH, self._last)[passages].astype(np.float32)
        norms = np.float32(K1 * (1 - B)) + lengths * np.float32(K1 * B / self._average)
        for word in words:
            for code in word.codes:
                numbers = self._words.numbers(code, self._last)
                weight = self._weight(int(np.count_nonzero(self._counting(numbers))))
                often = self._frequencies(numbers[passages])
                scores += weight * (K1 + 1) * (often / (often + norms)).astype(np.float64)
            if tuple(word.rare) in self._rare:
                rare, values = self._rare[tuple(word.rare)]
                sums = np.zeros(self._last + 1)
                sums[rare] = values
                scores += sums[passages]

    def _frequencies(self, numbers: Numbers) -> Frequencies:
        often = (numbers & np.uint16(MAX_IN_TEXT)).astype(np.float32) * np.float32(0.1)
        if self._has_headings:
            often += np.float32(2) * (numbers >> HEADING_SHIFT).astype(np.float32)
        return often

    def _weight(self, having: int) -> float:
        """Return the weight of a term that some passages have."""
        return max(math.log((self._count - having + 0.5) / (having + 0.5)), _MIN_IDF)


def _unpacked(rows: Iterable[tuple[int, float]]) -> tuple[Passages, Scores]:
    pairs = list(rows)
    passages = np.fromiter((number for number, _ in pairs), np.int64, len(pairs))
    scores = np.fromiter((-score for _, score in pairs), np.float64, len(pairs))
    return passages, scores


def _numbers(passages: Passages) -> list[int]:
    return [int(number) for number in passages.tolist()]


def _best(passages: Passages, scores: Scores, count: int) -> tuple[Passages, Mask]:
    """Return the best passages, best first, and a mask of the others."""
    rest = np.zeros(len(passages), bool)
    if len(passages) > count:
        rest = scores < np.partition(scores, -count)[-count]
    best, values = passages[~rest], scores[~rest]
    return best[np.lexsort((best, -values))], rest
