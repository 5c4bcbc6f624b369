"""The snapshot of an open upload, and the changes to it.

A change of state has consequences: a row, bytes, events, requests that end. A change and
its consequences are one *unit*. Units of an upload run one at a time, and a unit that has
begun runs to its end, also if its caller is cancelled. Closing waits for the running unit.
Commits are no units: a unit may be waiting for the request that commits.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, TypeVar, Unpack

from pdfsluice.core.errors import StateConflict
from pdfsluice.core.models.ranges import RangeSet
from pdfsluice.core.models.sessions import Extent, Session, SessionState
from pdfsluice.core.plugins.ports.cluster import Hint, HintKind
from pdfsluice.core.plugins.ports.stores import SessionChanges
from pdfsluice.core.threads import run_uncancelled
from pdfsluice.core.uploads.ended_sessions import ended
from pdfsluice.core.uploads.lifecycle import ENDED, check_transition

from .backends import Backends
from .measuring import Meter
from .refreshing import Refresher

T = TypeVar("T")
Store = Callable[[Session, SessionChanges], Awaitable[Session]]
"""Stores changes of a session as it was read; returns it as it is then."""


class UploadState:
    """The snapshot of an upload, which changes in units and follows the stored row.

    Args:
        session: The stored session.
        backends: What all uploads work with.

    Attributes:
        session: The latest snapshot.
        meter: Measures what the upload costs.
    """

    def __init__(self, session: Session, backends: Backends) -> None:
        self.session = session
        self.meter = Meter(session)
        self._backends = backends
        self._cluster = backends.cluster
        self._lock = asyncio.Lock()
        self._row = Refresher(lambda: backends.sessions.get(session.id), self._take_row)

    async def refresh(self) -> None:
        """Take in what other nodes have changed.

        Raises:
            SessionNotFound: The session was deleted.
        """
        if self._cluster.shared:
            await self._row.refresh()

    def _take_row(self, row: Session, meanwhile: RangeSet) -> None:
        """Take a row that was read, and the ranges that were committed meanwhile."""
        committed = RangeSet.of((*row.committed, *meanwhile))
        newer = row if row.version >= self.session.version else self.session
        self.session = newer.changed(committed=committed, updated_at=row.updated_at)

    def grow(self, extents: Sequence[Extent], now: datetime) -> None:
        """Add committed ranges to the snapshot, without a unit."""
        committed = self.session.committed
        for extent in extents:
            committed = committed.add(extent.start, extent.end)
            self._row.committed(extent.start, extent.end)
        if committed != self.session.committed:
            self.session = self.session.changed(committed=committed, updated_at=now)

    async def as_unit(
        self, change: Callable[[], Coroutine[Any, Any, T]], *, current: bool = False
    ) -> T:
        """Run a change of state with its consequences: alone, and to its end.

        A caller that is cancelled waits for the end as well.

        Args:
            change: The change.
            current: Whether the caller has just read or changed the row. It is not read again: a
                change by another node since then makes this one fail at the version.
        """
        return await run_uncancelled(self._alone(change, current=current))

    async def _alone(self, change: Callable[[], Coroutine[Any, Any, T]], *, current: bool) -> T:
        async with self._lock:
            if not current:
                await self.refresh()
            return await change()

    async def change(self, store: Store | None = None, **changes: Unpack[SessionChanges]) -> None:
        """Store changed fields and take the new snapshot; part of a unit.

        Args:
            store: Stores them in place of the session store, with what belongs to them.
            changes: The new values.

        Raises:
            StateConflict: The transition table does not allow it, or another process changed
                the session.
        """
        try:
            await self._change(store, **changes)
        except StateConflict:
            before = self.session
            await self.refresh()
            if self.session.version == before.version or self.session.state is not before.state:
                raise
            await self._change(store, **changes)  # another field was changed
        if self._concerns_others(self.session.state):
            self._cluster.notify(Hint(HintKind.CHANGED, self.session.id, text=self.session.state))

    def _concerns_others(self, state: SessionState) -> bool:
        """Return whether other nodes act on a change to a state."""
        del state
        return True

    async def _change(self, store: Store | None, **changes: Unpack[SessionChanges]) -> None:
        state = changes.get("state", self.session.state)
        if state is not self.session.state:
            check_transition(self.session, state)
            if state in ENDED:
                changes = ended(self.session, self._backends.now(), **changes)
        self.meter.enter(state)
        changes["measures"] = self.meter.measures
        if store is None:
            current = await self._backends.sessions.update(self.session, **changes)
        else:
            current = await store(self.session, changes)
        committed = self.session.committed  # which may have grown meanwhile
        is_same = current.committed is committed
        self.session = current if is_same else current.changed(committed=committed)
