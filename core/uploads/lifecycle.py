"""Which state of a session may follow which; anything else is an error."""

from collections.abc import Mapping
from datetime import datetime

from pdfsluice.config import Settings
from pdfsluice.core.errors import (
    ContentRejected,
    Overloaded,
    PdfsluiceError,
    RateLimited,
    SessionEnded,
    SessionExpired,
    SessionNotFound,
    StateConflict,
)
from pdfsluice.core.models.findings import Finding
from pdfsluice.core.models.sessions import Session, SessionState

_S = SessionState

TRANSITIONS: Mapping[SessionState, frozenset[SessionState]] = {
    _S.CREATED: frozenset(
        {_S.UPLOADING, _S.VALIDATING, _S.REJECTED, _S.CANCELLED, _S.FAILED, _S.EXPIRED}
    ),
    _S.UPLOADING: frozenset({_S.VALIDATING, _S.REJECTED, _S.CANCELLED, _S.FAILED, _S.EXPIRED}),
    # Back to uploading: corrupt bytes are missing again, or a passing fault came between.
    _S.VALIDATING: frozenset(
        {_S.UPLOADING, _S.IMPORTING, _S.REJECTED, _S.CANCELLED, _S.FAILED, _S.COMPLETED}
    ),
    _S.IMPORTING: frozenset({_S.COMPLETED, _S.FAILED}),
    # Only for a quarantined upload that an administrator releases.
    _S.REJECTED: frozenset({_S.UPLOADING}),
    _S.COMPLETED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.FAILED: frozenset(),
    _S.EXPIRED: frozenset(),
}

OPEN: tuple[SessionState, ...] = (_S.CREATED, _S.UPLOADING)
"""States in which bytes may come in."""
FINISHING: tuple[SessionState, ...] = (_S.VALIDATING, _S.IMPORTING)
"""States in which a restart continues without a request."""
ENDED: tuple[SessionState, ...] = (
    _S.COMPLETED,
    _S.REJECTED,
    _S.CANCELLED,
    _S.FAILED,
    _S.EXPIRED,
)
"""States that no upload leaves without an administrator."""


def lacks_bytes(session: Session) -> bool:
    """Return whether an upload of known size is open and lacks chunks."""
    return session.state in OPEN and bool(session.missing_chunks)


def check_transition(session: Session, target: SessionState) -> None:
    """Refuse a change of state that is not in the table.

    Raises:
        StateConflict: The table does not have it.
    """
    if target not in TRANSITIONS[session.state]:
        raise StateConflict(
            f"an upload that is {session.state} cannot become {target}",
            details={"status": session.state.value},
        )


def expiry(session: Session, settings: Settings) -> datetime:
    """Return when a session expires if no more bytes come: by idle time or by age.

    The age of a released one does not count: it may have been in quarantine.
    """
    idle = session.updated_at + settings.session_timeout
    return idle if session.released else min(idle, session.created_at + settings.session_max_age)


def is_expired(session: Session, settings: Settings, now: datetime) -> bool:
    """Return whether an open session has been idle or open for too long."""
    return session.state in OPEN and expiry(session, settings) <= now


def refusal(session: Session) -> PdfsluiceError | None:
    """Return the error for bytes that are sent to a session which takes none."""
    match session.state:
        case _S.CREATED | _S.UPLOADING:
            return None
        case _S.REJECTED:
            return rejection(session)
        case _S.EXPIRED:
            return expired()
        case _S.CANCELLED | _S.FAILED:
            return SessionEnded(
                session.failure_message or f"the upload was {session.state}",
                hint="Start a new upload.",
                details={"status": session.state.value, "code": session.failure_code},
            )
        case _:
            return StateConflict(
                f"the upload is {session.state} and takes no more bytes",
                details={"status": session.state.value},
            )


def stopping() -> Overloaded:
    """Return the error for requests that wait for the next start of the server."""
    return Overloaded("the server is stopping", retry_after=5, hint="Try again when it is back.")


def cut_off() -> Overloaded:
    """Return the error for requests to a server that is cut off from the rows."""
    return Overloaded(
        "the server is cut off from its database",
        retry_after=5,
        hint="Other servers continue the upload. Try again there, or when it is back.",
    )


def missing() -> SessionNotFound:
    """Return the error for a missing session, or one of another principal.

    It names no id: a difference between the two would show which sessions exist.
    """
    return SessionNotFound(
        "there is no such upload", hint="Check the session id, or start a new upload."
    )


def closing() -> Overloaded:
    """Return the error for requests to an upload that is being closed."""
    return Overloaded("the upload is being closed", retry_after=1, hint="Send it again.")


def expired() -> SessionExpired:
    """Return the error for a session that was idle or open for too long."""
    return SessionExpired(
        "the upload was idle for too long; its bytes are gone", hint="Start a new upload."
    )


def too_many_open(limit: int) -> RateLimited:
    """Return the error for a principal that has ``limit`` unfinished uploads already."""
    return RateLimited(
        f"{limit} uploads are unfinished, and no more may be",
        retry_after=60,
        hint="Finish or cancel some of them.",
    )


def rejection(session: Session) -> ContentRejected:
    """Return the error that names why a file is refused."""
    return ContentRejected(
        session.failure_message or "the file was refused because of its content",
        hint="Sending the same file again will be refused again; see the findings.",
        details={
            "decision": session.decision.name.lower(),
            "findings": [describe(finding) for finding in session.findings],
        },
    )


def describe(finding: Finding) -> dict[str, object]:
    """Return a finding as plain values, for interfaces."""
    return {
        "kind": finding.kind,
        "severity": finding.severity.value,
        "stage": finding.stage,
        "offset": finding.offset,
        "object": finding.object,
        "trigger": finding.trigger.value if finding.trigger else None,
        "hidden": finding.hidden,
        "revision": finding.revision.value,
        "message": finding.message,
        "advice": finding.advice,
        "excerpt": finding.excerpt,
    }
