"""Reads a number of the system at intervals, while a chunk depends on it."""

import asyncio
import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import psutil

from pdfsluice.core import PdfsluiceError

logger = logging.getLogger(__name__)

_MAX_AGE_SECONDS = 0.25
DEFAULT_TICK_SECONDS = 1.0


class Sampler:
    """A number that is read at most four times a second.

    While it is watched, it is also read by itself.

    Args:
        measure: Returns the number; quick, but a system call.
        publish: Receives each number that was read.
        unreadable: Returns the error to raise if the value cannot be measured; takes the reason.
        clock: Returns seconds.
        tick_seconds: How often it is read while it is watched.
    """

    def __init__(
        self,
        measure: Callable[[], int],
        publish: Callable[[int], None],
        unreadable: Callable[[str], PdfsluiceError],
        *,
        clock: Callable[[], float] = time.monotonic,
        tick_seconds: float = DEFAULT_TICK_SECONDS,
    ) -> None:
        self._read = measure
        self._publish = publish
        self._unreadable = unreadable
        self._clock = clock
        self._tick_seconds = tick_seconds
        self._value = 0
        self._read_at = float("-inf")
        self._watchers = 0
        self._timer: asyncio.TimerHandle | None = None

    def value(self) -> int:
        """Return the number, at most a quarter of a second old.

        Raises:
            PdfsluiceError: The value cannot be measured; the error that ``unreadable`` returns.
        """
        now = self._clock()
        if now - self._read_at >= _MAX_AGE_SECONDS:
            try:
                self._value = self._read()
                self._publish(self._value)
            except (OSError, psutil.Error) as error:
                raise self._unreadable(_reason(error)) from error
            self._read_at = now
        return self._value

    @contextmanager
    def watched(self) -> Generator[int]:
        """Yield the number, and continue to read it until the context is left.

        Raises:
            PdfsluiceError: See :meth:`value`.
        """
        self._watchers += 1
        try:
            self._arm()
            yield self.value()
        finally:
            self._watchers -= 1

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._tick_seconds, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if not self._watchers:
            return  # ends by itself, so that short uploads cost no cancelling
        try:
            self.value()
        except PdfsluiceError as error:
            logger.warning("%s", error.message)
        finally:
            self._arm()


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__
