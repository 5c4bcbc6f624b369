"""Runs an ASGI application for one request of aiohttp."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from aiohttp import hdrs, web
from multidict import CIMultiDict

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
_OWN_HEADERS = frozenset({hdrs.CONTENT_LENGTH, hdrs.TRANSFER_ENCODING, hdrs.CONNECTION})


async def respond_by(
    app: App, request: web.Request, body: bytes, extra: Mapping[str, Any]
) -> web.Response:
    """Return the response of an ASGI application (ASGI 3, HTTP), which is held whole.

    Args:
        app: The application.
        request: The request.
        body: Its body.
        extra: Further entries of the scope.
    """
    exchange = _Exchange(body)
    await app({**_scope(request), **extra}, exchange.receive, exchange.send)
    return exchange.response()


class _Exchange:
    """The two channels of one request and its response."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._status = 500
        self._headers: list[tuple[str, str]] = []
        self._parts: list[bytes] = []

    async def receive(self) -> Message:
        """Return the body once; then wait, since responding reveals a disconnect."""
        body, self._body = self._body, None
        if body is None:
            await asyncio.get_running_loop().create_future()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        """Keep the head or a part of the body of the response."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message.get("headers", ())
            ]
        else:
            self._parts.append(message.get("body", b""))

    def response(self) -> web.Response:
        """Return what was sent."""
        headers = CIMultiDict(pair for pair in self._headers if pair[0].title() not in _OWN_HEADERS)
        return web.Response(status=self._status, body=b"".join(self._parts), headers=headers)


def _scope(request: web.Request) -> Message:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": f"{request.version.major}.{request.version.minor}",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": request.rel_url.raw_path.encode(),
        "query_string": request.query_string.encode(),
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.raw_headers],
        "client": None,
        "server": None,
    }
