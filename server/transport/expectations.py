"""Send ``100 Continue`` when a body is read, not earlier (RFC 9110, 10.1.1)."""

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion11

_CONTINUED = web.RequestKey("_CONTINUED", bool)
"""Set when the client has been allowed to send its body."""


async def withhold_continue(request: web.Request) -> None:
    """Leave ``Expect`` to the reader of the body: every route's ``expect_handler``."""
    del request


async def allow_body(request: web.Request) -> None:
    """Send ``100 Continue``, once, to a client that waits for it."""
    if not withholds_body(request):
        return
    request[_CONTINUED] = True
    if request.version == HttpVersion11 and not request.content.total_bytes:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # or aiohttp regards the answer as begun


def withholds_body(request: web.Request) -> bool:
    """Return whether the client waits for permission to send its body."""
    return hdrs.EXPECT in request.headers and _CONTINUED not in request
