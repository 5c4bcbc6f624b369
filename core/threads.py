"""Threads for work that would block the event loop: writing, hashing and scanning."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, ParamSpec, TypeAlias, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_Call: TypeAlias = tuple["asyncio.Future[Any]", Callable[[], Any]]


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
    """A bounded pool of threads for an event loop; created and used on it.

    Its futures are the loop's own. Those of ``concurrent.futures`` have a lock each, and are
    copied into a second future by callbacks: a call of a few microseconds, of which a small file
    takes a dozen, then costs twice as much.

    Args:
        threads: Maximum number of threads; one is started when all others are busy.
        name: Prefix of their names.
    """

    def __init__(self, threads: int, name: str = "pdfsluice") -> None:
        self._size = threads
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._threads: list[Thread] = []
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._open_calls = 0
        self._closed = False

    def run(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> "asyncio.Future[T]":
        """Call a function in a worker thread.

        Raises:
            RuntimeError: The pool is closed.
        """
        if self._closed:
            raise RuntimeError("the threads have ended")
        future: asyncio.Future[T] = self._loop.create_future()
        self._open_calls += 1
        if len(self._threads) < min(self._open_calls, self._size):
            name = f"{self._name}_{len(self._threads)}"
            # A program that ends without close() must not wait for it.
            thread = Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        self._calls.put((future, partial(function, *args, **kwargs)))
        return future

    def close(self) -> None:
        """Wait for running calls; start no more."""
        self._end()
        self._join()

    async def aclose(self) -> None:
        """Do the same while the event loop runs, for which a call may wait."""
        self._end()
        ended: asyncio.Future[None] = self._loop.create_future()

        def join() -> None:
            self._join()
            self._loop.call_soon_threadsafe(ended.set_result, None)

        Thread(target=join, daemon=True).start()
        await asyncio.shield(ended)

    def _end(self) -> None:
        self._closed = True
        with suppress(Empty):
            while call := self._calls.get_nowait():
                call[0].cancel()
        for _ in self._threads:
            self._calls.put(None)

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            self._do(*call)
            del call  # and with it what the function was called with

    def _do(self, future: "asyncio.Future[Any]", function: Callable[[], Any]) -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            if not future.done():
                result = function()
        except BaseException as raised:  # noqa: BLE001 - the caller gets it
            error = raised
        with suppress(RuntimeError):  # the loop is closed, and no caller waits
            self._loop.call_soon_threadsafe(self._settle, future, result, error)

    def _settle(
        self, future: "asyncio.Future[Any]", result: Any, error: BaseException | None
    ) -> None:
        self._open_calls -= 1
        if future.done():  # cancelled, or failed by a caller
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


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
