"""What every request passes: its id, the access check, and error handling."""

import logging
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

import structlog
from aiohttp import hdrs, web

from pdfsluice.core.errors import PdfsluiceError, PermissionDenied

from .app_keys import (
    CONNECTIONS,
    METRICS,
    PRINCIPAL,
    REQUEST_ID,
    RUNTIME,
)
from .problems import (
    internal_problem,
    of_system,
    problem,
    problem_of_status,
    status_of,
)
from .request_rates import RequestRates
from .routes import access_of, is_compressible
from .transport.connection import refuse_second_answer
from .transport.early_answers import answer_before_body
from .transport.framing import check_body, check_head
from .transport.origins import Origins, credentials

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ORIGINS = web.AppKey("ORIGINS", Origins)
REQUEST_RATES = web.AppKey("REQUEST_RATES", RequestRates)
RATE_FIELDS = web.RequestKey("RATE_FIELDS", Mapping[str, str])
"""What the answer reports about the rate of requests."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SERVER_ERROR = 500
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    hdrs.CACHE_CONTROL: "no-store",
}


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Add an id to the request and its log lines; the client's own if it is harmless."""
    offered = request.headers.get("X-Request-Id", "")
    request_id = offered if _REQUEST_ID.fullmatch(offered) else _new_request_id()
    request[REQUEST_ID] = request_id
    names = {"request_id": request_id}
    if "session_id" in request.match_info:
        names["session_id"] = request.match_info["session_id"][:40]
    tokens = structlog.contextvars.bind_contextvars(**names)
    try:
        return await handler(request)
    finally:
        structlog.contextvars.reset_contextvars(**tokens)


def _new_request_id() -> str:
    """Return a name for log lines; it protects nothing, so it may be guessed."""
    return f"{random.getrandbits(128):032x}"


@web.middleware
async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Measure the time of a request, under the pattern of its path."""
    began = time.monotonic()
    response = await handler(request)
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "(none)"
    seconds = time.monotonic() - began
    request.app[METRICS].answered(request.method, route, response.status, seconds)
    return response


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors into problems, and stop reading a body that is not needed."""
    try:
        return await handler(request)
    except ConnectionError:
        raise  # there is no client to answer
    except Exception as error:  # noqa: BLE001 - every error is logged and answered
        response = _answer_to(error, request[REQUEST_ID])
        refuse_second_answer(request, error)
    await answer_before_body(request, response)
    return response


def _answer_to(error: Exception, request_id: str) -> web.Response:
    """Log an error by its severity and return it as a problem."""
    failure = of_system(error)
    if failure is not None:
        failure.__cause__, error = error, failure
    match error:
        case PdfsluiceError() if status_of(error) >= _SERVER_ERROR:
            # the cause explains more than the line that raised the error
            logger.error("%s: %s", error.code, error.message, exc_info=error.__cause__)
            return problem(error, request_id)
        case PdfsluiceError():
            logger.info("%s: %s", error.code, error.message)
            return problem(error, request_id)
        case web.HTTPException():
            return _http_problem(error, request_id)
        case _:
            logger.error("unexpected error", exc_info=error)
            return internal_problem(request_id)


@web.middleware
async def control_access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer preflights; refuse foreign pages, unknown callers and compressed bodies."""
    check_head(request)
    origins = request.app[ORIGINS]
    preflight = origins.preflight(request)
    if preflight is not None:
        return preflight
    origins.check(request)
    await _authorise(request)
    with await _admission(request):
        settings = request.app[RUNTIME].settings
        check_body(request, settings.chunk_codings if is_compressible(request) else ())
        return await handler(request)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add what every answer carries; a handler's own values win."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers[hdrs.SERVER] = "pdfsluice"  # aiohttp has put its own there by now
    if REQUEST_ID in request:
        response.headers["X-Request-Id"] = request[REQUEST_ID]
    response.headers.update(request.get(RATE_FIELDS, {}))
    response.headers.update(request.app[ORIGINS].headers(request))
    if request.app[ORIGINS].allowed:
        response.headers.add(hdrs.VARY, hdrs.ORIGIN)


async def _admission(request: web.Request) -> AbstractContextManager[None]:
    """Count a request; return what counts its connection while it is open.

    Raises:
        RateLimited, Overloaded: Its principal sends too many.
    """
    if PRINCIPAL not in request:
        return nullcontext()
    principal = request[PRINCIPAL]
    tus = "Tus-Resumable" in request.headers
    standing = await request.app[REQUEST_RATES].admit(principal.id, principal.request_rate)
    request[RATE_FIELDS] = standing.fields
    standing.check(tus=tus)
    return request.app[CONNECTIONS].admitted(principal, tus=tus)


async def _authorise(request: web.Request) -> None:
    access = access_of(request)
    if access.public:
        return
    principal = await request.app[RUNTIME].authenticate(credentials(request))
    request[PRINCIPAL] = principal
    if access.scopes and not any(principal.may(scope) for scope in access.scopes):
        scopes = " or ".join(scope.value for scope in access.scopes)
        raise PermissionDenied(
            f"the key {principal.name!r} does not have the scope {scopes}",
            hint="Use a key that has it, or one of an administrator.",
            details={"scopes": [scope.value for scope in access.scopes]},
        )


def _http_problem(error: web.HTTPException, request_id: str) -> web.Response:
    """Return a problem with the status and the headers that belong to it."""
    names = (hdrs.ALLOW, hdrs.CONTENT_RANGE, hdrs.LOCATION)
    headers = {str(name): error.headers[name] for name in names if name in error.headers}
    hints = {
        404: "See /docs for the paths that there are.",
        405: f"Allowed here: {error.headers.get(hdrs.ALLOW, '')}.",
        412: "Fetch the document again; its ETag names the file that it has now.",
        416: "Content-Range has the size of the file after the slash.",
    }
    messages = {
        404: "there is nothing at this path",
        405: "this path does not take this method",
        412: "the file is not the one that If-Match names",
        416: "the range begins after the end of the file",
        417: error.text or "",
    }
    return problem_of_status(
        error.status,
        message=messages.get(error.status, ""),
        hint=hints.get(error.status, ""),
        request_id=request_id,
        headers=headers,
    )
