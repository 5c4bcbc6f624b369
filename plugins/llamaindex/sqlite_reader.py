"""Reads passages in SQLite: words with FTS5 and its BM25, vectors by signatures."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING

from .expressions import Alternatives, Expression
from .names import by_term
from .passages import PassageDatabase
from .reader import languages_in
from .schema import VECTOR_TABLES
from .stored import Slot, StoredPassage
from .word_index import Among, WordIndex, any_of

if TYPE_CHECKING:  # see below
    from .vector_search import VectorSearch
    from .word_ranking import WordRanking

_MAX_DEPTH = 1000
_LANGUAGES = languages_in("passages")
# A number takes four bytes, and FTS5 reads all places of a term to count its passages.
_COUNTED = """
SELECT sum(length(c.counts)) / 4 FROM frequent_terms f JOIN term_counts c ON c.code = f.code
WHERE f.term = ? AND f.is_counted
"""
DEFAULT_MAX_RANKED = 20_000  # passages: to rank one takes a microsecond, and for each word
DEFAULT_MAX_RANKED_WITH_ALL = 8_000
DEFAULT_MAX_IN_PHRASE = 8_000


class SqliteReader:
    """A reader of a :class:`~.passages.PassageDatabase`.

    Args:
        database: The passages.
        max_ranked: How many passages with some words are compared, the newest of all, if terms
            are not counted.
        max_ranked_with_all: The same for passages with all words.
        max_in_phrase: How many passages with the words of a phrase are looked at, the newest of
            all, if terms are counted and the phrase is not quoted.
    """

    def __init__(
        self,
        database: PassageDatabase,
        *,
        max_ranked: int = DEFAULT_MAX_RANKED,
        max_ranked_with_all: int = DEFAULT_MAX_RANKED_WITH_ALL,
        max_in_phrase: int = DEFAULT_MAX_IN_PHRASE,
    ) -> None:
        self._database = database
        self._db = database.connection
        self._word_index = WordIndex(
            self._db, max_ranked=max_ranked, max_ranked_with_all=max_ranked_with_all
        )
        self._max_in_phrase = max_in_phrase
        self._vector_searches: dict[Slot, tuple[str | None, VectorSearch]] = {}

    def snapshot(self) -> AbstractContextManager[None]:
        """See one state of the database in all that is read inside this context."""
        return self._database.snapshot()

    def count(self) -> int:
        """Return the highest number of a passage."""
        return int(self._db.execute("SELECT coalesce(max(id), 0) FROM passages").get)

    def languages(self) -> Sequence[str]:
        """Return the languages of all passages; those of few passages come last."""
        return [str(name) for (name,) in self._db.execute(_LANGUAGES)]

    def passages(self, numbers: Sequence[int]) -> Mapping[int, StoredPassage]:
        """Return the passages with these numbers that exist."""
        rows = self._db.execute(
            "SELECT id, document, page, text, language FROM passages"
            " WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(numbers)),),
        )
        return {int(number): StoredPassage(*row) for number, *row in rows}

    def documents_of(self, numbers: Collection[int]) -> Mapping[int, int]:
        """Return the documents of passages."""
        rows = self._db.execute(
            "SELECT id, document FROM passages WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(numbers)),),
        )
        return {int(number): int(document) for number, document in rows}

    def stages(self, documents: Collection[int]) -> Mapping[int, str]:
        """Return how far documents are indexed."""
        return self._database.stages(documents)

    # words

    def matching(
        self,
        wanted: Expression,
        *,
        owner: str | None,
        limit: int,
        documents: Sequence[int] | None,
    ) -> list[int]:
        """Return the passages with some words, ordered by BM25.

        All are ranked if terms are counted, as in an index that is not small.
        """
        among = Among(owner=owner, documents=documents, limit=limit)
        if self._db.execute("SELECT 1 FROM frequent_terms LIMIT 1").get is not None:
            numbers = self._word_ranking.matching(wanted, among)
            if numbers is not None:
                return numbers
        return [int(number) for number, _ in self._word_index.ranked(wanted, among)]

    @cached_property
    def _word_ranking(self) -> "WordRanking":
        from .word_ranking import WordRanking  # noqa: PLC0415 - loads NumPy

        return WordRanking(self._db, self._word_index, max_in_phrase=self._max_in_phrase)

    def frequency(self, term: str) -> int:
        """Return the number of passages with a word, or about that if it is frequent."""
        counted = self._db.execute(_COUNTED, (term,)).get
        if counted:
            return int(counted)
        return int(
            self._db.execute("SELECT doc FROM temp.vocabulary WHERE term = ?", (term,)).get or 0
        )

    def occurs(self, word: Alternatives) -> bool:
        """Return whether a word stands in any passage or title."""
        columns = "exact" if word.is_beginning else "exact stems title"
        expression = f"{{{columns}}} : ({any_of(word)})"
        row = self._db.execute("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1", (expression,))
        return row.get is not None

    def having(
        self, numbers: Collection[int], words: Sequence[Alternatives]
    ) -> Mapping[int, Sequence[bool]]:
        """Return for each of some passages which of the words it has."""
        return {number: [self._has(number, word) for word in words] for number in numbers}

    def _has(self, number: int, word: Alternatives) -> bool:
        row = self._db.execute(
            "SELECT 1 FROM words WHERE words MATCH ? AND rowid = ?", (any_of(word), number)
        )
        return row.get is not None

    def terms_from(self, start: str, *, lengths: range, limit: int) -> Iterable[tuple[str, int]]:
        """Return words that begin with some characters, and how many passages have each."""
        rows = self._db.execute(
            "SELECT term, doc FROM temp.vocabulary WHERE term >= ? AND term < ?"
            " AND length(term) BETWEEN ? AND ? LIMIT ?",
            (start, start + "\U0010ffff", lengths.start, lengths.stop - 1, limit),
        )
        return ((str(term), int(count)) for term, count in rows)

    # vectors

    def model(self, slot: Slot) -> str | None:
        """Return identity and dimension of the model whose vectors are stored."""
        return self._database.model(slot)

    def nearest(
        self,
        vector: Sequence[float],
        slot: Slot,
        *,
        owner: str | None,
        limit: int,
        documents: Sequence[int] | None,
    ) -> list[tuple[int, float]]:
        """Return the passages nearest to a vector, and the cosine of each."""
        search = self._vector_search(slot)
        return search.nearest(
            vector, owner=owner, limit=min(limit, _MAX_DEPTH), documents=documents
        )

    def _vector_search(self, slot: Slot) -> "VectorSearch":
        """Return the search of the stored vectors; those of another model begin a new one."""
        from .vector_search import VectorSearch  # noqa: PLC0415 - loads NumPy: words need none

        model, before = self.model(slot), self._vector_searches.get(slot)
        if before is None or before[0] != model:
            before = model, VectorSearch(self._db, VECTOR_TABLES[slot])
            self._vector_searches[slot] = before
        return before[1]

    def by_keys(
        self, keys: Sequence[str], *, owner: str | None, documents: Sequence[int] | None
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

    # names of documents

    def document_count(self, owner: str | None) -> int:
        """Return how many documents are indexed."""
        return int(
            self._db.execute(
                "SELECT count(*) FROM documents WHERE ?1 IS NULL OR owner = ?1", (owner,)
            ).get
        )

    def named(self, terms: Collection[str], *, owner: str | None) -> Mapping[str, frozenset[int]]:
        """Return the documents whose title or file name has a word."""
        rows = self._db.execute(
            "SELECT n.term, n.document FROM names n JOIN documents d ON d.id = n.document"
            " WHERE n.term IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR d.owner = ?2)",
            (json.dumps(list(terms)), owner),
        )
        return by_term(rows)

    def named_from(self, start: str, *, owner: str | None, limit: int) -> frozenset[int]:
        """Return documents whose title or file name has a longer word that begins so."""
        rows = self._db.execute(
            "SELECT n.document FROM names n JOIN documents d ON d.id = n.document"
            " WHERE n.term > ?1 AND n.term < ?2 AND (?3 IS NULL OR d.owner = ?3) LIMIT ?4",
            (start, start + "\U0010ffff", owner, limit),
        )
        return frozenset(int(number) for (number,) in rows)
