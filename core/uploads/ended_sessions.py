"""The size of sessions that ended without a document."""

from datetime import datetime
from typing import Unpack

from pdfsluice.core.models.findings import Finding
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.ports.sessions import SessionChanges

MAX_FINDINGS_KEPT = 20
"""The gravest findings that remain; enough to explain why a file was refused."""
MAX_UNSCANNED_KEPT = 20
MAX_TITLE_KEPT = 255


def ended(session: Session, now: datetime, **changes: Unpack[SessionChanges]) -> SessionChanges:
    """Return the changes that end an upload; a session without a document is reduced.

    From ``now`` on the session may be deleted. A quarantined upload may be released again and
    keeps all its values.
    """
    changes["expires_at"] = now
    if changes.get("state") is SessionState.COMPLETED or changes.get("quarantined"):
        return changes
    return reduced(session, **changes)


def reduced(session: Session, **changes: Unpack[SessionChanges]) -> SessionChanges:
    """Return changes, with those that reduce a session to a bounded size.

    The session is kept for days so that clients learn how the upload ended. Its metadata may
    have 58 KB, and clients can open and cancel any number of uploads.
    """
    return {
        **changes,
        "metadata": {},
        "title": session.title[:MAX_TITLE_KEPT],
        "findings": _gravest(session.findings),
        "unscanned": session.unscanned[:MAX_UNSCANNED_KEPT],
    }


def _gravest(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return the gravest findings in the order in which they were found."""
    order = sorted(range(len(findings)), key=lambda index: -findings[index].severity.rank)
    return tuple(findings[index] for index in sorted(order[:MAX_FINDINGS_KEPT]))
