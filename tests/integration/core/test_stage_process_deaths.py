"""Stage processes that die, hang and lie: real ones, which a plugin brings to it."""

import asyncio
import hashlib
import logging
import os
import signal
from pathlib import Path

import pytest

from pdfsluice.core.findings import MAX_FINDINGS
from pdfsluice.core.runtime import LOCAL
from pdfsluice.core.scanning.worker_main import THREADS
from tests.support.runtimes import initiate, send, send_all
from tests.support.sabotage import (
    CHUNK,
    SUPPORT,
    a_runtime,
    children,
    complete,
    failure,
    file,
    install,
    looked_at,
    marked,
)


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)


@pytest.mark.parametrize("beside", [False, True])
async def test_a_process_that_dies_costs_only_time(tmp_path: Path, beside: bool) -> None:
    data, other = file("die-once"), file("quiet")
    async with a_runtime(tmp_path) as runtime:
        innocent = await initiate(runtime, other)
        await send(runtime, innocent, other, 0)
        await looked_at(runtime, innocent, CHUNK)
        before = children()
        session = await initiate(runtime, data)
        await send_all(runtime, session, data)
        if beside:
            await send(runtime, innocent, other, 1)
        known = await complete(runtime, session)
        assert known["sha256"] == hashlib.sha256(data).hexdigest()
        assert known["pid"] not in before
        await send_all(runtime, innocent, other)
        known = await complete(runtime, innocent)
        assert known["sha256"] == hashlib.sha256(other).hexdigest()
        assert known["pid"] not in before


async def test_a_file_that_ends_every_process_fails_alone(tmp_path: Path) -> None:
    deadly, other = file("die"), file("quiet")
    async with a_runtime(tmp_path) as runtime:
        sessions = [await initiate(runtime, other) for _ in range(4)]
        session = await initiate(runtime, deadly)
        await asyncio.gather(
            send_all(runtime, session, deadly),
            *(send_all(runtime, beside, other) for beside in sessions),
            return_exceptions=True,  # the deadly one takes no more bytes once it has failed
        )
        code, message = await failure(runtime, session)
        assert code == "stage-failed"
        assert "again" in message
        for beside in sessions:
            known = await complete(runtime, beside)
            assert known["sha256"] == hashlib.sha256(other).hexdigest()
        assert len(children()) == 1


async def test_a_process_that_was_ended_idle_is_replaced(tmp_path: Path) -> None:
    data = file("quiet")
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await looked_at(runtime, session, CHUNK)
        (pid,) = children()
        os.kill(pid, signal.SIGKILL)
        await send_all(runtime, session, data)
        known = await complete(runtime, session)
    assert known["sha256"] == hashlib.sha256(data).hexdigest()
    assert known["pid"] != pid


async def test_a_process_that_hangs_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pdfsluice.core.scanning.process._PATIENCE", 0.5)
    data = file("hang")
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await send(runtime, session, data, 1)
        assert "no answer for 0.5 s" in (await failure(runtime, session))[1]
        assert len(children()) <= 1


async def test_a_process_whose_heir_lives_on_is_replaced(tmp_path: Path) -> None:
    """The heir holds the pipe of which the server waits for the end."""
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, file("heir"))
        await send_all(runtime, session, file("heir"))
        assert "again" in (await failure(runtime, session))[1]
        session = await initiate(runtime, file("quiet"))
        await send_all(runtime, session, file("quiet"))
        assert (await complete(runtime, session))["seen"] == 3 * CHUNK


async def test_an_upload_can_be_cancelled_while_its_stages_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pdfsluice.core.scanning.pool._CLOSING_SECONDS", 0.2)
    data, other = file("hang"), file("quiet")
    async with a_runtime(tmp_path) as runtime:
        for _ in range(THREADS + 1):  # no place in the process may stay taken
            (tmp_path / "marks" / "mark").unlink(missing_ok=True)
            session = await initiate(runtime, data)
            await send_all(runtime, session, data)
            await marked(tmp_path)
            await runtime.uploads.cancel(LOCAL, session.id)
        session = await initiate(runtime, other)
        await send_all(runtime, session, other)
        assert (await complete(runtime, session))["seen"] == len(other)


async def test_a_file_that_is_past_its_danger_leaves_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pdfsluice.core.scanning.pool._MOST_ALONE", 1)
    data = file("note-and-die-once")
    async with a_runtime(tmp_path) as runtime:
        for _ in range(2):
            (tmp_path / "marks" / "mark").unlink(missing_ok=True)
            session = await initiate(runtime, data)
            await send(runtime, session, data, 0)
            await send(runtime, session, data, 1)
            await looked_at(runtime, session, 2 * CHUNK)
        await send_all(runtime, session, data)
        known = await complete(runtime, session)
    assert known["sha256"] == hashlib.sha256(data).hexdigest()


async def test_a_file_that_is_often_near_a_death_does_not_fail_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = file("quiet", chunks=8)
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        for chunk in range(8):
            deadly = await initiate(runtime, file("die"))
            await send(runtime, deadly, file("die"), 0)
            await asyncio.gather(
                send(runtime, session, data, chunk), send(runtime, deadly, file("die"), 1)
            )
            await failure(runtime, deadly)
        known = await complete(runtime, session)
    assert known["sha256"] == hashlib.sha256(data).hexdigest()


async def test_a_signal_to_end_is_the_server_s_business(tmp_path: Path) -> None:
    data = file("quiet")
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await looked_at(runtime, session, CHUNK)
        (pid,) = children()
        os.kill(pid, signal.SIGTERM)
        await send_all(runtime, session, data)
        assert (await complete(runtime, session))["pid"] == pid


async def test_a_process_ends_with_its_server_whatever_it_is_at(tmp_path: Path) -> None:
    data = file("hang")
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await send(runtime, session, data, 1)
        await marked(tmp_path)
        (process,) = runtime.uploads._open_uploads._opener._stages._shared  # type: ignore[attr-defined]
        process._child._process.stdin.close()  # as when the server dies
        async with asyncio.timeout(20):
            while process.pid in children():
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "lie", ["position", "stuck", "type", "severity", "error", "id", "many", "log", "checkpoints"]
)
async def test_what_no_stage_can_say_is_not_believed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    lie: str,
) -> None:
    monkeypatch.setattr("pdfsluice.core.scanning.process._MODULE", "lying_child")
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))
    data = file("quiet")
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data, filename=f"{lie}.pdf")
        await send(runtime, session, data, 0)
        if lie in {"many", "log", "checkpoints"}:
            await send_all(runtime, session, data)
            stored = await runtime.uploads.get(LOCAL, session.id)
            assert len(stored.findings) <= MAX_FINDINGS
        else:
            code, message = await failure(runtime, session)
            assert (code, "again" in message) == ("stage-failed", True)
    assert max((len(record.getMessage()) for record in caplog.records), default=0) < 12_000
    assert not [name for name in logging.root.manager.loggerDict if name.startswith("a.a")]
