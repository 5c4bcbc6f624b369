"""Finds passages: exact matches first, then by words and by meaning together."""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from .confidence import is_answered
from .marking import Wanted, marks_in
from .names import DocumentNames, Named
from .passages import PassageDatabase, Slot
from .queries import Query
from .rankings import RANK_OFFSET, Hit, Nearness, Neighbours, Rankings, among, fuse

_MAX_DEPTH = 1000
_FURTHER = 0.01  # of its score keeps a passage of a page that has a better one
# The weights of bm25() are of words as they stand, stems, names and headings of pages.
_MATCHING = (
    "SELECT w.rowid FROM words w JOIN passages p ON p.id = w.rowid"
    " WHERE w.words MATCH ?1 AND p.owner = ?2"
    " ORDER BY bm25(w.words, 0.1, 1.0, 0.5, 2.0), w.rowid LIMIT ?3"
)
_MATCHING_OF_ALL = (
    "SELECT rowid FROM words WHERE words MATCH ?1"
    " ORDER BY bm25(words, 0.1, 1.0, 0.5, 2.0), rowid LIMIT ?2"
)
_MATCHING_IN = (
    "SELECT w.rowid FROM words w JOIN passages p ON p.id = w.rowid"
    " WHERE w.words MATCH ?1 AND p.document IN (SELECT value FROM json_each(?2))"
    " AND (?4 IS NULL OR p.owner = ?4)"
    " ORDER BY bm25(w.words, 0.1, 1.0, 0.5, 2.0), w.rowid LIMIT ?3"
)
_VECTORS = {"main": "vectors", "other": "vectors_other"}
_TERM = re.compile(r'"([^"]*)"')
_MIN_WORDS = 3  # of a query, whatever their number of matches
_MAX_MATCHES = 20_000
_MAX_FREQUENCIES = 20_000
_MAX_RARE = 0.02  # share of the passages that have a word
_MIN_TYPO_LENGTH = 5
_MAX_CANDIDATES = 5000


class Finder:
    """Reads a :class:`~.passages.PassageDatabase`."""

    def __init__(self, database: PassageDatabase) -> None:
        self._database = database
        self._db = database.connection
        self._frequencies: dict[str, int] = {}
        self._names = DocumentNames(self._db, self._is_rare)

    def languages(self) -> set[str]:
        """Return the languages of all passages."""
        rows = self._db.execute(
            "WITH RECURSIVE one(name) AS (SELECT min(language) FROM passages UNION ALL"
            " SELECT (SELECT min(language) FROM passages WHERE language > name) FROM one"
            " WHERE name IS NOT NULL) SELECT name FROM one WHERE name IS NOT NULL"
        )
        return {str(name) for (name,) in rows}

    def named_by(self, query: Query, *, owner: str | None) -> Named:
        """Return the documents that a query names."""
        return self._names.named_by(query, owner=owner)

    def by_query(
        self,
        query: Query,
        *,
        owner: str | None,
        limit: int,
        named: Named | None = None,
        documents: Sequence[int] | None = None,
    ) -> Rankings:
        """Return the passages with words of a query, in tiers and by BM25.

        Args:
            query: The query.
            owner: Whose passages; ``None`` for those of all owners.
            limit: Length of each list.
            named: The documents that the query names, as :meth:`named_by` returns them.
            documents: The documents to look in; ``None`` for all.
        """
        named = self.named_by(query, owner=owner) if named is None else named
        groups = [self._known(group) for group in query.groups]
        rankings = Rankings(
            tiers=[
                self._matching(expression, owner, limit, documents)
                for expression in _tiers(query, groups)
            ],
            words=[self._matching(_any(self._rarest(groups)), owner, limit, documents)],
            documents=named.weights,
            wanted=Wanted.of([*groups, *map(_phrase, query.phrases)]),
            groups=groups,
        )
        chosen = among(named.chosen, documents)
        if chosen:
            rest = _any(self._rarest([self._known(group) for group in query.without(named.words)]))
            rankings.words.append(self._matching(rest, owner, limit, chosen))
        return rankings

    def _is_rare(self, word: str) -> bool:
        passages = int(self._db.execute("SELECT coalesce(max(id), 0) FROM passages").get)
        return self._frequency(_quoted(word)) <= _MAX_RARE * passages

    def _matching(
        self,
        expression: str,
        owner: str | None,
        limit: int,
        documents: Sequence[int] | None,
    ) -> list[int]:
        if not expression:
            return []
        if documents is not None:
            wanted = json.dumps(list(documents))
            rows = self._db.execute(_MATCHING_IN, (expression, wanted, limit, owner))
        elif owner is None:
            rows = self._db.execute(_MATCHING_OF_ALL, (expression, limit))
        else:
            rows = self._db.execute(_MATCHING, (expression, owner, limit))
        return [int(number) for (number,) in rows]

    def _rarest(self, groups: Sequence[str]) -> list[str]:
        """Return the words that distinguish passages.

        The commonest words of a long query cost most and distinguish least.
        """
        by_frequency = sorted(groups, key=self._frequency)
        rarest: list[str] = []
        matches = 0
        for group in by_frequency:
            matches += self._frequency(group)
            if len(rarest) >= _MIN_WORDS and matches > _MAX_MATCHES:
                break
            rarest.append(group)
        return rarest

    def _frequency(self, group: str) -> int:
        """Return the number of passages with one of several alternatives.

        The count may be a little old.
        """
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
        nearness: Nearness | None = None,
        documents: Sequence[int] | None = None,
    ) -> Neighbours:
        """Return the passages nearest to a vector.

        There are none if another model made the stored vectors.

        Args:
            vector: Packed float32.
            model: Identity of the model that made it.
            owner: Whose passages; ``None`` for those of all owners.
            limit: Length of the list.
            slot: Which of the two models it is.
            nearness: What the cosines of the model mean, if that is known.
            documents: The documents to look in; ``None`` for all.
        """
        if self._database.model(slot) != f"{model}/{len(vector) // 4}":
            return Neighbours()
        mine = "" if owner is None else " AND owner = :owner"
        if documents is not None:
            mine += (
                " AND id IN (SELECT id FROM passages"
                " WHERE document IN (SELECT value FROM json_each(:documents)))"
            )
        rows = self._db.execute(
            f"SELECT id, distance FROM {_VECTORS[slot]}"  # noqa: S608
            f" WHERE embedding MATCH :vector AND k = :limit{mine}",
            {
                "vector": vector,
                "limit": min(limit, _MAX_DEPTH),
                "owner": owner,
                "documents": json.dumps(list(documents or ())),
            },
        )
        pairs = [(int(number), 1 - distance) for number, distance in rows]
        if nearness is None:
            return Neighbours([number for number, _ in pairs])
        related = [number for number, similarity in pairs if similarity >= nearness.related]
        answers = any(similarity >= nearness.answering for _, similarity in pairs)
        return Neighbours(related, answers=answers)

    def by_keys(
        self,
        keys: Sequence[str],
        *,
        owner: str | None,
        documents: Sequence[int] | None = None,
    ) -> list[int]:
        """Return the numbers of the published passages among these keys, in their order."""
        rows = (
            self._db.execute(
                "SELECT id, document FROM passages WHERE key = ?1 AND (?2 IS NULL OR owner = ?2)",
                (key, owner),
            ).fetchone()
            for key in keys
        )
        passages = [(int(row[0]), int(row[1])) for row in rows if row is not None]
        wanted = None if documents is None else set(documents)
        return [number for number, document in passages if wanted is None or document in wanted]

    def is_answered(self, rankings: Rankings, neighbours: Iterable[Neighbours]) -> bool:
        """Whether the query has an answer among the passages that were found."""
        return is_answered(self._db, rankings, neighbours, self._frequency)

    def hits(self, rankings: Rankings, *, limit: int) -> list[Hit]:
        """Return the best passages; the same text of a document only once.

        Further passages of a page come after the best ones of other pages.
        """
        scores = self._scores(rankings)
        by_words = {number for ranking in (*rankings.words, *rankings.tiers) for number in ranking}
        first: list[Hit] = []
        further: list[Hit] = []
        texts: set[tuple[int, str]] = set()
        pages: set[tuple[int, int]] = set()
        for number in sorted(scores, key=lambda number: (-scores[number], number)):
            row = self._db.execute(
                "SELECT document, page, text, language FROM passages WHERE id = ?", (number,)
            ).fetchone()
            if row is None or (row[0], row[2]) in texts:
                continue
            texts.add((row[0], row[2]))
            match = "words" if number in by_words else "meaning"
            marks = marks_in(row[2], rankings.wanted, row[3])
            hit = Hit(row[0], row[1], row[2], scores[number], match, marks)
            if (hit.document, hit.page) in pages:
                further.append(replace(hit, score=hit.score * _FURTHER))
                continue
            pages.add((hit.document, hit.page))
            first.append(hit)
            if len(first) == limit:
                break
        return sorted([*first, *further], key=lambda hit: -hit.score)[:limit]

    def _scores(self, rankings: Rankings) -> dict[int, float]:
        """Return the score of each passage; a tier is worth more than all below it."""
        scores = fuse([*rankings.words, *rankings.meaning])
        ranks: dict[int, float] = {}
        for level, tier in enumerate(reversed(rankings.tiers), 1):
            for rank, number in enumerate(tier, 1):
                ranks[number] = level + 1 / (RANK_OFFSET + rank)
        named = self._weights({*scores, *ranks}, rankings.documents)
        for number in scores:
            scores[number] *= (1 + named.get(number, 0.0)) / 2
        for number, score in ranks.items():
            level = int(score)
            share = (score - level) * (1 + named.get(number, 0.0)) / 2
            scores[number] = max(scores.get(number, 0.0), level + share)
        return scores

    def _weights(
        self, numbers: Collection[int], documents: Mapping[int, float]
    ) -> dict[int, float]:
        """Return how well the documents of passages are named."""
        if not documents:
            return {}
        rows = self._db.execute(
            "SELECT id, document FROM passages WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(numbers)),),
        )
        return {int(number): documents.get(int(document), 0.0) for number, document in rows}


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
        tiers.append(" AND ".join(f"({{exact stems title}} : ({group}))" for group in groups))
    return tiers


def _any(groups: Sequence[str]) -> str:
    return " OR ".join(f"({{exact stems title heading}} : ({group}))" for group in groups)


def is_near(one: str, two: str) -> bool:
    """Whether two words differ by one edit or by two exchanged letters."""
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
