"""The bandwidth limits that count: of the settings, or set while the server runs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict

from pdfsluice.core.background import background
from pdfsluice.core.models.sessions import Principal, Scope
from pdfsluice.core.plugins.ports.cluster import Cluster
from pdfsluice.core.plugins.ports.rates import HasRateLimits, RateLimits, RateLimitStore
from pdfsluice.core.plugins.ports.stores import SessionStore

from .pacing import Pacing, Rates
from .reader import LimitsReader

logger = logging.getLogger(__name__)


class RateKeeper:
    """The limits that were set while the server runs, for all nodes.

    A session store that keeps no limits leaves them to this process: they count until it ends.

    Args:
        pacing: Paces by the limits; it begins with those of the settings.
        sessions: The session store.
        cluster: The other nodes.
    """

    def __init__(self, pacing: Pacing, sessions: SessionStore, cluster: Cluster) -> None:
        self._pacing = pacing
        self._settings = pacing.rates
        self._limits = RateLimits()
        self._store: RateLimitStore | None = (
            sessions.rate_limits if isinstance(sessions, HasRateLimits) else None
        )
        self._reader = LimitsReader("limits of rates", self._read, cluster)
        self._turn = asyncio.Lock()

    @property
    def rates(self) -> Rates:
        """The rates that count."""
        return self._pacing.rates

    @property
    def limits(self) -> RateLimits:
        """Those of them that were set while the server runs."""
        return self._limits

    async def change(self, principal: Principal, limits: RateLimits) -> None:
        """Replace the limits at all nodes, also for bodies that are under way.

        Raises:
            PermissionDenied: The principal is no administrator.
            StorageFailed: The session store failed.
        """
        principal.require(Scope.ADMIN)
        if self._store is None:
            self._apply(limits)
        else:
            await self._store.set_limits(limits)
            await self._reader.changed()
        logger.info("limits of rates changed by %s", principal.name)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read the limits, and those that other nodes set from now on."""
        await self._read()
        works = {"limits of rates": self._reader.run}
        async with background(works if self._store is not None else {}):
            yield

    async def _read(self) -> None:
        async with self._turn:  # a reading that began earlier must not end later
            if self._store is not None:
                self._apply(await self._store.limits())

    def _apply(self, limits: RateLimits) -> None:
        if limits == self._limits:
            return
        self._limits = limits
        own = {name: rate for name, rate in asdict(limits).items() if rate is not None}
        self._pacing.change(Rates(**{**asdict(self._settings), **own}))
