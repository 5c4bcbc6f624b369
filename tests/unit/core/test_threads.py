"""Threads for an event loop: results, errors, cancellation, and their end."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from pdfsluice.core.threads import Workers, run_uncancelled


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Provide an event that is set at the end, so that no thread waits for ever."""
    event = threading.Event()
    yield event
    event.set()


async def test_a_call_returns_its_result_and_raises_its_error() -> None:
    workers = Workers(2)

    def divide(number: int, *, by: int) -> float:
        return number / by

    assert await workers.run(divide, 6, by=3) == 2
    with pytest.raises(ZeroDivisionError):
        await workers.run(divide, 6, by=0)
    workers.close()


async def test_calls_one_after_the_other_take_one_thread() -> None:
    workers = Workers(4)
    names = {await workers.run(lambda: threading.current_thread().name) for _ in range(5)}
    assert names == {"pdfsluice_0"}
    workers.close()


async def test_no_more_calls_run_at_a_time_than_there_are_threads(gate: threading.Event) -> None:
    workers = Workers(2)
    running = threading.Semaphore(0)

    def work() -> None:
        running.release()
        gate.wait()

    calls = [workers.run(work) for _ in range(5)]
    assert await asyncio.to_thread(running.acquire, timeout=10)
    assert await asyncio.to_thread(running.acquire, timeout=10)
    assert not running.acquire(timeout=0.05)
    gate.set()
    await asyncio.gather(*calls)
    workers.close()


async def test_a_call_that_was_cancelled_before_its_turn_does_not_run(
    gate: threading.Event,
) -> None:
    workers = Workers(1)
    calls: list[str] = []
    first = workers.run(gate.wait)
    second = workers.run(calls.append, "second")
    third = workers.run(calls.append, "third")
    second.cancel()
    gate.set()
    await asyncio.gather(first, third)
    assert calls == ["third"]
    workers.close()


async def test_a_cancelled_caller_waits_for_a_running_call(gate: threading.Event) -> None:
    workers = Workers(1)
    begun = threading.Event()
    calls: list[str] = []

    def work() -> None:
        begun.set()
        gate.wait()
        calls.append("done")

    caller = asyncio.create_task(run_uncancelled(workers.run(work)))
    assert await asyncio.to_thread(begun.wait, 10)
    caller.cancel()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert calls == ["done"]
    workers.close()


async def test_closing_waits_for_running_calls_and_cancels_the_others(
    gate: threading.Event,
) -> None:
    workers = Workers(1)
    begun = threading.Event()
    calls: list[str] = []

    def work() -> None:
        begun.set()
        gate.wait()
        calls.append("running")

    running, waiting = workers.run(work), workers.run(calls.append, "waiting")
    assert await asyncio.to_thread(begun.wait, 10)
    threading.Timer(0.05, gate.set).start()
    workers.close()
    await running
    assert calls == ["running"]
    assert waiting.cancelled()
    with pytest.raises(RuntimeError):
        workers.run(calls.append, "late")


async def test_a_call_may_wait_for_the_event_loop_while_the_threads_end(
    gate: threading.Event,
) -> None:
    workers, loop = Workers(1), asyncio.get_running_loop()
    begun = threading.Event()

    def work() -> int:
        begun.set()
        gate.wait()
        return asyncio.run_coroutine_threadsafe(asyncio.sleep(0, 7), loop).result(timeout=10)

    call = workers.run(work)
    assert await asyncio.to_thread(begun.wait, 10)
    threading.Timer(0.05, gate.set).start()
    await workers.aclose()
    assert await call == 7


async def test_a_thread_keeps_nothing_of_a_call_that_has_ended() -> None:
    workers = Workers(1)
    memory = bytearray(8)
    await workers.run(lambda view: view[0], memoryview(memory))
    await workers.run(len, b"")
    memory.append(0)  # fails with BufferError while a view is left
    workers.close()


async def test_the_result_of_a_call_after_the_end_of_the_loop_is_dropped(
    gate: threading.Event,
) -> None:
    loop = asyncio.new_event_loop()
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        gate.wait()
        ended.set()

    async def start() -> Workers:
        workers = Workers(1)
        workers.run(work)
        return workers

    workers = await asyncio.to_thread(loop.run_until_complete, start())
    assert await asyncio.to_thread(begun.wait, 10)
    loop.close()
    gate.set()
    assert await asyncio.to_thread(ended.wait, 10)
    workers.close()
