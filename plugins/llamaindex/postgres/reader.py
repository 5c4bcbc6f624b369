"""Reads passages in PostgreSQL."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import accumulate
from typing import Any

from sqlalchemy import Connection, text

from pdfsluice.plugins.llamaindex.expressions import AllOf, Alternatives, AnyOf, Expression, Phrase
from pdfsluice.plugins.llamaindex.names import by_term
from pdfsluice.plugins.llamaindex.reader import languages_in
from pdfsluice.plugins.llamaindex.stored import Slot, StoredPassage

from .dictionary import Dictionary
from .schema import VECTORS, stored_model
from .storing import literal
from .vectors import WEIGHTS, any_of, tsquery

_MAX_CANDIDATES = 2000
_MAX_EXACT = 20_000
_MAX_COUNTED = 5000  # passages with a word that the dictionary does not have
_MAX_COUNTS = 20_000  # words whose number of passages is kept
_MAX_DEPTH = 1000
_LANGUAGES = languages_in("index_passages")
_MINE = "(CAST(:owner AS TEXT) IS NULL OR {}owner = :owner)"
_IN = "(CAST(:documents AS BIGINT[]) IS NULL OR {}document = ANY(:documents))"


def _candidates(query: str) -> str:
    """Return the statement for passages that a query finds.

    Their words are read once, or each call of ts_rank would decompress them again.

    Args:
        query: The name of its parameter.
    """
    return (
        "SELECT id, ts_filter(words, '{a,b,c,d}') AS words FROM index_passages"  # noqa: S608 - ours
        f" WHERE words @@ CAST(:{query} AS tsquery) AND {_MINE.format('')} AND {_IN.format('')}"
        f" LIMIT {_MAX_CANDIDATES}"
    )


_RANKED = """
SELECT id FROM candidates, LATERAL (
    SELECT sum(weight * ts_rank(:weights, words, CAST(query AS tsquery), 1)) AS score
    FROM unnest(CAST(:queries AS TEXT[]), CAST(:rarities AS FLOAT8[])) AS each(query, weight)
) AS ranked ORDER BY score DESC, id LIMIT :limit
"""
_MATCHING = f"WITH candidates AS MATERIALIZED ({_candidates('wanted')}) {_RANKED}"
_MATCHING_AMONG = (
    f"WITH among AS MATERIALIZED ({_candidates('words')}), candidates AS MATERIALIZED ("  # noqa: S608
    f"SELECT id, words FROM among WHERE words @@ CAST(:wanted AS tsquery)) {_RANKED}"
)


class PostgresReader:
    """A reader of the tables of :mod:`.schema`.

    Args:
        connection: Used by one search alone, in one thread.
        dictionary: How frequent words are.
        max_exact: How many vectors of an owner are compared one by one.
    """

    def __init__(
        self, connection: Connection, dictionary: Dictionary, *, max_exact: int = _MAX_EXACT
    ) -> None:
        self._connection = connection
        self._dictionary = dictionary
        self._max_exact = max_exact
        self._counts: dict[tuple[str | None, tuple[int, ...] | None], int] = {}

    def _execute(self, statement: str, **values: Any) -> Any:
        return self._connection.execute(text(statement), values)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read one state of the database; the transaction of the connection is one."""
        yield

    def count(self) -> int:
        """Return how many passages there are."""
        return self._count_of(None)

    def _count_of(self, owner: str | None, documents: Sequence[int] | None = None) -> int:
        key = (owner, None if documents is None else tuple(documents))
        if key not in self._counts:
            self._counts[key] = int(
                self._execute(
                    "SELECT coalesce(sum(passages), 0) FROM index_documents"  # noqa: S608 - ours
                    f" WHERE {_MINE.format('')}"
                    " AND (CAST(:documents AS BIGINT[]) IS NULL OR id = ANY(:documents))",
                    owner=owner,
                    documents=None if documents is None else list(documents),
                ).scalar_one()
            )
        return self._counts[key]

    def languages(self) -> Sequence[str]:
        """Return the languages of all passages; those of few passages come last."""
        return [str(name) for (name,) in self._execute(_LANGUAGES)]

    def passages(self, numbers: Sequence[int]) -> Mapping[int, StoredPassage]:
        """Return the passages with these numbers that exist."""
        rows = self._execute(
            "SELECT id, document, page, text, language FROM index_passages WHERE id = ANY(:ids)",
            ids=list(numbers),
        )
        return {int(number): StoredPassage(*row) for number, *row in rows}

    def documents_of(self, numbers: Collection[int]) -> Mapping[int, int]:
        """Return the documents of passages."""
        rows = self._execute(
            "SELECT id, document FROM index_passages WHERE id = ANY(:ids)", ids=list(numbers)
        )
        return {int(number): int(document) for number, document in rows}

    def stages(self, documents: Collection[int]) -> Mapping[int, str]:
        """Return how far documents are indexed."""
        rows = self._execute(
            "SELECT id, stage FROM index_documents WHERE id = ANY(:ids)", ids=list(documents)
        )
        return {int(number): str(stage) for number, stage in rows}

    # words

    def matching(
        self,
        wanted: Expression,
        *,
        owner: str | None,
        limit: int,
        documents: Sequence[int] | None,
    ) -> list[int]:
        """Return the passages with some words, ordered by the rarity of what they have.

        At most 2,000 passages are ranked: of many words, those with the rarest, and only if
        these are fewer than wanted, those with others. A phrase that is not quoted is looked up
        in 2,000 passages with its words.
        """
        words = list(_words_of(wanted))
        ranked = partial(self._ranked, words, owner=owner, limit=limit, documents=documents)
        match wanted:
            case AnyOf(parts):
                divided = self._divided(parts, self._share(owner, documents))
                numbers = ranked(divided)
                if divided.others and len(numbers) < limit:
                    further = ranked(AnyOf(divided.others))
                    numbers = list(dict.fromkeys([*numbers, *further]))[:limit]
                return numbers
            case AllOf((Phrase(is_quoted=False) as phrase,)):
                return ranked(wanted, among=AllOf(tuple(Phrase((word,)) for word in phrase.words)))
        return ranked(wanted)

    def _ranked(
        self,
        words: Sequence[Alternatives],
        wanted: Expression,
        *,
        owner: str | None,
        limit: int,
        documents: Sequence[int] | None,
        among: Expression | None = None,
    ) -> list[int]:
        """Return what has an expression, perhaps among what has another, ordered by words."""
        rows = self._execute(
            _MATCHING if among is None else _MATCHING_AMONG,
            **({} if among is None else {"words": tsquery(among)}),
            wanted=tsquery(wanted),
            owner=owner,
            documents=None if documents is None else list(documents),
            weights=WEIGHTS,
            queries=[any_of([word]) for word in words],
            # ts_rank divides by the number of alternatives
            rarities=[self._rarity(word) * len(word.terms) for word in words],
            limit=limit,
        )
        return [int(number) for (number,) in rows]

    def _share(self, owner: str | None, documents: Sequence[int] | None) -> float:
        """Return which share of all passages is searched."""
        return self._count_of(owner, documents) / max(1, self.count())

    def _divided(self, words: Sequence[Alternatives], share: float) -> AnyOf:
        """Return the rarest words, which lead to about 2,000 passages, and the others."""
        by_rarity = sorted(words, key=self._frequency)
        matches = accumulate(share * self._frequency(word) for word in by_rarity)
        count = max(1, sum(number <= _MAX_CANDIDATES for number in matches))
        return AnyOf(tuple(by_rarity[:count]), tuple(by_rarity[count:]))

    def _rarity(self, word: Alternatives) -> float:
        return math.log(1 + self.count() / max(1, self._frequency(word)))

    def _frequency(self, word: Alternatives) -> int:
        return sum(map(self.frequency, word.terms))

    def frequency(self, term: str) -> int:
        """Return about how many passages have a word."""
        share = self._dictionary.shares.get(term)
        if share is not None:
            return round(share * self.count())
        counts = self._dictionary.counts  # other searches, in other threads, change them as well
        count = counts.get(term)
        if count is None:
            if len(counts) >= _MAX_COUNTS:
                counts.clear()
            count = counts[term] = self._count_passages_with(term)
        return count

    def _count_passages_with(self, term: str) -> int:
        return int(
            self._execute(
                "SELECT count(*) FROM (SELECT FROM index_passages"
                " WHERE words @@ CAST(:query AS tsquery) LIMIT :limit) AS counted",
                query=any_of([Alternatives((term,))]),
                limit=_MAX_COUNTED,
            ).scalar_one()
        )

    def occurs(self, word: Alternatives) -> bool:
        """Return whether a word stands in any passage or title."""
        if not word.is_beginning and any(term in self._dictionary.shares for term in word.terms):
            return True
        query = any_of([word], "D" if word.is_beginning else "BCD")
        row = self._execute(
            "SELECT FROM index_passages WHERE words @@ CAST(:query AS tsquery) LIMIT 1", query=query
        ).first()
        return row is not None

    def having(
        self, numbers: Collection[int], words: Sequence[Alternatives]
    ) -> Mapping[int, Sequence[bool]]:
        """Return for each of some passages which of the words it has."""
        rows = self._execute(
            "SELECT id, ARRAY(SELECT words @@ CAST(query AS tsquery)"
            " FROM unnest(CAST(:queries AS TEXT[])) WITH ORDINALITY AS each(query, place)"
            " ORDER BY place) FROM index_passages WHERE id = ANY(:ids)",
            ids=list(numbers),
            queries=[any_of([word]) for word in words],
        )
        return {int(number): list(has) for number, has in rows}

    def terms_from(self, start: str, *, lengths: range, limit: int) -> Iterable[tuple[str, int]]:
        """Return the commonest words that begin with some characters."""
        terms = (
            (term, round(share * self.count()))
            for term, share in self._dictionary.terms_from(start)
            if len(term) in lengths
        )
        return (term for term, _ in zip(terms, range(limit), strict=False))

    # vectors

    def model(self, slot: Slot) -> str | None:
        """Return identity and dimension of the model whose vectors are stored."""
        return stored_model(self._connection, slot)

    def nearest(
        self,
        vector: Sequence[float],
        slot: Slot,
        *,
        owner: str | None,
        limit: int,
        documents: Sequence[int] | None,
    ) -> list[tuple[int, float]]:
        """Return the passages nearest to a vector, and the cosine of each.

        Up to 20,000 passages of an owner, and those of chosen documents, are compared one by
        one, so that none is missed; more are found through an index.
        """
        distance = "v.embedding <=> CAST(:vector AS VECTOR)"
        is_exact = documents is not None or self._count_of(owner) <= self._max_exact
        if is_exact:
            distance = f"({distance}) + 0"  # which the index does not serve
        else:
            self._execute(
                "SELECT set_config('hnsw.iterative_scan', 'strict_order', TRUE),"
                " set_config('hnsw.ef_search', :breadth, TRUE)",
                breadth=str(min(_MAX_DEPTH, max(100, limit))),
            )
        chosen = ""
        if documents is not None:
            chosen = f"JOIN index_passages p ON p.id = v.id AND {_IN.format('p.')}"
        rows = self._execute(
            f"SELECT v.id, {distance} AS distance FROM {VECTORS[slot]} v {chosen}"  # noqa: S608
            f" WHERE {_MINE.format('v.')} ORDER BY distance LIMIT :limit",
            vector=literal(vector),
            owner=owner,
            limit=min(limit, _MAX_DEPTH),
            **({} if documents is None else {"documents": list(documents)}),
        )
        return [(int(number), 1 - float(distance)) for number, distance in rows]

    # names of documents

    def document_count(self, owner: str | None) -> int:
        """Return how many documents are indexed."""
        return int(
            self._execute(
                f"SELECT count(*) FROM index_documents WHERE {_MINE.format('')}",  # noqa: S608
                owner=owner,
            ).scalar_one()
        )

    def named(self, terms: Collection[str], *, owner: str | None) -> Mapping[str, frozenset[int]]:
        """Return the documents whose title or file name has a word."""
        rows = self._execute(
            "SELECT n.term, n.document FROM index_names n"  # noqa: S608 - ours
            " JOIN index_documents d ON d.id = n.document"
            f" WHERE n.term = ANY(:terms) AND {_MINE.format('d.')}",
            terms=list(terms),
            owner=owner,
        )
        return by_term(rows)

    def named_from(self, start: str, *, owner: str | None, limit: int) -> frozenset[int]:
        """Return documents whose title or file name has a longer word that begins so."""
        rows = self._execute(
            "SELECT n.document FROM index_names n"  # noqa: S608 - ours
            " JOIN index_documents d ON d.id = n.document"
            f" WHERE n.term > :start AND n.term < :stop AND {_MINE.format('d.')} LIMIT :limit",
            start=start,
            stop=start + "\U0010ffff",
            owner=owner,
            limit=limit,
        )
        return frozenset(int(number) for (number,) in rows)


def _words_of(wanted: Expression) -> Iterator[Alternatives]:
    others = wanted.others if isinstance(wanted, AnyOf) else ()
    for part in (*wanted.parts, *others):
        if isinstance(part, Phrase):
            yield from (Alternatives((word,)) for word in part.words)
        else:
            yield part
