"""Servers that share a database: one store of bytes, and each node's jobs its own."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from pdfsluice.core.documents.jobs.polling import JobSearch
from pdfsluice.core.errors import PluginError
from pdfsluice.core.models.jobs import JobKind, JobState
from pdfsluice.core.plugins.ports.cluster import NodeIdentity
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.managed_jobs import ManagedJobs
from pdfsluice.core.testing.contracts.samples import NOW, extent, make_document, make_session
from pdfsluice.plugins.local_store.opening import open_store
from pdfsluice.plugins.sql.catalogue import SqlCatalogue
from pdfsluice.plugins.sql.database import Database, open_database
from pdfsluice.plugins.sql.engine import open_engines
from pdfsluice.plugins.sql.live import NODE_TIMEOUT_SECONDS
from pdfsluice.plugins.sql.migrations import STEPS, migrate
from pdfsluice.plugins.sql.nodes import Node
from tests.support.databases import sql_context, sql_stores
from tests.support.shares import share
from tests.support.waiting import until


@asynccontextmanager
async def database(directory: Path) -> AsyncIterator[Database]:
    engines = open_engines("", state_dir=directory, durability="process")
    async with open_database(lambda: engines) as opened:
        yield opened


async def age_nodes(opened: Database, by: timedelta) -> None:
    micros = by // timedelta(microseconds=1)
    statement = text(f"UPDATE nodes SET seen_at = seen_at - {micros}")
    await opened.write(lambda connection: connection.execute(statement))


async def node_count(opened: Database) -> int:
    statement = text("SELECT count(*) FROM nodes")
    return await opened.read(lambda connection: int(connection.execute(statement).scalar_one()))


@pytest.fixture(params=["sqlite", "postgresql"])
def context(tmp_path: Path, request: pytest.FixtureRequest) -> PluginContext:
    if request.param == "sqlite":
        return sql_context(tmp_path)
    return sql_context(tmp_path, url=request.getfixturevalue("empty_postgresql"))


def other_process(context: PluginContext) -> PluginContext:
    """Return a context that shares nothing but the settings with the first one."""
    return replace(context, shared={})


async def test_a_second_live_server_with_another_store_is_refused(context: PluginContext) -> None:
    async with sql_stores(context) as (first, _), sql_stores(context) as (second, _):
        async with first.joined(NodeIdentity(store="store-a")):
            with pytest.raises(PluginError, match=r"store-a.*store-b") as caught:
                async with second.joined(NodeIdentity(store="store-b")):
                    pytest.fail("two stores of bytes behind one database")
            assert caught.value.details["other_store"] == "store-a"
            assert caught.value.hint
        async with second.joined(NodeIdentity(store="store-b")) as cluster:  # the first has left
            assert not cluster.sole_store, "the bytes of a session may be in the other store"
        async with second.joined(NodeIdentity(store="store-a")) as cluster:
            assert not cluster.sole_store


async def test_a_server_that_died_is_not_live_for_long(tmp_path: Path) -> None:
    async with (
        database(tmp_path) as first,
        database(tmp_path) as second,
        Node(first, NodeIdentity(store="store-a"), interval=3600).running(),
    ):
        await age_nodes(first, timedelta(seconds=NODE_TIMEOUT_SECONDS + 1))
        async with Node(second, NodeIdentity(store="store-b"), interval=3600).running():
            pass


async def test_the_same_store_starts_again_immediately_after_a_kill(tmp_path: Path) -> None:
    """Its folders are locked, so that the node before it is dead."""
    async with (
        database(tmp_path) as first,
        database(tmp_path) as second,
        Node(first, NodeIdentity(store="store-a"), interval=3600).running(),
        Node(second, NodeIdentity(store="store-a"), interval=3600).running(),
    ):
        assert await node_count(second) == 1


async def test_a_heartbeat_keeps_a_node_live(tmp_path: Path) -> None:
    async with (
        database(tmp_path) as first,
        database(tmp_path) as second,
        Node(first, NodeIdentity(store="store-a"), interval=0.02).running(),
    ):
        await age_nodes(first, timedelta(days=-3))  # as if the database's clock was set back
        async with asyncio.timeout(30):
            while True:
                try:
                    async with Node(second, NodeIdentity(store="store-b")).running():
                        await asyncio.sleep(0)
                except PluginError:
                    break
        await age_nodes(first, timedelta(days=2))
        await first.write(lambda connection: connection.execute(text("DELETE FROM nodes")))
        async with asyncio.timeout(30):

            async def started() -> object:
                return await node_count(first)

            await until(started)


@pytest.mark.parametrize("live", [True, False])
async def test_only_jobs_of_dead_nodes_are_queued_again(tmp_path: Path, live: bool) -> None:
    async with (
        database(tmp_path) as first,
        database(tmp_path) as second,
        Node(first, NodeIdentity(store="store-a"), interval=3600).running(),
    ):
        catalogue, other = SqlCatalogue(first), SqlCatalogue(second)
        await catalogue.add(make_document(), [JobKind.IMPORT])
        await catalogue.add(make_document(), [JobKind.IMPORT])
        theirs, ours = await catalogue.claim(), await other.claim()
        assert theirs is not None
        assert ours is not None
        if not live:
            await age_nodes(first, timedelta(minutes=1))
        assert set((await other.open_jobs()).abandoned) == (set() if live else {JobKind.IMPORT})
        assert await other.requeue_running() == (1 if live else 2)
        again = await other.claim()
        assert again is not None
        assert again[0][0].id == (ours if live else theirs)[0][0].id


async def test_one_search_finds_all_work_for_a_node(tmp_path: Path) -> None:
    woken, stopped = list[Collection[JobKind]](), list[int]()
    async with (
        database(tmp_path) as first,
        database(tmp_path) as second,
        Node(first, NodeIdentity(store="store-a"), interval=3600).running(),
    ):
        catalogue, other = SqlCatalogue(first), SqlCatalogue(second)
        search = JobSearch(other, wake=woken.append, stop=stopped.append, interval=3600)
        await search.search()
        await catalogue.add(make_document(), [JobKind.OCR])
        await search.search()
        await catalogue.add(make_document(), [JobKind.IMPORT])
        claimed = await catalogue.claim(kinds=[JobKind.IMPORT])
        own = await other.claim()
        assert claimed is not None
        assert own is not None
        await search.search()
        assert woken == [set(), {JobKind.OCR}, set()]
        await catalogue.cancel_job(own[0][0].id, message="")
        await age_nodes(first, timedelta(minutes=1))
        serving = asyncio.create_task(search.serve())
        search.begin()
        await until(lambda: len(woken) == 4)
        serving.cancel()
        assert woken[3] == {JobKind.IMPORT}
        assert stopped == [own[0][0].id]
        assert await other.claim(kinds=[JobKind.IMPORT]) is not None


async def test_a_server_and_a_worker_share_a_folder(context: PluginContext) -> None:
    """Each takes the place of the one before it that did the same, and not of the other."""
    server = NodeIdentity(store="s", shared=True, version="2.1")
    worker = NodeIdentity(store="s", shared=True, version="2.2", role="worker")
    async with (
        sql_stores(context) as (first, _),
        sql_stores(other_process(context)) as (second, documents),
        sql_stores(other_process(context)) as (third, _),
        first.joined(server) as old,
        second.joined(worker) as working,
    ):
        live = await old.nodes()
        assert [(node.role, node.version) for node in live] == [
            ("server", "2.1"), ("worker", "2.2"),
        ]  # fmt: skip
        assert all(node.host and node.started_at <= node.seen_at for node in live)
        assert [(node.uploads, node.jobs) for node in live] == [(0, 0)] * 2
        session = make_session()
        await first.create(session)
        assert (await old.hold(session.id)).mine
        await documents.add(make_document(), [JobKind.IMPORT])
        assert await documents.claim()
        assert [(node.uploads, node.jobs) for node in await old.nodes()] == [(1, 0), (0, 1)]
        async with third.joined(server) as restarted:
            live = await restarted.nodes()
            assert {node.id for node in live} == {restarted.node, working.node}
        assert [node.id for node in await working.nodes()] == [working.node]


async def test_a_store_has_an_identity_of_its_own(tmp_path: Path) -> None:
    identities = []
    for uploads, data in (("up", "data"), ("up", "data"), ("up-2", "data"), ("up", "data-2")):
        store = open_store(upload_dir=tmp_path / uploads, data_dir=tmp_path / data)
        async with store as opened:
            identities.append(opened.identity)
    assert identities[0] == identities[1]
    assert len(set(identities)) == 3


@pytest.mark.parametrize("context", share(["sqlite", "postgresql"], every=2), indirect=True)
async def test_jobs_take_turns_by_owner_over_all_nodes(context: PluginContext) -> None:
    """A thousand jobs of one owner do not delay the first one of another."""
    node = NodeIdentity(store="s", shared=True, exclusive=False)
    async with (
        sql_stores(context) as (sessions, catalogue),
        sql_stores(other_process(context)) as (other_sessions, other),
        sessions.joined(node),
        other_sessions.joined(node),
    ):
        busy = [make_document(owner="key:busy", title=str(number)) for number in range(1000)]
        await asyncio.gather(*(catalogue.add(each, [JobKind.IMPORT]) for each in busy))
        for claiming in (catalogue, other):
            claimed = await claiming.claim()
            assert claimed is not None
            assert claimed[1].owner == "key:busy"
        waiting = await catalogue.add(make_document(owner="key:rare"), [JobKind.IMPORT])
        claimed = await other.claim()
        assert claimed is not None
        assert claimed[1] == waiting, "its owner has the fewest running, as a whole"
        claimed = await catalogue.claim()
        assert claimed is not None
        assert claimed[1].owner == "key:busy"


async def test_the_node_with_the_file_is_first(context: PluginContext) -> None:
    async with (
        sql_stores(context) as (sessions, catalogue),
        sql_stores(other_process(context)) as (other_sessions, other),
        sessions.joined(NodeIdentity(store="s", folder="a", shared=True)),
        other_sessions.joined(NodeIdentity(store="s", folder="b", shared=True)),
    ):
        first, second = [await catalogue.add(make_document(), [JobKind.IMPORT]) for _ in range(2)]
        assert isinstance(catalogue, ManagedJobs)
        assert isinstance(other, ManagedJobs)
        assert not (await other.open_jobs()).due
        assert set((await catalogue.open_jobs()).due) == {JobKind.IMPORT}
        assert await other.claim() is None
        claimed = await catalogue.claim()
        assert claimed is not None
        assert claimed[1] == first
        database = context.shared["pdfsluice.plugins.sql"]
        async with database.catalogue() as opened:
            later = text("UPDATE jobs SET prefer_until = prefer_until - 5000000")
            await opened._database.write(lambda connection: connection.execute(later))
        assert set((await other.open_jobs()).due) == {JobKind.IMPORT}
        claimed = await other.claim()
        assert claimed is not None, "it does not wait for a busy node for long"
        assert claimed[1] == second


async def test_a_node_that_lost_a_job_reports_nothing_of_it(context: PluginContext) -> None:
    node = NodeIdentity(store="s", shared=True, exclusive=False)
    async with (
        sql_stores(context) as (sessions, catalogue),
        sql_stores(other_process(context)) as (other_sessions, other),
        sessions.joined(node),
        other_sessions.joined(node),
    ):
        document = await catalogue.add(make_document(), [JobKind.IMPORT])
        claimed = await catalogue.claim()
        assert claimed is not None
        job = claimed[0][0]
        await catalogue.requeue_running()
        again = await other.claim()
        assert again is not None
        assert again[0][0].id == job.id
        await catalogue.report(job.id, state=JobState.FAILED, progress=0.0, message="late")
        (stored,) = await other.jobs(document.id)
        assert (stored.state, stored.message) == (JobState.RUNNING, "")


async def test_an_older_server_continues_next_to_a_newer_one(context: PluginContext) -> None:
    """The newer one adds columns when it starts; statements of the older are prepared."""

    def add_columns(connection: Connection) -> None:
        for table in ("sessions", "extents", "documents", "jobs", "nodes", "holds"):
            connection.execute(text(f"ALTER TABLE {table} ADD COLUMN extra INTEGER DEFAULT 0"))

    node = NodeIdentity(store="s", shared=True, exclusive=False)
    async with (
        sql_stores(context) as (older, documents),
        sql_stores(other_process(context)) as (newer, _),
        older.joined(node) as cluster,
        newer.joined(node),
    ):

        async def work() -> None:
            session = make_session()
            await older.create(session)
            assert (await cluster.hold(session.id)).mine
            await newer.commit(session.id, extent(0, 10), NOW)
            await older.commit(session.id, extent(10, 20), NOW)
            assert (await older.get(session.id)).committed.ranges == ((0, 20),)
            assert (await cluster.review({session.id: 20}, []))[session.id].committed_bytes == 20
            document = await documents.add(make_document(), [JobKind.IMPORT])
            assert await documents.get(document.id, owner=None) == document
            assert await documents.claim()

        for _ in range(7):  # the driver prepares statements after five executions
            await work()
        database = context.shared["pdfsluice.plugins.sql"]
        async with database.catalogue() as opened:
            await opened._database.write(
                lambda connection: migrate(connection, "here", [*STEPS, add_columns])
            )
        for _ in range(2):
            await work()
