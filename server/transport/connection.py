"""aiohttp's HTTP connection, with our answers to malformed requests."""

import logging
import re
import uuid
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import BadHttpMethod, LineTooLong
from aiohttp.web_protocol import RequestHandler

from pdfsluice.server.problems import (
    FieldsTooLarge,
    MethodNotImplemented,
    UriTooLong,
    internal_problem,
    problem,
    problem_of_status,
)

from .aiohttp_private import is_drained, missing, renew_parser, server_options
from .mounting import without_prefix

logger = logging.getLogger(__name__)

MAX_READ_BUFFER = 64 * 1024
"""Bytes of a body that may wait to be read before the client has to wait."""
MAX_URI_BYTES = 8 * 1024
MAX_FIELD_BYTES = 16 * 1024
"""Bytes of a header field; one that joins tus parts names each of them."""
_LINGER_TIMEOUT = 10.0
_KEEP_ALIVE_TIMEOUT = 75.0
_REQUEST_LINE = re.compile(
    r"\n  b(?P<quote>['\"])(?P<method>[A-Za-z][A-Za-z0-9_-]{0,31}) [^ ]+ HTTP/1\.[01](?P=quote)\n"
)
"""A request line (RFC 9112, 3), as the parser quotes it when it refuses the method."""


class Runner(web.AppRunner):
    """A runner of the application on our kind of connections."""

    def __init__(
        self,
        app: web.Application,
        *,
        access_log: type[AbstractAccessLogger],
        shutdown_timeout: float,
        root_path: str = "",
    ) -> None:
        super().__init__(
            app,
            access_log_class=access_log,
            access_log=logging.getLogger("pdfsluice.server.access"),
            logger=logger,
            auto_decompress=False,
            keepalive_timeout=_KEEP_ALIVE_TIMEOUT,
            lingering_time=_LINGER_TIMEOUT,
            max_line_size=MAX_URI_BYTES,
            max_field_size=MAX_FIELD_BYTES,
            read_bufsize=MAX_READ_BUFFER,
            shutdown_timeout=shutdown_timeout,
        )
        self._root_path = root_path

    async def _make_server(self) -> web.Server:
        """Replace the factory of connections; aiohttp has no public way to choose it."""
        server = await super()._make_server()
        if absent := missing():
            logger.warning("large bodies are received more slowly: aiohttp lacks %s", absent)
            return server
        options = server_options(server)
        factory = without_prefix(server.request_factory, self._root_path)
        return _Server(server.request_handler, request_factory=factory, **options)


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)


class Connection(RequestHandler):
    """A connection that answers with problems also outside the application.

    Attributes:
        lost_track: Whether part of a body was read past aiohttp and the rest was not, so that
            no further request can be read.
    """

    __slots__ = ("lost_track",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lost_track = False

    @property
    def drained(self) -> bool:
        """Whether nothing that the socket gave waits to be parsed."""
        return is_drained(self)

    def forget_body(self) -> None:
        """Expect the next request: a worker has read the body of this one to its end."""
        renew_parser(self, MAX_READ_BUFFER)

    def lose_track(self) -> None:
        """Read no further request: part of the body of this one was read past aiohttp."""
        self.lost_track = True

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to a request that is malformed, or whose handling broke.

        Raises:
            ConnectionError: The client has left, or a part of the answer was sent already.
        """
        is_lost = self.transport is None or self.transport.is_closing()
        if isinstance(exc, ConnectionError) and (is_lost or _has_begun(request)):
            raise exc
        request_id = uuid.uuid4().hex
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("unexpected error", exc_info=exc, extra={"request_id": request_id})
            response = internal_problem(request_id)
        elif isinstance(exc, LineTooLong):
            # its message repeats the bytes, which may be a key
            response = problem(_too_long(exc), request_id)
        elif method := _unknown_method(exc):
            response = problem(_not_implemented(method), request_id)
        else:
            reason = (message or "").strip().split("\n")[0].rstrip(":")[:200]
            logger.info("malformed request: %s", reason, extra={"request_id": request_id})
            response = problem_of_status(
                status,
                message=f"the request is not HTTP as it should be: {reason}",
                request_id=request_id,
            )
        refuse_second_answer(request, exc)
        response.force_close()
        return response


def _unknown_method(error: BaseException | None) -> str:
    """Return the method that the parser does not know; empty for other errors.

    What is no request line at all, such as TLS on a port for HTTP, is malformed instead.
    """
    match = _REQUEST_LINE.search(error.message) if isinstance(error, BadHttpMethod) else None
    return match["method"] if match else ""


def _not_implemented(method: str) -> MethodNotImplemented:
    """Return the error of a method that no path knows (RFC 9110, 9.1)."""
    hint = "See /docs for the methods of each path."
    if method != method.upper():
        hint = f"Methods are case-sensitive: write {method.upper()}. {hint}"
    return MethodNotImplemented(f"the server does not know the method {method}", hint=hint)


def _too_long(error: LineTooLong) -> FieldsTooLarge | UriTooLong:
    """Return the error of a line (RFC 9112, 3) or of a header field (RFC 6585, 5)."""
    if MAX_FIELD_BYTES in error.args:
        return FieldsTooLarge(f"a header field is longer than {MAX_FIELD_BYTES} bytes")
    return UriTooLong(f"the address of the request is longer than {MAX_URI_BYTES} bytes")


def refuse_second_answer(request: web.BaseRequest, error: BaseException | None) -> None:
    """Abort the connection if a part of the answer was sent: it cannot be replaced.

    Further bytes would be read as the rest of that answer. To close the connection before the
    announced end shows the client that the answer is incomplete (RFC 9112, 8).

    Raises:
        ConnectionError: A part of the answer was sent.
    """
    if _has_begun(request):
        request.protocol.force_close()
        raise ConnectionError("the answer broke off half-way") from error


def _has_begun(request: web.BaseRequest) -> bool:
    return request.writer.output_size > 0
