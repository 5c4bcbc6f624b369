"""Stage processes that die, hang, grow and lie, with a plugin that makes them."""

import asyncio
import hashlib
import logging
import os
import signal
from pathlib import Path

import pytest

from pdfsluice.core.models.findings import MAX_FINDINGS
from pdfsluice.core.runtime.runtime import LOCAL
from pdfsluice.core.scanning.pool import PoolLimits, StageProcessPool
from pdfsluice.core.scanning.worker_main import THREADS
from tests.support.runtimes import initiate, send, send_all
from tests.support.sabotage import (
    CHUNK,
    SUPPORT,
    children,
    complete,
    failure,
    file,
    install,
    looked_at,
    marked,
    saboteur_runtime,
)
from tests.support.saboteur import LEAK_BYTES
from tests.support.shares import share
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)


@pytest.mark.parametrize("beside", share([False, True], every=2, nightly=[True]))
async def test_a_process_that_dies_costs_only_time(tmp_path: Path, beside: bool) -> None:
    data, other = file("die-once"), file("quiet")
    async with saboteur_runtime(tmp_path) as runtime:
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


@pytest.mark.long
async def test_a_file_that_ends_every_process_fails_alone(tmp_path: Path) -> None:
    deadly, other = file("die"), file("quiet")
    async with saboteur_runtime(tmp_path) as runtime:
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


@pytest.mark.long
async def test_a_process_that_was_ended_idle_is_replaced(tmp_path: Path) -> None:
    data = file("quiet")
    async with saboteur_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await looked_at(runtime, session, CHUNK)
        (pid,) = children()
        os.kill(pid, signal.SIGKILL)
        await send_all(runtime, session, data)
        known = await complete(runtime, session)
    assert known["sha256"] == hashlib.sha256(data).hexdigest()
    assert known["pid"] != pid


async def test_a_process_that_hangs_is_ended(tmp_path: Path) -> None:
    data = file("hang")
    async with saboteur_runtime(tmp_path, limits=PoolLimits(request_timeout=0.5)) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await send(runtime, session, data, 1)
        assert "no answer for 0.5 s" in (await failure(runtime, session))[1]
        assert len(children()) <= 1


@pytest.mark.nightly
async def test_a_process_whose_heir_lives_on_is_replaced(tmp_path: Path) -> None:
    """The heir holds the pipe of which the server waits for the end."""
    async with saboteur_runtime(tmp_path) as runtime:
        session = await initiate(runtime, file("heir"))
        await send_all(runtime, session, file("heir"))
        assert "again" in (await failure(runtime, session))[1]
        session = await initiate(runtime, file("quiet"))
        await send_all(runtime, session, file("quiet"))
        assert (await complete(runtime, session))["seen"] == 3 * CHUNK


@pytest.mark.long
async def test_an_upload_can_be_cancelled_while_its_stages_hang(tmp_path: Path) -> None:
    data, other = file("hang"), file("quiet")
    async with saboteur_runtime(tmp_path, limits=PoolLimits(closing_timeout=0.2)) as runtime:
        for _ in range(THREADS + 1):  # no place in the process may stay taken
            (tmp_path / "marks" / "mark").unlink(missing_ok=True)
            session = await initiate(runtime, data)
            await send_all(runtime, session, data)
            await marked(tmp_path)
            await runtime.uploads.cancel(LOCAL, session.id)
        session = await initiate(runtime, other)
        await send_all(runtime, session, other)
        assert (await complete(runtime, session))["seen"] == len(other)


@pytest.mark.nightly
async def test_many_suspects_share_few_processes(tmp_path: Path) -> None:
    """Each is read alone, to its end, and none waits for one that gets no bytes."""
    data = file("note-and-die-once")
    async with saboteur_runtime(tmp_path, limits=PoolLimits(max_isolated=1)) as runtime:
        sessions = []
        for _ in range(2):
            (tmp_path / "marks" / "mark").unlink(missing_ok=True)
            sessions.append(await initiate(runtime, data))
            await send(runtime, sessions[-1], data, 0)
            await send(runtime, sessions[-1], data, 1)
            await looked_at(runtime, sessions[-1], 2 * CHUNK)
        await asyncio.gather(*(send(runtime, session, data, 2) for session in sessions))
        results = await asyncio.gather(*(complete(runtime, session) for session in sessions))
    assert {result["sha256"] for result in results} == {hashlib.sha256(data).hexdigest()}
    assert len({result["pid"] for result in results}) == 2


@pytest.mark.long
async def test_a_process_that_has_grown_gives_its_uploads_to_another(tmp_path: Path) -> None:
    leaking, other = file("leak-once"), file("quiet")
    limits = PoolLimits(retire_bytes=LEAK_BYTES, memory_interval=0.05)
    async with saboteur_runtime(tmp_path, limits=limits) as runtime:
        waiting = await initiate(runtime, other)
        await send(runtime, waiting, other, 0)
        await looked_at(runtime, waiting, CHUNK)
        (grown,) = children()
        session = await initiate(runtime, leaking)
        await send(runtime, session, leaking, 0)
        await send(runtime, session, leaking, 1)
        await marked(tmp_path)
        await until(lambda: grown not in children())
        for upload, data in ((session, leaking), (waiting, other)):
            await send_all(runtime, upload, data)
            known = await complete(runtime, upload)
            assert known["sha256"] == hashlib.sha256(data).hexdigest()
            assert known["seen"] == len(data)
        assert known["pid"] != grown
        assert known["began_at"] == CHUNK  # from its checkpoint


@pytest.mark.long
async def test_a_process_above_the_memory_limit_is_killed(tmp_path: Path) -> None:
    limits = PoolLimits(retire_bytes=LEAK_BYTES, max_bytes=LEAK_BYTES, memory_interval=0.02)
    data, other = file("leak-and-hang"), file("quiet")
    async with saboteur_runtime(tmp_path, limits=limits) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await send(runtime, session, data, 1)
        code, message = await failure(runtime, session)
        assert (code, "MiB of memory" in message) == ("stage-failed", True)
        session = await initiate(runtime, other)
        await send_all(runtime, session, other)
        assert (await complete(runtime, session))["seen"] == len(other)


@pytest.mark.long
async def test_a_process_is_killed_though_it_cannot_retire(tmp_path: Path) -> None:
    """No thread of it is free to give an upload to its successor."""
    limits = PoolLimits(
        closing_timeout=0.1,
        retire_bytes=LEAK_BYTES // 2,
        max_bytes=LEAK_BYTES,
        memory_interval=0.02,
        max_isolated=8,
    )
    async with saboteur_runtime(tmp_path, limits=limits) as runtime:
        waiting = await initiate(runtime, file("quiet"))
        await send(runtime, waiting, file("quiet"), 0)
        await looked_at(runtime, waiting, CHUNK)
        words = ["hang"] * (THREADS - 1) + ["leak-twice-and-hang"]
        sessions = [await initiate(runtime, file(word)) for word in words]
        for session, word in zip(sessions, words, strict=True):
            await send(runtime, session, file(word), 0)
            await send(runtime, session, file(word), 1)
        await until(lambda: len(children()) == 2)  # the successor has started
        (tmp_path / "marks" / "again").touch()
        code, message = await failure(runtime, sessions[-1])
        assert (code, "MiB of memory" in message) == ("stage-failed", True)
        for session in sessions[:-1]:
            await runtime.uploads.cancel(LOCAL, session.id)


@pytest.mark.long
async def test_a_successor_has_an_owner_though_its_caller_leaves(tmp_path: Path) -> None:
    async with saboteur_runtime(tmp_path) as runtime:
        pool = runtime.stages
        assert isinstance(pool, StageProcessPool)
        (worn,) = pool._shared
        worn.retiring = True
        replacing = asyncio.create_task(pool._replace_worn())
        await until(lambda: worn._closing, interval=0)
        replacing.cancel()
        await asyncio.gather(replacing, return_exceptions=True)
        assert replacing.cancelled()
    assert not children()


@pytest.mark.nightly
async def test_a_file_that_is_often_near_a_death_does_not_fail_for_it(tmp_path: Path) -> None:
    data = file("quiet", chunks=8)
    async with saboteur_runtime(tmp_path) as runtime:
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
    async with saboteur_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await looked_at(runtime, session, CHUNK)
        (pid,) = children()
        os.kill(pid, signal.SIGTERM)
        await send_all(runtime, session, data)
        assert (await complete(runtime, session))["pid"] == pid


async def test_a_process_ends_with_its_server_whatever_it_is_at(tmp_path: Path) -> None:
    data = file("hang")
    async with saboteur_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await send(runtime, session, data, 1)
        await marked(tmp_path)
        (process,) = runtime.uploads._open_uploads._opener._stages._shared  # type: ignore[attr-defined]
        process._child._process.stdin.close()  # as when the server dies
        await until(lambda: process.pid not in children(), seconds=20)


@pytest.mark.parametrize(
    "lie",
    share(
        ["position", "stuck", "type", "severity", "error", "id", "many", "log", "checkpoints"],
        every=3,
        nightly=["stuck", "type", "error", "id"],
    ),
)
async def test_what_no_stage_can_report_is_not_believed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    lie: str,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))
    data = file("quiet")
    async with saboteur_runtime(tmp_path, module="lying_child") as runtime:
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
