"""Bandwidth limits for each upload and download, each principal and the server.

A body is paced between its parts: while its turn has not come, nothing more is read of it, or sent,
and TCP slows the client down. No thread waits. The time does not count as the client's slowness.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from pdfsluice.config import Settings
from pdfsluice.core.models.sessions import Principal

from .node_rates import NodeRates
from .rates import FairLimiter

_MIN_PART_BYTES = 16 * 1024
_MAX_PART_BYTES = 1024 * 1024
_MAX_LIMITERS = 256
"""From so many on, those that limit nothing at present are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Bytes per second of files that are received and sent; 0 for no limit.

    Attributes:
        session: Of each upload.
        principal: Of all uploads of a principal whose key has no bandwidth of its own.
        server: Of all uploads.
        download: Of each download.
        principal_download: Of all downloads of such a principal.
        server_download: Of all downloads.
    """

    session: int = 0
    principal: int = 0
    server: int = 0
    download: int = 0
    principal_download: int = 0
    server_download: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the rates of the settings."""
        return cls(
            session=settings.session_rate,
            principal=settings.principal_rate,
            server=settings.server_rate,
            download=settings.download_rate,
            principal_download=settings.principal_download_rate,
            server_download=settings.server_download_rate,
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one direction, in bytes per second; 0 for none."""

    stream: int = 0
    principal: int = 0
    server: int = 0


class Direction:
    """The pace of all uploads, or of all downloads.

    Args:
        name: Of the direction.
        limits: To begin with.
        clock: Returns the time in seconds.
        nodes: Keeps the rates of principals, and of uploads, over all nodes. That of the server
            is one for each node.
    """

    def __init__(
        self, name: str, limits: Limits, clock: Callable[[], float], nodes: NodeRates | None
    ) -> None:
        self._name = name
        self._nodes = nodes
        self._limits = limits
        self._limited = limits != Limits()
        self._clock = clock
        self._server = FairLimiter(limits.server, clock)
        self._principals: dict[str, FairLimiter] = {}
        self._streams: dict[str, FairLimiter] = {}
        self._bandwidths: dict[str, int] = {}  # of principals whose keys have one

    def paced(self, principal: Principal, stream: str) -> "Paced":
        """Return the pace of a body.

        The bandwidth of the principal's key counts for its other bodies as well from now on.

        Args:
            principal: The caller that sends or receives it.
            stream: The upload or download that it belongs to.
        """
        if principal.bandwidth is not None:
            self._bandwidths[principal.id] = principal.bandwidth
        elif self._bandwidths:
            self._bandwidths.pop(principal.id, None)
        return Paced(self, principal.id, stream)

    def change(self, limits: Limits) -> None:
        """Change the limits, also of bodies that are under way."""
        self._limits = limits
        self._limited = limits != Limits()
        self._server.change(limits.server)
        for name, limiter in self._principals.items():
            limiter.change(self._rate_of(name))
        for limiter in self._streams.values():
            limiter.change(limits.stream)

    def part_size(self, principal: str) -> int | None:
        """Return an eighth of a second's worth of bytes; ``None`` without a limit."""
        if not self._limited and not self._bandwidths:
            return None
        limits = self._limits
        rates = [each for each in (limits.stream, self._rate_of(principal), limits.server) if each]
        if not rates:
            return None
        return max(_MIN_PART_BYTES, min(min(rates) // 8, _MAX_PART_BYTES))

    async def take(self, principal: str, stream: str, size: int) -> None:
        """Return when so many bytes of a body may have passed."""
        rate, nodes = self._rate_of(principal), self._nodes
        if nodes is None or nodes.clocks is None:
            await self._take(self._streams, stream, self._limits.stream, "", size)
            await self._take(self._principals, principal, rate, stream, size)
        else:
            await nodes.take(f"{self._name} {stream}", self._limits.stream, size)
            await nodes.take(f"{self._name}s of {principal}", rate, size)
        await self._server.take(principal, size)

    def _rate_of(self, principal: str) -> int:
        return self._bandwidths.get(principal, self._limits.principal)

    async def _take(
        self, limiters: dict[str, FairLimiter], name: str, rate: int, key: str, size: int
    ) -> None:
        if not rate:
            return
        limiter = limiters.get(name)
        if limiter is None:
            limiter = FairLimiter(rate, self._clock)
        elif limiter.rate != rate:
            limiter.change(rate)
        if len(limiters) > _MAX_LIMITERS:
            for idle in [each for each, other in limiters.items() if other.idle]:
                del limiters[idle]
        limiters[name] = limiter
        await limiter.take(key, size)


@dataclass(frozen=True, slots=True)
class Paced:
    """The pace of one body.

    Attributes:
        direction: Of the body.
        principal: The caller that sends or receives it.
        stream: The upload or download that it belongs to.
    """

    direction: Direction
    principal: str
    stream: str

    @property
    def part_size(self) -> int | None:
        """How many bytes may pass before the next turn; ``None`` for any number."""
        return self.direction.part_size(self.principal)

    async def take(self, size: int) -> None:
        """Return when so many bytes may have passed."""
        if size and self.part_size is not None:
            await self.direction.take(self.principal, self.stream, size)


class Pacing:
    """The pace of the bodies of all uploads and downloads.

    Args:
        rates: To begin with.
        clock: Returns the time in seconds.
        nodes: Keeps rates over all nodes.
    """

    def __init__(
        self,
        rates: Rates,
        clock: Callable[[], float] | None = None,
        *,
        nodes: NodeRates | None = None,
    ) -> None:
        clock = clock or (lambda: asyncio.get_running_loop().time())
        self._rates = rates
        self.uploads = Direction("upload", _uploads(rates), clock, nodes)
        self.downloads = Direction("download", _downloads(rates), clock, nodes)

    @property
    def rates(self) -> Rates:
        """The rates that count now."""
        return self._rates

    def change(self, rates: Rates) -> None:
        """Change the rates, also of bodies that are under way."""
        self._rates = rates
        self.uploads.change(_uploads(rates))
        self.downloads.change(_downloads(rates))


def _uploads(rates: Rates) -> Limits:
    return Limits(rates.session, rates.principal, rates.server)


def _downloads(rates: Rates) -> Limits:
    return Limits(rates.download, rates.principal_download, rates.server_download)
