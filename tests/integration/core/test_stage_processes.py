"""Stages in processes of their own: real ones, which a plugin ends, hangs or fails at will."""

import asyncio
import hashlib
import logging
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pdfsluice import config
from pdfsluice.core.errors import ContentRejected, Overloaded, PluginError
from pdfsluice.core.findings import MAX_FINDINGS
from pdfsluice.core.manager import PluginManager
from pdfsluice.core.models import Session, SessionState
from pdfsluice.core.runtime import LOCAL, Runtime, open_runtime
from pdfsluice.core.stage_child import THREADS
from tests.support.runtimes import initiate, send, send_all

PLUGINS = ("local_store", "sql", "checksum", "digest", "saboteur")
SUPPORT = Path(__file__).parents[2] / "support"
CHUNK = 256 * 1024


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the saboteur, for this process and its children."""
    site = tmp_path / "site"
    about = site / "saboteur-1.0.dist-info"
    about.mkdir(parents=True)
    (site / "saboteur.py").symlink_to(SUPPORT / "saboteur.py")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: saboteur\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[pdfsluice]\nsaboteur = saboteur\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))


@asynccontextmanager
async def a_runtime(
    folder: Path, *, marks_name: str = "marks", **settings: Any
) -> AsyncIterator[Runtime]:
    marks = folder / marks_name
    marks.mkdir(exist_ok=True)
    manager = PluginManager.load_only(PLUGINS)
    loaded = config.load(
        sections={spec.name: spec.model for _, spec in manager.options()},
        environment={"PDFSLUICE_PLUGINS__SABOTEUR__FOLDER": str(marks)},
        command_line={
            "data_dir": folder / "data",
            "index": "",
            "policy": "strict",
            "stage_processes": 1,
            "chunk_size": CHUNK,
        }
        | settings,
    )
    async with open_runtime(loaded, manager) as runtime:
        yield runtime


def file(word: str, chunks: int = 3) -> bytes:
    """Return a file that says a word at the start of its second chunk."""
    said = f"@@{word} ".encode()
    data = bytearray(random.Random(1).randbytes(chunks * CHUNK))
    data[CHUNK : CHUNK + len(said)] = said
    return bytes(data)


async def complete(runtime: Runtime, session: Session) -> dict[str, Any]:
    """Complete an upload; return what the stages know."""
    done = await runtime.uploads.complete(LOCAL, session.id)
    return dict(done.session.facts)


async def pieces(runtime: Runtime, session: Session, data: bytes) -> None:
    """Send chunk by chunk, each when the one before it has been looked at."""
    for chunk in range(session.total_chunks or 0):
        await send(runtime, session, data, chunk)
        await looked_at(runtime, session, (chunk + 1) * CHUNK)


async def looked_at(runtime: Runtime, session: Session, size: int) -> None:
    async with asyncio.timeout(30):
        while runtime.uploads.counters(session).validated < size:
            await asyncio.sleep(0.001)


async def failure(runtime: Runtime, session: Session) -> tuple[str, str]:
    """Wait until an upload has failed; return why."""
    async with asyncio.timeout(30):
        while (stored := await runtime.uploads.get(LOCAL, session.id)).failure_code == "":
            await asyncio.sleep(0.01)
    assert stored.state is SessionState.FAILED
    return stored.failure_code, stored.failure_message


async def again_and_again(runtime: Runtime, session: Session, data: bytes) -> None:
    for _ in range(1000):
        await send(runtime, session, data, 1)
        await asyncio.sleep(0.01)


def children() -> set[int]:
    """Return the stage processes of this process."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = entry.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            command = entry.joinpath("cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == os.getpid() and b"stage_child" in command:
            found.add(int(entry.name))
    return found


async def test_the_stages_see_the_whole_file_elsewhere(tmp_path: Path) -> None:
    data = file("quiet")
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send_all(runtime, session, data)
        known = await complete(runtime, session)
        assert known["pid"] in children()
    assert known["sha256"] == hashlib.sha256(data).hexdigest()
    assert known["seen"] == len(data)
    assert known["pid"] != os.getpid()
    assert (tmp_path / "marks" / f"closed-{len(data)}").exists()
    assert not children(), "they end with the server"


async def test_a_finding_ends_the_upload_while_it_arrives(tmp_path: Path) -> None:
    data = file("find")
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await send(runtime, session, data, 1)
        with pytest.raises(ContentRejected):
            await again_and_again(runtime, session, data)


async def test_what_a_stage_raises_arrives_as_it_was_raised(tmp_path: Path) -> None:
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, file("raise"))
        await send(runtime, session, file("raise"), 0)
        await send(runtime, session, file("raise"), 1)
        code, message = await failure(runtime, session)
        assert (code, message) == ("stage-failed", "stage 'saboteur' failed: ValueError: as told")
        session = await initiate(runtime, file("overload"))
        await send_all(runtime, session, file("overload"))
        with pytest.raises(Overloaded, match="too much for me") as busy:
            await complete(runtime, session)
        assert (busy.value.retry_after, busy.value.hint) == (7, "Wait.")


async def test_what_a_stage_logs_is_logged_here(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = file("log")
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await pieces(runtime, session, data)
        await complete(runtime, session)
    (record,) = [record for record in caplog.records if "saboteur" in record.getMessage()]
    said = f"saboteur: seen {2 * CHUNK} bytes"
    assert (record.levelno, record.getMessage()) == (logging.WARNING, said)


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
    monkeypatch.setattr("pdfsluice.core.stage_process._PATIENCE", 0.5)
    data = file("hang")
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await send(runtime, session, data, 1)
        assert "no answer for 0.5 s" in (await failure(runtime, session))[1]
        assert len(children()) <= 1


async def test_stages_go_on_from_their_checkpoints(tmp_path: Path) -> None:
    data = file("quiet")
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await looked_at(runtime, session, CHUNK)
    async with a_runtime(tmp_path) as runtime:
        await send_all(runtime, session, data)
        known = await complete(runtime, session)
    assert known["began_at"] == CHUNK
    assert known["sha256"] == hashlib.sha256(data).hexdigest()


async def test_an_upload_that_is_cancelled_leaves_nothing_behind(tmp_path: Path) -> None:
    data = file("quiet")
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await looked_at(runtime, session, CHUNK)
        await runtime.uploads.cancel(LOCAL, session.id)
        assert (tmp_path / "marks" / f"closed-{CHUNK}").exists()
        (pid,) = children()
        opened = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        assert not [name for name in opened if session.id in name]


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
    monkeypatch.setattr("pdfsluice.core.stage_processes._CLOSING_SECONDS", 0.2)
    data, other = file("hang"), file("quiet")
    async with a_runtime(tmp_path) as runtime:
        for _ in range(THREADS + 1):  # no place in the process may stay taken
            (tmp_path / "marks" / "mark").unlink(missing_ok=True)
            session = await initiate(runtime, data)
            await send_all(runtime, session, data)
            while not (tmp_path / "marks" / "mark").exists():
                await asyncio.sleep(0.01)
            await runtime.uploads.cancel(LOCAL, session.id)
        session = await initiate(runtime, other)
        await send_all(runtime, session, other)
        assert (await complete(runtime, session))["seen"] == len(other)


async def test_an_upload_that_comes_back_while_it_is_put_away_keeps_its_stages(
    tmp_path: Path,
) -> None:
    data = file("slow", chunks=4)
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await send(runtime, session, data, 1)
        while not (tmp_path / "marks" / "mark").exists():
            await asyncio.sleep(0.01)
        away = asyncio.create_task(runtime.uploads._active.put_idle_away(-1.0))
        await asyncio.sleep(0.1)
        await send(runtime, session, data, 2)
        await away
        await send_all(runtime, session, data)
        known = await complete(runtime, session)
    assert known["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("word", "said"), [("find-bytes", "not JSON serializable"), ("exit", "as told")]
)
async def test_what_a_plugin_does_wrong_is_told_at_once(
    tmp_path: Path, word: str, said: str
) -> None:
    data = file(word)
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await send(runtime, session, data, 1)
        code, message = await failure(runtime, session)
    assert code == "stage-failed"
    assert said in message


async def test_a_wrong_log_message_stops_nothing(tmp_path: Path) -> None:
    data = file("log-wrongly")
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send_all(runtime, session, data)
        assert (await complete(runtime, session))["seen"] == len(data)


async def test_a_file_that_is_past_its_danger_leaves_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pdfsluice.core.stage_processes._MOST_ALONE", 1)
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
        while not (tmp_path / "marks" / "mark").exists():
            await asyncio.sleep(0.01)
        (process,) = runtime.uploads._active._stages._shared  # type: ignore[attr-defined]
        process._child._process.stdin.close()  # as when the server dies
        async with asyncio.timeout(20):
            while process.pid in children():
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "lie", ["position", "type", "severity", "error", "id", "many", "log", "checkpoints"]
)
async def test_what_no_stage_can_say_is_not_believed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    lie: str,
) -> None:
    monkeypatch.setattr("pdfsluice.core.stage_process._MODULE", "lying_child")
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


async def test_a_plugin_that_fails_in_the_process_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(
        PluginError, match=r"stage process does not start: .* not with this folder$"
    ):
        async with a_runtime(tmp_path, marks_name="forbidden"):
            pass
    assert not children()


async def test_stages_may_run_in_the_server(tmp_path: Path) -> None:
    data = file("quiet")
    async with a_runtime(tmp_path, stage_processes=0) as runtime:
        assert not children()
        session = await initiate(runtime, data)
        await send_all(runtime, session, data)
        assert (await complete(runtime, session))["pid"] == os.getpid()
