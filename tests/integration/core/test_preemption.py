"""Requests that are interrupted at any moment leave memory and stores agreeing."""

import asyncio
import hashlib
import random
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from pdfsluice.core.errors import Preempted
from pdfsluice.core.models.sessions import Checksum, ChunkIntent
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from tests.support.runtimes import a_runtime, initiate
from tests.support.shares import share

CHUNK = 64 * 1024
DATA = random.Random(3).randbytes(20 * CHUNK)


class Pieces:
    """A body that comes in pieces and lets others run in between."""

    checksum: Checksum | None = None
    coded_bytes: int | None = None

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def parts(self, max_bytes: int) -> AsyncGenerator[list[bytes]]:
        for start in range(0, len(self._data), 10_000):
            await asyncio.sleep(0)
            yield [self._data[start : start + 10_000]]


async def send_all(runtime: Runtime, session_id: str) -> None:
    chunk = ChunkIntent(offset=0, length=len(DATA), max_length=len(DATA))
    await runtime.uploads.receive(LOCAL, session_id, chunk, Pieces(DATA))


@pytest.mark.parametrize("seed", share(range(6), every=3, nightly=[1, 2, 4]))
async def test_interrupted_at_random_moments(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        requests: list[asyncio.Task[None]] = []
        for _ in range(25):
            requests.append(asyncio.create_task(send_all(runtime, session.id)))
            for _ in range(dice.randint(0, 120)):
                await asyncio.sleep(dice.choice((0, 0, 0.0005)))
            known = await runtime.uploads.get(LOCAL, session.id)
            stored = await runtime.uploads._sessions.extents(session.id)
            assert known.committed.size <= sum(each.end - each.start for each in stored)
        outcomes = await asyncio.gather(*requests, return_exceptions=True)
        assert {type(each) for each in outcomes} <= {Preempted, type(None)}
        await send_all(runtime, session.id)
        before = (await runtime.uploads.get(LOCAL, session.id)).committed
        assert before.ranges == ((0, len(DATA)),)
        resumed = await runtime.uploads.resume(LOCAL, session.id, "")
        assert resumed.committed == before, "what is stored is what its fingerprints say"
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document.sha256 == hashlib.sha256(DATA).hexdigest()
