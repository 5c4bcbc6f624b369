"""What every session store must do with committed extents; a part of its contract."""

import asyncio
from datetime import timedelta

import pytest

from pdfsluice.core import OffsetConflict, RangeSet, SessionState, SessionStore, StateConflict
from pdfsluice.core.uploads.lifecycle import OPEN

from .asynchronous import AsyncContract
from .samples import NOW, extent, make_session


class ExtentContract(AsyncContract):
    """The part of ``SessionStoreContract`` that is about extents."""

    async def test_commits_add_up(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        later = NOW + timedelta(seconds=5)
        for start, end in ((50, 60), (0, 10), (10, 20), (60, 70)):
            await store.commit(session.id, extent(start, end), later)
        changed = await store.get(session.id)
        assert changed.committed == RangeSet(((0, 20), (50, 70)))
        assert changed.updated_at == later
        assert changed.version == session.version
        assert [(e.start, e.end) for e in await store.extents(session.id)] == [
            (0, 10), (10, 20), (50, 60), (60, 70),
        ]  # fmt: skip

    async def test_the_same_extent_again_changes_nothing(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        await store.commit(session.id, extent(0, 10, "aa"), NOW)
        await store.commit(session.id, extent(0, 10, "aa"), NOW + timedelta(hours=1))
        assert list(await store.extents(session.id)) == [extent(0, 10, "aa")]

    @pytest.mark.parametrize(
        ("start", "end"), [(20, 30), (10, 30), (20, 40), (15, 25), (25, 35), (0, 50), (22, 28)]
    )
    async def test_extents_never_overlap(self, store: SessionStore, start: int, end: int) -> None:
        """Every offset has one byte, whatever was committed."""
        session = make_session()
        await store.create(session)
        for other in (extent(20, 30, "aa"), extent(90, 95, "bb")):
            await store.commit(session.id, other, NOW)
        with pytest.raises(OffsetConflict):
            await store.commit(session.id, extent(start, end, "cc"), NOW)
        assert (await store.get(session.id)).committed == RangeSet(((20, 30), (90, 95)))
        for new in (extent(10, 20), extent(30, 40), extent(50, 90)):
            await store.commit(session.id, new, NOW)

    async def test_of_simultaneous_overlapping_commits_one_wins(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        outcomes = await asyncio.gather(
            *(store.commit(session.id, extent(n % 7, 10 + n, f"{n:02x}"), NOW) for n in range(20)),
            return_exceptions=True,
        )
        assert outcomes.count(None) == 1
        assert sum(isinstance(outcome, OffsetConflict) for outcome in outcomes) == 19
        assert len(await store.extents(session.id)) == 1

    @pytest.mark.parametrize("state", [s for s in SessionState if s not in OPEN])
    async def test_nothing_is_committed_to_a_session_that_is_not_open(
        self, store: SessionStore, state: SessionState
    ) -> None:
        session = make_session()
        await store.create(session)
        await store.commit(session.id, extent(0, 10, "aa"), NOW)
        await store.update(await store.get(session.id), state=state)
        with pytest.raises(StateConflict):
            await store.commit(session.id, extent(10, 20), NOW)
        await store.commit(session.id, extent(0, 10, "aa"), NOW)
        assert (await store.get(session.id)).committed == RangeSet(((0, 10),))

    async def test_touching_extents_are_merged(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        parts = [extent(10, 11, "aa"), extent(11, 15, "bb"), extent(15, 20, "cc")]
        later = NOW + timedelta(seconds=9)
        await store.commit(session.id, extent(0, 10, "00"), NOW)
        await store.commit(session.id, extent(20, 30, "ff"), NOW)
        for part in parts:
            await store.commit(session.id, part, later)
        whole = extent(10, 20, "dd")
        assert await store.merge_extents(session.id, parts, whole)
        assert list(await store.extents(session.id)) == [
            extent(0, 10, "00"), whole, extent(20, 30, "ff"),
        ]  # fmt: skip
        merged = await store.get(session.id)
        assert (merged.committed, merged.updated_at) == (RangeSet(((0, 30),)), later)
        assert not await store.merge_extents(session.id, parts, whole), "they are gone"

    async def test_what_changed_is_not_merged(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        parts = [extent(0, 5, "aa"), extent(5, 9, "bb")]
        for part in parts:
            await store.commit(session.id, part, NOW)
        whole = extent(0, 9, "cc")
        for changed in (extent(5, 9, "xx"), extent(5, 8, "bb")):
            assert not await store.merge_extents(session.id, [parts[0], changed], whole)
        assert not await store.merge_extents(session.id, [], whole)
        assert not await store.merge_extents(make_session().id, parts, whole)
        await store.drop_extents(session.id, parts[:1])
        assert not await store.merge_extents(session.id, parts, whole)
        assert list(await store.extents(session.id)) == parts[1:]

    async def test_large_offsets_are_exact(self, store: SessionStore) -> None:
        session = make_session(total_size=2**53 + 3)
        await store.create(session)
        await store.commit(session.id, extent(2**53 + 1, 2**53 + 3), NOW)
        assert (await store.get(session.id)).committed.ranges == ((2**53 + 1, 2**53 + 3),)

    async def test_dropped_extents_are_gone(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        await store.commit(session.id, extent(0, 10, "aa"), NOW)
        await store.commit(session.id, extent(10, 20, "bb"), NOW)
        await store.drop_extents(session.id, [extent(0, 10, "aa"), extent(70, 80, "zz")])
        assert (await store.get(session.id)).committed.ranges == ((10, 20),)
        await store.drop_extents(session.id, [])
        await store.drop_extents("unknown", [extent(0, 10)])

    async def test_an_extent_committed_again_is_not_dropped(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        await store.commit(session.id, extent(0, 10, "corrupt"), NOW)
        await store.drop_extents(session.id, [extent(0, 10, "corrupt")])
        await store.commit(session.id, extent(0, 10, "fresh"), NOW)
        await store.drop_extents(session.id, [extent(0, 10, "corrupt")])
        assert list(await store.extents(session.id)) == [extent(0, 10, "fresh")]
