"""Large uploads are read back while their stages work; what changes meanwhile is noticed."""

import asyncio
import hashlib
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pdfsluice.core.errors import Overloaded, UploadIncomplete
from pdfsluice.core.models.sessions import Extent, Session
from pdfsluice.core.plugins.ports.stores import Blob
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from pdfsluice.core.uploads.completing.read_back import DEFAULT_MIN_BYTES
from pdfsluice.core.uploads.open_upload.integrity import IntegrityChecker
from tests.integration.core.test_completions import Doorkeeper
from tests.integration.core.test_integrity import flip
from tests.support.runtimes import a_runtime, initiate, send, send_all
from tests.support.waiting import until

CHUNK = 1024 * 1024
CHUNKS = DEFAULT_MIN_BYTES // CHUNK
DATA = random.Random(1).randbytes(CHUNK) * CHUNKS
_TICK_SECONDS = 0.02


@dataclass(frozen=True)
class Held:
    """A large upload whose completion stage waits.

    Attributes:
        completing: The task that completes it.
        reads: The extents that were read back so far.
    """

    runtime: Runtime
    session: Session
    door: Doorkeeper
    completing: "asyncio.Task[object]"
    reads: list[Extent]


@asynccontextmanager
async def held(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Held]:
    reads: list[Extent] = []
    corrupt = IntegrityChecker.corrupt

    async def counted(
        checker: IntegrityChecker, blob: Blob, extents: Sequence[Extent]
    ) -> list[Extent]:
        answer = await corrupt(checker, blob, extents)
        reads.extend(extents)
        return answer

    monkeypatch.setattr(IntegrityChecker, "corrupt", counted)
    door = Doorkeeper()
    async with a_runtime(folder, door, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send_all(runtime, session, DATA)
        completing = asyncio.create_task(runtime.uploads.complete(LOCAL, session.id))
        await door.arrived.wait()
        yield Held(runtime, session, door, completing, reads)


async def completes(upload: Held) -> None:
    done = await upload.runtime.uploads.complete(LOCAL, upload.session.id)
    assert done.document.sha256 == hashlib.sha256(DATA).hexdigest()


async def test_a_large_upload_is_read_once_while_its_stages_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with held(tmp_path, monkeypatch) as upload:
        await until(lambda: len(upload.reads) == CHUNKS, seconds=10)
        upload.door.opened.set()
        await upload.completing
        assert sorted(extent.start for extent in upload.reads) == [*range(0, len(DATA), CHUNK)]
        await completes(upload)


@pytest.mark.parametrize("number", [0, CHUNKS - 1])
async def test_a_byte_that_flips_after_it_was_read_back_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    async with held(tmp_path, monkeypatch) as upload:
        begun = time.monotonic()
        await until(lambda: len(upload.reads) == CHUNKS, seconds=10)
        await until(lambda: time.monotonic() > begun + _TICK_SECONDS, seconds=10)
        flip(tmp_path, number * CHUNK + 5)
        upload.door.opened.set()
        with pytest.raises(UploadIncomplete) as caught:
            await upload.completing
        assert caught.value.details["missing_chunks"] == [number]
        await send(upload.runtime, upload.session, DATA, number)
        await completes(upload)


async def test_a_stage_that_fails_for_now_ends_the_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_context: object) -> None:
        raise Overloaded("the scanner is away", retry_after=1)

    async with held(tmp_path, monkeypatch) as upload:
        upload.door.act = fail
        upload.door.opened.set()
        with pytest.raises(Overloaded, match="away"):
            await upload.completing
        assert len(upload.reads) <= CHUNKS
        upload.door.act = lambda _context: None
        await completes(upload)


async def test_large_bytes_that_were_damaged_before_are_missing_again(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send_all(runtime, session, DATA)
        await until(lambda: runtime.uploads.counters(session).validated >= len(DATA), seconds=10)
        for number in (3, 9):
            flip(tmp_path, number * CHUNK)
        with pytest.raises(UploadIncomplete) as caught:
            await runtime.uploads.complete(LOCAL, session.id)
        assert caught.value.details["missing_chunks"] == [3, 9]
