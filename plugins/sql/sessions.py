"""The session store ``sql``."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Executable,
    String,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    tuple_,
    update,
)

from pdfsluice.core.errors import Conflict, SessionNotFound, StateConflict
from pdfsluice.core.models import Extent, Session, SessionState
from pdfsluice.core.uploads.lifecycle import OPEN, too_many_open

from .database import Database
from .encoding import (
    clean,
    read_session,
    session_row,
    to_micros,
)
from .schema import checkpoints, extents, sessions

_UNCHANGEABLE = frozenset({"id", "committed", "version"})

_get = select(sessions).where(sessions.c.id == bindparam("session"))
_exists = select(sessions.c.id).where(sessions.c.id == bindparam("session"))
_ranges = (
    select(extents.c.start, extents.c.end, extents.c.committed_at)
    .where(extents.c.session_id == bindparam("session"))
    .order_by(extents.c.start, extents.c.end)
)
_extents = (
    select(extents.c.start, extents.c.end, extents.c.fingerprint)
    .where(extents.c.session_id == bindparam("session"))
    .order_by(extents.c.start, extents.c.end)
)
_drop_extent = delete(extents).where(
    extents.c.session_id == bindparam("session"),
    extents.c.start == bindparam("from"),
    extents.c.end == bindparam("to"),
    extents.c.fingerprint == bindparam("print"),
)
_update = (
    update(sessions)
    .where(sessions.c.id == bindparam("session"), sessions.c.version == bindparam("expected"))
    .values(
        {
            column: bindparam(f"new_{column}")
            for column in (
                "owner",
                "client_id",
                "state",
                "created_at",
                "updated_at",
                "expires_at",
                "quarantined",
                "body",
            )
        }
        | {"version": sessions.c.version + 1}
    )
)
_count = (
    select(func.count())
    .select_from(sessions)
    .where(sessions.c.state.in_(bindparam("states", expanding=True)))
)
_open_of_owner = select(func.count()).select_from(
    select(sessions.c.id)
    .where(sessions.c.owner == bindparam("owner"), sessions.c.state.in_([s.value for s in OPEN]))
    .limit(bindparam("most"))
    .subquery()
)
_delete = delete(sessions).where(sessions.c.id == bindparam("session"))
_delete_checkpoints = delete(checkpoints).where(checkpoints.c.session_id == bindparam("session"))
_insert_checkpoint = insert(checkpoints)
_checkpoints = select(checkpoints.c.stage, checkpoints.c.offset, checkpoints.c.state).where(
    checkpoints.c.session_id == bindparam("session")
)


class SqlSessionStore:
    """Keeps sessions in an SQL database.

    A commit of an extent is a single insert; the session's row stays untouched, and
    ``committed`` and ``updated_at`` follow from the extents whenever a session is read.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        insert_new = database.insert(sessions).on_conflict_do_nothing()
        self._create = insert_new.execution_options(preserve_rowcount=True)
        self._commit = self._commit_statement()
        self._room: dict[str, tuple[int, int]] = {}  # owner to the limit and what was left

    def _commit_statement(self) -> Any:
        known = select(
            sessions.c.id,
            bindparam("start", type_=BigInteger),
            bindparam("end", type_=BigInteger),
            bindparam("fingerprint", type_=String),
            bindparam("committed_at", type_=BigInteger),
        ).where(sessions.c.id == bindparam("session"))
        columns = ("session_id", "start", "end", "fingerprint", "committed_at")
        statement = self._database.insert(extents).from_select(columns, known)
        upsert = statement.on_conflict_do_update(
            index_elements=["session_id", "start", "end"],
            set_={
                "fingerprint": statement.excluded.fingerprint,
                "committed_at": statement.excluded.committed_at,
            },
        )
        return upsert.execution_options(preserve_rowcount=True)

    async def create(self, session: Session, *, most_open: int | None = None) -> None:
        """Store a new session.

        Raises:
            Conflict: There is a session with this id.
            RateLimited: Its owner has ``most_open`` open ones already.
        """
        row = session_row(session)

        def operation(connection: Connection) -> None:
            if most_open is not None and not self._has_room(connection, session.owner, most_open):
                raise too_many_open(most_open)
            if not connection.execute(self._create, row).rowcount:
                raise Conflict(f"There is a session {session.id} already.")

        await self._database.write(operation)

    def _has_room(self, connection: Connection, owner: str, most: int) -> bool:
        """Whether an owner may have one more open session.

        They are counted only when as many were created since the last count as there was
        room for then: fewer cannot be too many. Called by the one thread that writes.
        """
        known, left = self._room.get(owner, (most, 0))
        if known != most or left <= 0:
            values = {"owner": owner, "most": most}
            left = most - connection.execute(_open_of_owner, values).scalar_one()
        self._room[owner] = (most, left - 1)
        return left > 0

    async def get(self, session_id: str) -> Session:
        """Return a session."""
        key = _key(session_id)

        def operation(connection: Connection) -> Session:
            row = connection.execute(_get, key).one_or_none()
            if row is None:
                raise _not_found(session_id)
            return read_session(row, connection.execute(_ranges, key))

        return await self._database.read(operation)

    async def commit(self, session_id: str, extent: Extent, now: datetime) -> None:
        """Add a committed extent; the same range again replaces its fingerprint."""
        values = {
            **_key(session_id),
            "start": extent.start,
            "end": extent.end,
            "fingerprint": extent.fingerprint,
            "committed_at": to_micros(now),
        }

        def operation(connection: Connection) -> None:
            if not connection.execute(self._commit, values).rowcount:
                raise _not_found(session_id)

        await self._database.write(operation)

    async def extents(self, session_id: str) -> Sequence[Extent]:
        """Return the committed extents of a session, by start."""
        key = _key(session_id)
        return await self._database.read(
            lambda connection: [Extent(*row) for row in connection.execute(_extents, key)]
        )

    async def drop_extents(self, session_id: str, extents: Sequence[Extent]) -> None:
        """Forget extents, unless other bytes were committed in their place since."""
        if not extents:
            return
        rows = [
            {**_key(session_id), "from": e.start, "to": e.end, "print": e.fingerprint}
            for e in extents
        ]
        await self._database.write(lambda connection: _run(connection, _drop_extent, rows))

    async def update(self, session: Session, **changes: Any) -> Session:
        """Store changed fields, if the stored version is still ``session.version``."""
        if forbidden := _UNCHANGEABLE & changes.keys():
            raise TypeError(f"not changeable: {', '.join(sorted(forbidden))}")
        changed = replace(session, **changes, version=session.version + 1)
        row = session_row(changed)
        values = {
            **_key(session.id),
            "expected": session.version,
            **{f"new_{column}": row[column] for column in row if column not in {"id", "version"}},
        }

        def operation(connection: Connection) -> None:
            if not connection.execute(_update, values).rowcount:
                raise _refusal(connection, session)

        await self._database.write(operation)
        return changed

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
        wanted: list[ColumnElement[bool]] = [
            sessions.c.state.in_([state.value for state in states])
        ]
        if owner is not None:
            wanted.append(sessions.c.owner == owner)
        if client_id is not None:
            wanted.append(sessions.c.client_id == clean(client_id))
        if expired_before is not None:
            wanted.append(sessions.c.expires_at < to_micros(expired_before))
        if quarantined:
            wanted.append(sessions.c.quarantined == literal_column("1"))  # as the index has it
        if after is not None:
            age = tuple_(sessions.c.created_at, sessions.c.id)
            wanted.append(age < (to_micros(after.created_at), after.id))
        newest = (
            select(sessions)
            .where(and_(*wanted))
            .order_by(sessions.c.created_at.desc(), sessions.c.id.desc())
            .limit(limit)
        )

        def operation(connection: Connection) -> Sequence[Session]:
            rows = connection.execute(newest).all()
            committed = _ranges_of(connection, [row.id for row in rows])
            return [read_session(row, committed.get(row.id, ())) for row in rows]

        return await self._database.read(operation)

    async def count(self, states: Sequence[SessionState]) -> int:
        """Return how many sessions are in one of the states."""
        values = {"states": [state.value for state in states]}
        return await self._database.read(
            lambda connection: connection.execute(_count, values).scalar_one()
        )

    async def delete(self, session_id: str) -> None:
        """Forget a session, its extents and its checkpoints."""
        key = {"session": session_id}
        await self._database.write(lambda connection: _run(connection, _delete, key))

    async def save_checkpoints(
        self, session_id: str, checkpoints: dict[str, tuple[int, bytes]]
    ) -> None:
        """Replace the stage checkpoints of a session."""
        key = _key(session_id)
        rows = [
            {"session_id": session_id, "stage": stage, "offset": offset, "state": state}
            for stage, (offset, state) in checkpoints.items()
        ]

        def operation(connection: Connection) -> None:
            if connection.execute(_exists, key).first() is None:
                raise _not_found(session_id)
            connection.execute(_delete_checkpoints, key)
            if rows:
                connection.execute(_insert_checkpoint, rows)

        await self._database.write(operation)

    async def checkpoints(self, session_id: str) -> dict[str, tuple[int, bytes]]:
        """Return the stage checkpoints."""
        key = _key(session_id)
        return await self._database.read(
            lambda connection: {
                stage: (offset, bytes(state))
                for stage, offset, state in connection.execute(_checkpoints, key)
            }
        )


def _key(session_id: str) -> dict[str, Any]:
    """Return the parameter that names a session; text that no id can be names none."""
    if not (session_id.isascii() and session_id.isprintable()):
        raise _not_found(session_id)
    return {"session": session_id}


def _not_found(session_id: str) -> SessionNotFound:
    return SessionNotFound(
        f"There is no upload session {session_id!a}.",
        hint="Start a new upload.",
    )


def _refusal(connection: Connection, session: Session) -> Exception:
    if connection.execute(_exists, {"session": session.id}).first() is None:
        return _not_found(session.id)
    return StateConflict(
        f"The session {session.id} was changed by somebody else.",
        hint="Read the session again and repeat the request.",
    )


def _ranges_of(connection: Connection, ids: Sequence[str]) -> dict[str, list[Any]]:
    statement = select(
        extents.c.session_id, extents.c.start, extents.c.end, extents.c.committed_at
    ).where(extents.c.session_id.in_(ids))
    found: dict[str, list[Any]] = {}
    for session_id, *extent in connection.execute(statement) if ids else ():
        found.setdefault(session_id, []).append(extent)
    return found


def _run(connection: Connection, statement: Executable, values: Any) -> None:
    connection.execute(statement, values)
