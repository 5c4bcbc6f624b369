"""Waits for a condition, with a limit; a failure names the condition."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

DEFAULT_SECONDS = 30.0
"""Enough for a busy machine; a condition that holds is noticed soon after."""
_MIN_INTERVAL_SECONDS, _MAX_INTERVAL_SECONDS = 0.01, 0.1
_SHARE_OF_ELAPSED_TIME = 0.05


@overload
async def until(
    condition: Callable[[], Awaitable[T]], *, seconds: float = ..., interval: float | None = ...
) -> T: ...


@overload
async def until(
    condition: Callable[[], T], *, seconds: float = ..., interval: float | None = ...
) -> T: ...


async def until(
    condition: Callable[[], object],
    *,
    seconds: float = DEFAULT_SECONDS,
    interval: float | None = None,
) -> object:
    """Call a condition until its result is true, and return that result.

    Args:
        condition: A function, or a coroutine function.
        seconds: Time limit.
        interval: Seconds between two calls. By default these become rarer with the time that
            has passed: many conditions cost more than what they wait for.

    Raises:
        AssertionError: The result was still false when the time was up.
    """
    start = time.monotonic()
    while True:
        result = condition()
        value = await result if inspect.isawaitable(result) else result
        if value:
            return value
        _check(start, condition, seconds, value)
        await asyncio.sleep(_pause(start) if interval is None else interval)


def wait_until(
    condition: Callable[[], T],
    *,
    seconds: float = DEFAULT_SECONDS,
    interval: float | None = None,
) -> T:
    """Do the same in a test without an event loop.

    Raises:
        AssertionError: The result was still false when the time was up.
    """
    start = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        _check(start, condition, seconds, value)
        time.sleep(_pause(start) if interval is None else interval)


def _pause(start: float) -> float:
    elapsed = time.monotonic() - start
    return min(_MAX_INTERVAL_SECONDS, max(_MIN_INTERVAL_SECONDS, elapsed * _SHARE_OF_ELAPSED_TIME))


def _check(start: float, condition: Callable[[], object], seconds: float, last: object) -> None:
    if time.monotonic() < start + seconds:
        return
    try:
        described = inspect.getsource(condition).strip()
    except (OSError, TypeError):
        described = repr(condition)
    raise AssertionError(f"not within {seconds:g} s (last result: {last!r}): {described}")
