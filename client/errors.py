"""What can go wrong for a client, each kind with the server's stable code."""

from collections.abc import Mapping
from typing import Any

from .findings import Finding

_RETRYABLE_CODES = frozenset(
    {
        "body-incomplete",
        "body-timeout",
        "checksum-mismatch",
        "overloaded",
        "preempted",
        "rate-limited",
        "storage-failed",
        "storage-full",
    }
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
        return self.code in _RETRYABLE_CODES or self.status in _RETRYABLE_STATUSES


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

    default_code = "digest-mismatch"


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
    """The server refuses the file because of its content; do not send it again.

    Attributes:
        findings: What was found in the file.
    """

    def __init__(self, message: str, *, findings: tuple[Finding, ...] = (), **about: Any) -> None:
        super().__init__(message, **about)
        self.findings = findings
