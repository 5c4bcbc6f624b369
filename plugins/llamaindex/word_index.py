"""What FTS5 is asked: passages with some words, and their scores by BM25."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from .expressions import AllOf, Alternatives, Expression, Phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class Among:
    """The passages that may be found.

    Attributes:
        owner: Whose they are; ``None`` for those of all owners.
        documents: Their documents; ``None`` for all.
        limit: How many are returned.
    """

    owner: str | None
    documents: Sequence[int] | None
    limit: int


K1, B = 1.2, 0.75
"""The constants of bm25() in FTS5."""
EXACT_WEIGHT = 0.1  # of words as they stand
_SCORE = f"bm25(w.words, {EXACT_WEIGHT}, 1.0, 0.5, 2.0)"
"""The weights are of words as they stand, stems, names and headings of pages."""
_PHRASE_SCORE = "phrase_score(w.words)"


_NEWEST = " ORDER BY w.rowid DESC LIMIT :max_ranked"
_FROM_FIRST = " AND w.rowid >= :first"
"""FTS5 begins there only if it goes from old passages to new ones."""


def _ranked(source: str, condition: str, score: str = _SCORE, which: str = _NEWEST) -> str:
    """Return a statement for the passages of a source that the words fit best."""
    return (
        f"SELECT id, score FROM (SELECT w.rowid AS id, {score} AS score"  # noqa: S608
        f" FROM {source} WHERE w.words MATCH :words{condition}{which})"
        " ORDER BY score, id LIMIT :limit"
    )


# A passage without its text is read in a third of the time.
_OWNED = "words w JOIN passages p INDEXED BY passages_without_text ON p.id = w.rowid"
_IS_OWNED = " AND (:owner IS NULL OR p.owner = :owner)"
_IS_AMONG = _IS_OWNED + " AND p.document IN (SELECT value FROM json_each(:documents))"  # noqa: S608
_SOURCES = (("words w", ""), (_OWNED, _IS_OWNED), (_OWNED, _IS_AMONG))
_MATCHING = [_ranked(*source) for source in _SOURCES]
_MATCHING_PHRASE = [_ranked(*source, _PHRASE_SCORE) for source in _SOURCES]
_LATER_PHRASE = [_ranked(*source, _PHRASE_SCORE, _FROM_FIRST) for source in _SOURCES]
_IN_TEXT = "exact stems title"


class WordIndex:
    """The word index.

    Args:
        connection: The database.
        max_ranked: How many passages with some words are compared, the newest of all.
        max_ranked_with_all: The same for passages with all words.
    """

    def __init__(
        self, connection: apsw.Connection, *, max_ranked: int, max_ranked_with_all: int
    ) -> None:
        self._db = connection
        self._db.register_fts5_function("phrase_score", _phrase_score)
        self._max_ranked = max_ranked
        self._max_ranked_with_all = max_ranked_with_all

    def ranked(self, wanted: Expression, among: Among) -> Iterator[tuple[int, float]]:
        """Yield the best passages and their scores, of which lower ones are better.

        Args:
            wanted: The words.
            among: The passages that may be found.
        """
        statements = _MATCHING_PHRASE if _is_phrase(wanted) else _MATCHING
        newest = self._max_ranked_with_all if isinstance(wanted, AllOf) else self._max_ranked
        return self._run(statements, wanted, among, max_ranked=newest)

    def later_with_phrase(
        self, wanted: AllOf, among: Among, *, first: int
    ) -> Iterator[tuple[int, float]]:
        """Yield the best passages with a phrase, and their scores, from a passage on."""
        return self._run(_LATER_PHRASE, wanted, among, first=first)

    def _run(
        self, statements: Sequence[str], wanted: Expression, among: Among, **bounds: int
    ) -> Iterator[tuple[int, float]]:
        statement = statements[0 if among.owner is None else 1]
        if among.documents is not None:
            statement = statements[2]
        values: dict[str, int | str | None] = {
            "words": _match(wanted),
            "owner": among.owner,
            "documents": json.dumps(list(among.documents or ())),
            "limit": among.limit,
        }
        return self._db.execute(statement, {**values, **bounds})


def _is_phrase(wanted: Expression) -> bool:
    return len(wanted.parts) == 1 and isinstance(wanted.parts[0], Phrase)


def _phrase_score(passage: apsw.FTS5ExtensionApi, *_: Any) -> float:
    """Return what bm25() returns for a phrase, but for a factor of all passages.

    For this factor bm25() reads the lists of all words once more.
    """
    often = EXACT_WEIGHT * passage.inst_count
    average = passage.column_total_size() / passage.row_count
    length = passage.column_size() / average
    return -often / (often + K1 * (1 - B + B * length))


def _match(wanted: Expression) -> str:
    """Return an expression of FTS5."""
    if isinstance(wanted, AllOf):
        return " AND ".join(map(_part, wanted.parts))
    parts = _any(wanted.parts)
    if not wanted.others:
        return parts
    others = _any(wanted.others)  # bm25() counts each word as often as it stands here: twice
    return f"({parts}) AND ({parts} OR {others} OR {others})"


def _any(words: Iterable[Alternatives]) -> str:
    return " OR ".join(f"({any_of(word)})" for word in words)


def _part(part: Phrase | Alternatives) -> str:
    if isinstance(part, Phrase):
        return f"exact : {_quoted(' '.join(part.words))}"
    return f"({{{_IN_TEXT}}} : ({any_of(part)}))"


def any_of(word: Alternatives) -> str:
    """Return an expression of FTS5 for a word."""
    mark = " *" if word.is_beginning else ""
    return " OR ".join(f"{_quoted(term)}{mark}" for term in word.terms)


def _quoted(term: str) -> str:
    return f'"{term}"'
