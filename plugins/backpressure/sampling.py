"""Looks at a number of the system now and then, while somebody is interested."""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

_FRESH_SECONDS = 0.25
_TICK_SECONDS = 1.0


class Sampler:
    """Reads a number at most four times a second, and every second while it is watched.

    Args:
        read: Returns the number; quick, but a system call.
        seen: Hears of each number that was read.
        clock: Returns seconds.
    """

    def __init__(
        self,
        read: Callable[[], int],
        seen: Callable[[int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._seen = seen
        self._clock = clock
        self._value = 0
        self._read_at = float("-inf")
        self._watchers = 0
        self._timer: asyncio.TimerHandle | None = None

    def value(self) -> int:
        """Return the number, at most a quarter of a second old."""
        now = self._clock()
        if now - self._read_at >= _FRESH_SECONDS:
            self._value = self._read()
            self._read_at = now
            self._seen(self._value)
        return self._value

    @contextmanager
    def watched(self) -> Generator[int]:
        """Give the number, and go on looking at it until the context is left."""
        self._watchers += 1
        try:
            self._arm()
            yield self.value()
        finally:
            self._watchers -= 1

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._watchers:  # else the timer ends by itself, and short uploads cost no cancelling
            self.value()
            self._arm()
