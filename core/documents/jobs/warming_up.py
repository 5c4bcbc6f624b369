"""The start of the process that the next import needs, while its file is checked."""

import asyncio
import logging

from pdfsluice.core.errors import PdfsluiceError

from .importing import Importers

logger = logging.getLogger(__name__)


class WarmUp:
    """A start ahead of imports, at most one in an interval.

    Args:
        importers: What is started.
        seconds: The interval.
    """

    def __init__(self, importers: Importers, seconds: float) -> None:
        self._importers = importers
        self._seconds = seconds
        self._next_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start what is not running, unless that was done a moment ago."""
        if self._task is not None and not self._task.done():
            return
        now = asyncio.get_running_loop().time()
        if now >= self._next_at:
            self._next_at = now + self._seconds
            self._task = asyncio.create_task(self._run(), name="warm up")

    async def _run(self) -> None:
        try:
            await self._importers.warm_up()
        except (PdfsluiceError, OSError) as error:
            logger.debug("no process could be started ahead of an import: %s", error)

    async def ended(self) -> None:
        """Wait until nothing is being started."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
