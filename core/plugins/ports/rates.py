"""The ports of rates over all nodes: clocks that they share, and limits.

A session store that keeps such clocks has an attribute ``rates``. A clock is a time: when all that
its nodes have reserved will have passed at the rate. So the nodes keep to one rate together, and
none has to know how many there are.

A session store that keeps the limits which administrators set while the server runs has an
attribute ``rate_limits``. All nodes read them.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Reservation:
    """The answer to a wish for time of a clock.

    Attributes:
        wait: Seconds until the time begins, or would begin.
        is_made: Whether the time is reserved.
    """

    wait: float
    is_made: bool = True


class RateClocks(Protocol):
    """Clocks of rates. Every method is atomic."""

    async def reserve(
        self, name: str, seconds: float, *, max_wait: float | None = None
    ) -> Reservation:
        """Reserve time of a clock after all that is reserved, if that is not too late.

        Time that no node has reserved is lost, except for a short gap: a node that asks again a
        moment too late shall not be slower for it.

        Args:
            name: Of the clock; it begins when it is first used.
            seconds: How long what is to pass takes at the rate.
            max_wait: If the time would begin later than this many seconds from now, nothing
                is reserved.
        """
        ...

    async def forget(self) -> None:
        """Delete the clocks that were not used for an hour."""
        ...


@runtime_checkable
class HasRates(Protocol):
    """A session store whose nodes keep rates together."""

    @property
    def rates(self) -> RateClocks:
        """The clocks."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Bytes per second that were set while the server runs.

    0 is no limit, ``None`` stands for that of the settings.

    Attributes:
        session: Of each upload.
        principal: Of all uploads of a principal whose key has no bandwidth of its own.
        server: Of all uploads; each server process keeps its own.
        download: Of each download.
        principal_download: Of all downloads of such a principal.
        server_download: Of all downloads; each server process keeps its own.
    """

    session: int | None = None
    principal: int | None = None
    server: int | None = None
    download: int | None = None
    principal_download: int | None = None
    server_download: int | None = None


class RateLimitStore(Protocol):
    """The limits that were set while the server runs. Every method is atomic."""

    async def limits(self) -> RateLimits:
        """Return the limits."""
        ...

    async def set_limits(self, limits: RateLimits) -> None:
        """Replace the limits; they are durable when it returns."""
        ...


@runtime_checkable
class HasRateLimits(Protocol):
    """A session store that keeps limits of rates."""

    @property
    def rate_limits(self) -> RateLimitStore:
        """The limits."""
        ...
