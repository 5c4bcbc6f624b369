"""What a restart finds: committed chunks, checkpoints, damaged and lost files."""

import asyncio
import hashlib
import random
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest

from pdfsluice.core.errors import ContentRejected, SessionNotFound, StorageFailed
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from pdfsluice.plugins.sql.sessions import SqlSessionStore
from tests.support.runtimes import Watchman, a_runtime, initiate, send, send_all
from tests.support.waiting import until

CHUNK = 256 * 1024
DATA = random.Random(1).randbytes(4 * CHUNK + 12_345)


async def test_a_restart_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        for chunk in (0, 2):
            await send(runtime, session, DATA, chunk)
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        resumed = await runtime.uploads.resume(LOCAL, session.id, "another device")
        assert resumed.missing_chunks == [1, 3, 4]
        assert resumed.client_id == "another device"
        for chunk in resumed.missing_chunks:
            await send(runtime, session, DATA, chunk)
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document.sha256 == hashlib.sha256(DATA).hexdigest()


async def test_a_stage_with_checkpoints_continues_from_them(tmp_path: Path) -> None:
    watchman = Watchman()
    async with a_runtime(tmp_path, watchman=watchman, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send(runtime, session, DATA, 0)
        await until(lambda: watchman.feeds, interval=0)
    first = sum(size for _, size in watchman.feeds)
    assert first == CHUNK
    async with a_runtime(tmp_path, watchman=watchman, chunk_size=CHUNK) as runtime:
        await send_all(runtime, session, DATA)
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document.sha256 == hashlib.sha256(DATA).hexdigest()
    assert sum(size for _, size in watchman.feeds) == len(DATA), "nothing is read twice"


@pytest.mark.parametrize("restart", [True, False])
async def test_rotten_bytes_are_missing_again(tmp_path: Path, restart: bool) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        for chunk in (0, 1, 2):
            await send(runtime, session, DATA, chunk)
        if not restart:
            _spoil(tmp_path, CHUNK + 7)
            resumed = await runtime.uploads.resume(LOCAL, session.id, "")
            assert resumed.missing_chunks == [1, 3, 4]
            await send_all(runtime, session, DATA)
            done = await runtime.uploads.complete(LOCAL, session.id)
            assert done.document.sha256 == hashlib.sha256(DATA).hexdigest()
            return
    _spoil(tmp_path, CHUNK + 7)
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        resumed = await runtime.uploads.resume(LOCAL, session.id, "")
        assert resumed.missing_chunks == [1, 3, 4]


async def test_stages_see_what_was_sent_again_for_rotten_bytes(tmp_path: Path) -> None:
    """Also if the upload is closed before anything is sent: no checkpoint is older."""
    watchman = Watchman()
    async with a_runtime(tmp_path, watchman=watchman, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        for chunk in (0, 1):
            await send(runtime, session, DATA, chunk)
        await until(lambda: sum(size for _, size in watchman.feeds) >= 2 * CHUNK, interval=0)
    _spoil(tmp_path, 7)
    async with a_runtime(tmp_path, watchman=watchman, chunk_size=CHUNK) as runtime:
        resumed = await runtime.uploads.resume(LOCAL, session.id, "")
        assert resumed.missing_chunks == [0, 2, 3, 4]
    hostile = b"FORBIDDEN" + DATA[9:]
    async with a_runtime(tmp_path, watchman=watchman, chunk_size=CHUNK) as runtime:
        for chunk in (0, 2, 3, 4):
            with suppress(ContentRejected):
                await send(runtime, session, hostile, chunk)
        with pytest.raises(ContentRejected):
            await runtime.uploads.complete(LOCAL, session.id)


@pytest.mark.parametrize("method", ["save_checkpoints", "drop_extents", "update"])
@pytest.mark.parametrize("restart", [False, True])
async def test_stages_see_what_replaces_rotten_bytes_though_the_database_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, restart: bool
) -> None:
    """The fault comes while the damaged range is being dropped."""
    watchman = Watchman()
    hostile = b"FORBIDDEN" + DATA[9:]
    async with AsyncExitStack() as stack:

        async def runtime_here() -> Runtime:
            here = a_runtime(tmp_path, watchman=watchman, chunk_size=CHUNK)
            return await stack.enter_async_context(here)

        runtime = await runtime_here()
        session = await initiate(runtime, DATA)
        for chunk in (0, 1):
            await send(runtime, session, DATA, chunk)
        await until(lambda: sum(size for _, size in watchman.feeds) >= 2 * CHUNK, interval=0)
        _spoil(tmp_path, 7)
        with monkeypatch.context() as patch:
            patch.setattr(SqlSessionStore, method, _away)
            with pytest.raises(StorageFailed, match="away"):
                await runtime.uploads.resume(LOCAL, session.id, "")
            if restart:
                await stack.aclose()
        if restart:
            runtime = await runtime_here()
        resumed = await runtime.uploads.resume(LOCAL, session.id, "")
        assert resumed.missing_chunks == [0, 2, 3, 4]
        with suppress(ContentRejected):
            await send_all(runtime, session, hostile)
        with pytest.raises(ContentRejected):
            await runtime.uploads.complete(LOCAL, session.id)


async def test_no_checkpoint_is_kept_of_bytes_that_are_dropped_while_the_server_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watchman = Watchman()
    hostile = b"FORBIDDEN" + DATA[9:]
    real, begun, may_end = SqlSessionStore.drop_extents, asyncio.Event(), asyncio.Event()

    async def drop_slowly(*arguments: Any) -> None:
        begun.set()
        await may_end.wait()
        await real(*arguments)

    async with AsyncExitStack() as stack:
        here = a_runtime(tmp_path, watchman=watchman, chunk_size=CHUNK)
        runtime = await stack.enter_async_context(here)
        session = await initiate(runtime, DATA)
        for chunk in (0, 1):
            await send(runtime, session, DATA, chunk)
        await until(lambda: sum(size for _, size in watchman.feeds) >= 2 * CHUNK, interval=0)
        _spoil(tmp_path, 7)
        with monkeypatch.context() as patch:
            patch.setattr(SqlSessionStore, "drop_extents", drop_slowly)
            resuming = asyncio.create_task(runtime.uploads.resume(LOCAL, session.id, ""))
            await begun.wait()
            upload = runtime.uploads._open_uploads.peek(session.id)
            assert upload is not None
            stopping = asyncio.create_task(stack.aclose())
            await until(lambda: upload.closed)
            may_end.set()
            await stopping
            await asyncio.gather(resuming, return_exceptions=True)
    async with a_runtime(tmp_path, watchman=watchman, chunk_size=CHUNK) as runtime:
        with suppress(ContentRejected):
            await send_all(runtime, session, hostile)
        with pytest.raises(ContentRejected):
            await runtime.uploads.complete(LOCAL, session.id)


async def _away(*_arguments: object, **_named: object) -> NoReturn:
    raise StorageFailed("the database is away")


def _spoil(folder: Path, offset: int) -> None:
    (path,) = (folder / "uploads").glob("**/*.part")
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0xFF]))


async def test_a_lost_file_starts_the_upload_again(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send(runtime, session, DATA, 0)
    for path in (tmp_path / "uploads").glob("**/*.part"):
        path.unlink()
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        resumed = await runtime.uploads.resume(LOCAL, session.id, "")
        assert not resumed.committed
        await send_all(runtime, session, DATA)
        assert (await runtime.uploads.complete(LOCAL, session.id)).document


async def test_files_of_no_session_are_deleted_at_the_start(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send(runtime, session, DATA, 0)
    (kept,) = (tmp_path / "uploads").glob("**/*.part")
    stray = kept.with_name("00000000-0000-4000-8000-000000000000.part")
    stray.write_bytes(b"torn")
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        assert not stray.exists()
        assert (await runtime.uploads.get(LOCAL, session.id)).committed.size == CHUNK


async def test_files_are_left_alone_when_the_database_is_lost(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send(runtime, session, DATA, 0)
    for path in (tmp_path / "state").iterdir():
        path.unlink()
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        with pytest.raises(SessionNotFound):
            await runtime.uploads.get(LOCAL, session.id)
    assert len([*(tmp_path / "uploads").glob("**/*.part")]) == 1


async def test_an_interrupted_completion_continues_after_a_restart(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        session = await initiate(runtime, DATA)
        await send_all(runtime, session, DATA)
        await runtime.uploads.start_completion(LOCAL, session.id)
    async with a_runtime(tmp_path, chunk_size=CHUNK) as runtime:
        done = await runtime.uploads.complete(LOCAL, session.id)
        assert done.document.sha256 == hashlib.sha256(DATA).hexdigest()
        assert (await runtime.library.list(LOCAL))[1] == 1
