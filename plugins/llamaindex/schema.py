"""The tables of the index, and how those of earlier versions become these."""

from collections.abc import Iterator, Sequence
from typing import Any

import apsw

from . import frequent_terms
from .earlier_vectors import EARLIER_TABLES, take_out
from .languages import ENGLISH, language_of
from .names import name_terms
from .splitting import heading
from .stored import Slot
from .terms import analyse

VERSION = "3"
VECTOR_TABLES: dict[Slot, str] = {"main": "main_vectors", "other": "other_vectors"}
"""The tables of vectors, by their model."""
_VECTOR_TABLE = """
CREATE TABLE IF NOT EXISTS {0}(
    number INTEGER PRIMARY KEY AUTOINCREMENT, passage INTEGER NOT NULL UNIQUE,
    signature BLOB NOT NULL, vector BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS {0}_signatures ON {0}(number, passage, signature);
"""
TABLES = """
CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents(
    id INTEGER PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL, stage TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS passages(
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, document INTEGER NOT NULL,
    owner TEXT NOT NULL, page INTEGER NOT NULL, language TEXT NOT NULL,
    embedded INTEGER NOT NULL DEFAULT 0, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS passages_by_document ON passages(document, page);
CREATE INDEX IF NOT EXISTS passages_by_language ON passages(language);
CREATE INDEX IF NOT EXISTS passages_without_text ON passages(id, owner, document);
CREATE INDEX IF NOT EXISTS documents_by_owner ON documents(owner);
CREATE TABLE IF NOT EXISTS names(
    term TEXT NOT NULL, document INTEGER NOT NULL, PRIMARY KEY(term, document)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS names_by_document ON names(document);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    exact, stems, title, heading, content='', contentless_delete=1, tokenize='ascii');
""" + "".join([frequent_terms.TABLES, *map(_VECTOR_TABLE.format, VECTOR_TABLES.values())])
TEMPORARY = (
    """
CREATE TEMP TABLE IF NOT EXISTS staged(
    key TEXT NOT NULL UNIQUE, page INTEGER NOT NULL, language TEXT NOT NULL, text TEXT NOT NULL,
    exact TEXT NOT NULL, stems TEXT NOT NULL, heading TEXT NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab('main', 'words', 'row');
"""
    + frequent_terms.TEMPORARY
)


def set_up(database: apsw.Connection) -> None:
    """Make the tables; passages of an earlier version are indexed again by words."""
    tables = {
        str(name)
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
    }
    version = None
    if "facts" in tables:
        version = database.execute("SELECT value FROM facts WHERE name = 'schema'").get
    is_old = "passages" in tables and version != VERSION
    if is_old:
        database.execute(
            "ALTER TABLE passages RENAME TO old_passages;"
            "DROP INDEX IF EXISTS passages_by_document;"
            "DROP INDEX IF EXISTS passages_by_language;"
            "DROP INDEX IF EXISTS passages_without_text; DROP TABLE IF EXISTS words"
        )
    database.execute(TABLES)
    for slot, table in EARLIER_TABLES.items():
        for rows in take_out(database, table):
            store_vectors(database, VECTOR_TABLES[slot], rows)
    if is_old:
        _take_over(database)
        database.execute("DROP TABLE old_passages")
    database.execute("INSERT OR REPLACE INTO facts VALUES ('schema', ?)", (VERSION,))


def set_names(database: apsw.Connection, document: int, title: str) -> None:
    """Replace the words by which a document is named."""
    database.execute("DELETE FROM names WHERE document = ?", (document,))
    database.executemany(
        "INSERT INTO names VALUES (?, ?)", [(term, document) for term in name_terms(title)]
    )


def store_vectors(database: apsw.Connection, table: str, rows: Sequence[tuple[int, bytes]]) -> None:
    """Store numbers of passages and their vectors, as packed float32, with signatures."""
    if not rows:
        return
    from .signatures import signatures_of, unpacked  # noqa: PLC0415 - loads NumPy

    signatures = signatures_of(unpacked([vector for _, vector in rows]))
    database.executemany(
        f"INSERT INTO {table}(passage, signature, vector) VALUES (?, ?, ?)",  # noqa: S608
        [(number, mark, data) for (number, data), mark in zip(rows, signatures, strict=True)],
    )


def _take_over(database: apsw.Connection) -> None:
    """Copy passages with their numbers, so that their vectors stay."""
    columns = {str(row[1]) for row in database.execute("PRAGMA table_info(old_passages)")}
    if "embedded" in columns:
        database.execute(
            "INSERT INTO passages SELECT id, key, document, owner, page, language, embedded, text"
            " FROM old_passages"
        )
    else:
        _take_over_first(database)
    database.execute(
        "INSERT OR IGNORE INTO documents"
        " SELECT DISTINCT document, owner, '', 'meaning' FROM passages"
    )
    titles = {
        int(number): str(title) for number, title in _rows(database, "id, title", "documents")
    }
    for number, title in titles.items():
        set_names(database, number, title)
    place, top = (0, 0), ""
    for number, document, page, language, text in _rows(
        database, "id, document, page, language, text", "passages ORDER BY document, page, id"
    ):
        if (document, page) != place:
            place, top = (document, page), heading(str(text))
        exact, stems = analyse(str(text), str(language))
        terms = (exact, stems, name_terms(titles[int(document)]), analyse(top, str(language))[1])
        database.execute(
            "INSERT INTO words(rowid, exact, stems, title, heading) VALUES (?, ?, ?, ?, ?)",
            (number, *map(" ".join, terms)),
        )


def _take_over_first(database: apsw.Connection) -> None:
    """Copy passages of the first version, which knew no languages."""
    for number, key, document, owner, page, text in _rows(
        database, "id, key, document, owner, page, text", "old_passages"
    ):
        language = language_of(str(text))
        if language not in {ENGLISH, ""}:
            database.execute("DELETE FROM main_vectors WHERE passage = ?", (number,))
        vector_count = database.execute(
            "SELECT count(*) FROM main_vectors WHERE passage = ?", (number,)
        ).get
        database.execute(
            "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (number, key, document, owner, page, language, vector_count, text),
        )


def _rows(database: apsw.Connection, columns: str, table: str) -> Iterator[tuple[Any, ...]]:
    return database.execute(f"SELECT {columns} FROM {table}")  # noqa: S608
