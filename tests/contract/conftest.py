"""Databases to test stores against: SQLite, and PostgreSQL if it is installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pdfsluice.core import PluginContext
from pdfsluice.plugins.sql.schema import metadata, schema_version
from tests.support.databases import sql_context
from tests.support.postgresql import PostgresqlServer


@pytest.fixture(scope="session")
def _postgresql() -> Iterator[PostgresqlServer]:
    with PostgresqlServer.running(tcp=True) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql(_postgresql: PostgresqlServer) -> str:
    """The URL of a PostgreSQL server in a directory of its own."""
    return _postgresql.url()


@pytest.fixture
def empty_postgresql(_postgresql: PostgresqlServer) -> str:
    """The server's URL, with nothing left of an earlier test."""
    _postgresql.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return _postgresql.url()


@pytest.fixture(scope="module")
def _own_tables(_postgresql: PostgresqlServer) -> None:
    """Leave no tables of another module, which may have changed them."""
    _postgresql.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


@pytest.fixture
def cleared_postgresql(_postgresql: PostgresqlServer, _own_tables: None) -> str:
    """The server's URL, with the tables of earlier tests of the module, but no rows.

    Creating the tables again would cost most tests more than what they do.
    """
    if _postgresql.execute("SELECT to_regclass('schema_version')")[0][0]:
        tables = [
            table for table in reversed(metadata.sorted_tables) if table is not schema_version
        ]
        _postgresql.execute(";".join(f"DELETE FROM {table.name}" for table in tables))
    return _postgresql.url()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of each database in turn; empty for SQLite, a file of the test's folder.

    ``make test`` runs the contracts of the stores over PostgreSQL, and these over SQLite alone.
    """
    if request.param == "sqlite":
        return ""
    url: str = request.getfixturevalue("cleared_postgresql")
    return url


@pytest.fixture
def context(tmp_path: Path, database_url: str) -> PluginContext:
    """What the hooks of the SQL plugin receive, for each database in turn."""
    return sql_context(tmp_path, url=database_url)
