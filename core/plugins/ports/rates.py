"""The port of rates over all nodes: clocks that they share.

A session store that keeps such clocks has an attribute ``rates``. A clock is a time: when all that
its nodes have reserved will have passed at the rate. So the nodes keep to one rate together, and
none has to know how many there are.
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
