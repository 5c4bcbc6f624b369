"""Stops the work of a node that is cut off, before other nodes take it over."""

import asyncio
import math
from collections.abc import Callable
from typing import Any, TypeVar

from pdfsluice.core import StorageFailed

T = TypeVar("T")

FENCE_SECONDS = 10.0
"""Less than the time after which other nodes regard this one as dead."""
_RETRY_SECONDS = 5.0


class Fence:
    """A fence that refuses work while no recent heartbeat of this node is stored.

    It closes when the latest heartbeat that was stored was sent ``seconds`` ago, by the clock of
    the event loop. Work that waits for the database then is refused as well: a host that
    vanished may never answer. What the database does with such work is as uncertain as after
    a broken connection.

    Args:
        seconds: The age of a heartbeat at which it closes.
    """

    def __init__(self, seconds: float = FENCE_SECONDS) -> None:
        self._seconds = seconds
        self._closes_at = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: set[asyncio.Future[Any]] = set()
        self._listeners: list[Callable[[], None]] = []

    @property
    def closed(self) -> bool:
        """Whether work is refused."""
        return asyncio.get_running_loop().time() >= self._closes_at

    def on_closed(self, listener: Callable[[], None]) -> None:
        """Register a callback for each time that the fence closes."""
        self._listeners.append(listener)

    def confirm(self, sent_at: float) -> None:
        """Note that a heartbeat is stored.

        One that was sent before the fence closed does not open it: that would be for a moment.

        Args:
            sent_at: The time of the event loop before it was sent.
        """
        if self.closed and sent_at < self._closes_at:
            return
        self.remove()
        self._closes_at = sent_at + self._seconds
        self._timer = asyncio.get_running_loop().call_at(self._closes_at, self._close)

    def remove(self) -> None:
        """Refuse nothing, until the next heartbeat is confirmed."""
        self._closes_at = math.inf
        if self._timer is not None:
            self._timer.cancel()

    def _close(self) -> None:
        while self._waiting:
            future = self._waiting.pop()
            if not future.done():
                future.set_exception(self._refusal())
        for listener in self._listeners:
            listener()

    async def passed(self, begin: Callable[[], "asyncio.Future[T]"]) -> T:
        """Begin work that needs the database, and wait for it.

        Args:
            begin: Begins the work; its future fails if the fence closes before it has ended.

        Raises:
            StorageFailed: The fence is closed, or closes meanwhile.
        """
        if self.closed:
            raise self._refusal()
        future = begin()
        self._waiting.add(future)
        try:
            return await future
        finally:
            self._waiting.discard(future)

    def _refusal(self) -> StorageFailed:
        return StorageFailed(
            f"This server has been cut off from its database for {self._seconds:g} seconds.",
            hint="Other servers continue its uploads. Try again there, or when it is back.",
            details={"retry_after": _RETRY_SECONDS},
        )
