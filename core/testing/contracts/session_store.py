"""What every session store must do."""

import asyncio
from contextlib import nullcontext
from dataclasses import fields, replace
from datetime import timedelta

import pytest

from pdfsluice.core import (
    Conflict,
    Decision,
    Measures,
    NodeIdentity,
    Protocol,
    RateLimited,
    Session,
    SessionNotFound,
    SessionState,
    SessionStore,
    StateConflict,
)

from .extents import ExtentContract
from .reopening import NOT_LASTING, Reopen
from .samples import (
    FINDING,
    NOW,
    UNSCANNED,
    extent,
    make_session,
)

FULL = make_session(
    replaces=8,
    lineage=5,
    owner="key:bob",
    account="tenant:one",
    reserved=99,
    filename="a\r\nb \U0001f4c4.pdf",
    total_size=None,
    protocol=Protocol.TUS,
    state=SessionState.REJECTED,
    title="Ein Titel",
    expected_digest="cd" * 32,
    check_duplicates=False,
    auto_build_index=True,
    metadata={"filename": "x", "empty": ""},
    findings=(FINDING, FINDING),
    unscanned=(UNSCANNED,),
    facts={"sha256": "ef" * 32, "page_count": 7, "nested": {"list": [1, None, 2.5]}},
    decision=Decision.REJECT,
    quarantined=True,
    released=True,
    partial=True,
    document_id=42,
    duplicate=True,
    joined_into="8d1f0c9e-43a5-4d0f-8a3f-0f6f5a1f3f11",
    failure_code="digest-mismatch",
    failure_message="why",
    measures=Measures(
        requests=3, received_bytes=2**40, resumes=1, receiving_seconds=0.25, validating_seconds=1e-6
    ),
    software="curl/8.1",
    encryption="age",
    version=3,
)


class SessionStoreContract(ExtentContract):
    """The tests of a session store.

    Override ``store`` with a fixture that returns an empty store. Override ``reopen``, too, if
    the store outlives its process.
    """

    @pytest.fixture
    def store(self) -> SessionStore:
        raise NotImplementedError("override the fixture 'store'")

    @pytest.fixture
    def reopen(self) -> Reopen[SessionStore]:
        """Open one store again and again, at first an empty one."""
        pytest.skip(NOT_LASTING)

    async def test_sessions_are_there_after_opening_again(
        self, reopen: Reopen[SessionStore]
    ) -> None:
        changed, deleted = make_session(), make_session()
        async with reopen() as store:
            for session in (FULL, changed, deleted):
                await store.create(session)
            await store.commit(changed.id, extent(0, 5), NOW)
            changed = await store.update(await store.get(changed.id), title="Ω")
            await store.save_checkpoints(changed.id, {"digest": (5, b"\0state")})
            await store.delete(deleted.id)
        async with reopen() as store:
            assert await store.get(FULL.id) == FULL
            assert await store.get(changed.id) == changed
            assert list(await store.extents(changed.id)) == [extent(0, 5)]
            assert await store.checkpoints(changed.id) == {"digest": (5, b"\0state")}
            with pytest.raises(SessionNotFound):
                await store.get(deleted.id)
            with pytest.raises(StateConflict):
                await store.update(replace(changed, version=0), title="old")

    async def test_idle_time_counts_on_after_opening_again(
        self, reopen: Reopen[SessionStore]
    ) -> None:
        late = NOW + timedelta(hours=1)
        async with reopen() as store:
            await store.idle_from(NOW, 60)
            assert await store.idle_from(late, 60) == late
        async with reopen() as store:
            assert await store.idle_from(late + timedelta(seconds=30), 60) == late

    async def test_every_field_comes_back(self, store: SessionStore) -> None:
        plain = make_session()
        unchanged = {
            field.name
            for field in fields(Session)
            if getattr(plain, field.name) == getattr(FULL, field.name)
        }
        assert unchanged <= {
            "client_id", "chunk_size", "created_at", "updated_at", "expires_at", "committed",
        }, "give new fields a value in FULL, so that this test covers them"  # fmt: skip
        for session in (FULL, plain):
            await store.create(session)
            assert await store.get(session.id) == session

    async def test_an_id_is_used_once(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        with pytest.raises(Conflict):
            await store.create(replace(session, filename="other.pdf"))
        assert await store.get(session.id) == session

    @pytest.mark.parametrize("session_id", ["unknown", "", "a\0b", "\ud800", "Ω", "x" * 10_000])
    async def test_unknown_sessions_are_not_found(
        self, store: SessionStore, session_id: str
    ) -> None:
        with pytest.raises(SessionNotFound):
            await store.get(session_id)
        with pytest.raises(SessionNotFound):
            await store.commit(session_id, extent(0, 5), NOW)
        with pytest.raises(SessionNotFound):
            await store.update(make_session(id=session_id), title="x")
        with pytest.raises(SessionNotFound):
            await store.save_checkpoints(session_id, {"digest": (0, b"")})

    async def test_updates_change_what_they_name(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        changed = await store.update(
            session,
            state=SessionState.VALIDATING,
            findings=(FINDING,),
            facts={"sha256": "x"},
            expires_at=NOW + timedelta(days=3),
        )
        assert changed.version > session.version
        assert await store.get(session.id) == changed
        assert changed == replace(
            session,
            state=SessionState.VALIDATING,
            findings=(FINDING,),
            facts={"sha256": "x"},
            expires_at=NOW + timedelta(days=3),
            version=changed.version,
        )

    async def test_updates_leave_commits_alone(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        await store.commit(session.id, extent(0, 10), NOW)
        await store.update(session, state=SessionState.UPLOADING)
        assert (await store.get(session.id)).committed.ranges == ((0, 10),)

    async def test_a_stale_update_is_refused(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        first = await store.update(session, title="first")
        with pytest.raises(StateConflict):
            await store.update(session, title="second")
        assert await store.get(session.id) == first
        assert (await store.update(first, title="third")).title == "third"

    async def test_no_acknowledged_byte_is_expired(self, store: SessionStore) -> None:
        """A commit leaves the version alone; another node may commit while one expires."""
        session = make_session()
        await store.create(session)
        await store.commit(session.id, extent(0, 10), NOW)
        with pytest.raises(StateConflict):
            await store.update(session, state=SessionState.EXPIRED)
        current = await store.get(session.id)
        assert current.state is not SessionState.EXPIRED
        await store.update(current, state=SessionState.EXPIRED)
        with pytest.raises(StateConflict):
            await store.commit(session.id, extent(10, 20), NOW)

    async def test_of_simultaneous_updates_one_wins(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        outcomes = await asyncio.gather(
            *(store.update(session, title=str(number)) for number in range(20)),
            return_exceptions=True,
        )
        winners = [outcome for outcome in outcomes if isinstance(outcome, Session)]
        assert len(winners) == 1
        assert sum(isinstance(outcome, StateConflict) for outcome in outcomes) == 19
        assert await store.get(session.id) == winners[0]

    @pytest.mark.parametrize("field", ["id", "committed", "version"])
    async def test_identity_is_not_updated(self, store: SessionStore, field: str) -> None:
        session = make_session()
        await store.create(session)
        with pytest.raises(TypeError):
            await store.update(session, **{field: getattr(session, field)})

    async def test_failures_do_not_spoil_other_calls(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        unknown = make_session()
        outcomes = await asyncio.gather(
            store.commit(session.id, extent(0, 10), NOW),
            store.commit(unknown.id, extent(0, 10), NOW),
            store.update(unknown, title="x"),
            store.create(session),
            store.commit(session.id, extent(10, 20), NOW),
            store.save_checkpoints(session.id, {"digest": (20, b"state")}),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [
            type(None), SessionNotFound, SessionNotFound, Conflict, type(None), type(None),
        ]  # fmt: skip
        assert (await store.get(session.id)).committed.ranges == ((0, 20),)
        assert await store.checkpoints(session.id) == {"digest": (20, b"state")}

    async def test_the_first_commit_makes_it_uploading(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        await store.commit(session.id, extent(0, 10), NOW)
        stored = await store.get(session.id)
        assert stored.state is SessionState.UPLOADING
        changed = await store.update(stored, title="x")
        assert changed.state is (await store.get(session.id)).state is SessionState.UPLOADING

    async def test_simultaneous_commits_are_all_kept(self, store: SessionStore) -> None:
        sessions = [make_session(total_size=1000) for _ in range(4)]
        await asyncio.gather(*map(store.create, sessions))
        await asyncio.gather(
            *(
                store.commit(session.id, extent(start, start + 10), NOW)
                for start in range(0, 1000, 10)
                for session in sessions
            )
        )
        for session in sessions:
            assert (await store.get(session.id)).committed.ranges == ((0, 1000),)

    async def test_find_filters_and_orders(self, store: SessionStore) -> None:
        sessions = [
            make_session(
                owner=f"key:{'ab'[number % 2]}",
                state=SessionState.UPLOADING if number < 4 else SessionState.COMPLETED,
                created_at=NOW + timedelta(seconds=number),
                expires_at=NOW + timedelta(hours=number),
            )
            for number in range(6)
        ]
        for session in sessions:
            await store.create(session)
        await store.commit(sessions[3].id, extent(0, 10), NOW)
        open_ones = await store.find(states=[SessionState.UPLOADING, SessionState.CREATED])
        assert [s.id for s in open_ones] == [s.id for s in reversed(sessions[:4])]
        assert open_ones[0].committed.ranges == ((0, 10),)
        assert [s.id for s in await store.find(states=[SessionState.UPLOADING], owner="key:b")] == [
            sessions[3].id,
            sessions[1].id,
        ]
        other = make_session(client_id="another", owner="key:a")
        await store.create(other)
        (of_client,) = await store.find(states=list(SessionState), client_id="another")
        assert of_client == other
        changed = await store.update(other, client_id="a third")
        assert list(await store.find(states=list(SessionState), client_id="another")) == []
        assert await store.find(states=list(SessionState), client_id="a third") == [changed]
        await store.delete(other.id)
        latest = await store.update(sessions[5], quarantined=True)
        assert await store.find(states=list(SessionState), quarantined=True) == [latest]
        newest = await store.find(states=list(SessionState))
        for number, session in enumerate(newest):
            rest = await store.find(states=list(SessionState), after=session)
            assert list(rest) == list(newest[number + 1 :])
        expired = await store.find(
            states=[SessionState.UPLOADING], expired_before=NOW + timedelta(hours=2)
        )
        assert [s.id for s in expired] == [sessions[1].id, sessions[0].id]
        assert len(await store.find(states=list(SessionState), limit=2)) == 2
        assert list(await store.find(states=[])) == []

    async def test_an_owner_has_no_more_open_ones_than_allowed(self, store: SessionStore) -> None:
        for state in (SessionState.UPLOADING, SessionState.COMPLETED, SessionState.CANCELLED):
            await store.create(make_session(owner="key:a", state=state), most_open=3)
        outcomes = await asyncio.gather(
            *(store.create(make_session(owner="key:a"), most_open=3) for _ in range(10)),
            return_exceptions=True,
        )
        assert outcomes.count(None) == 2
        assert sum(isinstance(outcome, RateLimited) for outcome in outcomes) == 8
        await store.create(make_session(owner="key:b"), most_open=1)
        (ended, *_) = await store.find(states=[SessionState.CREATED], owner="key:a")
        await store.update(ended, state=SessionState.CANCELLED)
        await store.create(make_session(owner="key:a"), most_open=3)
        for most, outcome in ((3, pytest.raises(RateLimited)), (4, nullcontext())):
            with outcome:
                await store.create(make_session(owner="key:a"), most_open=most)
        assert await store.count([SessionState.CREATED, SessionState.UPLOADING]) == 5

    async def test_time_without_a_server_is_not_idle_time(self, store: SessionStore) -> None:
        first = await store.idle_from(NOW, 3600.0)
        assert first < NOW - timedelta(days=365)
        assert await store.idle_from(NOW + timedelta(minutes=59), 3600.0) == first
        later = NOW + timedelta(days=30)
        assert await store.idle_from(later, 3600.0) == later
        assert await store.idle_from(later + timedelta(minutes=1), 3600.0) == later
        back = NOW + timedelta(hours=2)
        assert await store.idle_from(back, 3600.0) == back, "the clock was ahead before"

    async def test_a_node_joins_and_leaves(self, store: SessionStore) -> None:
        for _ in range(2):
            async with store.joined(NodeIdentity(store="store-1")) as cluster:
                assert cluster.sole_store
                assert cluster.first
                assert not cluster.shared
                assert (await cluster.hold("any upload")).mine
                assert await cluster.duty("any duty", 60.0)

    async def test_count(self, store: SessionStore) -> None:
        for _ in range(3):
            await store.create(make_session())
        assert await store.count([SessionState.CREATED, SessionState.FAILED]) == 3
        assert await store.count([SessionState.COMPLETED]) == 0
        assert await store.count([]) == 0

    async def test_delete_forgets_everything(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        await store.commit(session.id, extent(0, 10), NOW)
        await store.save_checkpoints(session.id, {"digest": (10, b"x")})
        await store.delete(session.id)
        await store.delete(session.id)
        with pytest.raises(SessionNotFound):
            await store.get(session.id)
        await store.create(session)
        assert list(await store.extents(session.id)) == []
        assert await store.checkpoints(session.id) == {}

    async def test_checkpoints_are_replaced_as_a_whole(self, store: SessionStore) -> None:
        session = make_session()
        await store.create(session)
        assert await store.checkpoints(session.id) == {}
        await store.save_checkpoints(session.id, {"a": (1, b"\0\xff"), "b": (2**40, b"")})
        assert await store.checkpoints(session.id) == {"a": (1, b"\0\xff"), "b": (2**40, b"")}
        await store.save_checkpoints(session.id, {"c": (3, b"x" * 100_000)})
        assert await store.checkpoints(session.id) == {"c": (3, b"x" * 100_000)}
        await store.save_checkpoints(session.id, {})
        assert await store.checkpoints(session.id) == {}
