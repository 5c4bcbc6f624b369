"""Creates the tables, or migrates those of an earlier version.

All steps and the new version number are one transaction, so that a crash in between changes
nothing.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, inspect, text, update

from pdfsluice.core import StorageFailed

from .counting import recount
from .functions import create_functions
from .schema import (
    api_keys,
    duties,
    ended_uploads,
    holds,
    idle_clock,
    metadata,
    nodes,
    quotas,
    rate_clocks,
    rate_limits,
    schema_version,
    stores,
    upload_totals,
)

Step = Callable[[Connection], None]


def _name_clients(connection: Connection) -> None:
    """Give sessions a column with their client's id, for queries."""
    connection.execute(text("ALTER TABLE sessions ADD COLUMN client_id TEXT NOT NULL DEFAULT ''"))
    postgresql = connection.dialect.name == "postgresql"
    value = "body::json ->> 'client_id'" if postgresql else "json_extract(body, '$.client_id')"
    connection.execute(text(f"UPDATE sessions SET client_id = {value}"))  # noqa: S608 - ours
    connection.execute(
        text("CREATE INDEX sessions_by_client ON sessions (owner, client_id, state)")
    )


def _mark_quarantined(connection: Connection) -> None:
    """Give sessions a column for whether their bytes are in quarantine."""
    connection.execute(
        text("ALTER TABLE sessions ADD COLUMN quarantined INTEGER NOT NULL DEFAULT 0")
    )
    postgresql = connection.dialect.name == "postgresql"
    value = (
        "(body::json ->> 'quarantined')::boolean::integer"
        if postgresql
        else "json_extract(body, '$.quarantined')"
    )
    connection.execute(text(f"UPDATE sessions SET quarantined = {value}"))  # noqa: S608 - ours
    connection.execute(
        text("CREATE INDEX sessions_in_quarantine ON sessions (created_at) WHERE quarantined = 1")
    )


def _register_nodes(connection: Connection) -> None:
    """Create the tables of live nodes and of idle time; record which node runs a job."""
    metadata.create_all(connection, tables=[nodes, stores, idle_clock])
    connection.execute(text("ALTER TABLE jobs ADD COLUMN node VARCHAR(64) NOT NULL DEFAULT ''"))


def _place_extents(connection: Connection) -> None:
    """Give extents a column for where the upload store keeps their bytes."""
    connection.execute(text("ALTER TABLE extents ADD COLUMN place TEXT NOT NULL DEFAULT ''"))


def _separate_importers(connection: Connection) -> None:
    """Give each importer jobs of its own, which may wait to be tried again."""
    for column in (
        "importer VARCHAR(128) NOT NULL DEFAULT ''",
        "required INTEGER NOT NULL DEFAULT 1",
        "retry_at BIGINT NOT NULL DEFAULT 0",
    ):
        connection.execute(text(f"ALTER TABLE jobs ADD COLUMN {column}"))
    connection.execute(text("DROP INDEX jobs_open"))
    connection.execute(
        text(
            "CREATE UNIQUE INDEX jobs_open ON jobs (document_id, kind, importer)"
            " WHERE state IN ('queued', 'running')"
        )
    )


def _count_for_accounts(connection: Connection) -> None:
    """Record for which account sessions and documents count, and what they use."""
    metadata.create_all(connection, tables=[quotas])
    for change in (
        "ALTER TABLE sessions ADD COLUMN account TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE sessions ADD COLUMN reserved BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE documents ADD COLUMN account TEXT NOT NULL DEFAULT ''",
        "UPDATE sessions SET account = owner",
        "UPDATE documents SET account = owner",
    ):
        connection.execute(text(change))
    postgresql = connection.dialect.name == "postgresql"
    size = "(body::json ->> 'total_size')" if postgresql else "json_extract(body, '$.total_size')"
    value = f"CAST(coalesce({size}, '0') AS BIGINT)"
    connection.execute(text(f"UPDATE sessions SET reserved = {value}"))  # noqa: S608 - ours


def _place_words(connection: Connection) -> None:
    """Give pages a column for where their words stand, and documents one for tags."""
    kind = "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"
    connection.execute(text(f"ALTER TABLE pages ADD COLUMN layout {kind}"))
    connection.execute(text("ALTER TABLE documents ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'"))


def _record_uploads(connection: Connection) -> None:
    """Create the tables of ended uploads and their totals."""
    metadata.create_all(connection, tables=[ended_uploads, upload_totals])


def _name_sources(connection: Connection) -> None:
    """Record where the text of each page comes from."""
    connection.execute(
        text("ALTER TABLE pages ADD COLUMN source VARCHAR(16) NOT NULL DEFAULT 'text'")
    )
    connection.execute(
        text("UPDATE pages SET source = 'none' WHERE trim(text, :blanks) = ''"),
        {"blanks": " \t\r\n"},
    )
    connection.execute(
        text(
            "CREATE INDEX pages_without_text ON pages (document_id, number) WHERE source <> 'text'"
        )
    )


def _hold_uploads(connection: Connection) -> None:
    """Create the tables of holds and duties; nodes register again with their folders."""
    metadata.drop_all(connection, tables=[nodes])
    metadata.create_all(connection, tables=[nodes, holds, duties])


def _share_jobs(connection: Connection) -> None:
    """Record who may claim a job first, and which running one is to be stopped."""
    for column in (
        "prefer TEXT NOT NULL DEFAULT ''",
        "prefer_until BIGINT NOT NULL DEFAULT 0",
        "cancelled INTEGER NOT NULL DEFAULT 0",
    ):
        connection.execute(text(f"ALTER TABLE jobs ADD COLUMN {column}"))


def _number_versions(connection: Connection) -> None:
    """Record which documents are versions of one, and which of them is the newest."""
    for column in ("lineage BIGINT", "version INTEGER NOT NULL DEFAULT 1", "replaced_by BIGINT"):
        connection.execute(text(f"ALTER TABLE documents ADD COLUMN {column}"))
    connection.execute(
        text("CREATE INDEX documents_by_lineage ON documents (lineage) WHERE lineage IS NOT NULL")
    )


def _count_metadata(connection: Connection) -> None:
    """Count bytes of metadata and pages of OCR; add limits of both and of connections."""
    postgresql = connection.dialect.name == "postgresql"
    columns = {
        "max_metadata_bytes": "BIGINT",
        "max_ocr_pages_per_day": "BIGINT",
        "max_connections": "BIGINT",
        "metadata_bytes": "BIGINT NOT NULL DEFAULT 0",
        "ocr_day": "BIGINT NOT NULL DEFAULT 0",
        "ocr_pages_today": "BIGINT NOT NULL DEFAULT 0",
    }
    present = {column["name"] for column in inspect(connection).get_columns(quotas.name)}
    for name in columns.keys() - present:  # an earlier step may have created the table just now
        connection.execute(text(f"ALTER TABLE quotas ADD COLUMN {name} {columns[name]}"))
    fields = {
        "documents": ("metadata", "title"),
        "sessions": ("(body::json -> 'metadata')::text", "body::json ->> 'title'")
        if postgresql
        else ("json_extract(body, '$.metadata')", "json_extract(body, '$.title')"),
    }
    size = "octet_length({})" if postgresql else "length(CAST({} AS BLOB))"
    for table, (metadata_text, title) in fields.items():
        column = "metadata_bytes BIGINT NOT NULL DEFAULT 0"
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column}"))
        value = f"{size.format(metadata_text)} - 2 + {size.format(title)}"
        change = f"UPDATE {table} SET metadata_bytes = {value}"  # noqa: S608 - ours
        connection.execute(text(change))
    recount(connection)


def _describe_nodes(connection: Connection) -> None:
    """Record what a node does, and its version."""
    columns = ("role VARCHAR(16) NOT NULL DEFAULT 'server'", "version TEXT NOT NULL DEFAULT ''")
    for column in columns:
        if column.split()[0] not in {c["name"] for c in inspect(connection).get_columns("nodes")}:
            connection.execute(text(f"ALTER TABLE nodes ADD COLUMN {column}"))


def _keep_keys(connection: Connection) -> None:
    """Create the table of API keys; each server adds those of its file."""
    metadata.create_all(connection, tables=[api_keys])


def _share_rates(connection: Connection) -> None:
    """Create the table of the clocks of rates."""
    metadata.create_all(connection, tables=[rate_clocks])


def _keep_rate_limits(connection: Connection) -> None:
    """Create the table of the limits of rates."""
    metadata.create_all(connection, tables=[rate_limits])


def _mark_readers(connection: Connection) -> None:
    """Record whether the stages of a holder have begun to read."""
    if "reading" not in {c["name"] for c in inspect(connection).get_columns("holds")}:
        connection.execute(text("ALTER TABLE holds ADD COLUMN reading INTEGER NOT NULL DEFAULT 0"))


def _index_current(connection: Connection) -> None:
    """Index the documents that no version replaces."""
    columns = "documents (owner, replaced_by, id) WHERE replaced_by IS NULL"
    connection.execute(text(f"CREATE INDEX documents_current ON {columns}"))


STEPS: Sequence[Step] = (
    _name_clients,
    _mark_quarantined,
    _register_nodes,
    _place_extents,
    _separate_importers,
    _count_for_accounts,
    _place_words,
    _record_uploads,
    _name_sources,
    _hold_uploads,
    _share_jobs,
    _describe_nodes,
    _number_versions,
    _count_metadata,
    _keep_keys,
    _share_rates,
    _keep_rate_limits,
    _mark_readers,
    create_functions,
    _index_current,
)
"""Step *n* (from 0) turns the tables of version *n + 1* into those of version *n + 2*."""

_LOCK = 0x70646673  # any number that no other program uses in the same PostgreSQL database


def migrate(connection: Connection, location: str, steps: Sequence[Step] = STEPS) -> None:
    """Create or migrate the tables of this version, within a transaction.

    Raises:
        StorageFailed: The tables are those of a later version.
    """
    if connection.dialect.name == "postgresql":  # several servers may start at the same time
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    newest = len(steps) + 1
    if not inspect(connection).has_table(schema_version.name):
        metadata.create_all(connection)
        create_functions(connection)
        connection.execute(schema_version.insert().values(version=newest))
        return
    version = connection.execute(schema_version.select()).scalar_one()
    if version > newest:
        raise StorageFailed(
            f"The database {location} was written by a later version of pdfsluice: its tables have "
            f"version {version}, and this program knows versions up to {newest}.",
            hint="Upgrade pdfsluice, or name another database in the setting 'database.url'.",
        )
    for step in steps[version - 1 :]:
        step(connection)
    if version < newest:
        connection.execute(update(schema_version).values(version=newest))
