"""Refused uploads whose bytes were kept, for those who may release them."""

from collections.abc import Sequence

from .models import Principal, Scope, Session, SessionState
from .stores import SessionStore

_MOST_REFUSED = 10_000


class Quarantine:
    """The quarantine of one server.

    Args:
        sessions: Where the sessions are.
    """

    def __init__(self, sessions: SessionStore) -> None:
        self._sessions = sessions

    async def uploads(self, principal: Principal) -> Sequence[Session]:
        """Return everybody's quarantined uploads, newest first, among the latest 10,000 refusals.

        Raises:
            PermissionDenied: The principal is no administrator.
        """
        principal.require(Scope.ADMIN)
        refused = await self._sessions.find(states=(SessionState.REJECTED,), limit=_MOST_REFUSED)
        return [session for session in refused if session.quarantined]
