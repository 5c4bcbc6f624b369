"""Rates that all nodes keep together."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pdfsluice.core.background import background
from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.plugins.ports.cluster import Cluster
from pdfsluice.core.plugins.ports.rates import HasRates, RateClocks
from pdfsluice.core.plugins.ports.stores import SessionStore

logger = logging.getLogger(__name__)

_RESERVED_SECONDS = 0.25
_FORGET_INTERVAL_SECONDS = 3600.0
_MAX_CREDITS = 256
"""From so many on, those that nothing waits for are forgotten."""


@dataclass(slots=True, eq=False)
class _Credit:
    """Bytes that this node has reserved.

    Attributes:
        size: How many are left.
        begins_at: When they may pass.
        turn: Bodies take from it one at a time.
    """

    size: int = 0
    begins_at: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class NodeRates:
    """Rates that all nodes keep together, while there are several.

    A node reserves a quarter of a second of the rate at a time, and passes it when the time has
    come. So each rate that is used costs four small transactions a second, on all nodes together.

    Args:
        sessions: The session store; it has clocks, or each node keeps the rates for itself.
        cluster: The other nodes.
        clock: Returns the time in seconds.
    """

    def __init__(
        self, sessions: SessionStore, cluster: Cluster, clock: Callable[[], float] | None = None
    ) -> None:
        self._clocks: RateClocks | None = sessions.rates if isinstance(sessions, HasRates) else None
        self._cluster = cluster
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._credits: dict[str, _Credit] = {}

    @property
    def clocks(self) -> RateClocks | None:
        """The clocks; ``None`` while this node is alone, or if the store has none."""
        return self._clocks if self._cluster.shared else None

    async def take(self, name: str, rate: int, size: int) -> None:
        """Return when so many bytes may have passed.

        Args:
            name: Of the clock.
            rate: Bytes per second; 0 for no limit.
            size: How many bytes.

        Raises:
            StorageFailed: The session store failed.
        """
        clocks = self.clocks
        if clocks is None or not rate:
            return
        credit = self._credit(name)
        async with credit.turn:
            if credit.size < size:
                more = max(size, round(rate * _RESERVED_SECONDS))
                reservation = await clocks.reserve(name, more / rate)
                credit.size += more
                credit.begins_at = self._clock() + reservation.wait
            await asyncio.sleep(credit.begins_at - self._clock())
            credit.size -= size

    def _credit(self, name: str) -> _Credit:
        credit = self._credits.get(name)
        if credit is None:
            if len(self._credits) >= _MAX_CREDITS:
                self._credits = {
                    each: other for each, other in self._credits.items() if other.turn.locked()
                }
            credit = self._credits[name] = _Credit()
        return credit

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Delete unused clocks at intervals, until the context is left."""
        async with background(
            {"clocks of rates": self._forget_repeatedly} if self._clocks is not None else {}
        ):
            yield

    async def _forget_repeatedly(self) -> None:
        while True:
            await asyncio.sleep(_FORGET_INTERVAL_SECONDS)
            try:
                if self.clocks is not None and await self._cluster.duty(
                    "rate clocks", _FORGET_INTERVAL_SECONDS
                ):
                    await self.clocks.forget()
            except PdfsluiceError as error:
                logger.warning("clocks of rates could not be deleted: %s", error.message)
