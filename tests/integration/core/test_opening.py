"""Opening uploads: how many, how far ahead, and what is left where it fails."""

import asyncio
import hashlib
import random
from pathlib import Path

import pytest

from pdfsluice.core.errors import RateLimited, SessionEnded, StorageFailed, StorageFull
from pdfsluice.core.plugins.ports.stores import Blob
from pdfsluice.core.runtime.runtime import LOCAL
from pdfsluice.core.uploads.limits.upload_limits import UploadLimits
from pdfsluice.plugins.local_store.store import LocalUploadStore
from tests.support.runtimes import a_runtime, initiate, send_all

CHUNK = 64 * 1024
DATA = random.Random(1).randbytes(4 * CHUNK + 12_345)


async def test_if_many_uploads_are_open_new_ones_wait_for_their_bytes(
    tmp_path: Path,
) -> None:
    limits = UploadLimits(max_open_early=2)
    async with a_runtime(tmp_path, upload_limits=limits, chunk_size=CHUNK) as runtime:
        sessions = [await initiate(runtime, DATA) for _ in range(5)]
        opened = [
            runtime.uploads._open_uploads.peek(session.id) is not None for session in sessions
        ]
        assert opened == [True, True, False, False, False]
        for session in reversed(sessions):
            await send_all(runtime, session, DATA)
        done = await asyncio.gather(
            *(runtime.uploads.complete(LOCAL, session.id) for session in sessions)
        )
        assert {each.document.sha256 for each in done} == {hashlib.sha256(DATA).hexdigest()}


async def test_an_upload_is_opened_completely_without_a_caller_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise its file would stay open without an owner."""
    made, released, create = asyncio.Event(), asyncio.Event(), LocalUploadStore.create

    async def slow(store: LocalUploadStore, blob_id: str, size: int | None) -> Blob:
        made.set()
        await released.wait()
        return await create(store, blob_id, size)

    monkeypatch.setattr(LocalUploadStore, "create", slow)
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        waiting = asyncio.create_task(initiate(runtime, DATA))
        await made.wait()
        waiting.cancel()
        released.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        (session,) = await runtime.uploads.resumable(LOCAL)
        assert (await runtime.uploads.stats()).store.partial_count == 1
        assert runtime.uploads._open_uploads.peek(session.id) is not None
        await runtime.uploads.cancel(LOCAL, session.id)
        assert (await runtime.uploads.stats()).store.partial_count == 0


async def test_an_upload_that_ended_since_its_row_was_read_takes_no_space(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await runtime.uploads.cancel(LOCAL, session.id)
        with pytest.raises(SessionEnded):
            await runtime.uploads._open_uploads.to_receive(session)
        assert (await runtime.uploads.stats()).store.partial_count == 0


async def test_a_principal_with_too_many_open_uploads_takes_no_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_runtime(tmp_path, max_sessions=1) as runtime:
        await initiate(runtime, DATA)
        monkeypatch.delattr(LocalUploadStore, "create")
        with pytest.raises(RateLimited):
            await initiate(runtime, DATA)


async def test_an_upload_for_which_there_is_no_space_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_store: LocalUploadStore, _blob_id: str, _size: int | None) -> Blob:
        raise StorageFull("no space")

    async with a_runtime(tmp_path) as runtime:
        monkeypatch.setattr(LocalUploadStore, "create", full)
        with pytest.raises(StorageFull):
            await initiate(runtime, DATA)
        assert not await runtime.uploads.resumable(LOCAL)


async def test_uploads_that_cannot_be_opened_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or each request for a broken upload would take memory for good."""
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        active = runtime.uploads._open_uploads
        await active.drop(session.id)

        async def fail(*_: object) -> Blob:
            raise StorageFailed("The disk is gone.")

        monkeypatch.setattr(LocalUploadStore, "open", fail)
        for _ in range(3):
            with pytest.raises(StorageFailed):
                await send_all(runtime, session, DATA)
        assert not active._opening
