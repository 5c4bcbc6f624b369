"""The port of authenticators: from the credentials of a request to its principal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pdfsluice.core.models import Principal

from .opening import UNOPENED, Opener


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
    """Finds the principal of a request."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorSpec:
    """Registers an authenticator.

    Attributes:
        authenticator: The authenticator; called for every request.
        open: Opens the authenticator when the program starts and closes it when the program ends;
            given in place of ``authenticator`` if the authenticator holds processes or connections.
    """

    name: str
    authenticator: Authenticator = UNOPENED
    open: Opener[Authenticator] | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
