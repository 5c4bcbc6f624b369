"""Request bodies as slices for the pipeline: guarded against silence, trickles and lies.

A body is never held whole. Whoever reads it says so to a client that waits for leave
(``Expect: 100-continue``, RFC 9110, 10.1.1) with the first read, thus not before the
request was authorised and admitted.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from types import TracebackType
from typing import Self

from aiohttp import ClientPayloadError, StreamReader, hdrs, web
from aiohttp.http import HttpVersion11
from aiohttp.web_protocol import RequestPayloadError

from pdfsluice.config import Settings
from pdfsluice.core.errors import BodyIncomplete, BodyTimeout, SizeExceeded
from pdfsluice.core.models import Checksum
from pdfsluice.core.uploads.receiving import Part

from .aiohttp_private import read_rest
from .connection import Connection
from .socket_body import BUFFERS, Receiver, take_over

_BROKEN = (OSError, ClientPayloadError, RequestPayloadError)
"""A connection that breaks says ``ConnectionError``, or that a host is out of reach."""
_LOOKS_PER_TIMEOUT = 4
_GATHER_BYTES = 64 * 1024
_GATHER_SECONDS = 0.25
_SKIPPED_BYTES = 1024 * 1024
_LINGER_BYTES = 16 * 1024 * 1024
_LINGER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How slowly a body may come.

    Attributes:
        idle_timeout: Seconds of silence after which the body is given up.
        minimum_rate: Bytes per second below which it is given up; counts once the server
            has waited for ``idle_timeout`` seconds in all. 0 for no limit.
    """

    idle_timeout: float
    minimum_rate: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Take the limits from the settings."""
        return cls(settings.body_idle_timeout.total_seconds(), settings.body_minimum_rate)


class BodyReader:
    """Reads a request's body within limits; use as a context manager.

    Only time spent waiting for the client counts: a pipeline that is slow to take the
    bytes costs the client nothing. One timer looks at the clock a few times in
    ``idle_timeout``, because a timeout around every read would cost as much as the read.
    """

    def __init__(self, request: web.Request, limits: BodyLimits) -> None:
        self._request = request
        self._content = request.content
        self._receiver: Receiver | None = None
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._waiting_since: float | None = None
        self._waited = 0.0

    def __enter__(self) -> Self:
        self._arm()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._receiver is not None:
            self._receiver.close()

    @property
    def received(self) -> int:
        """How many bytes of the body have come."""
        if self._receiver is not None:
            return (self._request.content_length or 0) - self._receiver.rest
        return self._content.total_bytes

    async def read(self) -> bytes:
        """Return the bytes that are there, waiting for the first; empty at the end.

        Raises:
            BodyIncomplete: The client broke off.
            BodyTimeout: The client is too slow.
        """
        await allow_body(self._request)
        try:
            with self._waiting():
                return await self._content.readany()
        except BodyIncomplete:
            # aiohttp keeps what came before the connection broke but hands nothing out once
            # it is lost. A client on a line that breaks often would never get any further.
            if rest := read_rest(self._content):
                return rest
            raise

    async def parts(self, max_bytes: int) -> AsyncGenerator[Part]:
        """Yield the body from here on, for worker threads: a large one past aiohttp.

        Args:
            max_bytes: Most bytes that a part of a large body may have.

        Raises:
            BodyIncomplete: The client broke off.
            BodyTimeout: The client is too slow.
        """
        await allow_body(self._request)
        head, self._receiver = take_over(self._request, self._request.app[BUFFERS])
        if self._receiver is not None:
            yield chain(head, self._receiver.read(max_bytes))
            while self._receiver.rest:
                with self._waiting():
                    await self._receiver.ready()
                yield self._receiver.read(max_bytes)
            return
        if head:
            yield head
        async for gathered in self._gathered():
            yield gathered

    async def _gathered(self) -> AsyncGenerator[Part]:
        """Yield what aiohttp hands on, enough at a time to be worth a worker's while."""
        while data := await self.read():
            gathered, size = [data], len(data)
            # A failure waits until what came before it is handed on; the next read meets it.
            with suppress(TimeoutError, BodyIncomplete, BodyTimeout):
                async with asyncio.timeout(_GATHER_SECONDS):
                    while size < _GATHER_BYTES and not self._content.at_eof():
                        gathered.append(await self.read())
                        size += len(gathered[-1])
            yield gathered

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Count the time that the client lets us wait."""
        self._waiting_since = began = self._loop.time()
        try:
            yield
        except _BROKEN as error:
            raise BodyIncomplete(
                f"the body broke off after {self.received} bytes",
                hint="Ask for the session's state and go on from there.",
                details={"received": self.received},
            ) from error
        finally:
            self._waiting_since = None
            self._waited += self._loop.time() - began

    def _arm(self) -> None:
        delay = self._limits.idle_timeout / _LOOKS_PER_TIMEOUT
        self._timer = self._loop.call_later(delay, self._look)

    def _look(self) -> None:
        reason = self._too_slow()
        if reason is None:
            self._arm()
            return
        # wakes whoever waits for the body with this error
        (self._receiver or self._content).set_exception(
            BodyTimeout(
                reason,
                hint="Send the rest in a new request; smaller chunks help on a slow line.",
                details={"received": self.received},
            )
        )

    def _too_slow(self) -> str | None:
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


class RawBody:
    """A body that is nothing but the bytes of a chunk."""

    def __init__(
        self, request: web.Request, limits: BodyLimits, *, checksum: Checksum | None = None
    ) -> None:
        self._request = request
        self._limits = limits
        self.checksum = checksum

    async def parts(self, max_bytes: int) -> AsyncGenerator[Part]:
        """Yield the bytes as they come.

        Raises:
            BodyIncomplete: The client broke off.
            BodyTimeout: The client is too slow.
        """
        with BodyReader(self._request, self._limits) as reader:
            async with aclosing(reader.parts(max_bytes)) as parts:
                async for part in parts:
                    yield part


async def read_small(request: web.Request, limits: BodyLimits, *, most: int) -> bytes:
    """Return a whole body that has to be small (JSON, metadata).

    Raises:
        SizeExceeded: It is longer than ``most`` bytes; no more than that was kept.
        BodyIncomplete: The client broke off.
        BodyTimeout: The client is too slow.
    """
    too_long = SizeExceeded(f"the body may have {most} bytes at most", details={"max_length": most})
    if (request.content_length or 0) > most:
        raise too_long
    content = bytearray()
    with BodyReader(request, limits) as reader:
        while data := await reader.read():
            content += data
            if len(content) > most:
                raise too_long
    return bytes(content)


async def withhold_continue(request: web.Request) -> None:
    """Answer ``Expect`` only when the body is read: the ``expect_handler`` of every route."""
    del request


async def allow_body(request: web.Request) -> None:
    """Send ``100 Continue``, once, to a client that waits for it."""
    if CONTINUED in request or hdrs.EXPECT not in request.headers:
        return
    request[CONTINUED] = True
    if request.version == HttpVersion11 and not request.content.total_bytes:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # or aiohttp takes the answer for begun


CONTINUED = web.RequestKey("CONTINUED", bool)
"""Set when the client was told to send its body."""


async def answer_before_body(request: web.Request, response: web.Response) -> None:
    """Send an answer that ends a request early, and deal with the body that is still coming.

    A short rest is left to be skipped, and the connection goes on. Otherwise our side is
    closed behind the answer and what comes is thrown away for a moment: closing at once
    would reset the connection, and many clients would lose the answer (RFC 9112, 9.6). A
    client that goes on sending without looking finds the connection closed.
    """
    content = request.content
    lost = isinstance(request.protocol, Connection) and request.protocol.lost_track
    if (content.is_eof() and not lost) or request.transport is None:
        return
    waits = hdrs.EXPECT in request.headers and CONTINUED not in request
    length = request.content_length
    short = length is not None and length - content.total_bytes <= _SKIPPED_BYTES
    if short and not waits and not lost and content.exception() is None:
        return
    response.force_close()
    await response.prepare(request)
    await response.write_eof()
    transport = request.transport
    if transport is not None and content.exception() is None:
        if transport.can_write_eof():
            with suppress(OSError):  # the client may be gone by now
                transport.write_eof()
        await _throw_away(content)
    request.protocol.force_close()


async def _throw_away(content: StreamReader) -> None:
    thrown = 0
    with suppress(TimeoutError, *_BROKEN):
        async with asyncio.timeout(_LINGER_SECONDS):
            while not content.is_eof() and thrown < _LINGER_BYTES:
                thrown += len(await content.readany())
