"""Every error that pdfsluice raises on purpose, each with a stable code.

A code is part of the public interface: clients branch on it, so it never changes its
meaning. ``server/problems.py`` alone maps classes to HTTP statuses.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

_MAX_WAIT_SECONDS = 3600.0


class PdfsluiceError(Exception):
    """The server failed unexpectedly; the bytes that it acknowledged are safe.

    The base of all errors: every expected one has a class of its own.

    Args:
        message: What happened, as a sentence for people.
        hint: What to do next; empty if nothing can be done.
        details: Values for programs (offsets, limits, findings); must be JSON-serializable.

    Attributes:
        code: The stable, kebab-case name of this kind of error.
        retryable: Whether the same request may succeed later without a change.
    """

    code: ClassVar[str] = "internal-error"
    retryable: ClassVar[bool] = False

    def __init__(
        self, message: str, *, hint: str = "", details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: Mapping[str, Any] = dict(details or {})


class ProtocolError(PdfsluiceError):
    """The request is not what the protocol allows."""

    code = "bad-request"


class AuthenticationError(PdfsluiceError):
    """The caller is not known: the key is absent, wrong or revoked."""

    code = "authentication-required"


class PermissionDenied(PdfsluiceError):
    """The caller is known and lacks the scope for this operation."""

    code = "permission-denied"


class NotFound(PdfsluiceError):
    """There is no such object, or it belongs to another principal."""

    code = "not-found"


class SessionNotFound(NotFound):
    """There is no such upload session, or it belongs to another principal."""

    code = "session-not-found"


class DocumentNotFound(NotFound):
    """There is no such document, or it belongs to another principal."""

    code = "document-not-found"


class Conflict(PdfsluiceError):
    """The request contradicts the present state."""

    code = "conflict"


class OffsetConflict(Conflict):
    """The bytes do not fit the upload's offset, or differ from the stored bytes."""

    code = "offset-conflict"


class StateConflict(Conflict):
    """The session's state does not allow this operation."""

    code = "state-conflict"


class UploadIncomplete(Conflict):
    """Completion was asked for while bytes are missing."""

    code = "upload-incomplete"


class DuplicateDocument(Conflict):
    """The principal already has a document with this digest."""

    code = "duplicate-document"


class DocumentReplaced(Conflict):
    """The document to be replaced has a newer version already."""

    code = "document-replaced"


class BaseChanged(Conflict):
    """The document from which a delta copies is gone; send the bytes themselves."""

    code = "base-changed"


class Preempted(Conflict):
    """A newer request for the same bytes took over from this one."""

    code = "preempted"
    retryable = True


class NotInStore(Conflict):
    """Nothing waits in the store for the chunk: it has to be sent there first."""

    code = "not-in-store"


class DirectUploadUnavailable(ProtocolError):
    """Clients cannot send bytes to the store of this server themselves."""

    code = "direct-upload-unavailable"


class SessionExpired(PdfsluiceError):
    """The session was idle or open for too long; its bytes are gone."""

    code = "session-expired"


class SessionEnded(PdfsluiceError):
    """The session was cancelled or has failed; its bytes are gone."""

    code = "session-ended"


class DocumentDeleted(SessionEnded):
    """The session's document has been deleted since; upload the file again."""

    code = "document-deleted"


class SizeExceeded(PdfsluiceError):
    """The file, the chunk or the request is larger than allowed or announced."""

    code = "size-exceeded"


class QuotaExceeded(PdfsluiceError):
    """The upload would exceed a limit of the principal's account."""

    code = "quota-exceeded"


class BodyIncomplete(ProtocolError):
    """The body ended before the announced length."""

    code = "body-incomplete"
    retryable = True


class ChecksumMismatch(PdfsluiceError):
    """The bytes of a chunk do not have the announced checksum; none were committed."""

    code = "checksum-mismatch"
    retryable = True


class DigestMismatch(PdfsluiceError):
    """The whole file does not have the announced digest; the upload cannot complete."""

    code = "digest-mismatch"


class ContentRejected(PdfsluiceError):
    """The policy refuses the file because of its findings; do not send it again."""

    code = "content-rejected"


class DocumentUnreadable(PdfsluiceError):
    """The document is locked, damaged or without text; upload another copy of it."""

    code = "document-unreadable"


class RateLimited(PdfsluiceError):
    """The caller exceeds one of its limits; retry after ``retry_after`` seconds."""

    code = "rate-limited"
    retryable = True

    def __init__(self, message: str, *, retry_after: float, hint: str = "") -> None:
        super().__init__(message, hint=hint, details={"retry_after": retry_after})
        self.retry_after = retry_after


class Overloaded(PdfsluiceError):
    """The server is at one of its limits; retry after ``retry_after`` seconds."""

    code = "overloaded"
    retryable = True

    def __init__(self, message: str, *, retry_after: float, hint: str = "") -> None:
        super().__init__(message, hint=hint, details={"retry_after": retry_after})
        self.retry_after = retry_after


class BodyTimeout(PdfsluiceError):
    """The body arrived more slowly than the lowest allowed rate, or not at all."""

    code = "body-timeout"
    retryable = True


class StorageFull(PdfsluiceError):
    """No space, quota or writable disk is left; the committed bytes are kept."""

    code = "storage-full"
    retryable = True


class StorageFailed(PdfsluiceError):
    """The storage reported an I/O error; the committed bytes are kept."""

    code = "storage-failed"
    retryable = True


class StageFailed(PdfsluiceError):
    """A plugin's stage raised an error of its own."""

    code = "stage-failed"


class PluginError(PdfsluiceError):
    """A plugin cannot be loaded or registered; start-up stops."""

    code = "plugin-error"


def to_record(error: PdfsluiceError) -> Mapping[str, Any]:
    """Return an error as a value of JSON types."""
    return {
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "details": error.details,
    }


def from_record(record: Mapping[str, Any]) -> PdfsluiceError:
    """Return the error that :func:`to_record` encoded.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: The value is no such record.
    """
    kinds = {kind.code: kind for kind in _kinds(PdfsluiceError)}
    kind = kinds.get(record["code"], PdfsluiceError)
    message, details = str(record["message"]), dict(record["details"])
    error = kind.__new__(kind, message)  # constructors of derived classes differ
    PdfsluiceError.__init__(error, message, hint=str(record["hint"]), details=details)
    if isinstance(error, RateLimited | Overloaded):
        error.retry_after = _seconds(details["retry_after"])
    return error


def _seconds(value: Any) -> float:
    return min(max(float(value), 0.0), _MAX_WAIT_SECONDS)


def _kinds(kind: type[PdfsluiceError]) -> Iterator[type[PdfsluiceError]]:
    """Yield a class of errors after all classes derived from it."""
    for derived in kind.__subclasses__():
        yield from _kinds(derived)
    yield kind
