"""What can go wrong for a client, each kind with the server's stable code."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pdfsluice.core import errors as core_errors
from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.findings import Finding
from pdfsluice.core.models import SessionState

from .models import UploadSession

_RETRYABLE_CODES = frozenset(
    kind.code
    for kind in vars(core_errors).values()
    if isinstance(kind, type) and issubclass(kind, PdfsluiceError) and kind.retryable
)
_KNOWN_CODES = frozenset(
    kind.code
    for kind in vars(core_errors).values()
    if isinstance(kind, type) and issubclass(kind, PdfsluiceError)
)
_RETRYABLE_STATUSES = frozenset({408, 425, 429, 502, 503, 504, 507})


class ClientError(Exception):
    """What went wrong, why, and what to do next.

    Attributes:
        code: The stable, kebab-case name of this kind of error.
        message: What happened, as a sentence.
        hint: What to do next; empty if nothing can be done.
        status: The HTTP status of the answer; ``None`` without an answer.
        details: Values for programs, as the server sent them.
        retry_after: Seconds after which the server asks to be tried again.
        request_id: Names the request in the server's log.
    """

    default_code = "client-error"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        hint: str = "",
        status: int | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.message = message
        self.hint = hint
        self.status = status
        self.details: Mapping[str, Any] = dict(details or {})
        self.retry_after = retry_after
        self.request_id = request_id

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later without a change."""
        if self.code in _KNOWN_CODES:
            return self.code in _RETRYABLE_CODES
        return self.status in _RETRYABLE_STATUSES


class Unreachable(ClientError):
    """No answer came: no server listens there, or the connection broke or stalled."""

    default_code = "unreachable"

    @property
    def retryable(self) -> bool:
        """Always: the server may come back."""
        return True


class UnexpectedAnswer(ClientError):
    """The answer is not one of pdfsluice; perhaps another server listens there."""

    default_code = "unexpected-answer"


class FileChanged(ClientError):
    """The local file is not, or no longer, the one that the upload began with."""

    default_code = "file-changed"


class DigestMismatch(ClientError):
    """A file that was downloaded is not the one that the server announced."""

    default_code = core_errors.DigestMismatch.code


class AuthenticationFailed(ClientError):
    """The API key is absent, wrong or revoked."""


class PermissionDenied(ClientError):
    """The API key lacks the scope for this operation."""


class NotFound(ClientError):
    """There is no such session or document, or it belongs to another principal."""


class SessionGone(ClientError):
    """The upload session has expired, was cancelled or has failed; start a new upload."""


class DuplicateDocument(ClientError):
    """The server already has this file; ``details["document"]`` is its document."""


class UploadIncomplete(ClientError):
    """Bytes are missing."""

    @property
    def missing_ranges(self) -> tuple[tuple[int, int], ...]:
        """The missing half-open byte ranges."""
        return tuple((start, end) for start, end in self.details.get("missing_ranges", ()))


class ContentRejected(ClientError):
    """The server refuses the file because of its content; do not send it again."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found in the file."""
        # Imported here: decoding takes pydantic along, which `pdfsluice --help` does without.
        from .decoding import decode_value  # noqa: PLC0415

        return decode_value(tuple[Finding, ...], self.details.get("findings", ()))


_CLASSES: Mapping[str, type[ClientError]] = {
    core_errors.AuthenticationError.code: AuthenticationFailed,
    core_errors.PermissionDenied.code: PermissionDenied,
    core_errors.NotFound.code: NotFound,
    core_errors.SessionNotFound.code: NotFound,
    core_errors.DocumentNotFound.code: NotFound,
    core_errors.SessionExpired.code: SessionGone,
    core_errors.SessionEnded.code: SessionGone,
    core_errors.DuplicateDocument.code: DuplicateDocument,
    core_errors.UploadIncomplete.code: UploadIncomplete,
    core_errors.ContentRejected.code: ContentRejected,
}

_END_CODES = {
    SessionState.REJECTED: core_errors.ContentRejected.code,
    SessionState.EXPIRED: core_errors.SessionExpired.code,
}


def ending(session: UploadSession) -> ClientError:
    """Return the error for a session that ended before its upload did."""
    code = _END_CODES.get(session.status, core_errors.SessionEnded.code)
    message = f"the upload was {session.status}"
    if session.error is not None:
        code, message = session.error.code, session.error.message
    findings = [asdict(finding) for finding in session.findings]
    return _CLASSES.get(code, ClientError)(message, code=code, details={"findings": findings})


def error_from_problem(
    status: int, problem: Mapping[str, Any], *, retry_after: float | None
) -> ClientError:
    """Return the error for a problem answer (RFC 9457)."""
    code = str(problem.get("code") or f"http-{status}")
    details = problem.get("details")
    return _CLASSES.get(code, ClientError)(
        str(problem.get("detail") or problem.get("message") or problem.get("title") or code),
        code=code,
        hint=str(problem.get("hint") or ""),
        status=status,
        details=details if isinstance(details, dict) else {},
        retry_after=retry_after,
        request_id=str(problem.get("request_id") or ""),
    )
