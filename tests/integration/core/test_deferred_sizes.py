"""A size that is announced late limits what came and what comes."""

import asyncio
import hashlib
import random
from pathlib import Path

import pytest

from pdfsluice.core.errors import OffsetConflict, ProtocolError, SizeExceeded
from pdfsluice.core.models.sessions import ChunkIntent, SessionState
from pdfsluice.core.runtime.runtime import LOCAL
from tests.support.runtimes import Bytes, a_runtime, initiate

CHUNK = 64 * 1024
DATA = random.Random(1).randbytes(4 * CHUNK)
LIMIT = 1024 * 1024 * 1024
OPEN_ENDED = ChunkIntent(offset=0, length=None, max_length=LIMIT)


async def test_a_size_below_what_is_in_flight_is_refused(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA, total_size=None)
        body = Bytes(DATA, size=10_000, holds_after=30_000)
        sending = asyncio.create_task(runtime.uploads.receive(LOCAL, session.id, OPEN_ENDED, body))
        await body.held.wait()
        with pytest.raises(OffsetConflict, match="30000 bytes already"):
            await runtime.uploads.set_total_size(LOCAL, session.id, 10_000)
        settled = await runtime.uploads.set_total_size(LOCAL, session.id, 30_000)
        assert settled.total_size == 30_000
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document.sha256 == hashlib.sha256(DATA[:30_000]).hexdigest()


async def test_a_request_in_flight_cannot_pass_a_size_that_is_announced(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA, total_size=None)
        body = Held(DATA)
        sending = asyncio.create_task(runtime.uploads.receive(LOCAL, session.id, OPEN_ENDED, body))
        await body.held.wait()
        await runtime.uploads.set_total_size(LOCAL, session.id, CHUNK)
        body.go_on.set()
        with pytest.raises(SizeExceeded):
            await sending
        current = await runtime.uploads.get(LOCAL, session.id)
        assert not current.committed or current.committed.ranges[-1][1] <= CHUNK
        await runtime.uploads.receive(
            LOCAL,
            session.id,
            ChunkIntent(offset=0, length=CHUNK, max_length=CHUNK),
            Bytes(DATA[:CHUNK]),
        )
        async with asyncio.timeout(30):
            done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document.file_size == CHUNK


class Held(Bytes):
    """A body that waits after its first part, then continues."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data, size=10_000, holds_after=10_000)
        self.go_on = asyncio.Event()

    async def parts(self, max_bytes: int):  # type: ignore[no-untyped-def]
        del max_bytes
        yield [self.data[:10_000]]
        self.held.set()
        await self.go_on.wait()
        for start in range(10_000, len(self.data), 10_000):
            yield [self.data[start : start + 10_000]]


async def test_a_size_below_what_is_committed_is_refused(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA, total_size=None)
        await runtime.uploads.receive(LOCAL, session.id, OPEN_ENDED, Bytes(DATA))
        with pytest.raises(OffsetConflict):
            await runtime.uploads.set_total_size(LOCAL, session.id, len(DATA) - 1)
        await runtime.uploads.set_total_size(LOCAL, session.id, len(DATA))
        with pytest.raises(ProtocolError):
            await runtime.uploads.set_total_size(LOCAL, session.id, len(DATA) + 1)
        assert (await runtime.uploads.complete(LOCAL, session.id)).document


async def test_completing_a_file_with_too_many_bytes_fails_and_does_not_hang(
    tmp_path: Path,
) -> None:
    """As an earlier version could leave it in the database."""
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA, total_size=None)
        await runtime.uploads.receive(LOCAL, session.id, OPEN_ENDED, Bytes(DATA))
        await runtime.uploads._open_uploads.drop(session.id)
        sessions = runtime.uploads._sessions
        await sessions.update(await sessions.get(session.id), total_size=1000)
        async with asyncio.timeout(30):
            with pytest.raises(SizeExceeded):
                await runtime.uploads.complete(LOCAL, session.id)
        current = await runtime.uploads.get(LOCAL, session.id)
        assert current.state is SessionState.FAILED
