"""Errors as HTTP answers (RFC 9457).

No other module knows which status belongs to which error.
"""

import errno
import math
import os
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import hdrs, web

from pdfsluice.core import errors

PROBLEM_TYPE = "application/problem+json"
_RETRY_AFTER_SECONDS = 5.0
_SHORT_OF_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
_SHORT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})
_BROKEN_STORAGE = frozenset({errno.EIO, errno.EROFS, errno.ESTALE, errno.ENODEV, errno.ENXIO})


class MethodNotAllowed(errors.ProtocolError):
    """The path exists, and does not know this method."""

    code = "method-not-allowed"


class MethodNotImplemented(errors.ProtocolError):
    """No path of the server knows this method; method names are case-sensitive."""

    code = "method-not-implemented"


class UnsupportedMedia(errors.ProtocolError):
    """The body comes in a type or encoding that the path does not take."""

    code = "unsupported-media-type"


class UnsupportedCoding(errors.ProtocolError):
    """The body comes in a transfer coding that the server does not decode."""

    code = "unsupported-transfer-coding"


class PreconditionFailed(errors.ProtocolError):
    """The file is not, or no longer, the one that the request names (``If-Match``)."""

    code = "precondition-failed"


class RangeNotSatisfiable(errors.ProtocolError):
    """The requested range begins after the end of the file."""

    code = "range-not-satisfiable"


class ExpectationFailed(errors.ProtocolError):
    """The request expects something of the server (``Expect``) that it does not do."""

    code = "expectation-failed"


class UriTooLong(errors.ProtocolError):
    """The address of the request is longer than the server reads."""

    code = "uri-too-long"


class FieldsTooLarge(errors.ProtocolError):
    """A header field of the request is longer than the server reads."""

    code = "header-fields-too-large"


class OriginRefused(errors.PermissionDenied):
    """A web page of another origin, or another host name, tried to use the server."""

    code = "origin-refused"


STATUSES: Mapping[type[errors.PdfsluiceError], int] = {
    errors.PdfsluiceError: 500,
    errors.ProtocolError: 400,
    errors.AuthenticationError: 401,
    errors.PermissionDenied: 403,
    errors.NotFound: 404,
    errors.BodyTimeout: 408,
    errors.Conflict: 409,
    errors.SessionExpired: 410,
    errors.SessionEnded: 410,
    errors.SizeExceeded: 413,
    errors.QuotaExceeded: 413,
    errors.ChecksumMismatch: 422,
    errors.DigestMismatch: 422,
    errors.ContentRejected: 422,
    errors.DocumentUnreadable: 422,
    errors.RateLimited: 429,
    errors.StageFailed: 500,
    errors.Overloaded: 503,
    errors.StorageFailed: 503,
    errors.StorageFull: 507,
    errors.DirectUploadUnavailable: 501,
    MethodNotAllowed: 405,
    UnsupportedMedia: 415,
    PreconditionFailed: 412,
    UriTooLong: 414,
    RangeNotSatisfiable: 416,
    ExpectationFailed: 417,
    FieldsTooLarge: 431,
    MethodNotImplemented: 501,
    UnsupportedCoding: 501,
}
"""The status of each class of errors; a class that is not here has that of its base."""

_RAISED_BY_HTTP = (
    errors.ProtocolError,
    errors.AuthenticationError,
    errors.PermissionDenied,
    errors.NotFound,
    MethodNotAllowed,
    errors.BodyTimeout,
    errors.SizeExceeded,
    UnsupportedMedia,
    PreconditionFailed,
    RangeNotSatisfiable,
    ExpectationFailed,
    errors.PdfsluiceError,
    errors.Overloaded,
)
_CODES: Mapping[int, str] = {STATUSES[kind]: kind.code for kind in _RAISED_BY_HTTP}


def status_of(error: errors.PdfsluiceError | type[errors.PdfsluiceError]) -> int:
    """Return the HTTP status of an error: that of its class, or of the nearest base."""
    kind = error if isinstance(error, type) else type(error)
    return next(STATUSES[base] for base in kind.__mro__ if base in STATUSES)


def of_system(error: Exception) -> errors.PdfsluiceError | None:
    """Return a failure of the system as a client's error; ``None`` for others.

    Disks, descriptors, threads and memory fail wherever they are used, also in parts that
    do not expect it. Such a failure passes: the request may be repeated.
    """
    if isinstance(error, MemoryError):
        return errors.Overloaded("the server is out of memory", retry_after=_RETRY_AFTER_SECONDS)
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return errors.Overloaded(
            "the server cannot start a thread", retry_after=_RETRY_AFTER_SECONDS
        )
    number = error.errno if isinstance(error, OSError) else None
    if number in _SHORT_OF_SPACE:
        return errors.StorageFull(f"the server's disk is full ({os.strerror(number or 0)})")
    if number in _SHORT_OF_DESCRIPTORS:
        return errors.Overloaded(
            "the server has no descriptor left", retry_after=_RETRY_AFTER_SECONDS
        )
    if number in _BROKEN_STORAGE:
        return errors.StorageFailed(
            f"the server cannot use its disk ({os.strerror(number or 0)})",
            hint="Try again later. Check the disk if it stays.",
        )
    return None


def problem(error: errors.PdfsluiceError, request_id: str = "") -> web.Response:
    """Return an error as a problem (RFC 9457), with the header fields it implies."""
    status = status_of(error)
    headers: dict[str, str] = {}
    retry_after = error.details.get("retry_after")
    if retry_after is None and status == HTTPStatus.SERVICE_UNAVAILABLE:
        retry_after = _RETRY_AFTER_SECONDS
    if retry_after is not None:
        headers[hdrs.RETRY_AFTER] = str(max(1, math.ceil(retry_after)))
    accepted = error.details.get("accept_encoding")
    if accepted is not None:
        headers[hdrs.ACCEPT_ENCODING] = ", ".join(accepted)
    if status == HTTPStatus.UNAUTHORIZED:
        headers[hdrs.WWW_AUTHENTICATE] = 'Bearer realm="pdfsluice"'
    return _response(
        status,
        code=error.code,
        message=error.message,
        hint=error.hint,
        details=error.details,
        request_id=request_id,
        headers=headers,
    )


def problem_of_status(
    status: int,
    *,
    message: str = "",
    hint: str = "",
    request_id: str = "",
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return a problem for an error of HTTP itself, such as 404, 405 or 416."""
    phrase = HTTPStatus(status)
    return _response(
        status,
        code=_CODES.get(status, phrase.phrase.lower().replace(" ", "-")),
        message=message or phrase.description or phrase.phrase,
        hint=hint,
        details={},
        request_id=request_id,
        headers=headers or {},
    )


def internal_problem(request_id: str = "") -> web.Response:
    """Return the answer to an unexpected error, without any detail of it."""
    return problem_of_status(
        500,
        message="the server failed unexpectedly; the bytes that it acknowledged are safe",
        hint="Try again. If it stays, look for the request id in the server's log.",
        request_id=request_id,
    )


def _response(
    status: int,
    *,
    code: str,
    message: str,
    hint: str,
    details: Mapping[str, Any],
    request_id: str,
    headers: Mapping[str, str],
) -> web.Response:
    body = {
        "type": f"/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": message,
        "code": code,
        "hint": hint,
        "details": details,
        "success": False,
        "message": message,
        "request_id": request_id,
    }
    return web.Response(
        status=status,
        body=orjson.dumps(body, default=str),
        content_type=PROBLEM_TYPE,
        headers={hdrs.CACHE_CONTROL: "no-store", **headers},
    )
