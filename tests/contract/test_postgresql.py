"""Several servers on one PostgreSQL, and a PostgreSQL that goes away."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text

from pdfsluice.core.errors import PluginError, StateConflict
from pdfsluice.core.models.jobs import JobKind
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.ports.stores import Catalogue, SessionStore
from pdfsluice.core.testing.contracts.samples import (
    NOW,
    extent,
    make_document,
    make_session,
)
from tests.support.databases import sql_context, sql_stores, to_version_1
from tests.support.waiting import until

Stores = tuple[SessionStore, Catalogue]


@pytest.fixture
async def two_servers(
    tmp_path: Path, empty_postgresql: str
) -> AsyncIterator[tuple[Stores, Stores]]:
    """Two servers that start at the same time on an empty database."""
    first, second = (
        sql_stores(sql_context(tmp_path / name, url=empty_postgresql)) for name in "ab"
    )
    opened = await asyncio.gather(first.__aenter__(), second.__aenter__())
    yield opened[0], opened[1]
    await asyncio.gather(first.__aexit__(None, None, None), second.__aexit__(None, None, None))


async def test_one_sees_what_the_other_commits(two_servers: tuple[Stores, Stores]) -> None:
    (here, _), (there, _) = two_servers
    session = make_session()
    await here.create(session)
    await there.commit(session.id, extent(0, 10), NOW)
    assert (await here.get(session.id)).committed.ranges == ((0, 10),)


async def test_sessions_of_the_first_version_are_found_by_what_stands_in_later_columns(
    tmp_path: Path, empty_postgresql: str
) -> None:
    session = make_session(
        client_id="Küche", state=SessionState.REJECTED, quarantined=True, reserved=100
    )
    async with sql_stores(sql_context(tmp_path, url=empty_postgresql)) as (sessions, _):
        await sessions.create(session)
    engine = create_engine(empty_postgresql.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        to_version_1(connection)
    engine.dispose()
    async with sql_stores(sql_context(tmp_path, url=empty_postgresql)) as (sessions, _):
        assert await sessions.find(states=[SessionState.REJECTED], client_id="Küche") == [session]
        assert await sessions.find(states=[SessionState.REJECTED], quarantined=True) == [session]


async def test_of_two_updates_one_wins(two_servers: tuple[Stores, Stores]) -> None:
    (here, _), (there, _) = two_servers
    sessions = [make_session() for _ in range(20)]
    await asyncio.gather(*map(here.create, sessions))
    crossed = [
        *(here.update(session, state=SessionState.UPLOADING) for session in sessions),
        *(there.update(session, state=SessionState.CANCELLED) for session in reversed(sessions)),
    ]
    outcomes = await asyncio.gather(*crossed, return_exceptions=True)
    winners = [outcome for outcome in outcomes if isinstance(outcome, Session)]
    assert sorted(winner.id for winner in winners) == sorted(session.id for session in sessions)
    assert sum(isinstance(outcome, StateConflict) for outcome in outcomes) == 20


async def test_commits_to_the_same_uploads_do_not_wait_for_each_other_in_a_circle(
    two_servers: tuple[Stores, Stores],
) -> None:
    (here, _), (there, _) = two_servers
    sessions = [make_session(total_size=100) for _ in range(40)]
    await asyncio.gather(*map(here.create, sessions))
    failures: list[object] = []

    def note(failure: object) -> None:
        failures.append(failure)

    event.listen(Engine, "handle_error", note)
    try:
        for start in range(0, 60, 10):
            at_once = [
                *(here.commit(each.id, extent(start, start + 5), NOW) for each in sessions),
                *(
                    there.commit(each.id, extent(start + 5, start + 10), NOW)
                    for each in reversed(sessions)
                ),
            ]
            await asyncio.gather(*at_once)
    finally:
        event.remove(Engine, "handle_error", note)
    assert not failures, "PostgreSQL ends one of two that wait for each other, after a second"
    for session in sessions:
        assert (await here.get(session.id)).committed.ranges == ((0, 60),)


@contextmanager
def uncommitted(url: str, statement: str) -> Iterator[tuple[Any, Callable[[], Awaitable[None]]]]:
    """Run a statement of another server; provide its result, and how it is committed.

    It is committed when a transaction waits for it.
    """
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with engine.connect() as other, engine.connect() as observer:

        async def commit() -> None:
            await until(lambda: observer.execute(waiting).scalar_one())
            other.commit()

        yield other.execute(text(statement)).scalar_one(), commit
    engine.dispose()


async def test_a_job_that_another_server_queues_at_the_same_time_is_returned(
    two_servers: tuple[Stores, Stores], empty_postgresql: str
) -> None:
    (_, here), _ = two_servers
    document = await here.add(make_document(), [])
    columns = "document_id, kind, state, progress, message, attempts"
    new = f"INSERT INTO jobs ({columns}) VALUES ({document.id}, 'index', 'queued', 0, '', 0)"
    with uncommitted(empty_postgresql, f"{new} RETURNING id") as (number, commit):
        enqueued = asyncio.create_task(here.enqueue(document.id, JobKind.INDEX))
        await commit()
        assert (await enqueued).id == number


async def test_servers_record_at_the_same_time_that_they_run(
    two_servers: tuple[Stores, Stores], empty_postgresql: str
) -> None:
    (here, _), _ = two_servers
    record = "INSERT INTO idle_clock (id, recorded_at, idle_from) VALUES (1, 0, 0) RETURNING id"
    with uncommitted(empty_postgresql, record) as (_, commit):
        recorded = asyncio.create_task(here.idle_from(NOW, 60.0))
        await commit()
        assert (await recorded).year == 1970


async def test_a_document_is_added_once_and_its_job_claimed_once(
    two_servers: tuple[Stores, Stores],
) -> None:
    (_, here), (_, there) = two_servers
    documents = [make_document() for _ in range(20)]
    added = await asyncio.gather(
        *(server.add(new, [JobKind.IMPORT]) for new in documents for server in (here, there))
    )
    assert len({document.id for document in added}) == 20
    claimed = await asyncio.gather(*(server.claim() for _ in range(15) for server in (here, there)))
    ids = [document.id for _, document in filter(None, claimed)]
    assert sorted(ids) == sorted({document.id for document in added})


async def test_lost_connections_are_opened_again(tmp_path: Path, empty_postgresql: str) -> None:
    async with sql_stores(sql_context(tmp_path, url=empty_postgresql)) as (sessions, _):
        session = make_session()
        await sessions.create(session)
        await sessions.get(session.id)
        engine = create_engine(empty_postgresql.replace("postgresql:", "postgresql+psycopg:"))
        others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname ="
        others += " current_database()"
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            ended = connection.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
            assert len(ended.all()) >= 2
            await until(lambda: not connection.execute(text(f"SELECT 1 {others}")).all())
        engine.dispose()
        await sessions.commit(session.id, extent(0, 10), NOW)
        assert (await sessions.get(session.id)).committed.ranges == ((0, 10),)


async def test_without_its_driver_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(PluginError) as caught:
        async with sql_stores(sql_context(tmp_path, url="postgresql://host/name")):
            pass
    assert "pdfsluice[postgres]" in caught.value.hint
