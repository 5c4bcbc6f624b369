"""The rate of requests of each principal, and the header fields that report it."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pdfsluice.core.errors import Overloaded, RateLimited
from pdfsluice.core.plugins.ports.rates import RateClocks

_MAX_PRINCIPALS = 10_000
_RESERVED_SECONDS = 0.25
_RESERVED_SHARE = 4
"""A node reserves at most this part of a burst at a time."""
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


@dataclass(slots=True, eq=False)
class _Lease:
    """Requests of a principal that this node has reserved.

    Attributes:
        remaining: How many are left.
        due: When the rate has made up for all that was reserved.
        refused_until: Until when none can be reserved.
        turn: One request at a time reserves.
    """

    remaining: int = 0
    due: float = 0.0
    refused_until: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def is_used(self, now: float) -> bool:
        """Return whether the next requests depend on it."""
        return self.turn.locked() or max(self.due, self.refused_until) > now


@dataclass(slots=True)
class RequestRates:
    """The admission of each principal's requests at a rate, after a burst.

    The generic cell rate algorithm keeps one time for each principal: when its next request is
    due if all keep to the rate. A request that comes earlier than the burst allows is refused,
    and costs the principal nothing.

    Attributes:
        rate: Requests per second; 0 for no limit.
        burst: Requests that may come at the same time.
        clock: Returns the time in seconds.
        shared_clocks: Returns the clocks of all nodes; ``None`` while this one is alone.
    """

    rate: float
    burst: int
    clock: Callable[[], float]
    shared_clocks: Callable[[], RateClocks | None] = lambda: None
    _due: dict[str, float] = field(default_factory=dict)
    _leases: dict[str, "_Lease"] = field(default_factory=dict)

    async def admit(self, principal: str, own_rate: float | None = None) -> Standing:
        """Count a request, at all nodes together if there are others.

        Args:
            principal: The id of the caller.
            own_rate: The rate of its key; ``None`` for that of the server.

        Raises:
            StorageFailed: The session store, which keeps the rate of all nodes, failed.
        """
        clocks = self.shared_clocks()
        rate = self.rate if own_rate is None else own_rate
        if clocks is None or not rate:
            return self.count(principal, own_rate)
        if len(self._leases) >= _MAX_PRINCIPALS:
            now = self.clock()
            self._leases = {
                name: lease for name, lease in self._leases.items() if lease.is_used(now)
            }
        lease = self._leases.setdefault(principal, _Lease())
        async with lease.turn:
            if not lease.remaining and self.clock() >= lease.refused_until:
                await self._reserve(clocks, lease, principal, rate)
            now = self.clock()
            if not lease.remaining:
                wait = max(_ROUNDING, lease.refused_until - now)
                return Standing(self._fields(rate, 0, wait), wait)
            lease.remaining -= 1
            used = math.ceil((lease.due - now) * rate - _ROUNDING) - lease.remaining
            return Standing(self._fields(rate, max(0, self.burst - used), lease.due - now))

    async def _reserve(
        self, clocks: RateClocks, lease: "_Lease", principal: str, rate: float
    ) -> None:
        """Reserve the next requests of a principal, or note until when there are none."""
        number = max(1, min(int(rate * _RESERVED_SECONDS), self.burst // _RESERVED_SHARE))
        max_wait = (self.burst - number) / rate
        name = f"requests of {principal}"
        reservation = await clocks.reserve(name, number / rate, max_wait=max_wait)
        begins_at = self.clock() + reservation.wait
        if reservation.is_made:
            lease.remaining = number
            lease.due = begins_at + number / rate
        else:
            lease.refused_until = begins_at - max_wait

    def count(self, principal: str, own_rate: float | None = None) -> Standing:
        """Count a request at this node alone, unless it comes too early.

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
