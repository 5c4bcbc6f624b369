"""The port of authenticators: from the credentials of a request to its principal."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from pdfsluice.core.models.sessions import Principal

from .cluster import Cluster
from .opening import UNOPENED, Opener
from .sessions import SessionStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The parts of a request that identify its sender.

    Attributes:
        headers: Header fields, names in lower case.
        query: Query parameters.
        remote: Address of the peer.
    """

    headers: Mapping[str, str]
    query: Mapping[str, str]
    remote: str


class Authenticator(Protocol):
    """A source of the principal of a request."""

    @property
    def enforced(self) -> bool:
        """Whether requests without credentials are refused.

        While no authenticator refuses them, the server listens on loopback only.
        """
        ...

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        """Return the principal, or ``None`` to defer to the next authenticator.

        Raises:
            AuthenticationError: The request has credentials of this kind, and they are wrong.
        """
        ...


class AuthenticatorOpener(Protocol):
    """An opener of an authenticator that uses the session store."""

    def __call__(
        self, sessions: SessionStore, cluster: Cluster, /
    ) -> AbstractAsyncContextManager[Authenticator]:
        """Return the context; entering it yields the authenticator.

        Args:
            sessions: The session store of the settings, which may keep API keys (``HasKeys``).
            cluster: The other nodes, whose hints report that keys have changed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorSpec:
    """Descriptor of an authenticator.

    Attributes:
        authenticator: The authenticator; called for every request.
        open: Opens the authenticator when the program starts and closes it when the program ends;
            given in place of ``authenticator`` if the authenticator holds processes or connections.
        open_with: The same for an authenticator whose credentials are in the session store, so
            that all nodes share them; called when the store is open, in place of ``open``.
    """

    name: str
    authenticator: Authenticator = UNOPENED
    open: Opener[Authenticator] | None = None
    open_with: AuthenticatorOpener | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
