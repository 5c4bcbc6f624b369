"""The tables of the index, in the database of the catalogue."""

from sqlalchemy import Connection, text

from pdfsluice.core import PluginError
from pdfsluice.plugins.llamaindex.stored import Slot

VECTORS: dict[Slot, str] = {"main": "index_vectors", "other": "index_vectors_other"}
"""The tables of vectors."""

_VERSION = "1"
_LOCK = 7_301_994_881  # any number that no other program locks
_MIN_PGVECTOR = (0, 8)  # reads on in an index whose first rows belong to others
# Words of a passage stay in its row: to fetch them from elsewhere takes most of a search.
_TABLES = """
CREATE TABLE IF NOT EXISTS index_facts(name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS index_documents(
    id BIGINT PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
    owner TEXT NOT NULL, title TEXT NOT NULL, stage TEXT NOT NULL,
    passages BIGINT NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS index_documents_by_owner ON index_documents(owner) INCLUDE (passages);
CREATE TABLE IF NOT EXISTS index_names(
    term TEXT COLLATE "C" NOT NULL,
    document BIGINT NOT NULL REFERENCES index_documents ON DELETE CASCADE,
    PRIMARY KEY(term, document));
CREATE INDEX IF NOT EXISTS index_names_by_document ON index_names(document);
CREATE TABLE IF NOT EXISTS index_passages(
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key TEXT NOT NULL UNIQUE,
    document BIGINT NOT NULL REFERENCES index_documents ON DELETE CASCADE,
    owner TEXT NOT NULL, page INTEGER NOT NULL, language TEXT NOT NULL,
    embedded BOOLEAN NOT NULL DEFAULT FALSE, text TEXT NOT NULL, words TSVECTOR NOT NULL);
CREATE INDEX IF NOT EXISTS index_passages_by_document ON index_passages(document, page);
CREATE INDEX IF NOT EXISTS index_passages_by_language ON index_passages(language);
CREATE INDEX IF NOT EXISTS index_passages_by_word ON index_passages USING gin(words);
ALTER TABLE index_passages ALTER COLUMN words SET STATISTICS 1000;
ALTER TABLE index_passages SET (toast_tuple_target = 8160);
CREATE UNLOGGED TABLE IF NOT EXISTS index_staged(
    number BIGINT GENERATED ALWAYS AS IDENTITY, staging TEXT NOT NULL,
    staged_at TIMESTAMPTZ NOT NULL DEFAULT now(), key TEXT NOT NULL, page INTEGER NOT NULL,
    language TEXT NOT NULL, text TEXT NOT NULL, words TSVECTOR NOT NULL,
    PRIMARY KEY(staging, key));
DELETE FROM index_staged WHERE staged_at < now() - INTERVAL '1 day';
"""


def set_up(connection: Connection) -> None:
    """Make the tables, one server after another.

    Raises:
        PluginError: pgvector is missing or too old.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    _set_up_pgvector(connection)
    for statement in filter(str.strip, _TABLES.split(";\n")):
        connection.execute(text(statement))
    connection.execute(
        text("INSERT INTO index_facts VALUES ('schema', :version) ON CONFLICT DO NOTHING"),
        {"version": _VERSION},
    )


def _set_up_pgvector(connection: Connection) -> None:
    available = connection.execute(
        text("SELECT default_version FROM pg_available_extensions WHERE name = 'vector'")
    ).scalar()
    if available is None:
        raise PluginError(
            "The index 'postgres' needs pgvector, which this PostgreSQL does not have.",
            hint="Install the package pgvector on the database's machine, or set index to another.",
        )
    connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
    version = str(
        connection.execute(
            text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        ).scalar()
    )
    if tuple(int(part) for part in version.split(".")[:2]) < _MIN_PGVECTOR:
        raise PluginError(
            f"The index 'postgres' needs pgvector 0.8 or later; the database has {version}.",
            hint="Update it: ALTER EXTENSION vector UPDATE.",
        )


def prepare_vectors(connection: Connection, slot: Slot, model: str, dimension: int) -> None:
    """Make the table for the vectors of a model; drop those of an earlier model.

    Args:
        connection: In a transaction.
        slot: Which of the two models it is.
        model: Identity of the model.
        dimension: How many numbers a vector has.
    """
    identity = f"{model}/{dimension}"
    if stored_model(connection, slot) == identity:
        return
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    before = stored_model(connection, slot)
    if before == identity:  # another server was faster
        return
    table = VECTORS[slot]
    if before is not None:
        connection.execute(
            text(
                "UPDATE index_passages SET embedded = FALSE"  # noqa: S608 - ours
                f" WHERE id IN (SELECT id FROM {table})"
            )
        )
    for statement in (
        f"DROP TABLE IF EXISTS {table}",
        (
            f"CREATE TABLE {table}("
            " id BIGINT PRIMARY KEY REFERENCES index_passages ON DELETE CASCADE,"
            f" owner TEXT NOT NULL, embedding VECTOR({dimension}) NOT NULL)"
        ),
        f"CREATE INDEX ON {table}(owner)",
        f"CREATE INDEX ON {table} USING hnsw (embedding vector_cosine_ops)",
    ):
        connection.execute(text(statement))
    connection.execute(
        text(
            "INSERT INTO index_facts VALUES (:name, :identity)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        ),
        {"name": table, "identity": identity},
    )


def stored_model(connection: Connection, slot: Slot) -> str | None:
    """Return identity and dimension of the model whose vectors are stored."""
    value = connection.execute(
        text("SELECT value FROM index_facts WHERE name = :name"), {"name": VECTORS[slot]}
    ).scalar()
    return None if value is None else str(value)
