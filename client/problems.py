"""Typed errors from the server's problem answers and from sessions that ended."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .decoding import decode_value
from .errors import (
    AuthenticationFailed,
    ClientError,
    ContentRejected,
    DuplicateDocument,
    NotFound,
    PermissionDenied,
    SessionGone,
    UnexpectedAnswer,
    UploadIncomplete,
)
from .findings import Finding
from .models import SessionState, UploadSession

_CLASSES: Mapping[str, type[ClientError]] = {
    "authentication-required": AuthenticationFailed,
    "permission-denied": PermissionDenied,
    "not-found": NotFound,
    "session-not-found": NotFound,
    "document-not-found": NotFound,
    "session-expired": SessionGone,
    "session-ended": SessionGone,
    "duplicate-document": DuplicateDocument,
    "upload-incomplete": UploadIncomplete,
    "content-rejected": ContentRejected,
}
_END_CODES: Mapping[SessionState, str] = {
    SessionState.REJECTED: "content-rejected",
    SessionState.EXPIRED: "session-expired",
}


def ending(session: UploadSession) -> ClientError:
    """Return the error for a session that ended before its upload did."""
    code = _END_CODES.get(session.status, "session-ended")
    message = f"the upload was {session.status}"
    if session.error is not None:
        code, message = session.error.code, session.error.message
    findings = [asdict(finding) for finding in session.findings]
    return _error(code, message, details={"findings": findings})


def error_from_problem(
    status: int, problem: Mapping[str, Any], *, retry_after: float | None
) -> ClientError:
    """Return the error for a problem answer (RFC 9457)."""
    code = str(problem.get("code") or f"http-{status}")
    details = problem.get("details")
    return _error(
        code,
        str(problem.get("detail") or problem.get("message") or problem.get("title") or code),
        hint=str(problem.get("hint") or ""),
        status=status,
        details=details if isinstance(details, dict) else {},
        retry_after=retry_after,
        request_id=str(problem.get("request_id") or ""),
    )


def _error(code: str, message: str, *, details: Mapping[str, Any], **about: Any) -> ClientError:
    kind = _CLASSES.get(code, ClientError)
    if kind is ContentRejected:
        findings = _findings(details.get("findings", ()))
        return ContentRejected(message, code=code, details=details, findings=findings, **about)
    return kind(message, code=code, details=details, **about)


def _findings(value: Any) -> tuple[Finding, ...]:
    try:
        return decode_value(tuple[Finding, ...], value)
    except UnexpectedAnswer:
        return ()  # the refusal counts, whatever its findings look like
