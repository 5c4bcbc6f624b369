"""One of several nodes is cut off from the rows, or has no space for copies."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from pdfsluice.core.errors import Overloaded, StorageFailed
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from pdfsluice.core.testing.memory_objects import MemoryObjectStore
from tests.support.nodes import CHUNK, DATA, FAST, SharedObjects, nodes
from tests.support.runtimes import Bytes, Watchman, a_runtime, initiate, send
from tests.support.waiting import until


def age_heartbeat(runtime: Runtime) -> None:
    """Let a node look to itself as if its heartbeats had not been stored for a while."""
    runtime.cluster._fence.confirm(asyncio.get_running_loop().time() - 60)  # type: ignore[attr-defined]


async def test_a_node_that_is_cut_off_stops_what_it_holds(tmp_path: Path) -> None:
    """Another node continues, although the first is regarded as live all the time."""
    async with nodes(tmp_path, intervals=FAST) as (first, second):
        session = await initiate(first, DATA)
        await send(first, session, DATA, 0)
        held = first.uploads._open_uploads.peek(session.id)
        assert held is not None
        body = Bytes(DATA[CHUNK : 2 * CHUNK], size=1000, holds_after=3000)
        sending = asyncio.create_task(send(first, session, DATA, 1, body))
        await body.held.wait()
        age_heartbeat(first)
        with pytest.raises(StorageFailed, match="cut off"):
            await first.uploads.get(LOCAL, session.id)
        with pytest.raises((Overloaded, StorageFailed), match="cut off"):
            await sending
        await until(lambda: held.closed)
        for chunk in range(1, 4):
            await send(second, session, DATA, chunk)
        document = (await second.uploads.complete(LOCAL, session.id)).document
        assert document is not None
        await until(lambda: not first.cluster.cut_off)
        again = await first.uploads.complete(LOCAL, session.id)
        assert again.document == document


async def test_a_node_without_space_for_copies_holds_nothing_and_receives(tmp_path: Path) -> None:
    objects, watchmen = MemoryObjectStore(), [Watchman(), Watchman()]
    async with AsyncExitStack() as stack:
        runtimes = []
        for number, min_free in enumerate((0, 2**60)):
            folder = tmp_path / str(number)
            plugin = SharedObjects(objects, folder / "copies", min_free=min_free)
            runtime = a_runtime(
                folder,
                plugin,
                watchman=watchmen[number],
                intervals=FAST,
                upload_store="objects",
                chunk_size=CHUNK,
                state_dir=tmp_path / "state",  # the database
            )
            runtimes.append(await stack.enter_async_context(runtime))
        spacious, full = runtimes
        session = await initiate(spacious, DATA)
        await spacious.uploads._open_uploads.drop(session.id)  # no node holds it
        for chunk in range(4):
            await send(full, session, DATA, chunk)
        completion = await full.uploads.complete(LOCAL, session.id)
        assert completion.document is not None
        assert [sum(size for _, size in each.feeds) for each in watchmen] == [len(DATA), 0]
