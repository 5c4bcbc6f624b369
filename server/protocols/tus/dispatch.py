"""Dispatch of tus requests, and the statuses that tus clients understand."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import hdrs, web

from pdfsluice.core.errors import (
    ChecksumMismatch,
    DuplicateDocument,
    PdfsluiceError,
    ProtocolError,
)
from pdfsluice.server.problems import MethodNotAllowed, status_of
from pdfsluice.server.protocols import appending
from pdfsluice.server.transport.early_answers import answer_before_body
from pdfsluice.server.transport.framing import effective_method

PREFIX: Final = "/files"
VERSION: Final = "1.0.0"
Handler = Callable[[web.Request], Awaitable[web.Response]]

_RETRIED: Final = frozenset({409, 423})  # the statuses below 500 after which clients try again


class UnsupportedVersion(ProtocolError):
    """The client does not use the version of tus that the server supports."""

    code = "unsupported-protocol-version"


def dispatcher(handlers: Mapping[str, Handler]) -> Handler:
    """Return one handler for a URL that chooses among those of its methods."""

    async def dispatch(request: web.Request) -> web.Response:
        method = effective_method(request)  # the router has seen the real one only
        try:
            handler = handlers.get(method)
            if handler is None:
                raise MethodNotAllowed(f"{method[:20]} is not a method of this URL")
            _check_version(request)
            return await handler(request)
        except PdfsluiceError as error:
            response = _refusal(error, request, allow=", ".join(handlers))
            await answer_before_body(request, response)
            return response

    return dispatch


def _check_version(request: web.Request) -> None:
    """Core Protocol, Tus-Resumable."""
    version = request.headers.get("Tus-Resumable")
    if version != VERSION:
        raise UnsupportedVersion(
            f"Tus-Resumable is {version[:20]!r}" if version else "Tus-Resumable is missing",
            hint=f"This server supports version {VERSION}.",
        )


def _refusal(error: PdfsluiceError, request: web.Request, *, allow: str) -> web.Response:
    """Answer an error with the status that leads a tus client to the right action.

    Clients try again after 409, 423 and 5xx and give up after every other 4xx.
    """
    response = appending.refused(error, request)
    match error:
        case UnsupportedVersion():
            response.headers["Tus-Version"] = VERSION
            return appending.amended(response, 412)
        case ChecksumMismatch():
            return appending.amended(response, 460, reason="Checksum Mismatch")
        case DuplicateDocument():
            return appending.amended(response, 422)
        case MethodNotAllowed():
            response.headers[hdrs.ALLOW] = allow
        case PdfsluiceError(retryable=True) if _is_final(status_of(error)):
            return appending.amended(response, 503)
        case _:
            pass
    return response


def _is_final(status: int) -> bool:
    return 400 <= status < 500 and status not in _RETRIED  # noqa: PLR2004 - the class of 4xx


async def mark_response(request: web.Request, response: web.StreamResponse) -> None:
    """Add ``Tus-Resumable`` to every response, those of the middleware included."""
    if request.path == PREFIX or request.path.startswith(f"{PREFIX}/"):
        response.headers["Tus-Resumable"] = VERSION
