"""Who calls: what a request says of its sender, and the plugins that find the principal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pdfsluice.core.models import Principal

from .opening import UNOPENED, Opener


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a request shows of its sender.

    Attributes:
        headers: Header fields, names in lower case.
        query: Query parameters.
        remote: Address of the peer.
    """

    headers: Mapping[str, str]
    query: Mapping[str, str]
    remote: str


class Authenticator(Protocol):
    """Tells who calls."""

    @property
    def enforced(self) -> bool:
        """Whether callers without credentials are turned away.

        While no authenticator enforces anything, the server listens on loopback only.
        """
        ...

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        """Return the principal, or ``None`` to leave the question to the next authenticator.

        Raises:
            AuthenticationError: Credentials of this authenticator's kind are there and wrong.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorSpec:
    """Registers an authenticator.

    Attributes:
        authenticator: The authenticator; asked for every request.
        open: Opens the authenticator when the program starts and closes it when the program ends;
            given in place of ``authenticator`` if the authenticator holds processes or connections.
    """

    name: str
    authenticator: Authenticator = UNOPENED
    open: Opener[Authenticator] | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
