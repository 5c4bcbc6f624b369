"""Reads limits again that other nodes may have changed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.plugins.ports.cluster import Cluster, Hint, HintKind

logger = logging.getLogger(__name__)

DEFAULT_INTERVAL_SECONDS = 30.0


class LimitsReader:
    """A reader of limits, when a hint reports a change and at intervals.

    Hints may be lost, hence the intervals.

    Args:
        name: Of the limits, for the log.
        read: Reads them, and makes them count.
        cluster: The other nodes.
        interval: Seconds between two readings without a hint.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], Awaitable[None]],
        cluster: Cluster,
        interval: float = DEFAULT_INTERVAL_SECONDS,
    ) -> None:
        self._name = name
        self._read = read
        self._cluster = cluster
        self._interval = interval
        self._changed = asyncio.Event()
        cluster.subscribe(self._received)

    async def changed(self) -> None:
        """Read limits that this node has changed, and have the others read them."""
        await self._read()
        self._cluster.notify(Hint(HintKind.LIMITS))

    async def run(self) -> None:
        """Read the limits until cancelled; a failure is logged."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._changed.wait()
            self._changed.clear()
            try:
                await self._read()
            except PdfsluiceError as error:
                logger.warning("%s could not be read: %s", self._name, error.message)

    def _received(self, hint: Hint) -> None:
        if hint.kind is HintKind.LIMITS:
            self._changed.set()
