"""The follower and the threads that work for it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import pytest

from pdfsluice.core.errors import StageFailed
from pdfsluice.core.models.findings import Finding, StageReport
from pdfsluice.core.plugins.ports.streams import StageContext, StreamStageSpec
from pdfsluice.core.scanning.follower import Follower
from pdfsluice.core.scanning.runner import ThreadRunners
from pdfsluice.core.testing.memory_uploads import MemoryUploadStore
from pdfsluice.core.threads import BufferPool, Workers

DATA = b"some bytes of a file"
ID = "01890000-0000-7000-8000-000000000000"


class SlowStage:
    """A stage that is still busy with its first bytes when the upload is given up."""

    def __init__(self) -> None:
        self.busy = threading.Event()
        self.go_on = threading.Event()
        self.seen = b""
        self.closed = False

    def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
        del offset
        self.busy.set()
        self.go_on.wait()
        self.seen += bytes(data)
        return ()

    def finish(self) -> StageReport:
        return StageReport()

    def checkpoint(self) -> bytes:
        return self.seen

    def close(self) -> None:
        self.closed = True


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    pool = Workers(2)
    yield pool
    pool.close()


async def follower_of(workers: Workers, buffers: BufferPool, *specs: StreamStageSpec) -> Follower:
    store = MemoryUploadStore()
    blob = await store.create(ID, len(DATA))
    blob.write(0, memoryview(DATA))

    async def go_on(_findings: Sequence[Finding]) -> bool:
        return True

    async def ignore(_error: object) -> None:
        return

    async def all_there(_start: int, _end: int) -> None:
        return

    context = StageContext(session_id=ID, filename="a.pdf", total_size=len(DATA))
    return Follower(
        ID,
        lambda known: ThreadRunners(specs, workers, buffers).runner(lambda: context, blob, known),
        {},
        frontier=lambda: len(DATA),
        prepare=all_there,
        on_findings=go_on,
        on_validated=lambda _: None,
        on_failure=ignore,
        on_checkpoints=ignore,
    )


async def test_closing_waits_for_the_thread_that_has_the_stages(workers: Workers) -> None:
    """Or a checkpoint would not belong to its offset, and a buffer be lent twice."""
    stage = SlowStage()
    buffers = BufferPool(1, 1024)
    spec = StreamStageSpec(name="slow", open=lambda _: stage)
    follower = await follower_of(workers, buffers, spec)
    follower.wake()
    await asyncio.to_thread(stage.busy.wait)
    closing = asyncio.create_task(follower.close())
    for _ in range(10):  # whatever closing had another thread do would be done by then
        await workers.run(str)
    too_early = stage.closed, not buffers._turn.locked()
    stage.go_on.set()
    assert too_early == (False, False), "the stage and the buffer are still in use"
    assert await closing == {"slow": (len(DATA), DATA)}
    assert stage.closed


async def test_stages_are_closed_when_another_does_not_open(workers: Workers) -> None:
    stage = SlowStage()

    def fail(_context: StageContext) -> SlowStage:
        raise RuntimeError("not today")

    follower = await follower_of(
        workers,
        BufferPool(1, 1024),
        StreamStageSpec(name="good", open=lambda _: stage),
        StreamStageSpec(name="bad", open=fail),
    )
    with pytest.raises(StageFailed):
        await follower.finish(len(DATA))
    await follower.close()
    assert stage.closed


async def test_a_stage_is_closed_as_soon_as_it_has_reported(workers: Workers) -> None:
    stage = SlowStage()
    stage.go_on.set()
    spec = StreamStageSpec(name="slow", open=lambda _: stage)
    follower = await follower_of(workers, BufferPool(1, 1024), spec)
    assert await follower.finish(len(DATA)) == [StageReport()]
    assert (stage.seen, stage.closed) == (DATA, True)
    assert await follower.close() == {}, "it has nothing to go on with"
