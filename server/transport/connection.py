"""The HTTP machinery under the application: aiohttp's, with our answers to malformed requests."""

import logging
import uuid
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from pdfsluice.server.logs import AccessLogger
from pdfsluice.server.problems import internal_problem, problem_of_status

from .aiohttp_private import is_drained, missing, renew_parser, server_options
from .mounting import without_prefix

logger = logging.getLogger(__name__)

READ_BUFFER = 64 * 1024
"""Bytes of a body that may wait to be read before the client is slowed down."""
_LINGER_SECONDS = 10.0
_KEEP_ALIVE_SECONDS = 75.0


class Runner(web.AppRunner):
    """Runs the application on our kind of connections."""

    def __init__(
        self, app: web.Application, *, shutdown_timeout: float, root_path: str = ""
    ) -> None:
        super().__init__(
            app,
            access_log_class=AccessLogger,
            access_log=logging.getLogger("pdfsluice.server.transport.origins"),
            logger=logger,
            auto_decompress=False,
            keepalive_timeout=_KEEP_ALIVE_SECONDS,
            lingering_time=_LINGER_SECONDS,
            read_bufsize=READ_BUFFER,
            shutdown_timeout=shutdown_timeout,
        )
        self._root_path = root_path

    async def _make_server(self) -> web.Server:
        """Replace the factory of connections; aiohttp has no public way to choose it."""
        made = await super()._make_server()
        if absent := missing():
            logger.warning("large bodies are received more slowly: aiohttp lacks %s", absent)
            return made
        options = server_options(made)
        factory = without_prefix(made.request_factory, self._root_path)
        return _Server(made.request_handler, request_factory=factory, **options)


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)


class Connection(RequestHandler):
    """Answers with problems also where no application is asked; lends out its transport.

    Attributes:
        lost_track: Whether part of a body was read by somebody else and nobody knows what
            comes next, so that no further request can be read.
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
        renew_parser(self, READ_BUFFER)

    def lose_track(self) -> None:
        """Read no further request: somebody else has given up this one's body half-way."""
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
            ConnectionError: Nobody is left to answer, or a part of the answer has gone already.
        """
        alone = self.transport is None or self.transport.is_closing()
        if isinstance(exc, ConnectionError) and (alone or _has_begun(request)):
            raise exc
        request_id = uuid.uuid4().hex
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("unexpected error", exc_info=exc, extra={"request_id": request_id})
            response = internal_problem(request_id)
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


def refuse_second_answer(request: web.BaseRequest, error: BaseException | None) -> None:
    """Break the connection off if a part of the answer has gone: it cannot be made good.

    Whatever followed would be taken for the rest of that answer. A connection that is closed
    before the announced end tells the client that the answer is not whole (RFC 9112, 8).

    Raises:
        ConnectionError: A part of the answer has gone.
    """
    if _has_begun(request):
        request.protocol.force_close()
        raise ConnectionError("the answer broke off half-way") from error


def _has_begun(request: web.BaseRequest) -> bool:
    return request.writer.output_size > 0
