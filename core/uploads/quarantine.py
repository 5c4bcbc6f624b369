"""Refused uploads whose bytes were kept, for administrators to release or delete."""

from collections.abc import Sequence

from pdfsluice.core.models import (
    Principal,
    Scope,
    Session,
    SessionState,
)
from pdfsluice.core.plugins.ports.stores import SessionStore


class Quarantine:
    """The quarantine of one server.

    Args:
        sessions: Where the sessions are.
    """

    def __init__(self, sessions: SessionStore) -> None:
        self._sessions = sessions

    async def uploads(
        self, principal: Principal, *, after: str | None = None, limit: int = 500
    ) -> Sequence[Session]:
        """Return the quarantined uploads of all owners, newest first.

        Args:
            principal: The caller.
            after: The id of the last upload of the page before.
            limit: How many to return at most.

        Raises:
            PermissionDenied: The principal is no administrator.
            SessionNotFound: There is no record of the upload ``after`` any more.
        """
        principal.require(Scope.ADMIN)
        last = None if after is None else await self._sessions.get(after)
        return await self._sessions.find(
            states=(SessionState.REJECTED,), quarantined=True, after=last, limit=limit
        )
