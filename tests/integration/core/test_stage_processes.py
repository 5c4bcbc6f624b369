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
from pdfsluice.core.manager import PluginManager
from pdfsluice.core.models import Session, SessionState
from pdfsluice.core.runtime import LOCAL, Runtime, open_runtime
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
    (record,) = [record for record in caplog.records if record.name == "saboteur"]
    assert (record.levelno, record.getMessage()) == (logging.WARNING, f"seen {2 * CHUNK} bytes")


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
    monkeypatch.setattr("pdfsluice.core.stage_processes._PATIENCE", 0.5)
    data = file("hang")
    async with a_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await send(runtime, session, data, 1)
        assert "did not answer" in (await failure(runtime, session))[1]
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
