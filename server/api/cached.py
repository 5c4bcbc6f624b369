"""Answers that many callers share for a moment."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_MAX_AGE_SECONDS = 1.0
_TIMEOUT_SECONDS = 10.0


class Cached(Generic[T]):
    """A query that runs at most once a second, for all its callers.

    A failure is shared in the same way: probes must not press a store that fails.

    Args:
        query: Returns the answer.
    """

    def __init__(self, query: Callable[[], Awaitable[T]]) -> None:
        self._query = query
        self._task: asyncio.Task[T] | None = None
        self._expires = float("-inf")

    async def get(self) -> T:
        """Return the answer, at most a second old.

        Raises:
            TimeoutError: The query took too long.
            Exception: What the query raised.
        """
        task, now = self._task, asyncio.get_running_loop().time()
        if task is None or (task.done() and now >= self._expires):
            task = self._task = asyncio.create_task(self._run())
            task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    async def _run(self) -> T:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            return await self._query()

    def _finished(self, task: "asyncio.Task[T]") -> None:
        self._expires = asyncio.get_running_loop().time() + _MAX_AGE_SECONDS
        if task.cancelled():
            self._expires = float("-inf")
        else:
            task.exception()  # retrieved, also if no caller waits any more
