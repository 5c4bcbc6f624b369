"""Threads for work that would block the event loop: writing, hashing and scanning."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def run_uncancelled(work: Awaitable[T]) -> T:
    """Run work to its end, even if the caller is cancelled meanwhile.

    The cancellation is raised after the work has ended: a thread cannot be stopped, and the
    consequences of a written row must not be skipped.
    """
    task = asyncio.ensure_future(work)
    interruption: asyncio.CancelledError | None = None
    while not task.done():
        ended = task.get_loop().create_future()
        wake = partial(_wake, ended)
        task.add_done_callback(wake)  # what asyncio.wait does, for one future only
        try:
            await ended
        except asyncio.CancelledError as error:
            task.remove_done_callback(wake)
            interruption = error
    if interruption is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # retrieved, or asyncio would log it
    raise interruption


def _wake(waiter: "asyncio.Future[None]", _ended: "asyncio.Future[Any]") -> None:
    if not waiter.done():
        waiter.set_result(None)


class Workers:
    """A bounded pool of threads, shared by all uploads; created on the event loop."""

    def __init__(self, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="pdfsluice")
        self._loop = asyncio.get_running_loop()

    def run(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> "asyncio.Future[T]":
        """Call a function in a worker thread."""
        if kwargs:
            return self._loop.run_in_executor(self._executor, lambda: function(*args, **kwargs))
        return self._loop.run_in_executor(
            self._executor,
            function,
            *args,  # pyright: ignore[reportCallIssue] - a ParamSpec is no TypeVarTuple
        )

    def close(self) -> None:
        """Wait for running calls; start no more."""
        self._executor.shutdown(wait=True, cancel_futures=True)


class BufferPool:
    """A fixed number of buffers, which bounds memory and parallel steps."""

    def __init__(self, count: int, size: int) -> None:
        self._size = size
        self._turn = asyncio.Semaphore(count)
        self._idle: list[bytearray] = []

    @asynccontextmanager
    async def buffer(self) -> AsyncIterator[memoryview]:
        """Lend a buffer, in the order of the requests."""
        async with self._turn:
            store = self._idle.pop() if self._idle else bytearray(self._size)
            view = memoryview(store)
            try:
                yield view
            finally:
                view.release()
                self._idle.append(store)
