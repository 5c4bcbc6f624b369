"""Errors and limits of resumable uploads, as the draft defines them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from pdfsluice.core.errors import (
    OffsetConflict,
    PdfsluiceError,
    ProtocolError,
    SizeExceeded,
)
from pdfsluice.core.models.sessions import Session
from pdfsluice.core.uploads.lifecycle import OPEN, expiry
from pdfsluice.server.app_keys import RUNTIME
from pdfsluice.server.problems import status_of
from pdfsluice.server.protocols import appending
from pdfsluice.server.transport.early_answers import answer_before_body

from . import fields

Handler = Callable[[web.Request], Awaitable[web.Response]]

_PROBLEM_TYPES: Final = "https://iana.org/assignments/http-problem-types#"


class OffsetMismatch(OffsetConflict):
    """The request's offset is not that of the upload."""

    def __init__(self, expected: int, provided: int) -> None:
        super().__init__(
            f"the upload stands at {expected}, not at {provided}",
            hint="Query the offset with HEAD.",
            details={"offset": expected},
        )
        self.expected = expected
        self.provided = provided


class InconsistentLength(ProtocolError):
    """The request announces another length than an earlier one, or two lengths."""

    code = "inconsistent-upload-length"


class CompletedUpload(ProtocolError):
    """The upload is complete and cannot be changed."""

    code = "completed-upload"


class UnsupportedDraft(ProtocolError):
    """The client follows a draft of resumable uploads that is not supported."""

    code = "unsupported-draft-version"

    def __init__(self) -> None:
        versions = sorted(fields.SUPPORTED_VERSIONS)
        names = ", ".join(map(str, versions))
        super().__init__(
            "Upload-Incomplete belongs to a draft that is not supported",
            hint=f"Send Upload-Complete: supported are the interop versions {names}.",
            details={"supported_versions": versions},
        )


def guarded(handler: Handler) -> Handler:
    """Return a handler whose errors are answered as the draft defines."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except PdfsluiceError as error:
            response = refusal(error, request)
            await answer_before_body(request, response)
            return response

    return answer


def refusal(error: PdfsluiceError, request: web.Request) -> web.Response:
    """Problem Types: answer an error, with the members that the draft defines."""
    response = appending.refused(error, request)
    match error:
        case OffsetMismatch(expected=expected, provided=provided):
            response.headers["Upload-Offset"] = str(expected)
            return appending.amended(
                response,
                409,
                members={
                    "type": f"{_PROBLEM_TYPES}mismatching-upload-offset",
                    "expected-offset": expected,
                    "provided-offset": provided,
                },
            )
        case InconsistentLength() | CompletedUpload():
            members = {"type": _PROBLEM_TYPES + error.code}
            return appending.amended(response, status_of(error), members=members)
        case SizeExceeded():
            response.headers["Upload-Limit"] = limits(request, None)
        case _:
            pass
    return response


def limits(request: web.Request, session: Session | None) -> str:
    """Limits."""
    age, settings = None, request.app[RUNTIME].settings
    if session is not None and session.state in OPEN:
        age = max(0, int((expiry(session, settings) - datetime.now(UTC)).total_seconds()))
    return fields.format_limits(
        max_size=int(settings.max_file_size),
        max_age=age,
        version=fields.interop_version(request.headers),
    )
