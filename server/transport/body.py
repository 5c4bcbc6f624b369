"""The body of a request as a stream of bytes, within limits of silence and speed.

Two classes read it: :class:`.stream_body.StreamBody` through aiohttp, and
:class:`.socket_body.SocketBody` past aiohttp, from worker threads.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from aiohttp import ClientPayloadError
from aiohttp.web_protocol import RequestPayloadError

from pdfsluice.config import Settings
from pdfsluice.core.errors import BodyIncomplete, BodyTimeout
from pdfsluice.core.uploads.receiving import Part

BROKEN = (OSError, ClientPayloadError, RequestPayloadError)
"""The errors of a broken connection: ``ConnectionError``, or a host that is unreachable."""
_CHECKS_PER_TIMEOUT = 4


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How slowly a body may arrive.

    Attributes:
        idle_timeout: Seconds without a byte after which the body is aborted.
        minimum_rate: Bytes per second below which it is aborted; checked after the server has
            waited for ``idle_timeout`` seconds in total. 0 for no limit.
    """

    idle_timeout: float
    minimum_rate: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read the limits from the settings."""
        return cls(settings.body_idle_timeout.total_seconds(), settings.body_minimum_rate)


class RequestBody(ABC):
    """The bytes of one request; aborted if the client is too slow.

    Only the time spent waiting for the client counts: a pipeline that is slow to accept the
    bytes costs the client nothing. The clock is checked a few times in ``idle_timeout``,
    because a timeout around every read would cost as much as the read.

    Args:
        limits: How slowly the body may arrive.
    """

    def __init__(self, limits: BodyLimits) -> None:
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._waiting_since: float | None = None
        self._waited = 0.0
        self._timer: asyncio.TimerHandle | None = None  # until the client makes the server wait

    @property
    @abstractmethod
    def received(self) -> int:
        """How many bytes of the body have arrived."""

    @abstractmethod
    async def read(self) -> bytes:
        """Return some bytes, waiting for the first; empty at the end.

        Raises:
            BodyIncomplete: The connection broke.
            BodyTimeout: The client is too slow.
        """

    @abstractmethod
    def parts(self, max_bytes: int) -> AsyncGenerator[Part]:
        """Yield the rest of the body, for worker threads.

        Args:
            max_bytes: Upper bound for the bytes of one part.

        Raises:
            BodyIncomplete: The connection broke.
            BodyTimeout: The client is too slow.
        """

    @abstractmethod
    def fail(self, error: Exception) -> None:
        """End the reading with an error; a waiting reader receives it."""

    def close(self) -> None:
        """Stop the timer and return the connection to aiohttp."""
        if self._timer is not None:
            self._timer.cancel()

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Count the time that the client makes the server wait.

        Raises:
            BodyIncomplete: The connection broke.
        """
        if self._timer is None:
            self._timer = self._schedule()
        self._waiting_since = began = self._loop.time()
        try:
            yield
        except BROKEN as error:
            raise BodyIncomplete(
                f"the body broke off after {self.received} bytes",
                hint="Query the state of the session and continue from there.",
                details={"received": self.received},
            ) from error
        finally:
            self._waiting_since = None
            self._waited += self._loop.time() - began

    def _schedule(self) -> asyncio.TimerHandle:
        return self._loop.call_later(self._limits.idle_timeout / _CHECKS_PER_TIMEOUT, self._check)

    def _check(self) -> None:
        reason = self._reason()
        if reason is None:
            self._timer = self._schedule()
            return
        self.fail(
            BodyTimeout(
                reason,
                hint="Send the rest in a new request; use smaller chunks on a slow link.",
                details={"received": self.received},
            )
        )

    def _reason(self) -> str | None:
        """Return why the body is too slow; ``None`` if it is not."""
        if self._waiting_since is None:
            return None
        silence = self._loop.time() - self._waiting_since
        if silence > self._limits.idle_timeout:
            return f"no byte of the body came for {self._limits.idle_timeout:g} seconds"
        waited = self._waited + silence
        rate = self._limits.minimum_rate
        if waited > self._limits.idle_timeout and self.received < rate * waited:
            return f"the body comes more slowly than {rate} bytes a second"
        return None
