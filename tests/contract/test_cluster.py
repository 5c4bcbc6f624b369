"""Nodes of one database: holds, duties and hints."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from pdfsluice.core import (
    AuthenticationError,
    Cluster,
    Credentials,
    Hint,
    HintKind,
    Hold,
    NodeIdentity,
    Scope,
    SessionState,
    alone,
)
from pdfsluice.core.testing.contracts.samples import NOW, extent, make_session
from pdfsluice.plugins.api_keys.authenticator import ApiKeyAuthenticator
from pdfsluice.plugins.api_keys.keys import adding, new_key, revoking
from pdfsluice.plugins.sql.database import Database, open_database
from pdfsluice.plugins.sql.engine import open_engines
from pdfsluice.plugins.sql.hints import Channel, LocalChannel, NotifyChannel, batches, read_batch
from pdfsluice.plugins.sql.live import NODE_TIMEOUT_SECONDS
from pdfsluice.plugins.sql.sessions import SqlSessionStore
from tests.support.waiting import until

Join = Callable[..., AbstractAsyncContextManager["Member"]]


class Member:
    """A node with its store and the hints that it received."""

    def __init__(self, database: Database, store: SqlSessionStore, cluster: Cluster) -> None:
        self.database = database
        self.store = store
        self.cluster = cluster
        self.heard: list[Hint] = []
        self._dead = False
        cluster.subscribe(self.heard.append)

    async def die(self) -> None:
        """Let the node look as if it had sent no heartbeat for long."""
        await self._move_heartbeat(-(NODE_TIMEOUT_SECONDS + 1))

    async def revive(self) -> None:
        """Undo its death, if it has died."""
        if self._dead:
            await self._move_heartbeat(NODE_TIMEOUT_SECONDS + 1)

    async def _move_heartbeat(self, seconds: int) -> None:
        self._dead = seconds < 0
        micros = seconds * 1_000_000
        statement = text(f"UPDATE nodes SET seen_at = seen_at + {micros} WHERE id = :me")
        values = {"me": self.cluster.node}
        await self.database.write(lambda connection: connection.execute(statement, values))


@pytest.fixture(params=["sqlite", "postgresql"])
def join(tmp_path: Path, request: pytest.FixtureRequest) -> Join:
    """Let a node join the nodes of one database, or a command use it."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("cleared_postgresql")

    @asynccontextmanager
    async def joined(
        *, heartbeat: float = 3600.0, joins: bool = True, **identity: Any
    ) -> AsyncIterator[Member]:
        async with open_database(
            lambda: open_engines(url, state_dir=tmp_path, durability="process")
        ) as database:
            channel: Channel = (
                NotifyChannel(url, database) if url else LocalChannel(tmp_path / "nodes")
            )
            store = SqlSessionStore(database, channel, heartbeat_interval=heartbeat)
            values: dict[str, Any] = {
                "store": "store",
                "exclusive": False,
                "shared": True,
            } | identity
            membership = store.joined(NodeIdentity(**values)) if joins else alone()
            async with membership as cluster:
                yield Member(database, store, cluster)

    return joined


async def test_a_changed_key_counts_at_every_node(join: Join) -> None:
    """Their clocks stand still, so that only the hint can make them look."""

    def authenticator_of(member: Member) -> ApiKeyAuthenticator:
        authenticator = ApiKeyAuthenticator(member.store.keys, clock=lambda: 0.0)
        member.cluster.subscribe(authenticator.receive)
        return authenticator

    stored, key = new_key("ann", [Scope.READ], NOW)
    credentials = Credentials(headers={"x-api-key": key}, query={}, remote="::1")
    async with join() as first, join() as second, join(joins=False) as command:
        nodes = [authenticator_of(first), authenticator_of(second)]

        async def enforced() -> bool:
            await asyncio.gather(*(each.refresh() for each in nodes))
            return all(each.enforced for each in nodes)

        async def refused() -> bool:
            outcomes = await asyncio.gather(
                *(each.authenticate(credentials) for each in nodes), return_exceptions=True
            )
            return all(isinstance(each, AuthenticationError) for each in outcomes)

        assert not await enforced()
        await command.store.keys.change(adding(stored))
        await until(enforced, seconds=2)
        for each in nodes:
            assert await each.authenticate(credentials) is not None
        await command.store.keys.change(revoking("ann", NOW))
        await until(refused, seconds=2)


async def test_one_live_node_holds_an_upload(join: Join) -> None:
    session = make_session()
    async with join() as first, join() as second:
        await first.store.create(session)
        asked = await asyncio.gather(*(n.cluster.hold(session.id) for n in (first, second) * 5))
        taken = [hold.mine for hold in asked]
        holder, other = (first, second) if taken[0] else (second, first)
        assert sorted(taken) == [False] * 5 + [True] * 5
        review = (await other.cluster.review({}, [session.id, "gone"]))[session.id]
        assert review.holder == holder.cluster.node
        await holder.cluster.release([session.id])
        assert (await other.cluster.hold(session.id)).mine
        assert not (await holder.cluster.hold(session.id)).mine
        await other.die()
        assert (await holder.cluster.hold(session.id)).mine
        assert not (await other.cluster.hold(session.id)).mine


async def test_holders_that_die_while_scanning_are_counted(join: Join) -> None:
    session = make_session()
    async with join() as first, join() as second:
        await first.store.create(session)
        await first.store.commit(session.id, extent(0, 10), NOW)
        deaths = []
        for _ in range(2):
            for holder in (first, second):
                hold = await holder.cluster.hold(session.id)
                deaths.append(hold.deaths if hold.mine else None)
                if hold.deaths:
                    await holder.cluster.begin_reading(session.id)
                await holder.cluster.review({session.id: 9}, [])
                await holder.die()
                other = second if holder is first else first
                await other.revive()
        assert deaths == [0, 1, 2, 3]
        assert (await first.cluster.hold(session.id)).deaths == 4
        await first.cluster.review({session.id: 10}, [])
        assert await first.cluster.hold(session.id) == Hold(mine=True), "it was not the reason"
        await first.die()
        await second.revive()
        assert (await second.cluster.hold(session.id)).deaths == 1
        await second.cluster.release([session.id])
        assert await second.cluster.hold(session.id) == Hold(mine=True), "given back in order"


async def test_a_holder_that_dies_before_its_stages_read_does_not_count(join: Join) -> None:
    session = make_session()
    async with join() as first, join() as second:
        await first.store.create(session)
        await first.store.commit(session.id, extent(0, 10), NOW)
        for holder, other in ((first, second), (second, first)) * 3:
            hold = await holder.cluster.hold(session.id)
            assert hold == Hold(mine=True, deaths=int(holder is second or hold.deaths))
            assert hold.deaths <= 1
            await holder.die()
            await other.revive()
        await second.cluster.hold(session.id)
        await second.revive()
        assert (await second.cluster.hold(session.id)).deaths <= 1


@pytest.mark.parametrize("state", [SessionState.UPLOADING, SessionState.VALIDATING])
async def test_deaths_are_forgotten_when_a_later_holder_gets_further(
    join: Join, state: SessionState
) -> None:
    size, step = 1 << 30, 64 << 20
    session = make_session(total_size=size)
    async with join() as first, join() as second:
        await first.store.create(session)
        await first.store.commit(session.id, extent(0, size), NOW)
        await first.store.update(session, state=state)
        furthest = (step, 2 * step - 1, 3 * step, 4 * step, 5 * step, size)
        deaths, turns = [], itertools.cycle([(first, second), (second, first)])
        for position, (holder, other) in zip(furthest, turns, strict=False):
            deaths.append((await holder.cluster.hold(session.id)).deaths)
            await holder.cluster.begin_reading(session.id)
            await holder.cluster.review({session.id: 0}, [])
            await holder.cluster.review({session.id: position}, [])
            await holder.die()
            await other.revive()
        assert deaths == [0, 1, 2, 1, 1, 1]
        assert (await first.cluster.hold(session.id)).deaths == 1


async def test_only_the_first_to_see_all_bytes_progresses_while_they_are_judged(
    join: Join,
) -> None:
    session = make_session(total_size=10)
    async with join() as first, join() as second:
        await first.store.create(session)
        await first.store.commit(session.id, extent(0, 10), NOW)
        await first.store.update(session, state=SessionState.VALIDATING)
        deaths = []
        for holder, other in ((first, second), (second, first)) * 3:
            deaths.append((await holder.cluster.hold(session.id)).deaths)
            await holder.cluster.begin_reading(session.id)
            if holder is second or len(deaths) > 1:
                await holder.cluster.review({session.id: 10}, [])
            await holder.die()
            await other.revive()
        assert deaths == [0, 1, 1, 2, 3, 4], "the second was the first to see them all"


async def test_a_holder_that_was_only_stopped_has_not_died(join: Join) -> None:
    session = make_session()
    async with join() as first, join() as second:
        await first.store.create(session)
        assert (await first.cluster.hold(session.id)).mine
        await first.die()
        assert (await second.cluster.hold(session.id)).deaths == 1
        await first.revive()
        await first.cluster.release([session.id])  # what it held when it was stopped
        assert (await second.cluster.hold(session.id)) == Hold(mine=True)
        await first.cluster.release([session.id])
        await second.die()
        assert (await first.cluster.hold(session.id)).deaths == 1


async def test_the_update_that_ends_an_upload_releases_its_hold(join: Join) -> None:
    session = make_session()
    async with join() as first, join() as second:
        await first.store.create(session)
        assert (await first.cluster.hold(session.id)).mine
        open_session = await second.store.update(session, client_id="other")
        assert (await second.cluster.review({}, [session.id]))[session.id].holder
        await second.store.update(open_session, state=SessionState.CANCELLED)
        assert not (await second.cluster.review({}, [session.id]))[session.id].holder


async def test_a_node_that_leaves_holds_nothing(join: Join) -> None:
    session = make_session(state=SessionState.VALIDATING)
    async with join() as first:
        async with join() as second:
            await first.store.create(session)
            assert (await second.cluster.hold(session.id)).mine
            assert await first.cluster.abandoned([SessionState.VALIDATING], 4) == []
        assert await first.cluster.abandoned([SessionState.VALIDATING], 4) == [session.id]
        assert await first.cluster.abandoned([SessionState.IMPORTING], 4) == []
        assert (await first.cluster.hold(session.id)).mine
        assert await first.cluster.abandoned([SessionState.VALIDATING], 4) == []


async def test_a_review_shows_the_state_of_an_upload(join: Join) -> None:
    session = make_session()
    async with join() as first, join() as second:
        await first.store.create(session)
        assert (await first.cluster.hold(session.id)).mine
        await second.store.commit(session.id, extent(0, 10), NOW)
        await second.store.commit(session.id, extent(20, 25), NOW)
        changed = await first.store.update(session, title="new")
        assert (await first.cluster.review({session.id: 7}, []))[session.id].validated == 7
        review = (await second.cluster.review({session.id: 99}, []))[session.id]
        assert (review.version, review.committed_bytes, review.validated) == (
            changed.version,
            15,
            7,
        )
        await first.store.delete(session.id)
        assert await second.cluster.review({}, [session.id]) == {}


async def test_a_commit_returns_what_other_nodes_have_done(join: Join) -> None:
    session = make_session(total_size=100)
    async with join() as first, join() as second:
        await first.store.create(session)
        for start in (0, 10, 50):
            await first.store.commit(session.id, extent(start, start + 10), NOW)
        await first.store.update(session, title="new")
        own = extent(20, 30)
        for _ in range(2):  # a repetition returns the same
            standing = await second.store.commit(session.id, own, NOW, frontier=10)
            assert standing is not None
            assert standing.version == session.version + 1
            assert list(standing.extents) == [extent(10, 20), own, extent(50, 60)]


async def test_one_live_node_does_a_duty(join: Join) -> None:
    async with join() as first, join() as second:
        assert await first.cluster.duty("sweep", 3600.0)
        assert await first.cluster.duty("sweep", 3600.0)
        assert not await second.cluster.duty("sweep", 3600.0)
        assert await second.cluster.duty("recount", 3600.0)
        await first.die()
        assert await second.cluster.duty("sweep", 0.0)
        await asyncio.sleep(0.002)
        assert await first.cluster.duty("sweep", 0.0), "the time is over"


async def test_a_hint_reaches_every_other_node(join: Join) -> None:
    async with join() as first, join() as second, join() as third:
        numbers = itertools.count(1)

        async def heard() -> bool:  # a node may begin to listen after the hint
            first.cluster.notify(Hint(HintKind.STOP, "an upload", next(numbers), 2**40))
            return bool(second.heard and third.heard)

        await until(heard, interval=0.1)
        assert second.heard[0] == Hint(HintKind.STOP, "an upload", second.heard[0].start, 2**40)
        assert not first.heard
        many = [Hint(HintKind.EVENT, "s", n, 0, "text " * 100) for n in range(200)]
        for hint in many:
            second.cluster.notify(hint)
        await until(lambda: [h for h in first.heard if h.kind is HintKind.EVENT] == many)


async def test_a_single_node_notices_the_second_one(join: Join) -> None:
    """The second waits until the first no longer relies on its memory."""
    session = make_session()
    prepared: list[bool] = []
    async with join(shared=False, heartbeat=0.05, folder="a") as first:
        alone = [first.cluster.shared, first.cluster.first]
        assert alone == [False, True]
        assert (await first.cluster.hold(session.id)).mine, "alone, nothing is stored"

        async def prepare() -> None:
            await first.store.create(session)
            prepared.append((await first.cluster.hold(session.id)).mine)

        first.cluster.on_shared(prepare)
        async with join(shared=False, folder="b") as second:
            assert prepared == [True]
            assert first.cluster.shared
            assert second.cluster.shared
            assert not second.cluster.first
            assert not (await second.cluster.hold(session.id)).mine


async def test_a_second_node_waits_for_one_that_does_not_answer(join: Join) -> None:
    async with join(shared=False, folder="a") as first:

        async def enter() -> None:
            async with join(shared=False, folder="b"):
                pass

        waiting = asyncio.create_task(enter())
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await first.die()
        await waiting


async def test_an_exclusive_node_replaces_the_one_before_it(join: Join) -> None:
    session = make_session()
    async with join(folder="a") as dead, join(folder="b") as other:
        await other.store.create(session)
        assert (await dead.cluster.hold(session.id)).mine
        async with join(folder="a", exclusive=True) as replacement:
            assert (await replacement.cluster.hold(session.id)).mine
        async with join(folder="b", replaces=other.cluster.node) as second:
            assert second.cluster.first


async def test_the_folder_in_an_old_identity_does_not_count(join: Join) -> None:
    for store, sole in (("bucket+folder", True), ("bucket", True), ("other", False)):
        async with join(store=store, exclusive=True) as node:
            assert node.cluster.sole_store is sole


def test_large_and_malformed_hints_are_left_out() -> None:
    hints = [b'["event","s",0,0,"%s"]' % (b"x" * size) for size in (10, 5000, 40, 8000)]
    sent = list(batches("a", hints, 1000))
    assert len(sent) == 1
    assert [len(hint.text) for hint in read_batch(sent[0], "b")] == [10, 40]
    assert list(read_batch(sent[0], "a")) == []
    assert max(map(len, batches("a", hints[:1] * 100, 1000))) <= 1000
    later = b'{"node":"a","hints":[["later","",0,0,""],["jobs","",0,0,""]]}'
    assert list(read_batch(later, "b")) == [Hint(HintKind.JOBS)]
    for wrong in (b"", b"[]", b'{"node":"a","hints":[["what","",0,0,""]]}', b'{"node":"a"}'):
        assert list(read_batch(wrong, "b")) == []


async def test_hints_of_a_dead_process_are_cleaned_up(tmp_path: Path) -> None:
    folder = tmp_path / ("a folder with a path that is longer than a socket's " * 3)
    channel, received = LocalChannel(folder), list[bytes]()
    async with LocalChannel(folder).running("b", received.append):
        left = folder / "c.sock"
        (folder / "b.sock").rename(folder / "moved")
        (folder / "moved").rename(folder / "b.sock")
        async with LocalChannel(folder).running("c", received.append):
            pass
        left.touch()
        async with channel.running("a", received.append):
            await channel.send(b"x")
            await until(lambda: received == [b"x"])
    assert not (folder / "a.sock").exists()
