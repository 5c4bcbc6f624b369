"""The authenticator ``api-keys``."""

import time
from collections.abc import Mapping
from pathlib import Path

from pdfsluice.core import AuthenticationError, Credentials, Principal

from .keys import (
    PREFIX,
    ApiKey,
    KeyFile,
    id_of,
)

_WEBSOCKET_PREFIX = "bearer."


class ApiKeyAuthenticator:
    """Identifies callers by key.

    A change of the file counts within a tenth of a second.

    Once there was a key, also a revoked one, callers without a valid key are refused
    for as long as this process lives: revoking the last key, or losing the file, must not
    open the server to all callers.

    Args:
        path: The file of keys.
        check_interval: Seconds between two checks whether the file has changed.
    """

    def __init__(self, path: Path, *, check_interval: float = 0.1) -> None:
        self._check_interval = check_interval
        self._file = KeyFile(path)
        self._state: tuple[int, int, int] | None = None
        self._keys: Mapping[str, ApiKey] = {}
        self._seen = False
        self._check_at = 0.0

    @property
    def enforced(self) -> bool:
        """Whether there is, or was, a key."""
        self._refresh()
        return self._seen

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        """Return the principal of the request's key.

        Returns:
            ``None`` if the request has no API key, or the file has none.

        Raises:
            AuthenticationError: The key is wrong or revoked.
            StorageFailed: The file of keys is damaged; all keys are refused.
        """
        self._refresh()
        text = _sent_key(credentials.headers)
        if text is None or not self._seen:
            return None
        key = self._keys.get(id_of(text) or "")
        if key is None or not key.matches(text) or key.revoked_at is not None:
            raise AuthenticationError(
                "The API key is not valid.",
                hint="Ask the administrator for a new one ('pdfsluice keys add NAME').",
            )
        return key.principal

    def _refresh(self) -> None:
        """Read the file again if it has changed since the last check."""
        now = time.monotonic()
        if now < self._check_at:
            return
        state = self._file.state()
        if state != self._state:
            self._seen = self._seen or state is not None
            self._keys = {}  # the earlier content of a damaged file admits no caller
            self._keys = {key.id: key for key in self._file.read()}
            self._state = state
        self._check_at = now + self._check_interval


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
