"""Stops running jobs, because an administrator has cancelled them."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class JobStopped(Exception):
    """A job was stopped."""


class Stop:
    """A switch that stops the work of one job, also before it begins.

    The work is cancelled, so that the processes that it uses are ended before :meth:`run` raises.

    Attributes:
        requested: Whether the job is to be stopped.
    """

    def __init__(self) -> None:
        self.requested = False
        self._running: asyncio.Timeout | None = None

    def request(self) -> None:
        """Stop the work; harmless if it has ended or is being stopped."""
        if self.requested:
            return
        self.requested = True
        if self._running is not None:
            self._running.reschedule(asyncio.get_running_loop().time())

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work, unless it is to be stopped.

        Raises:
            JobStopped: It was stopped.
        """
        if self.requested:
            work.close()
            raise JobStopped
        try:
            async with asyncio.timeout(None) as self._running:
                return await work
        except Exception:
            if self.requested:
                raise JobStopped from None
            raise
        finally:
            self._running = None
