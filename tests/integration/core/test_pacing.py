"""A gate can shape the rate of a body: its pacer is awaited between parts."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pdfsluice.core import (
    ChunkIntent,
    GateSpec,
    Pacer,
    PluginContext,
    RateLimited,
    Session,
    StageFailed,
    hookimpl,
)
from pdfsluice.core.runtime.runtime import LOCAL
from tests.support.runtimes import Bytes, a_runtime, initiate, send
from tests.support.waiting import until

PART = 20_000
DATA = bytes(range(256)) * 400


@dataclass(eq=False)
class Throttle:
    """A gate whose pacer lets parts pass one by one."""

    error: BaseException | None = None
    taken: list[int] = field(default_factory=list)
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    left: int = 0

    @hookimpl
    def pdfsluice_register_gates(self, context: PluginContext) -> list[GateSpec]:
        del context
        return [GateSpec(name="throttle", gate=self)]

    @asynccontextmanager
    async def admit(self, session: Session, chunk: ChunkIntent) -> AsyncGenerator[Pacer]:
        del session, chunk
        try:
            yield self
        finally:
            self.left += 1

    async def take(self, count: int) -> None:
        self.taken.append(count)
        if self.error is not None:
            raise self.error
        await self.turn.acquire()


async def test_a_body_is_read_at_the_pace_of_a_gate(tmp_path: Path) -> None:
    throttle = Throttle()
    async with a_runtime(tmp_path, throttle, gate_timeout=0.05) as runtime:
        session = await initiate(runtime, DATA)
        sending = asyncio.create_task(send(runtime, session, DATA, 0, Bytes(DATA, size=PART)))
        await until(lambda: throttle.taken)
        await asyncio.sleep(0.2)  # longer than a gate may take to admit a chunk
        assert throttle.taken == [PART], "nothing more is read before the pacer returns"
        for _ in range(-(-len(DATA) // PART)):
            throttle.turn.release()
        session = await sending
    assert sum(throttle.taken) == len(DATA) == session.committed.frontier
    assert throttle.left == 1


async def test_a_pacer_that_is_cancelled_keeps_what_came(tmp_path: Path) -> None:
    throttle = Throttle()
    async with a_runtime(tmp_path, throttle) as runtime:
        session = await initiate(runtime, DATA)
        sending = asyncio.create_task(send(runtime, session, DATA, 0, Bytes(DATA, size=PART)))
        await until(lambda: throttle.taken)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        left = await runtime.uploads.get(LOCAL, session.id)
    assert left.committed.frontier == PART
    assert throttle.left == 1


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (RateLimited("over the quota", retry_after=9), RateLimited, "over the quota"),
        (ZeroDivisionError("no"), StageFailed, "gate 'throttle' of tests failed"),
        (SystemExit(3), StageFailed, "gate 'throttle' of tests failed"),
    ],
    ids=["refusal", "defect", "exit"],
)
async def test_what_a_pacer_raises_refuses_the_chunk(
    tmp_path: Path, error: BaseException, raised: type[Exception], message: str
) -> None:
    throttle = Throttle(error)
    async with a_runtime(tmp_path, throttle) as runtime:
        session = await initiate(runtime, DATA)
        with pytest.raises(raised, match=message):
            await send(runtime, session, DATA, 0, Bytes(DATA, size=PART))
        throttle.error = None
        for _ in range(100):
            throttle.turn.release()
        session = await send(runtime, session, DATA, 0, Bytes(DATA, size=PART))
    assert session.committed.frontier == len(DATA)
