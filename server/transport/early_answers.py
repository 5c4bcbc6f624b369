"""Sends answers to requests whose body is still arriving."""

import asyncio
from contextlib import suppress

from aiohttp import StreamReader, web

from .body import BROKEN
from .connection import Connection
from .expectations import withholds_body

_MAX_SKIPPED_BYTES = 1024 * 1024
_MAX_LINGER_BYTES = 16 * 1024 * 1024
_LINGER_TIMEOUT = 10.0


async def answer_before_body(request: web.Request, response: web.Response) -> None:
    """Send an answer that ends a request early; handle the rest of its body.

    A short rest is skipped by aiohttp, and the connection stays open. Otherwise the server
    closes its side after the answer and discards for a moment what arrives. To close both
    sides immediately would reset the connection, and many clients would lose the answer
    (RFC 9112, 9.6). A client that continues to send finds the connection closed.
    """
    content = request.content
    lost = isinstance(request.protocol, Connection) and request.protocol.lost_track
    if (content.is_eof() and not lost) or request.transport is None:
        return
    length = request.content_length
    short = length is not None and length - content.total_bytes <= _MAX_SKIPPED_BYTES
    if short and not withholds_body(request) and not lost and content.exception() is None:
        return
    response.force_close()
    await response.prepare(request)
    await response.write_eof()
    transport = request.transport
    if transport is not None and content.exception() is None:
        if transport.can_write_eof():
            with suppress(OSError):  # the client may have left
                transport.write_eof()
        await _discard(content)
    request.protocol.force_close()


async def _discard(content: StreamReader) -> None:
    discarded = 0
    with suppress(TimeoutError, *BROKEN):
        async with asyncio.timeout(_LINGER_TIMEOUT):
            while not content.is_eof() and discarded < _MAX_LINGER_BYTES:
                discarded += len(await content.readany())
