"""The pool keeps children, replaces worn and broken ones, and ends all of them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from pdfsluice.core.processes.child import ChildFailed, Limits
from pdfsluice.core.processes.pool import ChildPool
from tests.support.waiting import until

LIMITS = Limits(wall_seconds=60)
SUPPORT = Path(__file__).parent.parent / "support"
MakePool = Callable[..., ChildPool]


@pytest.fixture
async def make_pool(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MakePool]:
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))
    pools: list[ChildPool] = []

    def make(limits: Limits = LIMITS, **options: Any) -> ChildPool:
        pools.append(ChildPool("odd_child", limits, **options))
        return pools[-1]

    yield make
    for pool in pools:
        await pool.close()


async def pid(pool: ChildPool) -> int:
    reply = await pool.ask({"do": "echo", "value": 0})
    return int(reply["pid"])


def is_running(number: int) -> bool:
    return psutil.pid_exists(number)


async def test_a_child_is_used_again(make_pool: MakePool) -> None:
    pool = make_pool()
    assert len({await pid(pool) for _ in range(5)}) == 1
    assert pool.idle == 1


async def test_a_child_that_was_started_early_serves(make_pool: MakePool) -> None:
    pool = make_pool()
    others = set(psutil.Process().children())
    await asyncio.gather(pool.warm_up(), pool.warm_up())
    assert pool.idle == 1
    (early,) = set(psutil.Process().children()) - others
    assert await pid(pool) == early.pid
    await pool.warm_up()
    assert pool.idle == 1


async def test_a_request_waits_for_the_child_that_is_being_started(make_pool: MakePool) -> None:
    pool = make_pool()
    _, number = await asyncio.gather(pool.warm_up(), pid(pool))
    assert pool.idle == 1
    assert await pid(pool) == number


async def test_no_child_is_started_early_next_to_one_that_works(make_pool: MakePool) -> None:
    pool = make_pool()
    async with pool.borrow():
        await pool.warm_up()
        assert pool.idle == 0


async def test_no_more_children_than_allowed_work_at_a_time(make_pool: MakePool) -> None:
    pool = make_pool(size=2)
    pids = await asyncio.gather(*(pid(pool) for _ in range(12)))
    assert 1 <= len(set(pids)) <= 2


async def test_a_worn_child_serves_until_its_successor_is_ready(make_pool: MakePool) -> None:
    pool = make_pool(size=1, recycle_after=300)
    pids = [await pid(pool) for _ in range(300)]
    async with asyncio.timeout(60):
        while (latest := await pid(pool)) == pids[0]:
            await asyncio.sleep(0.02)
            pids.append(latest)
    assert set(pids) == {pids[0]}
    async with asyncio.timeout(60):
        await until(lambda: not (is_running(pids[0])))
    assert pool.idle == 1


async def test_a_worn_child_that_rests_ends_when_its_successor_is_ready(
    make_pool: MakePool,
) -> None:
    pool = make_pool(size=1, recycle_after=1)
    worn = await pid(pool)
    async with asyncio.timeout(60):
        await until(lambda: not (is_running(worn)))
    assert pool.idle == 1
    assert await pid(pool) != worn


async def test_a_worn_child_ends_though_no_successor_starts(
    make_pool: MakePool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make_pool(size=1, recycle_after=1)
    with monkeypatch.context() as broken:
        worn = await pid(pool)
        broken.setattr(sys, "executable", "/nowhere/python")
        async with asyncio.timeout(60):
            await until(lambda: caplog.records)
        assert "could not be replaced" in caplog.text
        assert await pid(pool) == worn
        assert not is_running(worn)
    assert await pid(pool) != worn


async def test_a_failure_costs_the_child_and_nothing_else(make_pool: MakePool) -> None:
    pool = make_pool(size=1)
    first = await pid(pool)
    with pytest.raises(ChildFailed) as caught:
        await pool.ask({"do": "segfault"})
    assert caught.value.reason == "crashed"
    assert pool.idle == 0
    assert await pid(pool) != first


async def test_a_request_is_retried_if_an_earlier_one_may_be_at_fault(
    make_pool: MakePool,
) -> None:
    pool = make_pool(size=1)
    first = await pid(pool)
    assert pool.idle == 1
    os.kill(first, signal.SIGKILL)  # the pool cannot know yet
    assert await pid(pool) != first


async def test_a_timeout_is_final_and_leaves_the_pool_usable(make_pool: MakePool) -> None:
    pool = make_pool(Limits(wall_seconds=2), size=1)
    await pid(pool)
    with pytest.raises(ChildFailed) as caught:
        await pool.ask({"do": "sleep", "seconds": 60})
    assert caught.value.reason == "timeout"
    await pid(pool)


async def test_a_cancelled_request_frees_its_place(make_pool: MakePool) -> None:
    pool = make_pool(size=1)
    await pid(pool)
    task = asyncio.create_task(pool.ask({"do": "sleep", "seconds": 60}))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await pid(pool)


async def test_idle_children_are_ended(make_pool: MakePool) -> None:
    pool = make_pool(idle_seconds=0.05)
    await pid(pool)
    async with asyncio.timeout(60):
        await until(lambda: not (pool.idle))
    await pid(pool)


async def test_a_closed_pool_keeps_no_child(make_pool: MakePool) -> None:
    pool = make_pool()
    await pid(pool)
    await pool.close()
    assert pool.idle == 0


def test_children_end_with_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test does not close the pool; an unclosed child would warn."""
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))
    pools: list[ChildPool] = []

    async def use() -> None:
        pools.append(ChildPool("odd_child", LIMITS))
        await pid(pools[0])
        assert pools[0].idle == 1

    asyncio.run(use())
    assert pools[0].idle == 0
