"""The passages of all documents in SQLite: text, word index and vectors.

Readers and one writer may be in different processes (write-ahead log). Passages of a document
are published by words in one transaction, so that a search sees either all of the old ones or
all of the new; vectors follow in transactions of their own. A passage that has not changed
keeps its vector.
"""

import fcntl
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path

import apsw

from .frequent_terms import Counting, FrequentTerms
from .languages import ENGLISH, UNKNOWN
from .names import name_terms
from .schema import TEMPORARY, VECTOR_TABLES, set_names, set_up, store_vectors
from .stored import PendingPassage, Slot, StagedPassage
from .terms import analyse

_BUSY_MS = 30_000
_FACTS: dict[Slot, str] = {"main": "model", "other": "model_other"}
_IS_MAIN = f"language IN ('{ENGLISH}', '{UNKNOWN}')"
_SLOT_FILTERS: dict[Slot, str] = {"main": _IS_MAIN, "other": f"NOT {_IS_MAIN}"}


@contextmanager
def _setting_up(path: Path) -> Iterator[None]:
    """Set a database up in one process after another.

    A process that finds it locked while it changes to the write-ahead log is refused
    immediately, however long it would wait for a lock otherwise.
    """
    with path.with_name(f"{path.name}-setup").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class PassageDatabase:
    """A database of passages, words and vectors; :mod:`.sqlite_reader` reads them.

    Args:
        path: The database file; made if it does not exist.
        counting: When frequent terms are counted.
    """

    def __init__(self, path: Path, counting: Counting | None = None) -> None:
        self.connection = apsw.Connection(str(path))
        self._frequent = FrequentTerms(self.connection, counting or Counting())
        self.connection.set_busy_timeout(_BUSY_MS)
        with _setting_up(path):
            self.connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL")
            with self._transaction("BEGIN IMMEDIATE"):
                set_up(self.connection)
        self.connection.execute(TEMPORARY)

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    @contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
        self.connection.execute(begin)
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def snapshot(self) -> AbstractContextManager[None]:
        """See one state of the database in all that is read inside this context."""
        return self._transaction("BEGIN")

    # words

    def stage(self, passages: Iterable[StagedPassage], *, restart: bool = False) -> int:
        """Gather passages where no search sees them; ``restart`` drops earlier ones.

        Returns:
            How many there are.
        """
        if restart:
            self.connection.execute("DELETE FROM temp.staged")
        self.connection.executemany(
            "INSERT OR IGNORE INTO temp.staged VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, passages)
        )
        return int(self.connection.execute("SELECT count(*) FROM temp.staged").get)

    def publish(
        self, document: int, *, owner: str, title: str, pages: Sequence[int] | None = None
    ) -> list[str]:
        """Replace a document's passages by the gathered ones, in one transaction.

        Args:
            document: The document.
            owner: The principal who may find the passages.
            title: Words by which the document is found, besides its text.
            pages: Replace the passages of these pages only, and add to the others.

        Returns:
            The keys of the passages that are gone.
        """
        with self._transaction():
            old_pages = self._delete_unstaged(document, pages)
            is_renamed = pages is None and title != self._title(document)
            stage = "words" if pages is None else "reading"
            self.connection.execute(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)",
                (document, owner, title, stage),
            )
            set_names(self.connection, document, title)
            self._insert_staged(document, owner, title, is_renamed=is_renamed)
            self.connection.execute("DELETE FROM temp.staged")
        return old_pages

    def _title(self, document: int) -> str | None:
        title = self.connection.execute("SELECT title FROM documents WHERE id = ?", (document,)).get
        return None if title is None else str(title)

    def _insert_staged(self, document: int, owner: str, title: str, *, is_renamed: bool) -> None:
        start = max(self._last(), self._frequent.last())  # no number is used again
        last = start + (self._renumber(document, start) if is_renamed else 0)
        self.connection.execute(
            "INSERT INTO passages(id, key, document, owner, page, language, text)"
            " SELECT ? + row_number() OVER (ORDER BY rowid), key, ?, ?, page, language, text"
            " FROM temp.staged WHERE key NOT IN (SELECT key FROM passages)",
            (last, document, owner),
        )
        new = "FROM passages p JOIN temp.staged s ON s.key = p.key WHERE p.id > ? ORDER BY p.id"
        name = " ".join(name_terms(title))
        self.connection.execute(
            "INSERT INTO words(rowid, exact, stems, title, heading)"
            f" SELECT p.id, s.exact, s.stems, ?, s.heading {new}",
            (name, start),
        )
        if self._last() > start:
            terms = f"SELECT s.exact, s.stems, ?, s.heading {new}"
            self._frequent.add(start + 1, self.connection.execute(terms, (name, start)))

    def _renumber(self, document: int, start: int) -> int:
        """Take the words of a document's passages out, to store them with its new title.

        Passages get the numbers of new ones, because words are never counted again for a number.

        Returns:
            How many passages there are.
        """
        rows = self.connection.execute(
            "SELECT id FROM passages WHERE document = ? ORDER BY id", (document,)
        )
        old = [int(number) for (number,) in rows]
        pairs = list(enumerate(old, start + 1))
        for table in VECTOR_TABLES.values():
            self.connection.executemany(f"UPDATE {table} SET passage = ? WHERE passage = ?", pairs)  # noqa: S608
        self.connection.executemany("UPDATE passages SET id = ? WHERE id = ?", pairs)
        self.connection.executemany("DELETE FROM words WHERE rowid = ?", [(each,) for each in old])
        return len(old)

    def _last(self) -> int:
        return int(self.connection.execute("SELECT coalesce(max(id), 0) FROM passages").get)

    def _delete_unstaged(self, document: int, pages: Sequence[int] | None) -> list[str]:
        among = "" if pages is None else " AND page IN (SELECT value FROM json_each(?))"
        values = (document,) if pages is None else (document, json.dumps(list(pages)))
        rows = self.connection.execute(
            f"SELECT id, key FROM passages WHERE document = ?{among}"  # noqa: S608
            " AND (key, language) NOT IN (SELECT key, language FROM temp.staged)",
            values,
        )
        old = [(int(number), str(key)) for number, key in rows]
        self._delete([number for number, _ in old])
        return [key for _, key in old]

    def remove(self, document: int) -> list[str]:
        """Delete the passages of a document and return their keys."""
        with self._transaction():
            rows = self.connection.execute(
                "SELECT id, key FROM passages WHERE document = ?", (document,)
            )
            old = [(int(number), str(key)) for number, key in rows]
            self._delete([number for number, _ in old])
            self.connection.execute("DELETE FROM documents WHERE id = ?", (document,))
            set_names(self.connection, document, "")
        return [key for _, key in old]

    def _delete(self, numbers: Sequence[int]) -> None:
        rows = [(number,) for number in numbers]
        for table in VECTOR_TABLES.values():
            self.connection.executemany(f"DELETE FROM {table} WHERE passage = ?", rows)  # noqa: S608
        self.connection.executemany("DELETE FROM words WHERE rowid = ?", rows)
        self.connection.executemany("DELETE FROM passages WHERE id = ?", rows)

    # vectors

    def pending(
        self, document: int, slot: Slot, *, limit: int, every: bool
    ) -> list[PendingPassage]:
        """Return passages of a document that still need a vector of a model.

        Args:
            document: The document.
            slot: The model; each has the passages of its languages.
            limit: How many passages are returned at most.
            every: Whether the model is for all languages.
        """
        mine = "" if every else f"AND {_SLOT_FILTERS[slot]}"
        rows = self.connection.execute(
            "SELECT id, key, text FROM passages WHERE document = ? AND embedded = 0"  # noqa: S608
            f" {mine} ORDER BY id LIMIT ?",
            (document, limit),
        )
        return [PendingPassage(int(number), str(key), str(text)) for number, key, text in rows]

    def add_vectors(self, slot: Slot, model: str, vectors: Iterable[tuple[int, bytes]]) -> None:
        """Store vectors of passages; the vectors of any earlier model are dropped.

        Args:
            slot: Which of the two models it is.
            model: Identity of the model.
            vectors: Numbers of passages and their vectors, as packed float32.
        """
        rows = list(vectors)
        if not rows:
            return
        size = len(rows[0][1])
        if any(len(vector) != size for _, vector in rows):
            raise ValueError("the vectors have different dimensions")
        with self._transaction():
            self._prepare(slot, model, size // 4)
            store_vectors(self.connection, VECTOR_TABLES[slot], self._without_vector(rows))
            self.set_embedded(number for number, _ in rows)

    def _without_vector(self, rows: Iterable[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        """Return the rows whose passages are still published and have no vector yet."""
        statement = "SELECT 1 FROM passages WHERE id = ? AND embedded = 0"
        return [row for row in rows if self.connection.execute(statement, row[:1]).get]

    def set_embedded(self, numbers: Iterable[int]) -> None:
        """Mark passages that need no vector here (any more)."""
        self.connection.executemany(
            "UPDATE passages SET embedded = 1 WHERE id = ?", [(number,) for number in numbers]
        )

    def finish(self, document: int) -> None:
        """Mark a document as found by meaning, too."""
        self.connection.execute(
            "UPDATE documents SET stage = 'meaning' WHERE id = ? AND stage = 'words'", (document,)
        )

    def _prepare(self, slot: Slot, model: str, dimension: int) -> None:
        identity = f"{model}/{dimension}"
        before = self.model(slot)
        if before == identity:
            return
        table = VECTOR_TABLES[slot]
        self.connection.execute(
            f"UPDATE passages SET embedded = 0 WHERE id IN (SELECT passage FROM {table})"  # noqa: S608
        )
        self.connection.execute(f"DELETE FROM {table}")  # noqa: S608
        self.connection.execute(
            "INSERT OR REPLACE INTO facts VALUES (?, ?)", (_FACTS[slot], identity)
        )

    # facts

    def model(self, slot: Slot = "main") -> str | None:
        """Return identity and dimension of the model whose vectors are stored."""
        value = self.connection.execute(
            "SELECT value FROM facts WHERE name = ?", (_FACTS[slot],)
        ).get
        return None if value is None else str(value)

    def count(self, document: int | None = None) -> int:
        """Return how many passages there are, of one document or of all."""
        return int(
            self.connection.execute(
                "SELECT count(*) FROM passages WHERE ?1 IS NULL OR document = ?1", (document,)
            ).get
        )

    def stages(self, documents: Iterable[int]) -> dict[int, str]:
        """Return how far documents are indexed: ``reading``, ``words`` or ``meaning``."""
        titles: dict[int, str] = {}
        for number in documents:
            stage = self.connection.execute(
                "SELECT stage FROM documents WHERE id = ?", (number,)
            ).get
            if stage is not None:
                titles[number] = str(stage)
        return titles


def _row(passage: StagedPassage) -> tuple[str, int, str, str, str, str, str]:
    exact, stems = analyse(passage.text, passage.language)
    return (
        passage.key,
        passage.page,
        passage.language,
        passage.text,
        " ".join(exact),
        " ".join(stems),
        _heading_terms(passage.heading, passage.language),
    )


@lru_cache(maxsize=4)  # the passages of a page have the same
def _heading_terms(heading: str, language: str) -> str:
    return " ".join(analyse(heading, language)[1])
