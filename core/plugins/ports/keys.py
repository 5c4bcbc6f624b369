"""The port of API keys: what is stored of each key, and where all nodes read it.

A session store that keeps API keys has an attribute ``keys``. The authenticator of the keys opens
after the session store, and receives it; see :attr:`.access.AuthenticatorSpec.open_with`.
"""

import hmac
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Protocol, TypeAlias, runtime_checkable

from pdfsluice.core.models.sessions import Principal, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRates:
    """The limits of a key; 0 for no limit, ``None`` for that of the settings.

    Attributes:
        bandwidth: Bytes per second of all uploads, and of all downloads.
        requests: Requests per second.
    """

    bandwidth: int | None = None
    requests: float | None = None


NO_RATES = KeyRates()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """The stored data of a key, without the key itself.

    Attributes:
        id: Public part of the key, for lists and revocation.
        name: Its user. Keys of the same name act for the same principal, so that a key
            can be replaced without losing what was uploaded with it.
        digest: SHA-256 of the whole key, in hexadecimal.
        revoked_at: When it was revoked; ``None`` while it is valid.
        tenant: The tenant for which its uploads count; empty for none.
        rates: Its own limits, which replace those of the settings.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    digest: str
    created_at: datetime
    revoked_at: datetime | None = None
    tenant: str = ""
    rates: KeyRates = NO_RATES

    @property
    def principal(self) -> Principal:
        """The principal that the key stands for."""
        return Principal(
            id=f"key:{self.name}",
            name=self.name,
            scopes=self.scopes,
            tenant=self.tenant,
            bandwidth=self.rates.bandwidth,
            request_rate=self.rates.requests,
        )

    def matches(self, key: str) -> bool:
        """Return whether this is the given key; takes the same time for every wrong key."""
        return hmac.compare_digest(sha256(key.encode()).hexdigest(), self.digest)


KeyChange: TypeAlias = Callable[[Sequence[ApiKey]], Sequence[ApiKey]]
"""Given all keys, returns those to store: new ones, and changed ones under their ids.

It may be called again if a transaction is repeated, on any thread. What it raises reaches the
caller, and nothing is stored.
"""


class KeyStore(Protocol):
    """A store of API keys for all nodes. Every method is atomic."""

    async def state(self) -> Hashable:
        """Return a value that differs after each change; ``None`` without any key.

        Raises:
            StorageFailed: The keys cannot be read.
        """
        ...

    async def keys(self) -> Sequence[ApiKey]:
        """Return all keys, also revoked ones, the oldest first.

        Raises:
            StorageFailed: The keys cannot be read.
        """
        ...

    async def change(self, change: KeyChange) -> Sequence[ApiKey]:
        """Store what a change returns, and return it; other changes wait meanwhile.

        The change survives a power cut. Other nodes receive a hint of the kind
        ``HintKind.KEYS``.
        """
        ...


@runtime_checkable
class HasKeys(Protocol):
    """A session store that keeps API keys."""

    @property
    def keys(self) -> KeyStore:
        """The API keys."""
        ...
