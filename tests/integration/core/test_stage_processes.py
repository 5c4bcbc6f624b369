"""Stages in processes of their own: what they see, find, raise and log."""

import asyncio
import hashlib
import logging
import os
from pathlib import Path

import pytest

from pdfsluice.core.errors import ContentRejected, Overloaded, PluginError
from pdfsluice.core.runtime.runtime import LOCAL
from tests.support.runtimes import initiate, send, send_all
from tests.support.sabotage import (
    CHUNK,
    again_and_again,
    children,
    complete,
    failure,
    file,
    install,
    looked_at,
    marked,
    pieces,
    saboteur_runtime,
)


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)


async def test_the_stages_see_the_whole_file_elsewhere(tmp_path: Path) -> None:
    data = file("quiet")
    async with saboteur_runtime(tmp_path) as runtime:
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
    async with saboteur_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await send(runtime, session, data, 1)
        with pytest.raises(ContentRejected):
            await again_and_again(runtime, session, data)


async def test_what_a_stage_raises_arrives_as_it_was_raised(tmp_path: Path) -> None:
    async with saboteur_runtime(tmp_path) as runtime:
        session = await initiate(runtime, file("raise"))
        await send(runtime, session, file("raise"), 0)
        await send(runtime, session, file("raise"), 1)
        code, message = await failure(runtime, session)
        assert (code, message) == (
            "stage-failed",
            "The stream stage 'saboteur' of saboteur failed (ValueError).",
        )
        session = await initiate(runtime, file("overload"))
        await send_all(runtime, session, file("overload"))
        with pytest.raises(Overloaded, match="too much for me") as busy:
            await complete(runtime, session)
        assert (busy.value.retry_after, busy.value.hint) == (7, "Wait.")


async def test_what_a_stage_logs_is_logged_here(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = file("log")
    async with saboteur_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await pieces(runtime, session, data)
        await complete(runtime, session)
    (record,) = [record for record in caplog.records if "saboteur" in record.getMessage()]
    said = f"saboteur: seen {2 * CHUNK} bytes"
    assert (record.levelno, record.getMessage()) == (logging.WARNING, said)


@pytest.mark.long
async def test_stages_continue_from_their_checkpoints(tmp_path: Path) -> None:
    data = file("quiet")
    async with saboteur_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await looked_at(runtime, session, CHUNK)
    async with saboteur_runtime(tmp_path) as runtime:
        await send_all(runtime, session, data)
        known = await complete(runtime, session)
    assert known["began_at"] == CHUNK
    assert known["sha256"] == hashlib.sha256(data).hexdigest()


async def test_an_upload_that_is_cancelled_leaves_nothing_behind(tmp_path: Path) -> None:
    data = file("quiet")
    async with saboteur_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await looked_at(runtime, session, CHUNK)
        await runtime.uploads.cancel(LOCAL, session.id)
        assert (tmp_path / "marks" / f"closed-{CHUNK}").exists()
        (pid,) = children()
        opened = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        assert not [name for name in opened if session.id in name]


async def test_an_upload_that_resumes_while_it_is_closed_keeps_its_stages(
    tmp_path: Path,
) -> None:
    data = file("slow", chunks=4)
    async with saboteur_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await send(runtime, session, data, 1)
        await marked(tmp_path)
        away = asyncio.create_task(runtime.uploads._open_uploads.close_idle(-1.0))
        await asyncio.sleep(0.1)
        await send(runtime, session, data, 2)
        await away
        await send_all(runtime, session, data)
        known = await complete(runtime, session)
    assert known["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("find-bytes", "not JSON serializable"),
        ("exit", "'saboteur' of saboteur failed (SystemExit)"),
    ],
)
async def test_what_a_plugin_does_wrong_is_reported_immediately(
    tmp_path: Path, word: str, said: str
) -> None:
    data = file(word)
    async with saboteur_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send(runtime, session, data, 0)
        await send(runtime, session, data, 1)
        code, message = await failure(runtime, session)
    assert code == "stage-failed"
    assert said in message


async def test_a_wrong_log_message_stops_nothing(tmp_path: Path) -> None:
    data = file("log-wrongly")
    async with saboteur_runtime(tmp_path) as runtime:
        session = await initiate(runtime, data)
        await send_all(runtime, session, data)
        assert (await complete(runtime, session))["seen"] == len(data)


async def test_a_plugin_that_fails_in_the_process_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(
        PluginError, match=r"stage process does not start: .* not with this folder$"
    ):
        async with saboteur_runtime(tmp_path, marks_name="forbidden"):
            pass
    assert not children()


async def test_stages_may_run_in_the_server(tmp_path: Path) -> None:
    data = file("quiet")
    async with saboteur_runtime(tmp_path, stage_processes=0) as runtime:
        assert not children()
        session = await initiate(runtime, data)
        await send_all(runtime, session, data)
        assert (await complete(runtime, session))["pid"] == os.getpid()
