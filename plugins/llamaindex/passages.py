"""The passages of all documents, in one SQLite database: text, word index and vectors.

Readers and one writer may be in different processes (write-ahead log). Passages of a document
are gathered in a temporary table of the writer's connection and published in a single
transaction, so that a search sees either all of the old ones or all of the new.
"""

import fcntl
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw
import sqlite_vec

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS passages(
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, document INTEGER NOT NULL,
    source TEXT NOT NULL, owner TEXT NOT NULL, page INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS passages_by_document ON passages(document);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    text, content='passages', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2');
"""
_STAGING = """
CREATE TEMP TABLE IF NOT EXISTS staged(
    key TEXT NOT NULL, source TEXT NOT NULL, page INTEGER NOT NULL, text TEXT NOT NULL,
    vector BLOB);
"""
_BUSY_MS = 30_000
_VECTORS_PER_BLOCK = 256  # sqlite-vec reserves whole blocks for each owner
_MAX_DEPTH = 1000
_RANK_OFFSET = 10  # of reciprocal rank fusion; the usual 60 would let a passage in the middle
# of both rankings win over the only one that has the rare word of the query


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedPassage:
    """A passage on its way in.

    Attributes:
        key: Unique name of the passage.
        source: Name under which another store keeps the vectors of this page.
        vector: Its embedding as packed float32; ``None`` where another store keeps vectors.
    """

    key: str
    source: str
    page: int
    text: str
    vector: bytes | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found; a greater score is better."""

    document: int
    page: int
    text: str
    score: float


@contextmanager
def _setting_up(path: Path) -> Iterator[None]:
    """Set a database up in one process after another.

    Whoever finds it locked while it turns to the write-ahead log is refused at once, however
    long it would wait for a lock otherwise.
    """
    with path.with_name(f"{path.name}-setup").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class PassageDatabase:
    """Keeps passages and finds them by words and by vectors.

    Args:
        path: The database file; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._db = apsw.Connection(str(path))
        self._db.set_busy_timeout(_BUSY_MS)
        self._db.enable_load_extension(True)
        self._db.load_extension(sqlite_vec.loadable_path())
        self._db.enable_load_extension(False)
        with _setting_up(path):
            self._db.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL")
            with self._transaction("BEGIN IMMEDIATE"):
                self._db.execute(_SCHEMA)

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self._db.execute(begin)
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def snapshot(self) -> AbstractContextManager[None]:
        """See one state of the database in all that is read inside this context."""
        return self._transaction("BEGIN")

    # writing

    def stage(self, passages: Iterable[StagedPassage], *, restart: bool = False) -> None:
        """Put passages aside, where no search sees them; ``restart`` forgets earlier ones."""
        self._db.execute(_STAGING)
        if restart:
            self._db.execute("DELETE FROM temp.staged")
        self._db.executemany(
            "INSERT INTO temp.staged VALUES (?, ?, ?, ?, ?)",
            ((p.key, p.source, p.page, p.text, p.vector) for p in passages),
        )

    def publish(self, document: int, *, owner: str, model: str) -> list[str]:
        """Replace a document's passages by the staged ones, all at once.

        Args:
            document: The document.
            owner: Who may find the passages.
            model: Identity of the embedding model. Vectors of any other model are dropped;
                their passages are found by words until they are indexed again.

        Returns:
            The sources that were replaced.
        """
        with self._transaction("BEGIN IMMEDIATE"):
            dimension = self._staged_dimension()
            if dimension:
                self._prepare_vectors(model, dimension)
            replaced = self._delete(document)
            self._db.execute(
                "INSERT INTO passages(key, source, document, owner, page, text)"
                " SELECT key, source, ?, ?, page, text FROM temp.staged ORDER BY rowid",
                (document, owner),
            )
            self._db.execute(
                "INSERT INTO words(rowid, text) SELECT id, text FROM passages WHERE document = ?",
                (document,),
            )
            if dimension:
                self._db.execute(
                    "INSERT INTO vectors(id, owner, embedding)"
                    " SELECT p.id, p.owner, s.vector FROM passages p JOIN temp.staged s"
                    " ON s.key = p.key WHERE p.document = ? ORDER BY p.id",
                    (document,),
                )
            self._db.execute("DELETE FROM temp.staged")
        return replaced

    def remove(self, document: int) -> list[str]:
        """Forget a document; returns the sources that it had."""
        with self._transaction("BEGIN IMMEDIATE"):
            return self._delete(document)

    def _delete(self, document: int) -> list[str]:
        mine = (document,)
        sources = self._db.execute("SELECT DISTINCT source FROM passages WHERE document = ?", mine)
        found = [str(source) for (source,) in sources]
        if self.model is not None:
            self._db.execute(
                "DELETE FROM vectors WHERE id IN (SELECT id FROM passages WHERE document = ?)", mine
            )
        self._db.execute(
            "INSERT INTO words(words, rowid, text)"
            " SELECT 'delete', id, text FROM passages WHERE document = ?",
            mine,
        )
        self._db.execute("DELETE FROM passages WHERE document = ?", mine)
        return found

    def _staged_dimension(self) -> int:
        row = self._db.execute("SELECT max(length(vector)) FROM temp.staged").get
        return int(row or 0) // 4

    def _prepare_vectors(self, model: str, dimension: int) -> None:
        identity = f"{model}/{dimension}"
        if self.model == identity:
            return
        self._db.execute("DROP TABLE IF EXISTS vectors")
        self._db.execute(
            "CREATE VIRTUAL TABLE vectors USING vec0(id INTEGER PRIMARY KEY,"
            f" owner TEXT PARTITION KEY, embedding float[{dimension}] distance_metric=cosine,"
            f" chunk_size={_VECTORS_PER_BLOCK})"
        )
        self._db.execute("INSERT OR REPLACE INTO facts VALUES ('model', ?)", (identity,))

    # reading

    @property
    def model(self) -> str | None:
        """Identity and dimension of the model whose vectors are here."""
        value = self._db.execute("SELECT value FROM facts WHERE name = 'model'").get
        return None if value is None else str(value)

    def count(self, document: int | None = None) -> int:
        """Return how many passages there are, of one document or of all."""
        return int(
            self._db.execute(
                "SELECT count(*) FROM passages WHERE ?1 IS NULL OR document = ?1", (document,)
            ).get
        )

    def by_words(self, query: str, *, owner: str | None, limit: int) -> list[int]:
        """Return ids of passages with words of the query, best first by BM25."""
        words = re.findall(r"\w+", query)
        if not words:
            return []
        match = " OR ".join(f'"{word}"' for word in dict.fromkeys(words))
        rows = self._db.execute(
            "SELECT w.rowid FROM words w JOIN passages p ON p.id = w.rowid"
            " WHERE w.words MATCH ?1 AND (?2 IS NULL OR p.owner = ?2)"
            " ORDER BY bm25(w.words) LIMIT ?3",
            (match, owner, limit),
        )
        return [int(number) for (number,) in rows]

    def by_vector(self, vector: bytes, model: str, *, owner: str | None, limit: int) -> list[int]:
        """Return ids of the passages nearest to a vector; none if another model made them."""
        if self.model != f"{model}/{len(vector) // 4}":
            return []
        mine = "" if owner is None else " AND owner = :owner"
        rows = self._db.execute(
            f"SELECT id FROM vectors WHERE embedding MATCH :vector AND k = :limit{mine}",  # noqa: S608
            {"vector": vector, "limit": min(limit, _MAX_DEPTH), "owner": owner},
        )
        return [int(number) for (number,) in rows]

    def by_keys(self, keys: Sequence[str], *, owner: str | None) -> list[int]:
        """Return ids of the published ones among the passages with these keys, in their order."""
        found = (
            self._db.execute(
                "SELECT id FROM passages WHERE key = ?1 AND (?2 IS NULL OR owner = ?2)",
                (key, owner),
            ).get
            for key in keys
        )
        return [int(number) for number in found if number is not None]

    def hits(self, *rankings: Sequence[int], limit: int) -> list[Hit]:
        """Fuse rankings of passage ids by their reciprocal ranks and fetch the best passages."""
        scores: dict[int, float] = {}
        for ranking in rankings:
            for rank, number in enumerate(ranking, 1):
                scores[number] = scores.get(number, 0.0) + 1.0 / (_RANK_OFFSET + rank)
        best = sorted(scores, key=lambda number: (-scores[number], number))[:limit]
        rows = [
            (number, row)
            for number in best
            for row in self._db.execute(
                "SELECT document, page, text FROM passages WHERE id = ?", (number,)
            )
        ]
        return [Hit(row[0], row[1], row[2], scores[number]) for number, row in rows]
