"""Databases to test stores against: SQLite, and PostgreSQL if it is installed."""

from collections.abc import Iterator

import pytest

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
    _postgresql.execute("DROP SCHEMA public CASCADE")
    _postgresql.execute("CREATE SCHEMA public")
    return _postgresql.url()
