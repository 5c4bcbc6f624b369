"""The SQL stores around their contract: group commit, failures, damage, upgrades."""

import asyncio
import logging
import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, text

from pdfsluice.core.errors import (
    Overloaded,
    PluginError,
    StorageFailed,
    StorageFull,
)
from pdfsluice.core.models.jobs import JobKind
from pdfsluice.core.models.sessions import SessionState
from pdfsluice.core.testing.contracts.samples import (
    FINDING,
    NOW,
    extent,
    make_document,
    make_session,
)
from pdfsluice.plugins.sql.database import Database, open_database
from pdfsluice.plugins.sql.engine import Engines, open_engines
from pdfsluice.plugins.sql.migrations import STEPS, migrate
from pdfsluice.plugins.sql.sessions import SqlSessionStore
from tests.support.databases import sql_context, sql_stores, to_version_1


def engines(directory: Path, **options: str) -> Engines:
    return open_engines(
        options.get("url", ""),
        state_dir=directory,
        durability=options.get("durability", "process"),
    )


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(lambda: engines(tmp_path)) as database:
        yield database


def pragma(name: str) -> Any:
    return lambda connection: connection.exec_driver_sql(f"PRAGMA {name}").scalar()


@pytest.mark.parametrize(("durability", "synchronous"), [("process", 1), ("power", 2)])
async def test_sqlite_is_set_up_for_the_durability(
    tmp_path: Path, durability: str, synchronous: int
) -> None:
    async with open_database(lambda: engines(tmp_path, durability=durability)) as database:
        assert await database.read(pragma("journal_mode")) == "wal"
        seen = [
            await database.write(pragma(name))
            for name in ("synchronous", "foreign_keys", "busy_timeout")
        ]
        assert seen == [synchronous, 1, 10_000]
        assert await database.read(pragma("query_only")) == 1


async def test_other_users_cannot_read_the_database(database: Database, tmp_path: Path) -> None:
    await database.write(lambda connection: None)
    names = {path.name for path in tmp_path.iterdir()}
    assert "pdfsluice.db" in names
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


async def test_what_waits_is_committed_together(database: Database) -> None:
    commits: list[int] = []
    entered, go_on = Event(), Event()

    def slow(_: Connection) -> None:
        entered.set()
        go_on.wait(10)

    def count(connection: Connection) -> int:
        transaction = connection.get_transaction()
        assert transaction is not None
        commits.append(id(transaction))
        return len(commits)

    first = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(entered.wait, 10)
    others = [asyncio.create_task(database.write(count)) for _ in range(50)]
    await asyncio.sleep(0)  # lets them ask
    go_on.set()
    await first
    assert await asyncio.gather(*others) == list(range(1, 51))
    assert len(set(commits)) == 1


async def test_reads_do_not_wait_for_writes(database: Database) -> None:
    entered, go_on = Event(), Event()

    def slow(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE t (x)"))
        entered.set()
        go_on.wait(10)

    writing = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(entered.wait, 10)
    assert await database.read(lambda c: c.execute(text("SELECT 1")).scalar_one()) == 1
    assert not writing.done()
    go_on.set()
    await writing


async def test_one_broken_operation_spoils_no_other(database: Database) -> None:
    await database.write(lambda c: c.execute(text("CREATE TABLE t (x UNIQUE)")) and None)

    def insert(value: int) -> Any:
        def operation(connection: Connection) -> int:
            connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": value})
            return value

        return operation

    def broken(connection: Connection) -> None:
        connection.execute(text("INSERT INTO t VALUES (99)"))
        raise RuntimeError("a bug")

    outcomes = await asyncio.gather(
        *map(database.write, (insert(1), insert(2), broken, insert(1), insert(3))),
        return_exceptions=True,
    )
    assert outcomes[:2] == [1, 2]
    assert isinstance(outcomes[2], RuntimeError)
    assert isinstance(outcomes[3], StorageFailed)
    assert outcomes[4] == 3
    values = await database.read(lambda c: c.execute(text("SELECT x FROM t")).scalars().all())
    assert values == [1, 2, 3], "what a failed operation wrote is undone"


async def test_the_writer_keeps_its_connection_until_it_fails(database: Database) -> None:
    """The pool takes as long to lend a connection as a short transaction takes."""

    def driver(connection: Connection) -> object:
        return connection.connection.dbapi_connection

    def break_connection(connection: Connection) -> None:
        connection.exec_driver_sql("INSERT INTO no_such_table VALUES (1)")

    first = await database.write(driver)
    assert await database.write(driver) is first
    with pytest.raises(StorageFailed):
        await database.write(break_connection)
    assert await database.write(lambda c: c.exec_driver_sql("SELECT 1").scalar()) == 1


async def test_a_cancelled_caller_disturbs_no_other(database: Database) -> None:
    entered, go_on = Event(), Event()

    def slow(_: Connection) -> str:
        entered.set()
        go_on.wait(10)
        return "done"

    running = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(entered.wait, 10)
    waiting = [asyncio.create_task(database.write(lambda _: "second")) for _ in range(2)]
    await asyncio.sleep(0)
    running.cancel()
    waiting[0].cancel()
    go_on.set()
    assert await waiting[1] == "second"
    assert await database.write(lambda _: "third") == "third"


async def test_a_closed_database_refuses(tmp_path: Path) -> None:
    async with open_database(lambda: engines(tmp_path)) as database:
        pass
    with pytest.raises(StorageFailed):
        await database.write(lambda _: None)


async def test_a_clean_end_leaves_one_file(tmp_path: Path) -> None:
    async with sql_stores(sql_context(tmp_path)) as (sessions, _):
        await sessions.create(make_session())
    assert [path.name for path in tmp_path.iterdir()] == ["pdfsluice.db"]


async def filled(directory: Path) -> Path:
    async with sql_stores(sql_context(directory)) as (sessions, catalogue):
        for _ in range(200):
            session = make_session(findings=(FINDING,) * 5)
            await sessions.create(session)
            await sessions.commit(session.id, extent(0, 10), NOW)
        await catalogue.add(make_document(), [JobKind.IMPORT])
    return directory / "pdfsluice.db"


async def test_a_damaged_database_stops_the_start_with_advice(tmp_path: Path) -> None:
    path = await filled(tmp_path)
    content = bytearray(path.read_bytes())
    for page in range(2, len(content) // 4096, 3):
        content[page * 4096 : page * 4096 + 512] = b"\xff" * 512
    path.write_bytes(content)
    path.with_name("pdfsluice.db-wal").touch()  # the last server did not end by itself
    with pytest.raises(StorageFailed, match="damaged") as caught:
        async with sql_stores(sql_context(tmp_path)):
            pass
    assert "backup" in caught.value.hint
    assert path.read_bytes() == bytes(content), "the damaged file is left for its rescue"


async def test_another_file_is_not_taken_for_a_database(tmp_path: Path) -> None:
    path = tmp_path / "pdfsluice.db"
    path.write_bytes(b"%PDF-1.7\n" * 1000)
    with pytest.raises(StorageFailed, match="damaged"):
        async with sql_stores(sql_context(tmp_path)):
            pass
    assert path.read_bytes() == b"%PDF-1.7\n" * 1000


async def test_damage_that_shows_later_is_reported_as_such(tmp_path: Path) -> None:
    path = await filled(tmp_path)
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)

    async def use() -> None:
        async with sql_stores(sql_context(tmp_path)) as (sessions, _):
            await sessions.create(make_session())
            await sessions.get("unknown")

    with pytest.raises(StorageFailed, match="damaged"):
        await use()


async def test_a_torn_write_ahead_log_loses_only_what_was_not_committed(tmp_path: Path) -> None:
    live, copy = tmp_path / "live", tmp_path / "copy"
    kept, lost = make_session(), make_session()
    async with sql_stores(sql_context(live)) as (sessions, _):
        await sessions.create(kept)
        size = (live / "pdfsluice.db-wal").stat().st_size
        await sessions.create(lost)
        shutil.copytree(live, copy)  # what a power cut leaves
    with (copy / "pdfsluice.db-wal").open("r+b") as log:
        log.truncate(size + 100)
    async with sql_stores(sql_context(copy)) as (sessions, _):
        assert await sessions.get(kept.id) == kept
        assert [session.id for session in await sessions.find(states=[kept.state])] == [kept.id]


async def test_an_unclean_end_is_checked_and_noted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = await filled(tmp_path)
    path.with_name("pdfsluice.db-wal").touch()
    with caplog.at_level(logging.INFO):
        async with sql_stores(sql_context(tmp_path)):
            pass
    assert "ended uncleanly" in caplog.text


async def test_a_later_version_is_left_alone(tmp_path: Path) -> None:
    async with open_database(lambda: engines(tmp_path)) as database:
        await database.write(lambda c: c.execute(text("UPDATE schema_version SET version = 999")))
    with pytest.raises(StorageFailed, match="later version") as caught:
        async with sql_stores(sql_context(tmp_path)):
            pass
    assert "Upgrade" in caught.value.hint


async def test_an_earlier_version_is_upgraded_step_by_step(database: Database) -> None:
    done: list[str] = []

    def add_column(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE sessions ADD COLUMN extra TEXT"))
        done.append("column")

    steps = [*STEPS, add_column, lambda _: done.append("nothing")]
    for _ in range(2):
        await database.write(lambda connection: migrate(connection, "here", steps))
    assert done == ["column", "nothing"]
    version = await database.read(
        lambda c: c.execute(text("SELECT version FROM schema_version")).scalar_one()
    )
    assert version == len(STEPS) + 3


async def test_sessions_of_the_first_version_are_found_by_what_stands_in_later_columns(
    tmp_path: Path,
) -> None:
    session = make_session(
        client_id="Küche", state=SessionState.REJECTED, quarantined=True, reserved=100
    )
    async with open_database(lambda: engines(tmp_path)) as database:
        await SqlSessionStore(database).create(session)
        await database.write(to_version_1)
    async with open_database(lambda: engines(tmp_path)) as database:
        store = SqlSessionStore(database)
        assert await store.find(states=[SessionState.REJECTED], client_id="Küche") == [session]
        assert await store.find(states=[SessionState.REJECTED], quarantined=True) == [session]


async def test_a_failed_upgrade_changes_nothing(database: Database) -> None:
    def half(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE sessions ADD COLUMN extra TEXT"))
        raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError):
        await database.write(lambda connection: migrate(connection, "here", [*STEPS, half]))
    columns = await database.read(
        lambda c: c.execute(text("SELECT name FROM pragma_table_info('sessions')")).scalars().all()
    )
    assert "extra" not in columns


@pytest.mark.parametrize(
    "url", ["mysql://host/name", "nonsense", "sqlite://", "sqlite:///:memory:"]
)
async def test_other_databases_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(PluginError, match=r"database\.url"):
        async with sql_stores(sql_context(tmp_path, url=url)):
            pass


async def test_a_password_is_never_shown(tmp_path: Path) -> None:
    url = f"postgresql://alice:s3cret@/nothing?host={tmp_path}"
    with pytest.raises(StorageFailed) as caught:
        async with sql_stores(sql_context(tmp_path, url=url)):
            pass
    assert "s3cret" not in str(caught.value) + caught.value.hint
    assert "alice" in str(caught.value)


async def test_an_unwritable_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed, match="file") as caught:
        async with sql_stores(sql_context(tmp_path / "file" / "state")):
            pass
    assert "STREAMING_STATE_DIR" in caught.value.hint


async def test_a_full_disk_keeps_what_was_committed(small_disk: Path) -> None:
    async with sql_stores(sql_context(small_disk)) as (sessions, _):
        kept = make_session()
        await sessions.create(kept)
        outcomes = await asyncio.gather(
            *(sessions.create(make_session(findings=(FINDING,) * 50)) for _ in range(500)),
            return_exceptions=True,
        )
        assert {type(outcome) for outcome in outcomes} == {type(None), StorageFull}
        assert await sessions.get(kept.id) == kept
    async with sql_stores(sql_context(small_disk)) as (sessions, _):
        assert await sessions.count([kept.state]) == outcomes.count(None) + 1
        assert await sessions.get(kept.id) == kept


async def test_a_database_locked_by_others_is_overloaded(
    database: Database, tmp_path: Path
) -> None:
    await database.write(pragma("busy_timeout = 0"))
    with closing(sqlite3.connect(tmp_path / "pdfsluice.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Overloaded) as caught:
            await database.write(lambda _: None)
        assert caught.value.retry_after > 0
        assert await database.read(lambda c: c.execute(text("SELECT 1")).scalar_one()) == 1
    await database.write(lambda _: None)


async def test_both_stores_share_one_database(tmp_path: Path) -> None:
    context = sql_context(tmp_path)
    for _ in range(2):
        async with sql_stores(context) as (sessions, catalogue):
            assert vars(sessions)["_database"] is vars(catalogue)["_database"]
            await sessions.create(make_session())
    assert list(context.shared) == ["pdfsluice.plugins.sql"]


async def test_findings_of_hostile_files_are_stored(tmp_path: Path) -> None:
    odd = SimpleNamespace(text="\ud800\0", number=10**30)
    finding = type(FINDING)(
        kind="javascript",
        severity=FINDING.severity,
        stage="security",
        message=odd.text,
        excerpt=odd.text,
        details={"n": odd.number, odd.text: [odd.text, -odd.number]},
    )
    session = make_session(findings=(finding,), filename=odd.text)
    async with sql_stores(sql_context(tmp_path)) as (sessions, _):
        await sessions.create(session)
        stored = await sessions.get(session.id)
    assert stored.findings[0].details["n"] == str(odd.number)
    assert stored.findings[0].kind == "javascript"
