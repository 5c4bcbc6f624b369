"""Children really crash, hang, eat memory and send too much."""

import asyncio
import signal
import subprocess
import sys
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core.processes.child import (
    Child,
    ChildAccess,
    ChildFailed,
    Limits,
    plain_environment,
    spawn,
)

MIB = 1024 * 1024
SUPPORT = Path(__file__).parent.parent / "support"
ENVIRONMENT = {**plain_environment(), "PYTHONPATH": str(SUPPORT)}
LIMITS = Limits(wall_seconds=60, address_space=512 * MIB)


def odd(
    limits: Limits = LIMITS, *arguments: str, writable: Path | None = None
) -> AbstractAsyncContextManager[Child]:
    access = ChildAccess(writable=() if writable is None else (str(writable),))
    return spawn("odd_child", limits, access=access, arguments=arguments, environment=ENVIRONMENT)


async def failure(child: Child, **message: Any) -> ChildFailed:
    with pytest.raises(ChildFailed) as caught:
        await child.ask(message)
    return caught.value


async def gone(pid: int) -> None:
    """Wait until a process has ended."""
    async with asyncio.timeout(60):
        while True:
            try:
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                return
            if state == "Z":
                return
            await asyncio.sleep(0.02)


async def test_one_child_answers_request_after_request() -> None:
    async with odd() as child:
        first = await child.ask({"do": "echo", "value": "é\n\"'"})
        second = await child.ask({"do": "echo", "value": [1, None]})
    assert first["echo"] == "é\n\"'"
    assert second == {"echo": [1, None], "pid": child.pid}
    assert not child.alive


async def test_replies_come_one_by_one() -> None:
    async with odd() as child:
        numbers = [reply["number"] async for reply in child.request({"do": "count", "to": 500})]
    assert numbers == list(range(500))


async def test_requests_wait_for_their_turn() -> None:
    async with odd() as child:
        asked = [child.ask({"do": "echo", "value": n}) for n in range(20)]
        assert [reply["echo"] for reply in await asyncio.gather(*asked)] == list(range(20))


async def test_what_the_handler_raises_is_reported_and_the_child_continues() -> None:
    async with odd() as child:
        error = await failure(child, do="raise")
        assert (error.reason, error.over_limit) == ("error", False)
        assert "ValueError: no" in error.detail
        assert (await child.ask({"do": "echo", "value": 1}))["echo"] == 1


async def test_another_number_of_replies_than_one_is_an_error() -> None:
    async with odd() as child:
        assert "0 replies" in (await failure(child, do="count", to=0)).detail
        assert "several replies" in (await failure(child, do="count", to=3)).detail
        await gone(child.pid)


async def test_a_crash_is_reported_with_the_last_output() -> None:
    async with odd() as child:
        error = await failure(child, do="segfault")
    assert error.reason == "crashed"
    assert "last words" in error.detail


async def test_a_slow_request_is_ended() -> None:
    async with odd(Limits(wall_seconds=0.5)) as child:
        error = await failure(child, do="sleep", seconds=60)
        assert (error.reason, error.over_limit) == ("timeout", True)
        await gone(child.pid)


@pytest.mark.long
async def test_processor_time_is_limited_for_each_request() -> None:
    async with odd(Limits(wall_seconds=60, cpu_seconds=1)) as child:
        for _ in range(3):
            await child.ask({"do": "echo", "value": 1})
        error = await failure(child, do="burn")
    assert (error.reason, error.over_limit) == ("cpu-limit", True)


async def test_memory_is_limited_and_the_child_survives_it() -> None:
    async with odd() as child:
        error = await failure(child, do="eat", bytes=1024 * MIB)
        assert (error.reason, error.over_limit) == ("memory-limit", True)
        assert (await child.ask({"do": "eat", "bytes": 8 * MIB}))["size"] == 8 * MIB


async def test_native_code_out_of_memory_is_distinguished_from_a_crash() -> None:
    async with odd() as child:
        assert (await failure(child, do="abort-on-memory")).reason == "memory-limit"


async def test_a_file_the_child_writes_is_limited(tmp_path: Path) -> None:
    limits = Limits(wall_seconds=60, file_size=4096)
    async with odd(limits, writable=tmp_path) as child:
        error = await failure(child, do="write", path=str(tmp_path / "f"), bytes=8192)
    assert "File too large" in error.detail


async def test_a_chatty_library_disturbs_nothing() -> None:
    async with odd() as child:
        assert await child.ask({"do": "chat"}) == {"done": True}
        assert (await child.ask({"do": "echo", "value": 2}))["echo"] == 2


async def test_a_large_reply_arrives_and_a_huge_one_is_refused() -> None:
    async with odd(Limits(wall_seconds=60)) as child:
        reply = await child.ask({"do": "big", "bytes": 16 * MIB})
        assert len(reply["text"]) == 16 * MIB
        error = await failure(child, do="big", bytes=65 * MIB)
        assert "too long" in error.detail
        await gone(child.pid)


async def test_closed_pipes_count_as_a_death() -> None:
    async with odd() as child:
        error = await failure(child, do="close-pipes")
        assert error.reason == "killed"
        assert not child.alive


async def test_something_else_than_json_is_refused() -> None:
    async with odd() as child:
        await child.ask({"do": "echo", "value": 1})
        replies = next(n for n in range(3, 16) if _is_pipe(child.pid, n))
        error = await failure(child, do="garbage", descriptor=replies)
        assert "not a JSON object" in error.detail


def _is_pipe(pid: int, descriptor: int) -> bool:
    try:
        return str(Path(f"/proc/{pid}/fd/{descriptor}").readlink()).startswith("pipe:")
    except OSError:
        return False


async def test_a_request_that_is_given_up_ends_the_child() -> None:
    async with odd() as child:
        async with aclosing(child.request({"do": "count", "to": 1000})) as replies:
            assert await anext(replies) == {"number": 0}
        await gone(child.pid)


async def test_a_cancelled_request_ends_the_child() -> None:
    async with odd() as child:
        await child.ask({"do": "echo", "value": 1})
        task = asyncio.create_task(child.ask({"do": "sleep", "seconds": 60}))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await gone(child.pid)


async def test_a_death_between_two_requests_is_reported() -> None:
    async with odd() as child:
        error = await failure(child, do="die-later")
        assert error.reason == "killed"
        assert (await failure(child, do="echo", value=1)).reason == "killed"


async def test_the_child_inherits_no_secret_and_no_module_of_the_working_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PDFSLUICE_API_KEY", "secret")
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    environment = {**plain_environment(), "PYTHONPATH": str(SUPPORT)}
    async with spawn("odd_child", LIMITS, environment=environment) as child:
        reply = await child.ask({"do": "environment"})
    assert not {"PDFSLUICE_API_KEY", "DATABASE_PASSWORD", "PDFSLUICE_CHILD_LIMITS"} & set(
        reply["names"]
    )
    assert "PATH" in reply["names"]
    assert "" not in reply["path"]
    assert str(Path.cwd()) not in reply["path"]


def test_proxies_are_for_requests_to_other_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:password@proxy.example:3128")
    monkeypatch.setenv("no_proxy", "localhost")
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    named = {"HTTPS_PROXY", "no_proxy", "DATABASE_PASSWORD"}
    assert not named & plain_environment().keys()
    assert named & plain_environment(network=True).keys() == {"HTTPS_PROXY", "no_proxy"}


async def test_starting_is_not_working() -> None:
    async with odd(Limits(wall_seconds=1.5), "start for seconds", "2") as child:
        assert await child.ask({"do": "echo", "value": 1}) == {"echo": 1, "pid": child.pid}


async def test_a_program_that_is_no_child_is_reported() -> None:
    async with spawn("this", LIMITS) as child:
        assert "not a JSON object" in (await failure(child, do="echo", value=1)).detail


async def test_a_module_that_cannot_start_is_a_death_with_its_reason() -> None:
    async with spawn("no_such_module_anywhere", LIMITS) as child:
        error = await failure(child, do="echo")
    assert error.reason == "crashed"
    assert "no_such_module_anywhere" in error.detail


PARENT = """
import asyncio, sys
from pdfsluice.core.processes.child import Limits, spawn, plain_environment
async def main():
    environment = {**plain_environment(), "PYTHONPATH": sys.argv[1]}
    async with spawn("odd_child", Limits(wall_seconds=2), environment=environment) as child:
        await child.ask({"do": "echo", "value": 1})
        print(child.pid, flush=True)
        if sys.argv[2] == "busy":
            await child.ask({"do": "sleep", "seconds": 600})
        await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
async def test_a_child_does_not_outlive_a_killed_parent(state: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(SUPPORT), state], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    try:
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        await gone(pid)
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
