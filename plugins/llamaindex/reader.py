"""What the search asks of a database of passages; SQLite and PostgreSQL answer it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from .expressions import Alternatives, Expression
from .stored import Slot, StoredPassage

FEW_DOCUMENTS = 20
"""How many documents a query chooses at most: in so few, all words of it are looked up."""


class PassageReader(Protocol):
    """A reader of passages, each of which has a number; an owner of ``None`` is any."""

    def snapshot(self) -> AbstractContextManager[None]:
        """See one state of the database in all that is read inside this context."""
        ...

    def count(self) -> int:
        """Return about how many passages there are; 0 only if there is none."""
        ...

    def languages(self) -> Sequence[str]:
        """Return the languages of all passages; those of few passages come last."""
        ...

    def passages(self, numbers: Sequence[int]) -> Mapping[int, StoredPassage]:
        """Return the passages with these numbers that exist."""
        ...

    def documents_of(self, numbers: Collection[int]) -> Mapping[int, int]:
        """Return the documents of passages."""
        ...

    def stages(self, documents: Collection[int]) -> Mapping[int, str]:
        """Return how far documents are indexed: ``reading``, ``words`` or ``meaning``."""
        ...

    # words

    def matching(
        self,
        wanted: Expression,
        *,
        owner: str | None,
        limit: int,
        documents: Sequence[int] | None,
    ) -> list[int]:
        """Return the passages with some words, those that the words fit best first.

        Args:
            wanted: The words.
            owner: Whose passages.
            limit: Length of the list.
            documents: The documents to look in; ``None`` for all.
        """
        ...

    def frequency(self, term: str) -> int:
        """Return the number of passages with a word; it may be a little old."""
        ...

    def occurs(self, word: Alternatives) -> bool:
        """Return whether a word stands in any passage or title."""
        ...

    def having(
        self, numbers: Collection[int], words: Sequence[Alternatives]
    ) -> Mapping[int, Sequence[bool]]:
        """Return for each of some passages which of the words it has."""
        ...

    def terms_from(self, start: str, *, lengths: range, limit: int) -> Iterable[tuple[str, int]]:
        """Return words that begin with some characters, and how many passages have each.

        Args:
            start: The characters.
            lengths: How many characters the words have.
            limit: How many words are returned at most.
        """
        ...

    # vectors

    def model(self, slot: Slot) -> str | None:
        """Return identity and dimension of the model whose vectors are stored."""
        ...

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
        ...

    # names of documents

    def document_count(self, owner: str | None) -> int:
        """Return how many documents are indexed."""
        ...

    def named(self, terms: Collection[str], *, owner: str | None) -> Mapping[str, frozenset[int]]:
        """Return the documents whose title or file name has a word, for each that any has."""
        ...

    def named_from(self, start: str, *, owner: str | None, limit: int) -> frozenset[int]:
        """Return documents whose title or file name has a longer word that begins so."""
        ...


def languages_in(table: str) -> str:
    """Return the statement for the languages of a table, the commonest first.

    It follows the index on languages, and counts no more than a thousand passages of each.
    """
    return f"""
    WITH RECURSIVE one(name) AS (
        SELECT min(language) FROM {table}
        UNION ALL
        SELECT (SELECT min(language) FROM {table} WHERE language > name) FROM one
        WHERE name IS NOT NULL)
    SELECT name FROM one WHERE name IS NOT NULL ORDER BY (
        SELECT count(*) FROM (SELECT 1 FROM {table} WHERE language = name LIMIT 1000) AS counted
    ) DESC, name
    """  # noqa: S608 - ours
