"""What one upload may ask of the server, and the server's end of it."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from pdfsluice.core.errors import OffsetConflict, Overloaded
from pdfsluice.core.models.sessions import Extent
from pdfsluice.core.plugins.ports.stores import Blob
from pdfsluice.core.runtime.runtime import LOCAL
from pdfsluice.core.uploads.limits.upload_limits import UploadLimits
from pdfsluice.core.uploads.open_upload.integrity import IntegrityChecker
from tests.support.runtimes import Bytes, a_runtime, initiate, send
from tests.support.waiting import until

CHUNK = 256 * 1024
DATA = random.Random(1).randbytes(4 * CHUNK + 12_345)


async def test_a_request_that_the_server_stops_may_be_sent_again(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        body = Bytes(DATA[:CHUNK], holds_after=100_000)
        sending = asyncio.create_task(send(runtime, session, DATA, 0, body))
        await body.held.wait()
        await runtime.uploads.drain(0)
        with pytest.raises(Overloaded, match="stopping"):
            await sending


async def test_an_upload_is_not_scattered_without_end(
    tmp_path: Path,
) -> None:
    limits = UploadLimits(max_ranges=2)
    async with a_runtime(tmp_path, upload_limits=limits, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        for chunk_id in (0, 2):
            await send(runtime, session, DATA, chunk_id)
        with pytest.raises(OffsetConflict, match="2 separate ranges") as caught:
            await send(runtime, session, DATA, 4)
        assert caught.value.details["offset"] == CHUNK
        for chunk_id in (1, 3, 4):
            await send(runtime, session, DATA, chunk_id)
        assert (await runtime.uploads.complete(LOCAL, session.id)).document


async def test_an_upload_is_read_back_once_however_many_resume_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []
    released = asyncio.Event()
    corrupt = IntegrityChecker.corrupt

    async def slowly(
        checker: IntegrityChecker, blob: Blob, extents: Sequence[Extent]
    ) -> list[Extent]:
        compared.append(blob)
        await released.wait()
        return await corrupt(checker, blob, extents)

    monkeypatch.setattr(IntegrityChecker, "corrupt", slowly)
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send(runtime, session, DATA, 0)
        resuming = [
            asyncio.create_task(runtime.uploads.resume(LOCAL, session.id, "")) for _ in range(6)
        ]
        async with asyncio.timeout(60):
            await until(lambda: compared)
        resuming.pop().cancel()
        released.set()
        assert all([(await each).missing_chunks == [1, 2, 3, 4] for each in resuming])
    assert len(compared) == 1
