"""Waits for a condition, with a limit; a failure names the condition."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

DEFAULT_SECONDS = 30.0
"""Enough for a busy machine; a condition that holds is noticed within milliseconds."""
_POLL_INTERVAL_SECONDS = 0.01


@overload
async def until(
    condition: Callable[[], Awaitable[T]], *, seconds: float = ..., interval: float = ...
) -> T: ...


@overload
async def until(
    condition: Callable[[], T], *, seconds: float = ..., interval: float = ...
) -> T: ...


async def until(
    condition: Callable[[], object],
    *,
    seconds: float = DEFAULT_SECONDS,
    interval: float = _POLL_INTERVAL_SECONDS,
) -> object:
    """Call a condition until its result is true, and return that result.

    Args:
        condition: A function, or a coroutine function.
        seconds: Time limit.
        interval: Seconds between two calls.

    Raises:
        AssertionError: The result was still false when the time was up.
    """
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        value = await result if inspect.isawaitable(result) else result
        if value:
            return value
        _check(deadline, condition, seconds, value)
        await asyncio.sleep(interval)


def wait_until(
    condition: Callable[[], T],
    *,
    seconds: float = DEFAULT_SECONDS,
    interval: float = _POLL_INTERVAL_SECONDS,
) -> T:
    """Do the same in a test without an event loop.

    Raises:
        AssertionError: The result was still false when the time was up.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        _check(deadline, condition, seconds, value)
        time.sleep(interval)


def _check(deadline: float, condition: Callable[[], object], seconds: float, last: object) -> None:
    if time.monotonic() < deadline:
        return
    try:
        described = inspect.getsource(condition).strip()
    except (OSError, TypeError):
        described = repr(condition)
    raise AssertionError(f"not within {seconds:g} s (last result: {last!r}): {described}")
