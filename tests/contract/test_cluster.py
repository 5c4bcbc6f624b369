"""Nodes of one database: duties and hints."""

import asyncio
import itertools
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from pdfsluice.core import (
    AuthenticationError,
    Credentials,
    Hint,
    HintKind,
    RateLimited,
    Scope,
    StorageFailed,
)
from pdfsluice.core.testing.contracts.samples import NOW, extent, make_session
from pdfsluice.plugins.api_keys.authenticator import ApiKeyAuthenticator
from pdfsluice.plugins.api_keys.keys import adding, new_key, revoking
from pdfsluice.plugins.sql.hints import LocalChannel, batches, read_batch
from tests.support.members import Join, Member, joining
from tests.support.waiting import until


@pytest.fixture
def join(tmp_path: Path, database_url: str) -> Join:
    """Let a node join the nodes of one database, or a command use it."""
    return joining(tmp_path, database_url)


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


async def test_all_nodes_together_open_no_more_uploads_than_an_owner_may_have(join: Join) -> None:
    async with join() as first, join() as second:
        for number in range(5):
            owner = f"owner {number}"
            attempts = [
                node.store.create(make_session(owner=owner), most_open=10)
                for node in (first, second)
                for _ in range(10)
            ]
            outcomes = await asyncio.gather(*attempts, return_exceptions=True)
            assert [type(each) for each in outcomes if each].count(RateLimited) == 10


async def test_owners_of_an_account_open_uploads_at_all_nodes_at_the_same_time(join: Join) -> None:
    failures: list[object] = []

    def note(failure: object) -> None:
        failures.append(failure)

    async with join() as first, join() as second:
        event.listen(Engine, "handle_error", note)
        try:
            for _ in range(10):
                creating = [
                    node.store.create(make_session(owner=owner, account="tenant:a"), most_open=900)
                    for _ in range(5)
                    for owner in ("anna", "bert")
                    for node in (first, second)
                ]
                await asyncio.gather(*creating)
        finally:
            event.remove(Engine, "handle_error", note)
    assert not failures, "PostgreSQL ends one of two that wait for each other, after a second"


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


async def test_a_node_whose_preparation_failed_is_prepared_again(join: Join) -> None:
    attempts: list[int] = []

    async def prepare() -> None:
        attempts.append(len(attempts))
        if len(attempts) == 1:
            raise StorageFailed("The database did not answer.")

    async with join(shared=False, heartbeat=0.05, folder="a") as first:
        first.cluster.on_shared(prepare)
        async with asyncio.timeout(30), join(shared=False, folder="b") as second:
            assert attempts == [0, 1]
            hint = Hint(HintKind.STOP, "an upload", 1, 2)

            async def is_received() -> bool:  # a node may begin to listen after the hint
                second.cluster.notify(hint)
                return bool(first.heard)

            await until(is_received, interval=0.1)


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
