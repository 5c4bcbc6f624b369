"""Ranks passages by words, as BM25 of FTS5 does, by numbers in arrays.

FTS5 looks up the length of each passage that it ranks, which takes longer than all else. Numbers
of frequent terms come from the tables of :mod:`.frequent_terms`, those of others from the word
index.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import apsw
import numpy as np
import numpy.typing as npt

from .expressions import AllOf, Alternatives, AnyOf, Expression, Phrase
from .frequent_terms import LAST, varints
from .languages import UNKNOWN
from .term_arrays import Numbers, Passages, TermArrays
from .term_numbers import HEADING_SHIFT, LENGTH, MAX_IN_TEXT
from .terms import analyse
from .word_index import EXACT_WEIGHT, K1, Among, B, WordIndex

_MIN_IDF = 1e-6
_MAX_LISTED = 64  # documents whose passages are looked up before passages are ranked
_MAX_READ = 64  # passages with the words of a phrase that are read instead of asking FTS5
_DEEPER = 8  # times as many passages are looked up if too few of the best are to be found

Frequencies: TypeAlias = npt.NDArray[np.float32]
Scores: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a query: its terms that are frequent, and the others."""

    codes: Sequence[int]
    rare: Sequence[str]


class WordRanking:
    """A ranking of passages by the numbers of terms in each.

    Args:
        connection: The database.
        words: Finds passages with phrases.
        max_in_phrase: Of how many passages with the words of a phrase the newest are looked at.
    """

    def __init__(
        self, connection: apsw.Connection, words: WordIndex, *, max_in_phrase: int
    ) -> None:
        self._db = connection
        self._words = words
        self._arrays = TermArrays(connection)
        self._max_in_phrase = max_in_phrase

    def matching(self, wanted: Expression, among: Among) -> list[int] | None:
        """Return the best passages; ``None`` if FTS5 has to rank them.

        Args:
            wanted: The words.
            among: The passages that may be found.
        """
        last = self._last()
        if last is None:
            return None
        has_headings = isinstance(wanted, AnyOf)
        scoring = _Scoring(self._arrays, last, self._size(), has_headings=has_headings)
        match wanted:
            case AllOf((Phrase() as phrase,)):
                return self._phrase(scoring, phrase, among)
            case AllOf(parts):
                words = self._words_of(parts)
                return None if words is None else self._all(scoring, words, among)
            case AnyOf(parts, further):
                words, others = self._words_of(parts), self._words_of(further)
                if words is None or others is None:
                    return None
                return self._any(scoring, words, others, among)

    def _words_of(self, parts: Sequence[Phrase | Alternatives]) -> Sequence[_Word] | None:
        """Return words; ``None`` if one is a phrase or a beginning."""
        words = [
            self._word(part)
            for part in parts
            if isinstance(part, Alternatives) and not part.is_beginning
        ]
        return words if len(words) == len(parts) else None

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
        return _Word(codes, rare)

    def _last(self) -> int | None:
        """Return the last passage; ``None`` if not all are counted."""
        counted = int(self._db.execute(LAST, (LENGTH,)).get)
        last = int(self._db.execute("SELECT coalesce(max(id), 0) FROM passages").get)
        return counted if counted >= last else None

    # the kinds of expressions

    def _all(self, scoring: "_Scoring", words: Sequence[_Word], among: Among) -> list[int]:
        return self._ranked(scoring, words, scoring.having_all(words), among)

    def _any(
        self, scoring: "_Scoring", words: Sequence[_Word], others: Sequence[_Word], among: Among
    ) -> list[int]:
        mask = scoring.having(words[0])
        for word in words[1:]:
            mask |= scoring.having(word)
        return self._ranked(scoring, [*words, *others], mask, among)

    def _phrase(self, scoring: "_Scoring", phrase: Phrase, among: Among) -> list[int]:
        """Return the best of the passages that have the words of a phrase in its order.

        FTS5 reads the places of all words, and is asked only if many passages have them.
        """
        words = [self._word(Alternatives((word,))) for word in phrase.words]
        passages = np.flatnonzero(scoring.having_all(words))
        if len(passages) <= _MAX_READ:
            return self._first_of(*self._reading(scoring, phrase, passages), among)
        first = 0 if phrase.is_quoted else int(passages[-self._max_in_phrase :][0])
        ranked = self._words.later_with_phrase(AllOf((phrase,)), among, first=first)
        return [number for number, _ in ranked]

    def _reading(
        self, scoring: "_Scoring", phrase: Phrase, passages: Passages
    ) -> tuple[Passages, Scores]:
        """Return which of some passages have a phrase, by reading them, and their scores."""
        rows = self._db.execute(
            "SELECT id, text FROM passages WHERE id IN (SELECT value FROM json_each(?))"
            " ORDER BY id",
            (json.dumps(passages.tolist()),),
        )
        often = [(int(number), _occurrences(phrase, str(text))) for number, text in rows]
        having = np.array([each for each in often if each[1]], np.int64).reshape(-1, 2)
        return having[:, 0], scoring.of_phrase(having[:, 0], having[:, 1])

    def _ranked(
        self, scoring: "_Scoring", words: Sequence[_Word], mask: Mask, among: Among
    ) -> list[int]:
        documents = self._few_documents(among)
        if documents is not None:
            mask = mask & self._mask_of(documents, len(mask))
        passages = np.flatnonzero(mask)
        scores = np.zeros(len(passages))
        scoring.score(words, passages, scores)
        return self._first_of(passages, scores, among)

    def _few_documents(self, among: Among) -> Sequence[int] | None:
        """Return the documents that may be found, if they are few."""
        documents = among.documents
        if documents is None and among.owner is not None:
            statement = "SELECT id FROM documents WHERE owner = ? LIMIT ?"
            rows = self._db.execute(statement, (among.owner, _MAX_LISTED + 1))
            documents = [number for (number,) in rows]
        return documents if documents is not None and len(documents) <= _MAX_LISTED else None

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
            results += self._only(best.tolist(), among)
            passages, scores = passages[rest], scores[rest]
            size *= _DEEPER
        return results[: among.limit]

    def _only(self, numbers: Sequence[int], among: Among) -> list[int]:
        documents = None if among.documents is None else json.dumps(list(among.documents))
        rows = self._db.execute(
            "SELECT p.id FROM passages p INDEXED BY passages_without_text"
            " WHERE p.id IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR p.owner = ?2)"
            " AND (?3 IS NULL OR p.document IN (SELECT value FROM json_each(?3)))",
            (json.dumps(numbers), among.owner, documents),
        )
        existing = {number for (number,) in rows}
        return [number for number in numbers if number in existing]

    def _size(self) -> tuple[int, float]:
        """Return how many passages the word index has, and their terms on average."""
        count, *terms = varints(self._db.execute("SELECT block FROM words_data WHERE id = 1").get)
        return count, max(1.0, sum(terms) / max(1, count))


class _Scoring:
    """The words of one search.

    Args:
        arrays: The numbers of terms.
        last: The last passage.
        size: How many passages there are, and their terms on average.
        has_headings: Whether terms in headings of pages count.
    """

    def __init__(
        self, arrays: TermArrays, last: int, size: tuple[int, float], *, has_headings: bool
    ) -> None:
        self._arrays = arrays
        self._last = last
        self._count, self._average = size
        self._has_headings = has_headings
        self._lengths = arrays.of_frequent(LENGTH, last)
        self._count_ever = int(np.count_nonzero(self._lengths))  # those gone, too

    def having(self, word: _Word) -> Mask:
        """Return which of all passages have a word."""
        mask = np.zeros(self._last + 1, bool)
        for code in word.codes:
            mask |= self._counting(self._arrays.of_frequent(code, self._last)) > 0
        for term in word.rare:
            passages, numbers = self._arrays.of_other(term, self._last)
            mask[passages[self._counting(numbers) > 0]] = True
        return mask

    def having_all(self, words: Sequence[_Word]) -> Mask:
        """Return which of all passages have all of some words."""
        rarest_first = sorted(words, key=lambda word: bool(word.codes))
        mask = self.having(rarest_first[0])
        for word in rarest_first[1:]:
            if not mask.any():
                break
            mask &= self.having(word)
        return mask

    def _counting(self, numbers: Numbers) -> Numbers:
        return numbers if self._has_headings else numbers & np.uint16(MAX_IN_TEXT)

    def score(self, words: Sequence[_Word], passages: Passages, scores: Scores) -> None:
        """Add the scores of passages by words.

        Args:
            words: The words.
            passages: The numbers of the passages.
            scores: Their scores so far.
        """
        norms = self._norms(passages)
        for word in words:
            for code in word.codes:
                numbers = self._arrays.of_frequent(code, self._last)
                weight = self._weight(self._counting(numbers), self._count_ever)
                often = self._frequencies(numbers[passages])
                scores += weight * (often / (often + norms)).astype(np.float64)
            for term in word.rare:
                having, numbers = self._arrays.of_other(term, self._last)
                weight = self._weight(self._counting(numbers), self._count)
                here, there = _places(passages, having)
                often = self._frequencies(numbers[there])
                scores[here] += weight * (often / (often + norms[here])).astype(np.float64)

    def of_phrase(self, passages: Passages, often: Passages) -> Scores:
        """Return the scores of passages by how often each has a phrase."""
        weighted = EXACT_WEIGHT * often
        return weighted / (weighted + self._norms(passages))

    def _norms(self, passages: Passages) -> Frequencies:
        lengths = self._lengths[passages].astype(np.float32)
        return np.float32(K1 * (1 - B)) + lengths * np.float32(K1 * B / self._average)

    def _frequencies(self, numbers: Numbers) -> Frequencies:
        often = (numbers & np.uint16(MAX_IN_TEXT)).astype(np.float32) * np.float32(0.1)
        if self._has_headings:
            often += np.float32(2) * (numbers >> HEADING_SHIFT).astype(np.float32)
        return often

    def _weight(self, numbers: Numbers, count: int) -> float:
        """Return the weight of a term with such numbers, of which those above 0 count."""
        having = int(np.count_nonzero(numbers))
        idf = math.log(max(_MIN_IDF, count - having + 0.5) / (having + 0.5))
        return max(idf, _MIN_IDF) * (K1 + 1)


def _occurrences(phrase: Phrase, text: str) -> int:
    """Return how often a phrase stands in the text of a passage."""
    words = analyse(text, UNKNOWN)[0]
    size = len(phrase.words)
    starts = range(len(words) - size + 1)
    return sum(tuple(words[start : start + size]) == phrase.words for start in starts)


def _places(some: Passages, ordered: Passages) -> tuple[Passages, Passages]:
    """Return where the passages that both have stand in each."""
    if not len(ordered):
        nowhere = np.zeros(0, np.int64)
        return nowhere, nowhere
    places = np.minimum(np.searchsorted(ordered, some), len(ordered) - 1)
    here = np.flatnonzero(ordered[places] == some)
    return here, places[here]


def _best(passages: Passages, scores: Scores, count: int) -> tuple[Passages, Mask]:
    """Return the best passages, best first, and a mask of the others."""
    rest = np.zeros(len(passages), bool)
    if len(passages) > count:
        rest = scores < np.partition(scores, -count)[-count]
    best, values = passages[~rest], scores[~rest]
    return best[np.lexsort((best, -values))], rest
