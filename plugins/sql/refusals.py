"""Why the session store refuses: unknown ids, extents that overlap, lost updates."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from pdfsluice.core import OffsetConflict, Session, SessionNotFound, StateConflict

from . import statements


def key_of(session_id: str) -> dict[str, Any]:
    """Return the parameter that names a session.

    Raises:
        SessionNotFound: The text cannot be an id.
    """
    if not (session_id.isascii() and session_id.isprintable()):
        raise not_found(session_id)
    return {"session": session_id}


def not_found(session_id: str) -> SessionNotFound:
    """Return the error for a session that does not exist."""
    return SessionNotFound(
        f"There is no upload session {session_id!a}.",
        hint="Start a new upload.",
    )


def explain_refused_extent(connection: Connection, values: dict[str, Any]) -> None:
    """Raise why an extent was not inserted, unless it is there already.

    Raises:
        SessionNotFound: There is no such session.
        StateConflict: The session takes no more bytes.
        OffsetConflict: Other bytes were committed in this range.
    """
    state = statements.STATE.run(connection, values).scalar_one_or_none()
    is_same = bool(statements.SAME_EXTENT.run(connection, values).rows)
    check_refused_extent(state, values, is_same=is_same)


def check_refused_extent(state: str | None, values: Mapping[str, Any], *, is_same: bool) -> None:
    """Raise why an extent was not inserted, unless it is there already.

    Args:
        state: The state of its session; ``None`` if there is none.
        values: The extent.
        is_same: Whether it is there already.

    Raises:
        SessionNotFound, StateConflict, OffsetConflict: See :func:`explain_refused_extent`.
    """
    if state is None:
        raise not_found(values["session"])
    if is_same:
        return
    if state not in statements.OPEN_STATES:
        raise StateConflict(
            f"The upload is {state} and takes no more bytes.", details={"status": state}
        )
    raise OffsetConflict(
        f"Other bytes were committed between {values['start']} and {values['end']}.",
        hint="Ask for the session's missing_ranges.",
        details={"offset": values["start"]},
    )


def refused_update(connection: Connection, session: Session) -> Exception:
    """Return why a session was not updated: it is gone, or was changed."""
    if not statements.EXISTS.run(connection, {"session": session.id}).rows:
        return not_found(session.id)
    return StateConflict(
        f"Another request changed the session {session.id}.",
        hint="Read the session again and repeat the request.",
    )
