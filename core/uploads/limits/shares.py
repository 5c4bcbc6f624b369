"""The share of space that unfinished uploads of one principal may reserve."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from pdfsluice.config import Settings, format_size
from pdfsluice.core.errors import RateLimited
from pdfsluice.core.models.sessions import Principal, Session
from pdfsluice.core.plugins.ports.stores import SessionStore, UploadStore
from pdfsluice.core.uploads.lifecycle import FINISHING, OPEN

LOCAL_PRINCIPAL = "local"
"""The id of all callers together, while no authenticator asks for credentials."""
_RETRY_AFTER_SECONDS = 60.0


class SpaceShares:
    """Shares of space, so that no principal reserves all of it.

    A principal may reserve a share of what is free plus what it has reserved itself. So
    some space is left whatever any number of principals reserve. Without keys all callers
    are one principal, which may have all of it.

    The sizes are summed up from the sessions only if the sizes claimed since the last time
    would exceed the share: they never amount to less than what is really reserved.
    """

    def __init__(self, settings: Settings, sessions: SessionStore, uploads: UploadStore) -> None:
        self._share = settings.principal_share
        self._max_file_size = int(settings.max_file_size)
        self._max_sessions = settings.max_sessions
        self._sessions = sessions
        self._uploads = uploads
        self._claimed: dict[str, int] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def claim(self, principal: Principal, size: int | None) -> AsyncIterator[None]:
        """Claim space for the new upload that is created in the context.

        Until its session exists, the space counts as free and the session does not count: a
        second claim of the same principal waits. A file of unknown size counts as the largest.

        Raises:
            RateLimited: It would exceed the share of the principal.
        """
        if principal.id == LOCAL_PRINCIPAL or self._share >= 1:
            yield
            return
        lock = self._locks.setdefault(principal.id, asyncio.Lock())
        async with lock:
            await self._claim(principal, size)
            yield

    async def _claim(self, principal: Principal, size: int | None) -> None:
        request = self._max_file_size if size is None else size
        available = (await self._uploads.usage()).available_bytes
        own = self._claimed.get(principal.id)
        if own is None or not self._fits(own, request, available):
            own = await self._reserved(principal.id)
        if not self._fits(own, request, available):
            self._claimed[principal.id] = own
            raise RateLimited(
                f"unfinished uploads may reserve {format_size(self._limit(own, available))};"
                f" yours reserve {format_size(own)}, and {format_size(request)} more are wanted",
                retry_after=_RETRY_AFTER_SECONDS,
                hint="Finish or cancel some of them.",
            )
        self._claimed[principal.id] = own + request

    def _fits(self, own: int, request: int, available: int) -> bool:
        return own + request <= self._limit(own, available)

    def _limit(self, own: int, available: int) -> int:
        return int(self._share * (own + available))

    async def _reserved(self, owner: str) -> int:
        sessions = await self._sessions.find(
            states=(*OPEN, *FINISHING), owner=owner, limit=self._max_sessions
        )
        return sum(map(self._size, sessions))

    def _size(self, session: Session) -> int:
        return self._max_file_size if session.total_size is None else session.total_size
