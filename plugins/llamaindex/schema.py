"""The tables of the index, and how those of earlier versions become these."""

import apsw

from .languages import ENGLISH, language_of
from .terms import analyse

VERSION = "2"
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
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    exact, stems, title, content='', contentless_delete=1, tokenize='ascii');
"""
TEMPORARY = """
CREATE TEMP TABLE IF NOT EXISTS staged(
    key TEXT NOT NULL UNIQUE, page INTEGER NOT NULL, language TEXT NOT NULL, text TEXT NOT NULL,
    exact TEXT NOT NULL, stems TEXT NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab('main', 'words', 'row');
"""


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
            "DROP INDEX IF EXISTS passages_by_document; DROP TABLE IF EXISTS words"
        )
    database.execute(TABLES)
    if is_old:
        _take_over(database, has_vectors="vectors" in tables)
        database.execute("DROP TABLE old_passages")
    database.execute("INSERT OR REPLACE INTO facts VALUES ('schema', ?)", (VERSION,))


def _take_over(database: apsw.Connection, *, has_vectors: bool) -> None:
    """Copy passages with their numbers, so that their vectors stay."""
    rows = database.execute("SELECT id, key, document, owner, page, text FROM old_passages")
    for number, key, document, owner, page, text in rows:
        language = language_of(str(text))
        embedded = 0
        if has_vectors and language in {ENGLISH, ""}:
            embedded = database.execute("SELECT count(*) FROM vectors WHERE id = ?", (number,)).get
        elif has_vectors:
            database.execute("DELETE FROM vectors WHERE id = ?", (number,))
        database.execute(
            "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (number, key, document, owner, page, language, embedded, text),
        )
        exact, stems = analyse(str(text), language)
        database.execute(
            "INSERT INTO words(rowid, exact, stems, title) VALUES (?, ?, ?, '')",
            (number, " ".join(exact), " ".join(stems)),
        )
    database.execute(
        "INSERT OR IGNORE INTO documents"
        " SELECT DISTINCT document, owner, '', 'meaning' FROM passages"
    )
