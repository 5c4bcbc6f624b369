"""What accounts may use: reading and changing limits, and counting usage again."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from pdfsluice.core.background import background
from pdfsluice.core.errors import NotFound, PdfsluiceError
from pdfsluice.core.models import Principal, Scope
from pdfsluice.core.plugins.ports.cluster import Alone, Cluster
from pdfsluice.core.plugins.ports.quotas import HasQuotas, QuotaAccount, QuotaLimits, Quotas
from pdfsluice.core.plugins.ports.stores import SessionStore

logger = logging.getLogger(__name__)

_RECOUNT_INTERVAL_SECONDS = 3600.0


class QuotaKeeper:
    """The operations on quotas; each checks that the principal may do it.

    Args:
        sessions: The session store; it counts for accounts, or has no quotas.
        recount_interval: Seconds between two counts of all usage.
        cluster: The other nodes, of which one at a time counts.
    """

    def __init__(
        self,
        sessions: SessionStore,
        *,
        recount_interval: float = _RECOUNT_INTERVAL_SECONDS,
        cluster: Cluster | None = None,
    ) -> None:
        self._cluster = cluster or Alone()
        self._recount_interval = recount_interval
        self._quotas: Quotas | None = sessions.quotas if isinstance(sessions, HasQuotas) else None

    async def own(self, principal: Principal) -> QuotaAccount:
        """Return the account for which the principal's uploads count.

        Raises:
            NotFound: The session store has no quotas.
        """
        return await self._known().account(principal.account)

    async def account(self, principal: Principal, name: str) -> QuotaAccount:
        """Return an account, for administrators.

        Raises:
            NotFound: The session store has no quotas.
            PermissionDenied: The principal is no administrator.
        """
        principal.require(Scope.ADMIN)
        return await self._known().account(name)

    async def accounts(self, principal: Principal) -> Sequence[QuotaAccount]:
        """Return all accounts that are used or have limits, for administrators.

        Raises:
            NotFound: The session store has no quotas.
            PermissionDenied: The principal is no administrator.
        """
        principal.require(Scope.ADMIN)
        return await self._known().accounts()

    async def set_limits(
        self, principal: Principal, name: str, limits: QuotaLimits
    ) -> QuotaAccount:
        """Replace the limits of an account; they count from the next upload on.

        Raises:
            NotFound: The session store has no quotas.
            PermissionDenied: The principal is no administrator.
        """
        principal.require(Scope.ADMIN)
        account = await self._known().set_limits(name, limits)
        logger.info("limits of %s changed by %s", name, principal.name)
        return account

    def running(self) -> AbstractAsyncContextManager[None]:
        """Count the usage of all accounts again from time to time."""
        return background({"count of usage": self._recount_repeatedly})

    async def _recount_repeatedly(self) -> None:
        while True:
            await asyncio.sleep(self._recount_interval)
            try:
                if await self._cluster.duty("recount", self._recount_interval):
                    await self.recount()
            except PdfsluiceError as error:
                logger.warning("usage could not be counted again: %s", error.message)

    async def recount(self) -> None:
        """Count the usage of all accounts again, and log what was wrong."""
        if self._quotas is not None:
            for name in await self._quotas.recount():
                logger.warning("the usage of %s was wrong and is counted again", name)

    def _known(self) -> Quotas:
        if self._quotas is None:
            raise NotFound(
                "the session store of this server has no quotas",
                hint="The store 'sql' has them.",
            )
        return self._quotas
