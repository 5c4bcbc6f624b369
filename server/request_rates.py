"""The rate of requests of each principal, and the header fields that report it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pdfsluice.core.errors import Overloaded, RateLimited

_MAX_PRINCIPALS = 10_000
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Standing:
    """How a principal stands after a request.

    Attributes:
        fields: ``RateLimit-Policy`` and ``RateLimit``; none without a limit.
        wait: Seconds until the next request is admitted; 0 if this one is.
    """

    fields: Mapping[str, str]
    wait: float = 0.0

    def check(self, *, tus: bool = False) -> None:
        """Refuse a request that came too early.

        Args:
            tus: Whether a tus client sent it, which would give up after status 429.

        Raises:
            RateLimited: It did.
            Overloaded: The same, for a tus client.
        """
        if self.wait > 0:
            raise (Overloaded if tus else RateLimited)(
                "there are more requests than the rate of this key allows",
                retry_after=self.wait,
                hint="Wait, or send larger chunks. Operators: see the setting request_rate.",
            )


@dataclass(slots=True)
class RequestRates:
    """Admits requests of each principal at a rate, after a burst.

    The generic cell rate algorithm keeps one time for each principal: when its next request is
    due if all keep to the rate. A request that comes earlier than the burst allows is refused,
    and costs the principal nothing.

    Attributes:
        rate: Requests per second; 0 for no limit.
        burst: Requests that may come at the same time.
        clock: Returns the time in seconds.
    """

    rate: float
    burst: int
    clock: Callable[[], float]
    _due: dict[str, float] = field(default_factory=dict)

    def count(self, principal: str, own_rate: float | None = None) -> Standing:
        """Count a request, unless it comes too early.

        Args:
            principal: The id of the caller.
            own_rate: The rate of its key; ``None`` for that of the server.
        """
        rate = self.rate if own_rate is None else own_rate
        if not rate:
            return Standing({})
        now, interval = self.clock(), 1 / rate
        due = max(self._due.get(principal, now), now)
        wait = due - now - (self.burst - 1) * interval
        if wait > _ROUNDING:
            return Standing(self._fields(rate, 0, wait), wait)
        if len(self._due) >= _MAX_PRINCIPALS:
            self._due = {name: moment for name, moment in self._due.items() if moment > now}
        self._due[principal] = due = due + interval
        used = math.ceil((due - now) * rate - _ROUNDING)
        return Standing(self._fields(rate, max(0, self.burst - used), due - now))

    def _fields(self, rate: float, remaining: int, seconds: float) -> Mapping[str, str]:
        """Write the fields of draft-ietf-httpapi-ratelimit-headers."""
        window = max(1, math.ceil(self.burst / rate))
        return {
            "RateLimit-Policy": f'"requests";q={self.burst};w={window}',
            "RateLimit": f'"requests";r={remaining};t={max(1, math.ceil(seconds))}',
        }
