"""The authenticator ``api-keys``."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from pdfsluice.core import (
    ApiKey,
    AuthenticationError,
    Authenticator,
    Cluster,
    Credentials,
    Hint,
    HintKind,
    KeyStore,
    Principal,
    SessionStore,
)

from .keys import PREFIX, id_of
from .storing import stored_keys

_WEBSOCKET_PREFIX = "bearer."
_MAX_AGE_SECONDS = 1.0
_MIN_AGE_SECONDS = 0.1
"""Wrong keys make the authenticator look no more often than that."""
_NEVER = float("-inf")


class ApiKeyAuthenticator:
    """An authenticator by API keys.

    A change of the keys counts within a second, and immediately after a hint of another node. A
    new key counts immediately, because an unknown key makes the authenticator look.

    Once there was a key, also a revoked one, callers without a valid key are refused
    for as long as this process lives: revoking the last key, or losing the keys, must not
    open the server to all callers.

    Args:
        keys: Where the keys are kept.
        max_age: Seconds after which a request looks again whether the keys have changed.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        keys: KeyStore,
        *,
        max_age: float = _MAX_AGE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = keys
        self._max_age = max_age
        self._clock = clock
        self._turn = asyncio.Lock()
        self._state: Hashable = None
        self._keys: Mapping[str, ApiKey] = {}
        self._seen = False
        self._read_at = _NEVER
        self._outdated = False

    @property
    def enforced(self) -> bool:
        """Whether there is, or was, a key when the keys were last read."""
        return self._seen

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        """Return the principal of the request's key.

        Returns:
            ``None`` if the request has no API key, or there never was one.

        Raises:
            AuthenticationError: The key is wrong or revoked.
            StorageFailed: The keys cannot be read; all callers are refused.
        """
        await self.refresh()
        text = _sent_key(credentials.headers)
        if text is None:
            return None
        key_id = id_of(text) or ""
        if key_id and key_id not in self._keys:  # it may be new
            await self.refresh(_MIN_AGE_SECONDS)
        if not self._seen:
            return None
        key = self._keys.get(key_id)
        if key is None or not key.matches(text) or key.revoked_at is not None:
            raise AuthenticationError(
                "The API key is not valid.",
                hint="Ask the administrator for a new one ('pdfsluice keys add NAME').",
            )
        return key.principal

    def receive(self, hint: Hint) -> None:
        """Mark the keys to be read at the next request if another node has changed them."""
        if hint.kind is HintKind.KEYS:
            self._outdated = True

    async def refresh(self, max_age: float | None = None) -> None:
        """Read the keys if they may have changed since the last time.

        Args:
            max_age: Seconds since then after which they may have; by default those of the
                authenticator.

        Raises:
            StorageFailed: They cannot be read.
        """
        limit = self._max_age if max_age is None else min(max_age, self._max_age)
        if self._is_fresh(limit):
            return
        async with self._turn:
            if self._is_fresh(limit):
                return
            asked_at, self._read_at, self._outdated = self._clock(), _NEVER, False
            state = await self._store.state()
            if state != self._state:
                keys = await self._store.keys()
                self._keys = {key.id: key for key in keys}
                self._state = state
                self._seen = self._seen or bool(keys)
            self._read_at = asked_at

    def _is_fresh(self, max_age: float) -> bool:
        return not self._outdated and self._clock() - self._read_at < max_age


@asynccontextmanager
async def opened(
    sessions: SessionStore, cluster: Cluster, data_dir: Path
) -> AsyncIterator[Authenticator]:
    """Open the authenticator with the keys of the session store."""
    authenticator = ApiKeyAuthenticator(await stored_keys(sessions, data_dir, retire_file=True))
    cluster.subscribe(authenticator.receive)
    await authenticator.refresh()
    yield authenticator


def _sent_key(headers: Mapping[str, str]) -> str | None:
    """Return the API key of a request; bearer tokens of other kinds are ignored."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip().startswith(PREFIX):
        return token.strip()
    if key := headers.get("x-api-key", "").strip():
        return key
    for protocol in headers.get("sec-websocket-protocol", "").split(","):
        name = protocol.strip()
        if name.startswith(_WEBSOCKET_PREFIX + PREFIX):
            return name.removeprefix(_WEBSOCKET_PREFIX)
    return None
