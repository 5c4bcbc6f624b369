"""A session store in memory, for tests."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Unpack

from pdfsluice.core.errors import Conflict, OffsetConflict, SessionNotFound, StateConflict
from pdfsluice.core.models.ranges import RangeSet
from pdfsluice.core.models.sessions import Extent, Session, SessionState
from pdfsluice.core.plugins.ports.cluster import Cluster, NodeIdentity, alone
from pdfsluice.core.plugins.ports.sessions import SessionChanges
from pdfsluice.core.uploads.lifecycle import OPEN, too_many_open

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Entry:
    session: Session
    extents: dict[tuple[int, int], tuple[Extent, datetime]] = field(default_factory=dict)
    checkpoints: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def snapshot(self) -> Session:
        times = [self.session.updated_at, *(at for _, at in self.extents.values())]
        return replace(self.session, committed=RangeSet.of(self.extents), updated_at=max(times))


class MemorySessionStore:
    """A session store in memory."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._recorded_at: datetime | None = None
        self._idle_from = _EPOCH

    def joined(self, identity: NodeIdentity) -> AbstractAsyncContextManager[Cluster]:  # noqa: ARG002
        """Do nothing: no other node can have this memory."""
        return alone()

    async def idle_from(self, now: datetime, max_gap: float) -> datetime:
        """Record that a server runs at ``now``; return since when idle time counts."""
        before, self._recorded_at = self._recorded_at, now
        self._idle_from = min(self._idle_from, now)
        if before is not None and now - before > timedelta(seconds=max_gap):
            self._idle_from = now
        return self._idle_from

    async def create(self, session: Session, *, most_open: int | None = None) -> None:
        """Store a new session."""
        others = (entry.session for entry in self._entries.values())
        count = sum(other.owner == session.owner and other.state in OPEN for other in others)
        if most_open is not None and count >= most_open:
            raise too_many_open(most_open)
        if session.id in self._entries:
            raise Conflict(f"There is a session {session.id} already.")
        self._entries[session.id] = _Entry(session)

    async def get(self, session_id: str) -> Session:
        """Return a session."""
        return self._entry(session_id).snapshot()

    async def commit(
        self,
        session_id: str,
        extent: Extent,
        now: datetime,
        *,
        frontier: int = 0,  # noqa: ARG002 - no other node can have committed
    ) -> None:
        """Add a committed extent, if the session is open and no other one overlaps it."""
        entry = self._entry(session_id)
        if entry.extents.get((extent.start, extent.end), (None, now))[0] == extent:
            return
        if entry.session.state not in OPEN:
            raise StateConflict(f"The upload is {entry.session.state} and takes no more bytes.")
        if any(start < extent.end and extent.start < end for start, end in entry.extents):
            raise OffsetConflict(f"Other bytes were committed at {extent.start}.")
        entry.extents[extent.start, extent.end] = (extent, now)

    async def extents(self, session_id: str) -> Sequence[Extent]:
        """Return the committed extents of a session, by start."""
        entry = self._entries.get(session_id)
        return [entry.extents[key][0] for key in sorted(entry.extents)] if entry else []

    async def drop_extents(self, session_id: str, extents: Sequence[Extent]) -> None:
        """Delete extents that are still the same."""
        if (entry := self._entries.get(session_id)) is None:
            return
        for extent in extents:
            key = (extent.start, extent.end)
            if key in entry.extents and entry.extents[key][0] == extent:
                del entry.extents[key]

    async def merge_extents(self, session_id: str, parts: Sequence[Extent], whole: Extent) -> bool:
        """Replace touching extents by one; ``False`` if one of them is not there any more."""
        entry = self._entries.get(session_id)
        keys = [(part.start, part.end) for part in parts]
        if entry is None or not keys:
            return False
        extents = [entry.extents.get(key, (None, _EPOCH)) for key in keys]
        if [extent for extent, _ in extents] != list(parts):
            return False
        for key in keys:
            del entry.extents[key]
        entry.extents[whole.start, whole.end] = (whole, max(at for _, at in extents))
        return True

    async def update(self, session: Session, **changes: Unpack[SessionChanges]) -> Session:
        """Store changed fields, if no other request did in between."""
        if forbidden := changes.keys() - SessionChanges.__annotations__.keys():
            raise TypeError(f"not changeable: {', '.join(sorted(forbidden))}")
        entry = self._entry(session.id)
        grown = entry.snapshot().committed.size > session.committed.size
        expiring = changes.get("state") is SessionState.EXPIRED
        if entry.session.version != session.version or (expiring and grown):
            raise StateConflict(f"The session {session.id} was changed by another request.")
        entry.session = replace(session, **changes, version=session.version + 1)
        return entry.session

    async def find(
        self,
        *,
        states: Sequence[SessionState],
        owner: str | None = None,
        client_id: str | None = None,
        expired_before: datetime | None = None,
        quarantined: bool = False,
        after: Session | None = None,
        limit: int = 1000,
    ) -> Sequence[Session]:
        """Return sessions, newest first."""
        sessions = [
            entry.snapshot()
            for entry in self._entries.values()
            if entry.session.state in states
            and owner in {None, entry.session.owner}
            and client_id in {None, entry.session.client_id}
            and (expired_before is None or entry.session.expires_at < expired_before)
            and (entry.session.quarantined or not quarantined)
            and (after is None or _age(entry.session) < _age(after))
        ]
        sessions.sort(key=_age, reverse=True)
        return sessions[:limit]

    async def count(self, states: Sequence[SessionState]) -> int:
        """Return how many sessions are in one of the states."""
        return sum(entry.session.state in states for entry in self._entries.values())

    async def delete(self, session_id: str) -> None:
        """Delete a session, its extents and its checkpoints."""
        self._entries.pop(session_id, None)

    async def save_checkpoints(
        self, session_id: str, checkpoints: dict[str, tuple[int, bytes]]
    ) -> None:
        """Replace the stage checkpoints."""
        self._entry(session_id).checkpoints = dict(checkpoints)

    async def checkpoints(self, session_id: str) -> dict[str, tuple[int, bytes]]:
        """Return the stage checkpoints."""
        entry = self._entries.get(session_id)
        return dict(entry.checkpoints) if entry else {}

    def _entry(self, session_id: str) -> _Entry:
        if session_id not in self._entries:
            raise SessionNotFound(f"There is no upload session {session_id!a}.")
        return self._entries[session_id]


def _age(session: Session) -> tuple[datetime, str]:
    return session.created_at, session.id
