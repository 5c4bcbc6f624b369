"""The limiter of bytes: exact over time, fair among keys, changed in use."""

import asyncio
import time
from collections import Counter

import pytest

from pdfsluice.core.uploads.limits.rates import FairLimiter

KIB = 1024


async def run(limiter: FairLimiter, connections: dict[str, int], seconds: float) -> Counter[str]:
    """Let connections take 16 KiB at a time; return the bytes of each key."""
    passed: Counter[str] = Counter()

    async def connection(key: str) -> None:
        while True:
            await limiter.take(key, 16 * KIB)
            passed[key] += 16 * KIB

    tasks = [
        asyncio.create_task(connection(key)) for key, n in connections.items() for _ in range(n)
    ]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return passed


async def test_the_rate_is_kept_and_shared_by_keys() -> None:
    limiter = FairLimiter(4096 * KIB, time.monotonic)
    began = time.monotonic()
    passed = await run(limiter, {"a": 1, "b": 10, "c": 3}, 1.0)
    elapsed = time.monotonic() - began
    assert passed.total() / elapsed == pytest.approx(4096 * KIB, rel=0.05)
    for key in "abc":
        assert passed[key] / passed.total() == pytest.approx(1 / 3, rel=0.1)


async def test_a_key_that_comes_later_has_no_claim_on_the_past() -> None:
    limiter = FairLimiter(4096 * KIB, time.monotonic)
    first = asyncio.create_task(run(limiter, {"a": 2}, 1.0))
    await asyncio.sleep(0.5)
    late = await run(limiter, {"b": 2}, 0.5)
    early = await first
    assert late["b"] == pytest.approx(1024 * KIB, rel=0.15)
    assert early["a"] == pytest.approx(3072 * KIB, rel=0.15)


async def test_a_change_counts_for_what_waits() -> None:
    limiter = FairLimiter(KIB, time.monotonic)
    waiting = [asyncio.create_task(limiter.take("a", 64 * KIB)) for _ in range(3)]
    await asyncio.sleep(0.05)
    limiter.change(1024 * KIB)
    await asyncio.wait_for(asyncio.gather(*waiting), 5)
    limiter.change(KIB)
    waiting = [asyncio.create_task(limiter.take("a", 64 * KIB)) for _ in range(3)]
    await asyncio.sleep(0.05)
    limiter.change(0)
    await asyncio.wait_for(asyncio.gather(*waiting), 5)


async def test_a_cancelled_request_takes_no_turn() -> None:
    limiter = FairLimiter(64 * KIB, time.monotonic)
    gone = [asyncio.create_task(limiter.take("a", 64 * KIB)) for _ in range(20)]
    await asyncio.sleep(0)
    for task in gone[1:]:
        task.cancel()
    began = time.monotonic()
    await asyncio.wait_for(limiter.take("a", 16 * KIB), 10)
    assert time.monotonic() - began < 2


async def test_keys_of_the_past_are_forgotten_while_others_wait() -> None:
    limiter = FairLimiter(2**40, time.monotonic)
    busy = asyncio.create_task(run(limiter, {"busy": 2}, 0.5))
    for number in range(1000):
        await limiter.take(f"upload {number}", KIB)
    await busy
    assert len(limiter._passed) < 600
