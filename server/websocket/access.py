"""Checks repeatedly that the caller of an open WebSocket may still use it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from pdfsluice.core.errors import AuthenticationError
from pdfsluice.core.models.sessions import Principal
from pdfsluice.core.plugins.ports.access import Credentials

from .subscribers import CHECK_FAILED, Subscriber

logger = logging.getLogger(__name__)

_CHECK_TIMEOUT_SECONDS = 10.0
_MAX_FAILURES = 3
"""Failed checks in a row after which the connection is closed."""

Authenticate = Callable[[Credentials], Awaitable[Principal]]


class AccessGuard:
    """The repeated authentication of one subscriber while it is connected.

    An authenticator is foreign code: it may raise anything, never return, or cancel itself.
    Neither ends the guard. A check that fails is repeated, and after a few failed
    checks in a row the connection is closed: access that cannot be confirmed ends.

    Args:
        authenticate: Returns the principal of the credentials.
        credentials: What the client showed when it connected.
        subscriber: The connection.
        interval: Seconds between two checks.
    """

    def __init__(
        self,
        authenticate: Authenticate,
        credentials: Credentials,
        subscriber: Subscriber,
        *,
        interval: float,
    ) -> None:
        self._authenticate = authenticate
        self._credentials = credentials
        self._subscriber = subscriber
        self._interval = interval

    async def run(self) -> None:
        """Check until the subscriber has ended; if the guard itself ends, so does it."""
        try:
            await self._watch()
        finally:
            self._subscriber.disconnect(CHECK_FAILED)  # no effect if it has ended already

    async def _watch(self) -> None:
        failures = 0
        while not self._subscriber.ended.is_set() and failures < _MAX_FAILURES:
            await asyncio.sleep(self._interval)
            valid = await self._check()
            failures = failures + 1 if valid is None else 0
            if valid is False:
                logger.info("a WebSocket is closed because its key is no longer valid")
                self._subscriber.disconnect()
        if failures:
            logger.error("a WebSocket is closed because its key could not be checked")

    async def _check(self) -> bool | None:
        """Return whether the credentials are still the subscriber's; ``None`` if unknown."""
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT_SECONDS):
                principal = await self._authenticate(self._credentials)
        except AuthenticationError:
            return False
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise  # the connection has ended
            logger.warning("an authenticator cancelled itself")
            return None
        except Exception:
            logger.warning("the key of a WebSocket could not be checked", exc_info=True)
            return None
        return principal == self._subscriber.principal
