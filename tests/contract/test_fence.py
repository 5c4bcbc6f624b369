"""A node that is cut off from PostgreSQL refuses work until it is not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from pdfsluice.core import Cluster, NodeIdentity
from pdfsluice.core.errors import StorageFailed
from pdfsluice.core.testing.contracts.samples import NOW, extent, make_session
from pdfsluice.plugins.sql.database import Database, open_database
from pdfsluice.plugins.sql.engine import open_engines
from pdfsluice.plugins.sql.fence import Fence
from pdfsluice.plugins.sql.hints import NotifyChannel
from pdfsluice.plugins.sql.sessions import SqlSessionStore
from tests.support.gates import Gate
from tests.support.waiting import until

FENCE_SECONDS = 2.0
HEARTBEAT = 0.1


class Member:
    """A node with its store, and how often it was cut off."""

    def __init__(self, database: Database, store: SqlSessionStore, cluster: Cluster) -> None:
        self.database = database
        self.store = store
        self.cluster = cluster
        self.cuts = 0
        cluster.on_cut_off(self._count)

    def _count(self) -> None:
        self.cuts += 1


@asynccontextmanager
async def joined(url: str, directory: Path) -> AsyncIterator[Member]:
    """Let a node join the nodes of a database."""
    engines = open_engines(url, state_dir=directory, durability="process")
    async with open_database(lambda: engines, fence=Fence(FENCE_SECONDS)) as database:
        store = SqlSessionStore(
            database, NotifyChannel(url, database), heartbeat_interval=HEARTBEAT
        )
        identity = NodeIdentity(store="store", exclusive=False, shared=True)
        async with store.joined(identity) as cluster:
            yield Member(database, store, cluster)


@pytest.fixture
def gate(empty_postgresql: str) -> Iterator[Gate]:
    port = make_url(empty_postgresql).port
    assert port is not None
    with Gate.before(port) as running:
        yield running


def through(gate: Gate, url: str) -> str:
    """Return the address of the database with a gate in front of it."""
    return make_url(url).set(port=gate.port).render_as_string(hide_password=False)


async def is_refused(work: Awaitable[object]) -> None:
    with pytest.raises(StorageFailed) as caught:
        await work
    assert caught.value.details["retry_after"]


@pytest.mark.parametrize("silent", [False, True], ids=["reset", "silent"])
async def test_a_node_that_is_cut_off_refuses_work_and_stops(
    tmp_path: Path, empty_postgresql: str, gate: Gate, silent: bool
) -> None:
    session = make_session()
    async with (
        joined(empty_postgresql, tmp_path) as other,
        joined(through(gate, empty_postgresql), tmp_path) as node,
    ):
        await node.store.create(session)
        assert (await node.cluster.hold(session.id)).mine
        with gate.frozen() if silent else gate.closed():
            waiting = asyncio.create_task(node.store.get(session.id)) if silent else None
            await until(lambda: node.cuts)
            assert node.cluster.cut_off
            if waiting is not None:
                await is_refused(waiting)
            await is_refused(node.store.get(session.id))
            await is_refused(node.store.commit(session.id, extent(0, 10), NOW))
            await is_refused(node.cluster.release([session.id]))
        await until(lambda: not node.cluster.cut_off)
        assert await node.store.get(session.id) == session
        assert not (await other.cluster.hold(session.id)).mine
        await node.cluster.review({}, [])  # what could not be released is released
        assert (await other.cluster.hold(session.id)).mine


@pytest.mark.long
async def test_a_heartbeat_waits_for_no_other_transaction(
    tmp_path: Path, empty_postgresql: str
) -> None:
    engine = create_engine(make_url(empty_postgresql).set(drivername="postgresql+psycopg"))
    session = make_session()
    async with joined(empty_postgresql, tmp_path) as node, joined(empty_postgresql, tmp_path):
        with engine.begin() as connection:
            connection.execute(text("LOCK TABLE sessions IN EXCLUSIVE MODE"))
            creating = asyncio.create_task(node.store.create(session))
            enough = await seen_at(node) + timedelta(seconds=1.2 * FENCE_SECONDS)

            async def is_later() -> bool:
                return await seen_at(node) > enough

            await until(is_later)
            assert not creating.done()
            assert not node.cluster.cut_off
        await creating
    engine.dispose()


async def seen_at(node: Member) -> datetime:
    """Return when the latest heartbeat of a node was stored."""
    live = {each.id: each.seen_at for each in await node.cluster.nodes()}
    return live[node.cluster.node]


def work(failure: Exception | None = None) -> "asyncio.Future[str]":
    """Return the future of work that has ended."""
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    if failure is None:
        future.set_result("done")
    else:
        future.set_exception(failure)
    return future


async def test_a_heartbeat_that_waited_does_not_open_the_fence() -> None:
    fence, cuts = Fence(0.05), list[float]()
    now = asyncio.get_running_loop().time
    fence.on_closed(lambda: cuts.append(now()))
    fence.confirm(now())
    sent_at = now() + 0.03
    await until(lambda: cuts)
    was_closed = []
    for heartbeat in (sent_at, now()):
        fence.confirm(heartbeat)
        was_closed.append(fence.closed)
    assert was_closed == [True, False]
    fence.remove()


async def test_a_node_that_was_stopped_is_cut_off_when_it_wakes_up() -> None:
    fence = Fence()
    now = asyncio.get_running_loop().time
    assert not fence.closed, "before it has joined"
    fence.confirm(now())
    assert await fence.passed(work) == "done"
    fence.confirm(now() - 20)
    with pytest.raises(StorageFailed):  # it was dead for the other nodes meanwhile
        await fence.passed(lambda: pytest.fail("it has begun"))
    fence.confirm(now())
    with pytest.raises(TimeoutError):  # of the work itself
        await fence.passed(lambda: work(TimeoutError()))
    fence.remove()
    assert not fence.closed
