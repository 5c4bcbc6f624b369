"""The server's event loop: fair to all connections when many requests arrive.

asyncio deals with everything that is ready before it looks at anything else. A thousand
requests that come in the same moment would keep it for a second, while the chunks of other
uploads wait. Here a turn of the loop deals with a few sockets, the next with others, and how
long turns take is known to the microsecond.
"""

import asyncio
import os
import select
import selectors
import socket
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

from aiohttp import web

from pdfsluice.core.threads import Workers

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_MAX_SOCKETS = 16
"""Ready sockets in one turn of the loop; a whole request keeps it for a millisecond."""
_MAX_ACCEPTED = 4
_MAX_WAITING = 1024
"""How many connections may wait to be accepted."""
_DEFAULT_THREADS = min(32, (os.cpu_count() or 1) + 4)
"""As many as asyncio has."""


class Turns:
    """How long the turns of an event loop took, from one wait for sockets to the next.

    Attributes:
        counts: Turns by the first of the ``BOUNDS`` that they kept; one more for longer ones.
        seconds: All turns together.
    """

    BOUNDS: Sequence[float] = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
    """In seconds."""

    def __init__(self) -> None:
        self.counts = [0] * (len(self.BOUNDS) + 1)
        self.seconds = 0.0

    def took(self, seconds: float) -> None:
        """Count a turn."""
        self.counts[bisect_left(self.BOUNDS, seconds)] += 1
        self.seconds += seconds


class FairEventLoop(asyncio.SelectorEventLoop):
    """An event loop for systems with epoll; see :func:`new_event_loop`.

    Attributes:
        turns: How long it was busy without a look at its sockets.
    """

    def __init__(self) -> None:
        self.turns = Turns()
        selector = selectors.DefaultSelector()
        # A selector queries all that is ready, and has no public way to query less.
        private: Any = selector
        private._selector = _FewSockets(private._selector, self.turns)  # noqa: SLF001
        super().__init__(selector)
        self._workers: Workers | None = None

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> "asyncio.Future[T]":
        """Call a function in a thread, of :class:`.Workers` unless another pool is given."""
        if executor is not None:
            return super().run_in_executor(executor, func, *args)
        if self._workers is None:
            self._workers = Workers(_DEFAULT_THREADS, "asyncio")
        return self._workers.run(func, *args)

    async def shutdown_default_executor(self, *args: Any) -> None:
        """Wait for calls that run in threads."""
        if self._workers is not None:
            await self._workers.aclose()
        await super().shutdown_default_executor(*args)


class _FewSockets:
    """An epoll object that reports a few sockets at a time, the others next time."""

    def __init__(self, epoll: "select.epoll", turns: Turns) -> None:
        self._epoll = epoll
        self._turns = turns
        self._began = time.perf_counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._epoll, name)

    def poll(self, timeout: float, max_events: int) -> list[tuple[int, int]]:
        self._turns.took(time.perf_counter() - self._began)
        try:
            return self._epoll.poll(timeout, min(max_events, _MAX_SOCKETS))
        finally:
            self._began = time.perf_counter()


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Make an event loop: a fair one if the system has epoll."""
    return FairEventLoop() if sys.platform == "linux" else asyncio.new_event_loop()


class FairSite(web.TCPSite):
    """A site that accepts few connections in one turn of the loop.

    asyncio has one number for both: how many may wait, and how many it accepts in one turn.
    """

    def __init__(self, runner: web.BaseRunner, host: str, port: int) -> None:
        super().__init__(runner, host, port, backlog=_MAX_ACCEPTED)

    async def start(self) -> None:
        """Listen."""
        await super().start()
        _let_wait(self._server)


class FairSocketSite(web.SockSite):
    """The same on a socket that is bound already, perhaps shared with other processes."""

    def __init__(self, runner: web.BaseRunner, listener: socket.socket) -> None:
        super().__init__(runner, listener, backlog=_MAX_ACCEPTED)

    async def start(self) -> None:
        """Listen."""
        await super().start()
        _let_wait(self._server)


def _let_wait(server: asyncio.AbstractServer | None) -> None:
    """Allow more connections to wait than are accepted in one turn."""
    for listener in server.sockets if isinstance(server, asyncio.Server) else ():
        with listener.dup() as same:
            same.listen(_MAX_WAITING)
