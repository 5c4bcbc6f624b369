"""Two nodes over one database and one object store, in which no extent is overwritten."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from pdfsluice.core import (
    ChunkIntent,
    Extent,
    Hint,
    HintKind,
    OffsetConflict,
    PluginContext,
    Session,
    SessionStore,
    SessionStoreSpec,
    Standing,
    hookimpl,
)
from pdfsluice.core.plugins.ports.cluster import NodeIdentity
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from pdfsluice.core.testing.memory_objects import MemoryObjectStore
from pdfsluice.core.uploads.open_upload.commit_hints import commit_hint, hinted_extent
from pdfsluice.plugins.sql.database import open_database
from pdfsluice.plugins.sql.engine import open_engines
from pdfsluice.plugins.sql.hints import LocalChannel
from pdfsluice.plugins.sql.sessions import SqlSessionStore
from tests.support.nodes import CHUNK, DATA, SLOW, SharedObjects, ignore
from tests.support.runtimes import Bytes, a_runtime, initiate, send
from tests.support.waiting import until


class CountedSessions(SqlSessionStore):
    """A session store that notes what the nodes ask of it."""

    calls: list[str]

    async def get(self, session_id: str) -> Session:
        """Note a reading of a row."""
        self.calls.append("get")
        return await super().get(session_id)

    async def extents(self, session_id: str) -> Sequence[Extent]:
        """Note a reading of extents."""
        self.calls.append("extents")
        return await super().extents(session_id)

    async def commit(
        self, session_id: str, extent: Extent, now: datetime, *, frontier: int = 0
    ) -> Standing | None:
        """Note a commit."""
        self.calls.append("commit")
        return await super().commit(session_id, extent, now, frontier=frontier)


class CountedStore:
    """A plugin with that session store, in an SQLite file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.calls: list[str] = []

    @hookimpl
    def pdfsluice_register_session_stores(self, context: PluginContext) -> list[SessionStoreSpec]:
        """Register the store."""
        del context
        return [SessionStoreSpec(name="counted", open=self._open)]

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[SessionStore]:
        engines = partial(open_engines, "", state_dir=self._folder, durability="process")
        async with open_database(engines) as database:
            store = CountedSessions(database, LocalChannel(self._folder / "nodes"))
            store.calls = self.calls
            yield store


@asynccontextmanager
async def two_stores(
    tmp_path: Path, objects: MemoryObjectStore, *, hints: bool = False
) -> AsyncIterator[tuple[Runtime, Runtime, list[str]]]:
    """Open two nodes over one object store, between which hints may be lost."""
    counted = CountedStore(tmp_path / "state")
    async with AsyncExitStack() as stack:
        runtimes = [
            await stack.enter_async_context(
                a_runtime(
                    tmp_path / str(number),
                    SharedObjects(objects, tmp_path / str(number) / "copies"),
                    counted,
                    intervals=SLOW,
                    node=NodeIdentity(shared=True, exclusive=False),
                    upload_store="objects",
                    session_store="counted",
                    chunk_size=CHUNK,
                    state_dir=tmp_path / "state",
                )
            )
            for number in range(2)
        ]
        for runtime in () if hints else runtimes:
            runtime.cluster.notify = ignore  # type: ignore[method-assign]
        yield runtimes[0], runtimes[1], counted.calls


async def send_part(runtime: Runtime, session: Session, data: bytes, start: int, end: int) -> None:
    """Send a piece of a chunk, as after a connection that broke."""
    intent = ChunkIntent(offset=start, length=end - start, max_length=end - start)
    await runtime.uploads.receive(LOCAL, session.id, intent, Bytes(data[start:end]))


async def test_a_chunk_costs_one_transaction_at_any_node(tmp_path: Path) -> None:
    async with two_stores(tmp_path, MemoryObjectStore()) as (first, second, calls):
        session = await initiate(first, DATA)
        for chunk in range(2):
            await send((first, second)[chunk % 2], session, DATA, chunk)
        calls.clear()
        for chunk in range(2, 4):
            after = await send((first, second)[chunk % 2], session, DATA, chunk)
            assert after.committed.ranges == ((0, (chunk + 1) * CHUNK),)
        assert calls == ["commit", "commit"]


async def test_the_holder_reads_no_rows_of_what_comes_to_other_nodes(tmp_path: Path) -> None:
    async with two_stores(tmp_path, MemoryObjectStore(), hints=True) as (first, second, calls):
        session = await initiate(first, DATA)
        upload = first.uploads._open_uploads.peek(session.id)
        assert upload is not None
        await send(first, session, DATA, 0)
        await send(second, session, DATA, 1)
        calls.clear()
        for chunk in (2, 3):
            await send(second, session, DATA, chunk)
        await until(lambda: upload.progress.validated == len(DATA))
        assert calls == ["commit"] * 2


def test_a_hint_of_a_commit_has_the_whole_extent() -> None:
    for extent in (Extent(0, 5, "ab", "uploads/x/0-y z"), Extent(5, 9, "cd")):
        assert hinted_extent(commit_hint("s", extent)) == extent
    for hint in (Hint(HintKind.COMMITTED, "s", 3), Hint(HintKind.COMMITTED, "s", 9, 5, "ab ")):
        assert hinted_extent(hint) is None


async def test_a_chunk_of_which_another_node_has_a_part_is_completed(tmp_path: Path) -> None:
    """The node learns of that part when it commits: it had read the row before."""
    objects = MemoryObjectStore()
    async with two_stores(tmp_path, objects) as (first, second, _):
        session = await initiate(first, DATA)
        await send(second, session, DATA, 0)
        for start, end in ((100_000, 110_000), (120_000, 125_000)):
            await send_part(first, session, DATA, start, end)
        wrong = DATA[: 2 * CHUNK - 7] + b"another" + DATA[2 * CHUNK :]
        evil = wrong[:121_000] + b"!" + wrong[121_001:]
        with pytest.raises(OffsetConflict):
            await send(second, session, evil, 1)
        after = await send(second, session, DATA, 1)
        assert after.committed.ranges == ((0, 2 * CHUNK),)
        for chunk in (2, 3):
            await send(second, session, DATA, chunk)
        completion = await second.uploads.complete(LOCAL, session.id)
        assert completion.document is not None
        stored = bytearray(len(DATA))
        name = f"documents/{session.id[:2]}/{session.id}.pdf"
        assert objects.read_into(name, 0, memoryview(stored)) == len(DATA)
        assert stored == DATA
