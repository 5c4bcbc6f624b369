"""What a sweep and a start tidy up: records, idle uploads, quarantine, bytes."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from pdfsluice.core.errors import SessionExpired, SessionNotFound, StateConflict
from pdfsluice.core.models.sessions import (
    Principal,
    Scope,
    Session,
    SessionState,
)
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from tests.support.databases import age_sessions
from tests.support.runtimes import Bytes, Watchman, a_runtime, initiate, send, send_all
from tests.support.waiting import until


async def quarantined(runtime: Runtime) -> Session:
    session = await initiate(runtime, b"FORBIDDEN")
    await send_all(runtime, session, b"FORBIDDEN")
    async with asyncio.timeout(60):
        while not (stands := await runtime.uploads.get(LOCAL, session.id)).quarantined:
            await asyncio.sleep(0)
        await until(lambda: _kept(runtime, session).exists(), interval=0)
    return stands


def _kept(runtime: Runtime, session: Session) -> Path:
    return runtime.settings.data_dir / "quarantine" / f"{session.id}.quarantined"


async def test_quarantined_uploads_do_not_keep_older_records_alive(tmp_path: Path) -> None:
    """There are more of them than fit into a batch, and all are newer than the rest."""
    watchman = Watchman(keeps=True)
    async with a_runtime(tmp_path, watchman=watchman) as runtime:
        old = [await initiate(runtime, b"some bytes") for _ in range(3)]
        for session in old:
            await runtime.uploads.cancel(LOCAL, session.id)
        kept = [await quarantined(runtime) for _ in range(5)]
        retention = runtime.settings.session_retention
    age_sessions(tmp_path / "state", retention + timedelta(days=1))
    async with a_runtime(tmp_path, watchman=watchman) as runtime:
        await runtime.sweeper.sweep(batch=2)
        for session in old:
            with pytest.raises(SessionNotFound):
                await runtime.uploads.get(LOCAL, session.id)
        assert len(await runtime.quarantine.find(LOCAL)) == 5
        released = await runtime.uploads.release(LOCAL, kept[0].id)
        assert released.state is SessionState.UPLOADING


async def test_one_sweep_expires_all_that_is_due(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        for _ in range(5):
            await initiate(runtime, b"some bytes")
    age_sessions(tmp_path / "state", timedelta(days=2))
    async with a_runtime(tmp_path) as runtime:
        assert await runtime.sweeper.sweep(batch=2) == 5


async def test_uploads_that_receive_do_not_keep_idle_ones_alive(tmp_path: Path) -> None:
    """They fill a batch, and are newer than the rest."""
    data = b"some bytes"
    async with a_runtime(tmp_path, session_timeout=timedelta(seconds=1)) as runtime:
        idle, *receiving = [await initiate(runtime, data) for _ in range(3)]
        bodies = [Bytes(data, holds_after=0) for _ in receiving]
        sending = [
            asyncio.create_task(send(runtime, session, data, 0, body))
            for session, body in zip(receiving, bodies, strict=True)
        ]
        await until(lambda: all(body.held.is_set() for body in bodies))
        await until(lambda: runtime.sweeper.sweep(batch=len(receiving)))
        with pytest.raises(SessionExpired):
            await runtime.uploads.get(LOCAL, idle.id)
        for task in sending:
            assert not task.done()
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)


async def test_the_record_of_an_upload_is_kept_from_its_end_on(tmp_path: Path) -> None:
    async with a_runtime(tmp_path, session_retention=timedelta(hours=1)) as runtime:
        session = await initiate(runtime, b"some bytes")
        await runtime.uploads.cancel(LOCAL, session.id)
        await runtime.sweeper.sweep()
        assert await runtime.uploads.get(LOCAL, session.id)
    age_sessions(tmp_path / "state", timedelta(hours=2))
    async with a_runtime(tmp_path, session_retention=timedelta(hours=1)) as runtime:
        await runtime.sweeper.sweep()
        with pytest.raises(SessionNotFound):
            await runtime.uploads.get(LOCAL, session.id)


async def test_quarantine_ends_after_the_time_of_a_setting(tmp_path: Path) -> None:
    """Its record goes later, as that of every upload."""
    watchman = Watchman(keeps=True)
    settings = {"quarantine_retention": timedelta(days=3), "session_retention": timedelta(days=9)}
    async with a_runtime(tmp_path, watchman=watchman, **settings) as runtime:
        session = await quarantined(runtime)
    age_sessions(tmp_path / "state", timedelta(days=2))
    async with a_runtime(tmp_path, watchman=watchman, **settings) as runtime:
        await runtime.sweeper.sweep()
        assert _kept(runtime, session).exists()
    age_sessions(tmp_path / "state", timedelta(days=2))
    async with a_runtime(tmp_path, watchman=watchman, **settings) as runtime:
        await runtime.sweeper.sweep()
        assert not _kept(runtime, session).exists()
        stands = await runtime.uploads.get(LOCAL, session.id)
        assert (stands.state, stands.quarantined) == (SessionState.REJECTED, False)


async def test_an_administrator_deletes_what_is_in_quarantine(tmp_path: Path) -> None:
    owner = Principal(id=LOCAL.id, name="owner", scopes=frozenset({Scope.UPLOAD}))
    async with a_runtime(tmp_path, watchman=Watchman(keeps=True)) as runtime:
        session = await quarantined(runtime)
        with pytest.raises(StateConflict):
            await runtime.uploads.cancel(owner, session.id)
        assert _kept(runtime, session).exists()
        stands = await runtime.uploads.cancel(LOCAL, session.id)
        assert (stands.state, stands.quarantined) == (SessionState.REJECTED, False)
        assert not _kept(runtime, session).exists()
        assert not await runtime.quarantine.find(LOCAL)


async def test_bytes_on_their_way_to_quarantine_get_there_after_a_crash(tmp_path: Path) -> None:
    watchman = Watchman(keeps=True)
    async with a_runtime(tmp_path, watchman=watchman) as runtime:
        session = await quarantined(runtime)
        kept = _kept(runtime, session)
    kept.rename(tmp_path / "uploads" / f"{session.id}.part")  # as if it had not been moved yet
    async with a_runtime(tmp_path, watchman=watchman) as runtime:
        assert kept.exists()
        assert (await runtime.uploads.release(LOCAL, session.id)).released


async def test_what_was_long_in_quarantine_does_not_expire_when_released(tmp_path: Path) -> None:
    watchman = Watchman(keeps=True)
    bad = b"FORBIDDEN" + bytes(70_000)
    async with a_runtime(tmp_path, watchman=watchman, chunk_size=65_536) as runtime:
        session = await initiate(runtime, bad)
        await send(runtime, session, bad, 0)
        async with asyncio.timeout(60):

            async def quarantined() -> object:
                return (await runtime.uploads.get(LOCAL, session.id)).quarantined

            await until(quarantined)
    age_sessions(tmp_path / "state", timedelta(days=30))
    async with a_runtime(tmp_path, watchman=watchman, chunk_size=65_536) as runtime:
        await runtime.uploads.release(LOCAL, session.id)
        await send(runtime, session, bad, 1)
        assert not await runtime.sweeper.sweep()
        assert (await runtime.uploads.complete(LOCAL, session.id)).document


async def test_a_partial_file_next_to_its_document_does_not_remove_it(tmp_path: Path) -> None:
    """A backup of a running server may have both; only the leftover is deleted."""
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, b"some bytes")
        await send_all(runtime, session, b"some bytes")
        completion = await runtime.uploads.complete(LOCAL, session.id)
        assert completion.document is not None
        partial = runtime.settings.upload_dir / f"{session.id}.part"
        partial.write_bytes(b"some")
    async with a_runtime(tmp_path) as runtime:
        _, opened = await runtime.library.open_file(LOCAL, completion.document.id)
        async with opened as path:
            assert path.read_bytes() == b"some bytes"
        assert not partial.exists()
