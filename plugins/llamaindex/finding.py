"""Finds passages: exact matches first, then by words and by meaning together."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from .passages import PassageDatabase, Slot
from .queries import Query

_MAX_DEPTH = 1000
_FURTHER = 0.01  # of its score keeps a passage of a page that has a better one
_RANK_OFFSET = 10  # of reciprocal rank fusion; the usual 60 would let a passage in the middle
# of both rankings win over the only one that has the rare word of the query
_MATCHING = (  # the weights are of words as they stand, of stems and of titles
    "SELECT w.rowid FROM words w JOIN passages p ON p.id = w.rowid"
    " WHERE w.words MATCH ?1 AND p.owner = ?2"
    " ORDER BY bm25(w.words, 0.1, 1.0, 2.0), w.rowid LIMIT ?3"
)
_MATCHING_OF_ALL = (
    "SELECT rowid FROM words WHERE words MATCH ?1"
    " ORDER BY bm25(words, 0.1, 1.0, 2.0), rowid LIMIT ?2"
)
_VECTORS = {"main": "vectors", "other": "vectors_other"}
_TERM = re.compile(r'"([^"]*)"')
_MIN_WORDS = 3  # of a query, whatever their number of matches
_MAX_MATCHES = 20_000
_MAX_FREQUENCIES = 20_000
_MIN_TYPO_LENGTH = 5
_MAX_CANDIDATES = 5000


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found.

    Attributes:
        score: Greater is better; comparable within one answer.
        match: ``words`` or ``meaning``.
    """

    document: int
    page: int
    text: str
    score: float
    match: str = "words"


@dataclass(slots=True)
class Rankings:
    """Lists of passage numbers, best first.

    Attributes:
        tiers: What comes before all others: exact matches, then passages with all words.
        words: By words.
        meaning: By vectors.
    """

    tiers: list[list[int]] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    meaning: list[list[int]] = field(default_factory=list)


class Finder:
    """Reads a :class:`~.passages.PassageDatabase`."""

    def __init__(self, database: PassageDatabase) -> None:
        self._database = database
        self._db = database.connection
        self._frequencies: dict[str, int] = {}

    def languages(self) -> set[str]:
        """Return the languages of all passages."""
        rows = self._db.execute(
            "WITH RECURSIVE one(name) AS (SELECT min(language) FROM passages UNION ALL"
            " SELECT (SELECT min(language) FROM passages WHERE language > name) FROM one"
            " WHERE name IS NOT NULL) SELECT name FROM one WHERE name IS NOT NULL"
        )
        return {str(name) for (name,) in rows}

    def by_query(self, query: Query, *, owner: str | None, limit: int) -> Rankings:
        """Return the passages with words of a query, in tiers and by BM25."""
        groups = [self._known(group) for group in query.groups]
        return Rankings(
            tiers=[
                self._matching(expression, owner, limit) for expression in _tiers(query, groups)
            ],
            words=self._matching(_any(self._rarest(groups), query.names), owner, limit),
        )

    def _matching(self, expression: str, owner: str | None, limit: int) -> list[int]:
        if not expression:
            return []
        if owner is None:
            rows = self._db.execute(_MATCHING_OF_ALL, (expression, limit))
        else:
            rows = self._db.execute(_MATCHING, (expression, owner, limit))
        return [int(number) for (number,) in rows]

    def _rarest(self, groups: Sequence[str]) -> list[str]:
        """Return the words that make a difference: the commonest of a long query cost most."""
        ordered = sorted(groups, key=self._frequency)
        kept: list[str] = []
        matches = 0
        for group in ordered:
            matches += self._frequency(group)
            if len(kept) >= _MIN_WORDS and matches > _MAX_MATCHES:
                break
            kept.append(group)
        return kept

    def _frequency(self, group: str) -> int:
        """Return in how many passages one of several alternatives occurs, or did a while ago."""
        if group not in self._frequencies:
            if len(self._frequencies) >= _MAX_FREQUENCIES:
                self._frequencies.clear()
            terms = _TERM.findall(group)
            counts = (
                self._db.execute("SELECT doc FROM temp.vocabulary WHERE term = ?", (term,)).get
                for term in terms
            )
            self._frequencies[group] = sum(int(count or 0) for count in counts)
        return self._frequencies[group]

    def _known(self, group: tuple[str, ...]) -> str:
        """Return the alternatives of a word; of one that occurs nowhere, what it may mean."""
        expression = " OR ".join(map(_quoted, group))
        if self._occurs(f"{{exact stems title}} : ({expression})"):
            return expression
        prefix = f"{_quoted(group[0])} *"
        if self._occurs(f"exact : {prefix}"):
            return prefix
        correction = self._corrected(group[0])
        return _quoted(correction) if correction else expression

    def _occurs(self, expression: str) -> bool:
        row = self._db.execute("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1", (expression,)).get
        return row is not None

    def _corrected(self, word: str) -> str:
        """Return the commonest word that differs in one letter, or two exchanged ones."""
        if len(word) < _MIN_TYPO_LENGTH or not word.isalpha():
            return ""
        best, most = "", 0
        for low, high in {(word[:1], word[:1] + "\U0010ffff")}:
            rows = self._db.execute(
                "SELECT term, doc FROM temp.vocabulary WHERE term >= ? AND term < ?"
                " AND length(term) BETWEEN ? AND ? LIMIT ?",
                (low, high, len(word) - 1, len(word) + 1, _MAX_CANDIDATES),
            )
            for term, count in rows:
                if int(count) > most and is_near(word, str(term)):
                    best, most = str(term), int(count)
        return best

    def by_vector(
        self,
        vector: bytes,
        model: str,
        *,
        owner: str | None,
        limit: int,
        slot: Slot = "main",
        min_similarity: float = -1.0,
    ) -> list[int]:
        """Return the passages nearest to a vector; none if another model made the stored ones."""
        if self._database.model(slot) != f"{model}/{len(vector) // 4}":
            return []
        mine = "" if owner is None else " AND owner = :owner"
        rows = self._db.execute(
            f"SELECT id, distance FROM {_VECTORS[slot]}"  # noqa: S608
            f" WHERE embedding MATCH :vector AND k = :limit{mine}",
            {"vector": vector, "limit": min(limit, _MAX_DEPTH), "owner": owner},
        )
        return [int(number) for number, distance in rows if 1 - distance >= min_similarity]

    def by_keys(self, keys: Sequence[str], *, owner: str | None) -> list[int]:
        """Return the numbers of the published passages among these keys, in their order."""
        numbers = (
            self._db.execute(
                "SELECT id FROM passages WHERE key = ?1 AND (?2 IS NULL OR owner = ?2)",
                (key, owner),
            ).get
            for key in keys
        )
        return [int(number) for number in numbers if number is not None]

    def hits(self, rankings: Rankings, *, limit: int) -> list[Hit]:
        """Return the best passages; the same text of a document only once.

        Further passages of a page come after the best ones of other pages.
        """
        fused = fuse([rankings.words, *rankings.meaning])
        scores = dict(fused)
        for level, tier in enumerate(reversed(rankings.tiers), 1):
            for rank, number in enumerate(tier, 1):
                scores[number] = max(scores.get(number, 0.0), level + 1 / (_RANK_OFFSET + rank))
        by_words = {number for ranking in (rankings.words, *rankings.tiers) for number in ranking}
        first: list[Hit] = []
        further: list[Hit] = []
        texts: set[tuple[int, str]] = set()
        pages: set[tuple[int, int]] = set()
        for number in sorted(scores, key=lambda number: (-scores[number], number)):
            row = self._db.execute(
                "SELECT document, page, text FROM passages WHERE id = ?", (number,)
            ).fetchone()
            if row is None or (row[0], row[2]) in texts:
                continue
            texts.add((row[0], row[2]))
            match = "words" if number in by_words else "meaning"
            hit = Hit(row[0], row[1], row[2], scores[number], match)
            if (hit.document, hit.page) in pages:
                further.append(replace(hit, score=hit.score * _FURTHER))
                continue
            pages.add((hit.document, hit.page))
            first.append(hit)
            if len(first) == limit:
                break
        return sorted([*first, *further], key=lambda hit: -hit.score)[:limit]


def fuse(rankings: Iterable[Sequence[int]]) -> dict[int, float]:
    """Return the sum of the reciprocal ranks of each passage."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, number in enumerate(ranking, 1):
            scores[number] = scores.get(number, 0.0) + 1.0 / (_RANK_OFFSET + rank)
    return scores


def _quoted(term: str) -> str:
    return f'"{term}"'


def _phrase(words: Sequence[str]) -> str:
    return f"exact : {_quoted(' '.join(words))}"


def _tiers(query: Query, groups: Sequence[str]) -> list[str]:
    """Return expressions, the strictest first; each tier stands before the next."""
    tiers = [" AND ".join(map(_phrase, query.phrases))]
    if len(query.words) > 1:
        tiers.append(_phrase(query.words))
    if groups:
        tiers.append(" AND ".join(f"({{exact stems}} : ({group}))" for group in groups))
    return tiers


def _any(groups: Sequence[str], names: Sequence[str]) -> str:
    parts = [f"{{exact stems title}} : ({group})" for group in groups]
    parts += [f"title : {_quoted(name)}" for name in names]
    return " OR ".join(f"({part})" for part in parts)


def is_near(one: str, two: str) -> bool:
    """Whether two words differ in one letter more, less or other, or in two exchanged ones."""
    if one == two or abs(len(one) - len(two)) > 1:
        return False
    start = 0
    while start < min(len(one), len(two)) and one[start] == two[start]:
        start += 1
    rest_one, rest_two = one[start:], two[start:]
    return (
        rest_one[1:] == rest_two[1:]
        or rest_one[1:] == rest_two
        or rest_one == rest_two[1:]
        or (rest_one[:2] == rest_two[:2][::-1] and rest_one[2:] == rest_two[2:])
    )
