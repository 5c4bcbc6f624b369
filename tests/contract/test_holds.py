"""Holds of nodes that share a database: taken, counted, given up."""

import asyncio
import itertools
from pathlib import Path

import pytest

from pdfsluice.core import Hold, HoldingStore, SessionState, StateConflict
from pdfsluice.core.testing.contracts.samples import NOW, extent, make_session
from tests.support.members import Join, joining


@pytest.fixture
def join(tmp_path: Path, database_url: str) -> Join:
    """Let a node join the nodes of one database, or a command use it."""
    return joining(tmp_path, database_url)


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


async def test_a_hold_that_is_taken_while_it_is_released_stays(join: Join) -> None:
    session = make_session()
    async with join() as first, join() as second:
        await first.store.create(session)
        assert (await first.cluster.hold(session.id)).mine
        for _ in range(30):
            _, hold = await asyncio.gather(
                first.cluster.release([session.id]), first.cluster.hold(session.id)
            )
            assert hold.mine
            assert not (await second.cluster.hold(session.id)).mine


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


async def test_the_first_commit_takes_the_hold(join: Join) -> None:
    session, other = make_session(), make_session()
    async with join() as first, join() as second:
        assert isinstance(first.store, HoldingStore)
        for each in (session, other):
            await first.store.create(each)
        commits = [
            await node.store.commit_and_hold(session.id, extent(start, start + 10), NOW)
            for start, node in ((0, second), (10, first), (0, second))
        ]
        assert [standing is not None and standing.held for standing in commits] == [
            True, False, False,
        ]  # fmt: skip
        review = await first.cluster.review({}, [session.id])
        assert review[session.id].holder == second.cluster.node
        await second.die()
        late = await first.store.commit_and_hold(session.id, extent(20, 30), NOW)
        assert late is not None
        assert not late.held, "another node's death is counted when its hold is taken over"
        assert (await first.cluster.hold(session.id)).deaths == 1
        await first.store.update(other, state=SessionState.CANCELLED)
        with pytest.raises(StateConflict):
            await first.store.commit_and_hold(other.id, extent(0, 10), NOW)
        assert not (await first.cluster.review({}, [other.id]))[other.id].holder
