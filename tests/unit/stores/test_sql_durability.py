"""What the SQLite database syncs, and what it reports if the disk fails a read."""

import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError, OperationalError

from pdfsluice.core.errors import StorageFailed
from pdfsluice.core.models.jobs import JobKind
from pdfsluice.core.testing.contracts.samples import NOW, extent, make_document, make_session
from pdfsluice.plugins.sql.catalogue import SqlCatalogue
from pdfsluice.plugins.sql.database import Database, open_database
from pdfsluice.plugins.sql.engine import open_engines
from pdfsluice.plugins.sql.errors import is_read_error, meaning
from pdfsluice.plugins.sql.sessions import SqlSessionStore
from pdfsluice.plugins.sql.writer import LAST


@asynccontextmanager
async def opened(directory: Path, durability: str = "process") -> AsyncIterator[Database]:
    engines = open_engines("", state_dir=directory, durability=durability)
    async with open_database(lambda: engines) as database:
        yield database


def level(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())


@pytest.mark.parametrize(("durability", "ordinary"), [("process", 1), ("power", 2)])
async def test_a_durable_transaction_syncs_the_log_at_both_levels(
    tmp_path: Path, durability: str, ordinary: int
) -> None:
    async with opened(tmp_path, durability) as database:
        assert await database.write(level) == ordinary
        assert await database.write(level, durable=True) == 2
        assert await database.write(level) == ordinary


async def test_documents_come_and_go_durably_and_nothing_else_does(tmp_path: Path) -> None:
    """Only what ends an upload or a document costs a sync at the level ``process``."""
    async with opened(tmp_path) as database:
        sessions, catalogue = SqlSessionStore(database), SqlCatalogue(database)
        levels: list[int] = []
        real = database.write

        async def write(  # type: ignore[no-untyped-def]
            operation: Callable[[Connection], object],
            *,
            durable: bool = False,
            is_single: bool = False,
            order: str = LAST,
        ):
            levels.append(2 if durable else 1)
            return await real(operation, durable=durable, is_single=is_single, order=order)

        database.write = write  # type: ignore[method-assign]
        session = make_session()
        await sessions.create(session)
        await sessions.commit(session.id, extent(0, 10), NOW)
        await sessions.update(session, title="x")
        document = await catalogue.add(make_document(), [JobKind.IMPORT], unique=True)
        await catalogue.update(document.id, title="x")
        await catalogue.delete(document.id)
        assert levels == [1, 1, 1, 2, 1, 2]


def damage() -> DatabaseError:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorname = "SQLITE_CORRUPT"
    return DatabaseError("SELECT 1", {}, error)


@pytest.mark.parametrize("writing", [True, False])
async def test_one_failed_read_is_not_reported_as_damage(tmp_path: Path, writing: bool) -> None:
    """SQLite turns EIO of a read (SQLITE_IOERR_CORRUPTFS) into SQLITE_CORRUPT."""
    async with opened(tmp_path) as database:
        attempts: list[int] = []

        def fails_five_times(connection: Connection) -> int:
            attempts.append(1)
            if len(attempts) < 6:
                raise damage()
            return int(connection.execute(text("SELECT 7")).scalar_one())

        run = database.write if writing else database.read
        assert await run(fails_five_times) == 7

        def fails(_: Connection) -> None:
            raise damage()

        with pytest.raises(StorageFailed, match="damaged"):
            await run(fails)
        assert await run(fails_five_times) == 7


@pytest.mark.parametrize(
    ("verdict", "failed_read"),
    [
        ("Tree 4 page 3: unable to get the page. error code=266", True),
        ("*** in database main ***\nTree 2 page 2: unable to get the page. error code=10", True),
        ("Tree 4 page 3: unable to get the page. error code=11", False),
        ("row 7 missing from index sessions_by_owner", False),
        ("ok", False),
    ],
)
def test_a_check_that_could_not_read_proves_no_damage(verdict: str, failed_read: bool) -> None:
    assert is_read_error(verdict) is failed_read


@pytest.mark.parametrize(
    ("place", "message"),
    [("/proc/self/mem", "could not be read: Input/output error"), ("{tmp}", "is damaged")],
)
def test_a_disk_that_fails_every_read_is_not_reported_as_damage(
    tmp_path: Path, place: str, message: str
) -> None:
    """SQLite reports both alike; the first byte of /proc/self/mem is EIO."""
    whole = tmp_path / "whole.db"
    whole.write_bytes(bytes(4096))
    cause = sqlite3.DatabaseError("database disk image is malformed")
    cause.sqlite_errorname = "SQLITE_CORRUPT"
    error = meaning(DatabaseError("SELECT 1", None, cause), place.format(tmp=whole))
    assert message in error.message


@pytest.mark.parametrize(
    "cause",
    [
        sqlite3.OperationalError("attempt to write a readonly database"),
        psycopg.OperationalError('connection to server at "10.1.2.3" failed for user "anna"'),
    ],
)
def test_where_the_database_is_concerns_the_log_alone(
    cause: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    error = meaning(OperationalError("SELECT 1", None, cause), "/srv/data/pdfsluice.db")
    assert not re.search(r"/srv|10\.1|anna", f"{error.message} {error.hint} {error.details}")
    assert "/srv/data/pdfsluice.db" in caplog.text
    assert str(cause) in caplog.text
