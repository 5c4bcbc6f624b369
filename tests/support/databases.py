"""Opens the SQL stores as the server does, and lets what is in them grow old."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Connection, text

from pdfsluice.config import Settings
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.stores import Catalogue, SessionStore
from pdfsluice.plugins import sql
from pdfsluice.plugins.sql.options import DatabaseOptions


def sql_context(directory: Path, *, url: str = "", durability: str = "process") -> PluginContext:
    """A context in which the SQL stores are the only ones."""
    return PluginContext(
        data_dir=directory,
        upload_dir=directory,
        state_dir=directory,
        settings=Settings.model_validate({"durability": durability, "data_dir": directory}),
        section=lambda _: DatabaseOptions(url=SecretStr(url)),
        publish=lambda _: None,
    )


@asynccontextmanager
async def sql_stores(context: PluginContext) -> AsyncIterator[tuple[SessionStore, Catalogue]]:
    """Open both stores through their hooks."""
    (sessions,) = sql.pdfsluice_register_session_stores(context)
    (catalogue,) = sql.pdfsluice_register_catalogues(context)
    async with AsyncExitStack() as stack:
        yield (
            await stack.enter_async_context(sessions.open()),
            await stack.enter_async_context(catalogue.open()),
        )


def to_version_1(connection: Connection) -> None:
    """Turn the tables into those of the first version."""
    for statement in (
        "DROP INDEX sessions_by_client",
        "ALTER TABLE sessions DROP COLUMN client_id",
        "DROP INDEX sessions_in_quarantine",
        "ALTER TABLE sessions DROP COLUMN quarantined",
        "ALTER TABLE extents DROP COLUMN place",
        "DROP INDEX jobs_open",
        *(
            f"ALTER TABLE jobs DROP COLUMN {name}"
            for name in (
                *("node", "importer", "required", "retry_at"),
                *("prefer", "prefer_until", "cancelled"),
            )
        ),
        (
            "CREATE UNIQUE INDEX jobs_open ON jobs (document_id, kind)"
            " WHERE state IN ('queued', 'running')"
        ),
        "DROP TABLE api_keys",
        "DROP TABLE rate_clocks",
        "DROP TABLE ended_uploads",
        "DROP TABLE upload_totals",
        "ALTER TABLE sessions DROP COLUMN account",
        "ALTER TABLE sessions DROP COLUMN reserved",
        "ALTER TABLE sessions DROP COLUMN metadata_bytes",
        "ALTER TABLE documents DROP COLUMN metadata_bytes",
        "ALTER TABLE documents DROP COLUMN account",
        "DROP TABLE quotas",
        "DROP TABLE holds",
        "DROP TABLE duties",
        "DROP TABLE nodes",
        "DROP TABLE stores",
        "DROP TABLE idle_clock",
        "DROP INDEX pages_without_text",
        "ALTER TABLE pages DROP COLUMN source",
        "ALTER TABLE pages DROP COLUMN layout",
        "ALTER TABLE documents DROP COLUMN tags",
        "DROP INDEX documents_by_lineage",
        "DROP INDEX documents_current",
        *(
            f"ALTER TABLE documents DROP COLUMN {name}"
            for name in ("lineage", "version", "replaced_by")
        ),
        "UPDATE schema_version SET version = 1",
    ):
        connection.execute(text(statement))


def age_sessions(state_dir: Path, by: timedelta) -> None:
    """Make all rows of sessions older; for a database that no process has open."""
    micros = by // timedelta(microseconds=1)
    with closing(sqlite3.connect(state_dir / "pdfsluice.db")) as database:
        database.execute(
            "UPDATE sessions SET created_at = created_at - ?, updated_at = updated_at - ?,"
            " expires_at = expires_at - ?",
            (micros, micros, micros),
        )
        database.execute("UPDATE extents SET committed_at = committed_at - ?", (micros,))
        database.commit()
