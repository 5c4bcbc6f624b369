"""Refused uploads whose bytes were kept, for those who may release them."""

from collections.abc import Sequence

from .models import Principal, Scope, Session, SessionState
from .stores import SessionStore

_MOST = 500


class Quarantine:
    """The quarantine of one server.

    Args:
        sessions: Where the sessions are.
    """

    def __init__(self, sessions: SessionStore) -> None:
        self._sessions = sessions

    async def uploads(self, principal: Principal) -> Sequence[Session]:
        """Return everybody's quarantined uploads, the newest 500 of them, newest first.

        Raises:
            PermissionDenied: The principal is no administrator.
        """
        principal.require(Scope.ADMIN)
        return await self._sessions.find(
            states=(SessionState.REJECTED,), quarantined=True, limit=_MOST
        )
