"""How many connections each account has, and how many it may have."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pdfsluice.core.errors import Overloaded, RateLimited
from pdfsluice.core.models.sessions import Principal, Scope

_RETRY_AFTER_SECONDS = 1.0


@dataclass(slots=True)
class Connections:
    """The requests and WebSockets of each account that this process answers.

    Attributes:
        limit_of: Returns how many an account may have; ``None`` for any number.
    """

    limit_of: Callable[[str], int | None]
    _open: Counter[str] = field(default_factory=Counter)

    def of(self, account: str) -> int:
        """Return how many connections an account has now."""
        return self._open.get(account, 0)

    @contextmanager
    def admitted(self, principal: Principal, *, tus: bool = False) -> Iterator[None]:
        """Count a request while the context is open.

        Administrators are counted and never refused: they could not change a limit of 0.

        Args:
            principal: The caller.
            tus: Whether a tus client sent it, which would give up after status 429.

        Raises:
            RateLimited: The account has as many as it may have.
            Overloaded: The same, for a tus client.
        """
        account = principal.account
        limit = None if principal.may(Scope.ADMIN) else self.limit_of(account)
        if limit is not None and self._open[account] >= limit:
            raise (Overloaded if tus else RateLimited)(
                f"the account {account} has {limit} connections, as many as it may have",
                retry_after=_RETRY_AFTER_SECONDS,
                hint="Send fewer requests at the same time; GET /api/quota shows the limit.",
            )
        self._open[account] += 1
        try:
            yield
        finally:
            self._open[account] -= 1
            if not self._open[account]:
                del self._open[account]
