"""The SQL session store answers as the simple one does, in any order of calls."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.ports.stores import SessionStore
from pdfsluice.core.testing import MemorySessionStore
from pdfsluice.core.testing.contracts.samples import (
    FINDING,
    NOW,
    extent,
    make_session,
)
from tests.support.databases import sql_context, sql_stores
from tests.support.shares import examples

Call = Callable[[SessionStore], Coroutine[Any, Any, Any]]

moments = st.integers(0, 10**6).map(lambda seconds: NOW + timedelta(seconds=seconds))
offsets = st.integers(0, 20)
states = st.sampled_from(SessionState)
changes = st.fixed_dictionaries(
    {},
    optional={
        "state": states,
        "title": st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        "expires_at": moments,
        "updated_at": moments,
        "findings": st.lists(st.just(FINDING), max_size=2).map(tuple),
        "document_id": st.none() | st.integers(1, 10),
        "total_size": st.none() | st.integers(0, 2**50),
    },
)


class Comparison(RuleBasedStateMachine):
    """Does the same with both stores and compares what they return or raise."""

    snapshots = Bundle("snapshots")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.directory = tempfile.TemporaryDirectory()
        self.memory = MemorySessionStore()
        self.sql: SessionStore
        self.runner.run(self._open())

    async def _open(self) -> None:
        stores = sql_stores(sql_context(Path(self.directory.name)))
        self.sql, _ = await self.stack.enter_async_context(stores)

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        self.directory.cleanup()

    def both(self, call: Call) -> Any:
        """Return what both return; they must agree, also in what they raise."""
        simple, sql = (self.runner.run(_outcome(call(store))) for store in (self.memory, self.sql))
        assert sql == simple
        return sql

    @rule(target=snapshots, owner=st.sampled_from(["a", "b"]), at=moments)
    def create(self, owner: str, at: Any) -> Session:
        session = make_session(owner=owner, created_at=at)
        self.both(lambda store: store.create(session))
        return session

    @rule(session=snapshots)
    def create_again(self, session: Session) -> None:
        self.both(lambda store: store.create(session))

    @rule(session=snapshots, start=offsets, length=st.integers(1, 5), at=moments)
    def commit(self, session: Session, start: int, length: int, at: Any) -> None:
        new = extent(start, start + length, str(at.second))
        self.both(lambda store: store.commit(session.id, new, at))

    @rule(session=snapshots, start=offsets, length=st.integers(1, 5), second=st.integers(0, 59))
    def drop(self, session: Session, start: int, length: int, second: int) -> None:
        old = extent(start, start + length, str(second))
        self.both(lambda store: store.drop_extents(session.id, [old]))

    @rule(target=snapshots, session=snapshots, values=changes)
    def update(self, session: Session, values: dict[str, Any]) -> Session:
        changed = self.both(lambda store: store.update(session, **values))
        return changed if isinstance(changed, Session) else session

    @rule(target=snapshots, session=snapshots)
    def get(self, session: Session) -> Session:
        found = self.both(lambda store: store.get(session.id))
        return found if isinstance(found, Session) else session

    @rule(session=snapshots)
    def delete(self, session: Session) -> None:
        self.both(lambda store: store.delete(session.id))

    @rule(
        session=snapshots,
        points=st.dictionaries(
            st.sampled_from(["digest", "security"]),
            st.tuples(st.integers(0, 2**40), st.binary(max_size=9)),
        ),
    )
    def save_checkpoints(self, session: Session, points: dict[str, tuple[int, bytes]]) -> None:
        self.both(lambda store: store.save_checkpoints(session.id, points))
        self.both(lambda store: store.checkpoints(session.id))

    @rule(
        wanted=st.lists(states, max_size=3),
        owner=st.none() | st.sampled_from(["a", "b"]),
        client=st.none() | st.sampled_from(["client_1", "client_2"]),
        before=st.none() | moments,
        limit=st.integers(1, 5),
    )
    def find(
        self,
        wanted: list[SessionState],
        owner: str | None,
        client: str | None,
        before: Any,
        limit: int,
    ) -> None:
        self.both(
            lambda store: store.find(
                states=wanted, owner=owner, client_id=client, expired_before=before, limit=limit
            )
        )
        self.both(lambda store: store.count(wanted))

    @rule()
    def restart(self) -> None:
        self.runner.run(self._restart())

    async def _restart(self) -> None:
        await self.stack.aclose()
        await self._open()

    @invariant()
    def all_sessions_agree(self) -> None:
        self.both(lambda store: store.find(states=list(SessionState)))


async def _outcome(call: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await call
    except PdfsluiceError as error:
        return type(error)


TestSqlAgainstMemory = Comparison.TestCase
TestSqlAgainstMemory.settings = settings(
    max_examples=examples(15),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
