"""What accounts may use: reading and changing limits, and counting usage again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from pdfsluice.core.background import background
from pdfsluice.core.errors import NotFound, PdfsluiceError
from pdfsluice.core.models.sessions import Principal, Scope
from pdfsluice.core.plugins.ports.cluster import Alone, Cluster
from pdfsluice.core.plugins.ports.quotas import (
    DEFAULT_ACCOUNT,
    HasQuotas,
    QuotaAccount,
    QuotaLimits,
    Quotas,
)
from pdfsluice.core.plugins.ports.stores import SessionStore

from .reader import DEFAULT_INTERVAL_SECONDS, LimitsReader
from .shares import LOCAL_PRINCIPAL

logger = logging.getLogger(__name__)

_RECOUNT_INTERVAL_SECONDS = 3600.0


class QuotaKeeper:
    """The operations on quotas; each checks that the principal may do it.

    Args:
        sessions: The session store; it counts for accounts, or has no quotas.
        refresh_interval: Seconds after which a limit of connections that another node has
            changed counts here at the latest; usually a hint comes first.
        cluster: The other nodes, of which one at a time counts.
    """

    def __init__(
        self,
        sessions: SessionStore,
        *,
        refresh_interval: float = DEFAULT_INTERVAL_SECONDS,
        cluster: Cluster | None = None,
    ) -> None:
        self._cluster = cluster or Alone()
        self._reader = LimitsReader(
            "limits of connections", self._refresh, self._cluster, refresh_interval
        )
        self._connections: Mapping[str, int] = {}
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
            NotFound: The session store has no quotas, or the name is that of no account, such
                as a key's without ``key:``.
            PermissionDenied: The principal is no administrator.
        """
        principal.require(Scope.ADMIN)
        quotas = self._known()
        await self._check_name(quotas, name)
        return await quotas.account(name)

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
            NotFound: The session store has no quotas, or the name is that of no account, such
                as a key's without ``key:``.
            PermissionDenied: The principal is no administrator.
        """
        principal.require(Scope.ADMIN)
        quotas = self._known()
        await self._check_name(quotas, name)
        account = await quotas.set_limits(name, limits)
        await self._reader.changed()
        logger.info("limits of %s changed by %s", name, principal.name)
        return account

    def max_connections(self, account: str) -> int | None:
        """Return how many connections an account may have; ``None`` for any number."""
        return self._connections.get(account, self._connections.get(DEFAULT_ACCOUNT))

    async def take_ocr_page(self, document_id: int) -> None:
        """Count a page of a document that OCR is about to read.

        Raises:
            QuotaExceeded: The account of the document has no page left today.
        """
        if self._quotas is not None:
            await self._quotas.take_ocr_page(document_id)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Count usage again, and read limits that other nodes have changed, at intervals."""
        await self._refresh()
        works = {
            "count of usage": self._recount_repeatedly,
            "limits of connections": self._reader.run,
        }
        async with background(works if self._quotas is not None else {}):
            yield

    async def _check_name(self, quotas: Quotas, name: str) -> None:
        """Refuse a name that no upload can count for: a limit of it would never act."""
        kind, _, own_name = name.partition(":")
        if (kind and own_name) or name in {DEFAULT_ACCOUNT, LOCAL_PRINCIPAL}:
            return
        if all(each.name != name for each in await quotas.accounts()):
            example = own_name or ("" if kind in {"key", "tenant"} else kind) or "NAME"
            raise NotFound(
                f"there is no account {name!r}",
                hint=f"Write key:{example} for a key without a tenant, tenant:{example} for a"
                f" tenant, or {DEFAULT_ACCOUNT} for the default limits.",
            )

    async def _refresh(self) -> None:
        if self._quotas is not None:
            self._connections = await self._quotas.connection_limits()

    async def _recount_repeatedly(self) -> None:
        while True:
            await asyncio.sleep(_RECOUNT_INTERVAL_SECONDS)
            try:
                if await self._cluster.duty("recount", _RECOUNT_INTERVAL_SECONDS):
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
