"""The session store ``sql``."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from operator import attrgetter
from typing import Any, Unpack

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    and_,
    bindparam,
    insert,
    literal_column,
    select,
    tuple_,
)

from pdfsluice.core import (
    Cluster,
    Conflict,
    Extent,
    NodeIdentity,
    QuotaExceeded,
    Session,
    SessionChanges,
    SessionState,
    Standing,
)
from pdfsluice.core.uploads.lifecycle import too_many_open

from . import counting, idle_clock, statements
from .analytics import SqlAnalytics
from .cluster import SqlCluster
from .database import Database
from .encoding import clean, read_session, session_row, to_micros
from .functions import COMMIT_EXTENT
from .hints import Channel, NoChannel
from .keys import SqlKeys
from .nodes import HEARTBEAT_INTERVAL
from .prepared import Prepared
from .quotas import SqlQuotas
from .rate_limits import SqlRateLimits
from .rates import SqlRates
from .reading import ranges_of
from .refusals import check_refused_extent, explain_refused_extent, key_of, not_found
from .schema import extents, sessions
from .schema import holds as holds_table
from .session_updates import SessionUpdate
from .writer import order_of_account, order_of_session

_NO_EXTENTS = -1
_ROOM_FOR_OTHERS = 1000
"""More sessions than other nodes may be creating in transactions that have not ended."""
_start = attrgetter("start")


class SqlSessionStore:
    """A session store in a database.

    A commit of an extent is a single insert, which checks the session's state and the extent
    before it; the session's row stays untouched, and ``committed`` and ``updated_at`` follow
    from the extents when a session is read.

    On PostgreSQL the session's row is locked first, and a function does both; see
    :mod:`.functions`. One statement that locks and inserts would not do: its snapshot is taken
    before it waits for the lock, so that it misses the extent of the commit for which it waited
    (READ COMMITTED takes one snapshot for each statement).
    """

    def __init__(
        self,
        database: Database,
        channel: Channel | None = None,
        *,
        heartbeat_interval: float = HEARTBEAT_INTERVAL,
    ) -> None:
        self._database = database
        self._channel = channel or NoChannel()
        self._heartbeat_interval = heartbeat_interval
        self._create = Prepared(database.insert(sessions).on_conflict_do_nothing())
        new_hold = {"session_id": bindparam("session"), "node": bindparam("me"), "epoch": 0}
        self._hold = Prepared(
            database.insert(holds_table).values(new_hold).on_conflict_do_nothing()
        )
        self.quotas = SqlQuotas(database)
        self.analytics = SqlAnalytics(database)
        self.keys = SqlKeys(database, self._channel)
        self.rates = SqlRates(database)
        self.rate_limits = SqlRateLimits(database)
        self._room: dict[str, tuple[int, int]] = {}  # owner to the limit and what was left
        self._shared: Callable[[], bool] = lambda: False

    @property
    def database(self) -> Database:
        """The database."""
        return self._database

    def joined(self, identity: NodeIdentity) -> AbstractAsyncContextManager[Cluster]:
        """Register this process as a live node; see :mod:`.nodes`."""
        if identity.name:
            self._database.node = identity.name
        cluster = SqlCluster(
            self._database, identity, self._channel, interval=self._heartbeat_interval
        )
        self._shared = lambda: cluster.shared
        return cluster.joined()

    async def idle_from(self, now: datetime, max_gap: float) -> datetime:
        """Record that a server runs at ``now``; return since when idle time counts."""
        insert_into = self._database.insert
        return await self._database.write(
            lambda connection: idle_clock.record(connection, now, max_gap, insert=insert_into)
        )

    async def create(self, session: Session, *, most_open: int | None = None) -> None:
        """Store a new session.

        Raises:
            Conflict: There is a session with this id.
            RateLimited: Its owner has ``most_open`` open ones already.
            QuotaExceeded: A limit of its account does not allow it.
        """
        row = session_row(session)

        def operation(connection: Connection) -> None:
            if most_open is not None and not self._has_room(connection, session, most_open):
                raise too_many_open(most_open)
            if not self._create.run(connection, row).rowcount:
                raise Conflict(f"There is a session {session.id} already.")
            try:
                counting.admit(connection, row, session.created_at)
            except QuotaExceeded:
                connection.execute(statements.DELETE, {"session": session.id})
                raise

        order = order_of_account(row["account"], session.id)
        await self._database.write(operation, order=order)

    def _has_room(self, connection: Connection, session: Session, most: int) -> bool:
        """Return whether an owner may have one more open session.

        They are counted only when as many were created since the last count as there was
        room for then: fewer cannot be too many. If other nodes create some, too, they are always
        counted, and near the limit one node at a time creates them. Called by the one thread that
        writes.
        """
        owner = session.owner
        limit, remaining = self._room.get(owner, (most, 0))
        shared = self._shared()
        if limit != most or remaining <= 0 or shared:
            values = {"owner": owner, "most": most}
            remaining = most - statements.OPEN_OF_OWNER.run(connection, values).one()[0]
            if shared and self._database.postgresql and remaining < _ROOM_FOR_OTHERS:
                account = counting.account_of(session)  # whose row is locked next: no circle
                connection.execute(statements.LOCK_ACCOUNT, {"account": account})
                remaining = most - statements.OPEN_OF_OWNER.run(connection, values).one()[0]
        self._room[owner] = (most, remaining - 1)
        return remaining > 0

    async def get(self, session_id: str) -> Session:
        """Return a session."""
        key, postgresql = key_of(session_id), self._database.postgresql
        statement = statements.GET_WITH_RANGES if postgresql else statements.GET

        def operation(connection: Connection) -> Session:
            row = statement.run(connection, key).one_or_none()
            if row is None:
                raise not_found(session_id)
            ranges = row.ranges if postgresql else statements.RANGES.run(connection, key)
            return read_session(row, ranges or ())

        return await self._database.read(operation)

    async def commit(
        self, session_id: str, extent: Extent, now: datetime, *, frontier: int = 0
    ) -> Standing | None:
        """Add a committed extent, if the session is open and no other one overlaps it.

        Raises:
            SessionNotFound: There is no such session.
            StateConflict: The session takes no more bytes.
            OffsetConflict: Other bytes were committed in this range.
        """
        return await self._commit(session_id, extent, now, frontier, holds=False)

    async def commit_and_hold(
        self, session_id: str, extent: Extent, now: datetime, *, frontier: int = 0
    ) -> Standing | None:
        """Add a committed extent, and hold the session unless there is a holder.

        Raises:
            SessionNotFound, StateConflict, OffsetConflict: As for a commit.
        """
        return await self._commit(session_id, extent, now, frontier, holds=True)

    async def _commit(
        self, session_id: str, extent: Extent, now: datetime, frontier: int, *, holds: bool
    ) -> Standing | None:
        values = {
            **key_of(session_id),
            "start": extent.start,
            "end": extent.end,
            "fingerprint": extent.fingerprint,
            "committed_at": to_micros(now),
            "place": extent.place,
        }
        if self._database.postgresql:
            return await self._commit_in_one(values, frontier, holds=holds)
        asked = {**values, "frontier": frontier, "me": self._database.node}

        def operation(connection: Connection) -> Standing | None:
            shared, version = self._database.shared, None
            if shared:
                version = statements.VERSION.run(connection, values).scalar_one_or_none()
            if not statements.COMMIT.run(connection, values).rowcount:
                explain_refused_extent(connection, values)
            if version is None:
                return None
            rows = statements.EXTENTS_AFTER.run(connection, asked)
            held = holds and self._hold.run(connection, asked).rowcount > 0
            return Standing(version=version, extents=[Extent(*row) for row in rows], held=held)

        return await self._database.write(operation, order=order_of_session(session_id))

    async def _commit_in_one(
        self, values: Mapping[str, Any], frontier: int, *, holds: bool
    ) -> Standing | None:
        """Commit an extent on PostgreSQL, in one statement."""

        def operation(connection: Connection) -> Standing | None:
            shared = self._database.shared
            holder = self._database.node if shared and holds else ""
            after = frontier if shared else _NO_EXTENTS
            asked = {**values, "frontier": after, "holder": holder}
            row = COMMIT_EXTENT.run(connection, asked).one()
            if not row.is_new:
                check_refused_extent(row.row_state, values, is_same=row.is_same)
            if not shared:
                return None
            committed = sorted((Extent(*each) for each in row.committed or ()), key=_start)
            return Standing(version=row.row_version, extents=committed, held=row.is_held)

        order = order_of_session(values["session"])
        return await self._database.write(operation, is_single=True, order=order)

    async def extents(self, session_id: str) -> Sequence[Extent]:
        """Return the committed extents of a session, by start."""
        key = key_of(session_id)
        return await self._database.read(
            lambda connection: [
                Extent(row.start, row.end, row.fingerprint, row.place)
                for row in statements.EXTENTS.run(connection, key)
            ]
        )

    async def drop_extents(self, session_id: str, extents: Sequence[Extent]) -> None:
        """Delete extents, unless other bytes were committed in their range since."""
        if not extents:
            return
        rows = [
            {**key_of(session_id), "from": e.start, "to": e.end, "print": e.fingerprint}
            for e in extents
        ]
        await self._database.write(
            lambda connection: _run(connection, statements.DROP_EXTENT, rows),
            order=order_of_session(session_id),
        )

    async def merge_extents(self, session_id: str, parts: Sequence[Extent], whole: Extent) -> bool:
        """Replace touching extents by one; ``False`` if one of them is not there any more."""
        values = {**key_of(session_id), "from": whole.start, "to": whole.end}
        expected = [(part.start, part.end, part.fingerprint, part.place) for part in parts]

        def operation(connection: Connection) -> bool:
            if self._database.postgresql:
                statements.LOCK_SESSION.run(connection, values)
            rows = connection.execute(statements.EXTENTS_BETWEEN, values).all()
            if [tuple(row[:4]) for row in rows] != expected:
                return False
            connection.execute(statements.DELETE_BETWEEN, values)
            replacement = {
                "session_id": session_id,
                "start": whole.start,
                "end": whole.end,
                "fingerprint": whole.fingerprint,
                "committed_at": max(row.committed_at for row in rows),
                "place": whole.place,
            }
            connection.execute(insert(extents), replacement)
            return True

        order = order_of_session(session_id)
        return bool(parts) and await self._database.write(operation, order=order)

    async def update(self, session: Session, **changes: Unpack[SessionChanges]) -> Session:
        """Store changed fields, if the stored version is still ``session.version``."""
        update = SessionUpdate(session, changes)

        def operation(connection: Connection) -> None:
            update.run(connection, self._database)

        await self._database.write(operation, is_single=update.is_single, order=update.order)
        return update.new

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
        conditions: list[ColumnElement[bool]] = [
            sessions.c.state.in_([state.value for state in states])
        ]
        if owner is not None:
            conditions.append(sessions.c.owner == owner)
        if client_id is not None:
            conditions.append(sessions.c.client_id == clean(client_id))
        if expired_before is not None:
            conditions.append(sessions.c.expires_at < to_micros(expired_before))
        if quarantined:
            conditions.append(sessions.c.quarantined == literal_column("1"))  # as the index has it
        if after is not None:
            age = tuple_(sessions.c.created_at, sessions.c.id)
            conditions.append(age < (to_micros(after.created_at), after.id))
        newest = (
            select(sessions)
            .where(and_(*conditions))
            .order_by(sessions.c.created_at.desc(), sessions.c.id.desc())
            .limit(limit)
        )

        def operation(connection: Connection) -> Sequence[Session]:
            rows = connection.execute(newest).all()
            committed = ranges_of(connection, [row.id for row in rows])
            return [read_session(row, committed.get(row.id, ())) for row in rows]

        return await self._database.read(operation)

    async def count(self, states: Sequence[SessionState]) -> int:
        """Return how many sessions are in one of the states."""
        values = {"states": [state.value for state in states]}
        return await self._database.read(
            lambda connection: connection.execute(statements.COUNT, values).scalar_one()
        )

    async def delete(self, session_id: str) -> None:
        """Delete a session, its extents and its checkpoints."""
        key = {"session": session_id}

        def operation(connection: Connection) -> None:
            counting.count_deleted(connection, connection.execute(statements.DELETE, key).all())

        await self._database.write(operation)

    async def save_checkpoints(
        self, session_id: str, checkpoints: dict[str, tuple[int, bytes]]
    ) -> None:
        """Replace the stage checkpoints of a session."""
        key = key_of(session_id)
        rows = [
            {"session_id": session_id, "stage": stage, "offset": offset, "state": state}
            for stage, (offset, state) in checkpoints.items()
        ]

        def operation(connection: Connection) -> None:
            if not statements.EXISTS.run(connection, key).rows:
                raise not_found(session_id)
            connection.execute(statements.DELETE_CHECKPOINTS, key)
            if rows:
                connection.execute(statements.INSERT_CHECKPOINT, rows)

        await self._database.write(operation)

    async def checkpoints(self, session_id: str) -> dict[str, tuple[int, bytes]]:
        """Return the stage checkpoints."""
        key = key_of(session_id)
        return await self._database.read(
            lambda connection: {
                stage: (offset, bytes(state))
                for stage, offset, state in connection.execute(statements.CHECKPOINTS, key)
            }
        )


def _run(connection: Connection, statement: Executable, values: Any) -> None:
    connection.execute(statement, values)
