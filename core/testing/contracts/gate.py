"""What every gate must do."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from pdfsluice.core import ChunkIntent, Gate

from .asynchronous import AsyncContract
from .samples import make_session

_MANY = 50
_INTENT = ChunkIntent(offset=0, length=10, max_length=10)


class GateContract(AsyncContract):
    """The tests of a gate.

    Override ``gate`` with one that admits a chunk at a time at least.
    """

    @pytest.fixture
    def gate(self) -> Gate:
        raise NotImplementedError("override the fixture 'gate'")

    async def test_each_chunk_gives_back_what_it_took(self, gate: Gate) -> None:
        for _ in range(_MANY):
            async with asyncio.timeout(5), gate.admit(make_session(), _INTENT) as pacer:
                if pacer is not None:
                    await pacer.take(0)

    async def test_a_broken_chunk_gives_back_what_it_took(self, gate: Gate) -> None:
        for _ in range(_MANY):
            with pytest.raises(ConnectionError):
                async with asyncio.timeout(5), gate.admit(make_session(), _INTENT):
                    raise ConnectionError("the client has gone")
        async with asyncio.timeout(5), gate.admit(make_session(), _INTENT):
            pass

    async def test_a_cancelled_chunk_gives_back_what_it_took(self, gate: Gate) -> None:
        async def receive() -> None:
            async with gate.admit(make_session(), _INTENT):
                await asyncio.Event().wait()

        for _ in range(_MANY):
            task = asyncio.create_task(receive())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(5), AsyncExitStack() as stack:
            await stack.enter_async_context(gate.admit(make_session(), _INTENT))

    async def test_a_chunk_of_unknown_size_is_admitted(self, gate: Gate) -> None:
        intent = ChunkIntent(offset=0, length=None, max_length=10)
        async with asyncio.timeout(5), gate.admit(make_session(total_size=None), intent):
            pass
