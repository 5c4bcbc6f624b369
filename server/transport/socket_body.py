"""A large body that worker threads read from the socket, past aiohttp."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from itertools import chain
from typing import Final

from aiohttp import hdrs, web

from pdfsluice.core.uploads.receiving import Part

from .body import BodyLimits, RequestBody
from .connection import Connection
from .receiver import Buffers, Receiver

MIN_REST: Final = 256 * 1024
"""A body of which fewer bytes are still to come is not worth the change."""


class SocketBody(RequestBody):
    """A body read from the socket; see :class:`.body.RequestBody`.

    Args:
        receiver: Reads the bytes that aiohttp has not read.
        limits: How slowly they may arrive.
        head: What aiohttp has read of the body.
    """

    def __init__(self, receiver: Receiver, limits: BodyLimits, head: Sequence[bytes]) -> None:
        super().__init__(limits)
        self._receiver = receiver
        self._head = deque(head)
        self._length = sum(map(len, head)) + receiver.rest

    @property
    def received(self) -> int:
        """How many bytes of the body have arrived."""
        return self._length - self._receiver.rest

    async def read(self) -> bytes:
        """Return some bytes, waiting for the first; empty at the end.

        Raises:
            BodyIncomplete: The connection broke.
            BodyTimeout: The client is too slow.
        """
        if self._head:
            return self._head.popleft()
        if not self._receiver.rest:
            return b""
        with self._waiting():
            return await self._receiver.read_head()

    async def parts(self, max_bytes: int) -> AsyncGenerator[Part]:
        """Yield the rest of the body; a worker that iterates over a part reads the socket.

        Args:
            max_bytes: Upper bound for the bytes of one part.

        Raises:
            BodyIncomplete: The connection broke.
            BodyTimeout: The client is too slow.
        """
        yield chain(self._head, self._receiver.read(max_bytes))
        while self._receiver.rest:
            with self._waiting():
                await self._receiver.ready()
            yield self._receiver.read(max_bytes)

    def fail(self, error: Exception) -> None:
        """End the reading with an error; a waiting reader receives it."""
        self._receiver.set_exception(error)

    def close(self) -> None:
        """Stop the timer and return the connection to aiohttp."""
        super().close()
        self._receiver.close()


def take_over(request: web.Request, buffers: Buffers) -> tuple[Sequence[bytes], Receiver | None]:
    """Take the rest of a body over from aiohttp, if it is large enough.

    Returns:
        What aiohttp has read of the body, and the receiver of the rest; ``None`` if aiohttp
        continues to read it.
    """
    connection, transport, content = request.protocol, request.transport, request.content
    if (
        not isinstance(connection, Connection)
        or not isinstance(transport, asyncio.Transport)
        or transport.get_extra_info("sslcontext") is not None
        or request.content_length is None
        or hdrs.TRANSFER_ENCODING in request.headers
        or content.exception() is not None
        or request.content_length - content.total_bytes < MIN_REST
    ):
        return [], None
    head = []
    while data := content.read_nowait():
        head.append(data)
    rest = request.content_length - content.total_bytes
    if rest < MIN_REST or not connection.drained or transport.is_closing():
        return head, None
    try:
        return head, Receiver(connection, transport, content, rest, buffers)
    except OSError:  # no descriptor is left; aiohttp needs none
        return head, None
