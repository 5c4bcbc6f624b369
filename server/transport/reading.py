"""Request bodies: in parts for the pipeline, or whole if they must be small.

A large body is never held whole. A client that waits for permission to send (``Expect:
100-continue``, RFC 9110, 10.1.1) receives it when its body is opened, thus only after the
request was authorized and admitted.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from aiohttp import web

from pdfsluice.core.errors import SizeExceeded
from pdfsluice.core.models.sessions import Checksum
from pdfsluice.core.uploads.receiving import Part

from .body import BodyLimits, RequestBody
from .expectations import allow_body
from .receiver import BUFFERS
from .socket_body import SocketBody, take_over
from .stream_body import StreamBody


@asynccontextmanager
async def open_body(request: web.Request, limits: BodyLimits) -> AsyncIterator[RequestBody]:
    """Open the body of a request: a large one past aiohttp, any other through it.

    Args:
        request: The request; no handler has read its body.
        limits: How slowly the body may arrive.
    """
    await allow_body(request)
    head, receiver = take_over(request, request.app[BUFFERS])
    body: RequestBody = (
        StreamBody(request.content, limits, head)
        if receiver is None
        else SocketBody(receiver, limits, head)
    )
    try:
        yield body
    finally:
        body.close()


class RawBody:
    """A body that consists of the bytes of a chunk and nothing else."""

    def __init__(
        self, request: web.Request, limits: BodyLimits, *, checksum: Checksum | None = None
    ) -> None:
        self._request = request
        self._limits = limits
        self.checksum = checksum
        self.coded_bytes = None

    async def parts(self, max_bytes: int) -> AsyncGenerator[Part]:
        """Yield the bytes as they arrive.

        Raises:
            BodyIncomplete: The connection broke.
            BodyTimeout: The client is too slow.
        """
        async with (
            open_body(self._request, self._limits) as body,
            aclosing(body.parts(max_bytes)) as parts,
        ):
            async for part in parts:
                yield part


async def read_small(request: web.Request, limits: BodyLimits, *, max_size: int) -> bytes:
    """Return a whole body that has to be small (JSON, metadata).

    Raises:
        SizeExceeded: It has more than ``max_size`` bytes; no more than that was kept.
        BodyIncomplete: The connection broke.
        BodyTimeout: The client is too slow.
    """
    too_long = SizeExceeded(
        f"the body may have {max_size} bytes at most", details={"max_length": max_size}
    )
    if (request.content_length or 0) > max_size:
        raise too_long
    content = bytearray()
    async with open_body(request, limits) as body:
        while data := await body.read():
            content += data
            if len(content) > max_size:
                raise too_long
    return bytes(content)
