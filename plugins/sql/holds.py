"""Which node holds an upload, and which one does a duty."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    String,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from pdfsluice.core import Hold, SessionState, UploadReview

from .database import Database
from .live import LIVE, LIVE_IDS, MICROS, NOW
from .prepared import AnyRow, Prepared
from .schema import duties, extents, holds, nodes, sessions

_BATCH = 500
"""Uploads in one query; databases limit the number of parameters."""
_PROGRESS_BYTES = 64 * 1024 * 1024
"""How much further than all holders before it one must get for their deaths to be forgotten.

More than stages read between two records of how far they are, or a file that ends all of them at
the same place would seem to progress.
"""

_RELEASE = delete(holds).where(
    holds.c.node == bindparam("me"), holds.c.session_id.in_(bindparam("ids", expanding=True))
)
_SURVIVE = (
    update(holds)
    .where(
        holds.c.session_id.in_(bindparam("ids", expanding=True)),
        holds.c.node != bindparam("me"),
        holds.c.epoch > 0,
    )
    .values(epoch=holds.c.epoch - 1)
)
"""Withdraws the death of a node that did not die, but was stopped or cut off for a while."""
_committed_of_hold = (
    select(func.coalesce(func.sum(extents.c.end - extents.c.start), 0))
    .where(extents.c.session_id == holds.c.session_id)
    .scalar_subquery()
)
_is_open = (
    select(sessions.c.id)
    .where(
        sessions.c.id == holds.c.session_id,
        sessions.c.state.in_([SessionState.CREATED.value, SessionState.UPLOADING.value]),
    )
    .exists()
)
_position = bindparam("position", type_=BigInteger)
_RECORD = (
    update(holds)
    .where(
        holds.c.session_id == bindparam("upload"),
        holds.c.node == bindparam("me"),
        or_(holds.c.validated < _position, holds.c.epoch > 0),
    )
    .values(
        validated=case((holds.c.validated < _position, _position), else_=holds.c.validated),
        epoch=case(
            (holds.c.epoch == 0, 0),
            (holds.c.validated + _PROGRESS_BYTES <= _position, 0),
            (
                (_committed_of_hold <= _position)
                & or_(_is_open, holds.c.validated < _committed_of_hold),
                0,
            ),
            else_=holds.c.epoch,
        ),
    )
)
"""Records the furthest that any holder got, and forgets deaths if this is progress."""
_READ = (
    update(holds)
    .where(holds.c.session_id == bindparam("upload"), holds.c.node == bindparam("me"))
    .values(reading=1)
)
_new_hold = select(sessions.c.id, bindparam("me", type_=String), literal(0, Integer)).where(
    sessions.c.id == bindparam("upload")
)
_HELD = (holds.c.node, holds.c.epoch, holds.c.validated)
_holder = select(*_HELD).where(holds.c.session_id == bindparam("upload"))
_HOLDER = Prepared(_holder)
_LIVE_HOLDER = Prepared(_holder.where(holds.c.node.in_(LIVE_IDS)))
_committed = (
    select(func.coalesce(func.sum(extents.c.end - extents.c.start), 0))
    .where(extents.c.session_id == sessions.c.id)
    .scalar_subquery()
)


class Holds:
    """The holds of one node, taken and reviewed.

    Args:
        database: The database; its ``node`` is the id of this one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._to_release: set[str] = set()
        self._recorded: dict[str, int] = {}  # what the last review has stored
        self._deaths: set[str] = set()  # uploads of which a holder has died
        self._unread: set[str] = set()  # those of them that no stage of this node has read
        insert = database.insert(holds).from_select(["session_id", "node", "epoch"], _new_hold)
        take = insert.on_conflict_do_update(
            index_elements=["session_id"],
            set_={
                "node": insert.excluded.node,
                "epoch": case(
                    (or_(holds.c.epoch == 0, holds.c.reading == 1), holds.c.epoch + 1),
                    else_=holds.c.epoch,
                ),
                "reading": 0,
            },
            where=holds.c.node.not_in(LIVE_IDS),
        ).returning(*_HELD)
        self._take = Prepared(take)

    async def take(self, session_id: str) -> Hold:
        """Hold an upload that exists, unless another live node does."""
        me = self._database.node
        self._to_release.discard(session_id)
        self._recorded.pop(session_id, None)
        values = {"me": me, "upload": session_id}

        def look(connection: Connection) -> AnyRow | None:
            return _LIVE_HOLDER.run(connection, values).one_or_none()

        def take(connection: Connection) -> AnyRow | None:
            row = self._take.run(connection, values).one_or_none()
            return row or _HOLDER.run(connection, values).one_or_none()

        # As a rule another node has it, and a look costs less than an attempt. What it sees of
        # this node may be a hold whose release waits for the writer: that the writer decides.
        row = await self._database.read(look)
        if row is None or row.node == me:
            row = await self._database.write(take, is_single=True)
        if row is None or row.node != me:
            return Hold(mine=False)
        hold = Hold(mine=True, deaths=row.epoch, validated=row.validated)
        if hold.deaths:
            self._deaths.add(session_id)
            self._unread.add(session_id)
        return hold

    async def begin_reading(self, session_id: str) -> None:
        """Record that the death of this node would count."""
        values = {"me": self._database.node, "upload": session_id}
        await self._database.write(
            lambda connection: connection.execute(_READ, values), is_single=True
        )
        self._unread.discard(session_id)

    async def release(self, session_ids: Collection[str]) -> None:
        """Give holds up; those for which this fails are released with the next review."""
        self._to_release.update(session_ids)
        if not self._to_release:
            return
        released = set(self._to_release)
        values = {"me": self._database.node, "ids": list(released)}
        counted = {**values, "ids": list(released - self._unread)}

        def operation(connection: Connection) -> None:
            if connection.execute(_RELEASE, values).rowcount < len(released):
                connection.execute(_SURVIVE, counted)

        await self._database.write(operation)
        self._to_release -= released
        self._unread -= released

    async def review(
        self, validated: Mapping[str, int], others: Collection[str]
    ) -> Mapping[str, UploadReview]:
        """Record what the stages have seen, and return how uploads stand."""
        await self.release(())
        me, ids = self._database.node, [*validated, *others]
        rows = [
            {"upload": upload, "me": me, "position": position}
            for upload, position in validated.items()
            if upload in self._deaths or position != self._recorded.get(upload, 0)
        ]
        self._deaths &= validated.keys()
        if not rows:
            return await self._database.read(partial(_review, ids=ids)) if ids else {}

        def operation(connection: Connection) -> Mapping[str, UploadReview]:
            connection.execute(_RECORD, rows)
            return _review(connection, ids)

        reviews = await self._database.write(operation)
        self._recorded = dict(validated)
        self._deaths -= {upload for upload, review in reviews.items() if not review.deaths}
        return reviews

    async def abandoned(self, states: Collection[SessionState], limit: int) -> Sequence[str]:
        """Return uploads in one of the states that no live node holds, oldest first."""

        def operation(connection: Connection) -> Sequence[str]:
            held = select(holds.c.session_id).where(
                holds.c.session_id == sessions.c.id, holds.c.node.in_(LIVE_IDS)
            )
            statement = (
                select(sessions.c.id)
                .where(sessions.c.state.in_([state.value for state in states]), ~held.exists())
                .order_by(sessions.c.created_at)
                .limit(limit)
            )
            return connection.execute(statement).scalars().all()

        return await self._database.read(operation)

    async def duty(self, name: str, seconds: float) -> bool:
        """Take or keep a duty, unless another live node has it now."""

        def operation(connection: Connection) -> bool:
            statement = self._database.insert(duties).values(
                name=name, node=self._database.node, until=NOW + int(seconds * MICROS)
            )
            statement = statement.on_conflict_do_update(
                index_elements=["name"],
                set_={"node": statement.excluded.node, "until": statement.excluded.until},
                where=(duties.c.node == self._database.node)
                | (duties.c.until < NOW)
                | duties.c.node.not_in(LIVE_IDS),
            ).returning(duties.c.node)
            return connection.execute(statement).first() is not None

        return await self._database.write(operation, is_single=True)


def _review(connection: Connection, ids: Sequence[str]) -> Mapping[str, UploadReview]:
    reviews: dict[str, UploadReview] = {}
    for start in range(0, len(ids), _BATCH):
        reviews |= _review_batch(connection, ids[start : start + _BATCH])
    return reviews


def _review_batch(connection: Connection, ids: Sequence[str]) -> Mapping[str, UploadReview]:
    statement = (
        select(
            sessions.c.id,
            sessions.c.version,
            _committed.label("size"),
            func.coalesce(nodes.c.id, "").label("holder"),
            func.coalesce(holds.c.validated, 0).label("validated"),
            func.coalesce(holds.c.epoch, 0).label("deaths"),
        )
        .select_from(
            sessions.outerjoin(holds, holds.c.session_id == sessions.c.id).outerjoin(
                nodes, (nodes.c.id == holds.c.node) & LIVE
            )
        )
        .where(sessions.c.id.in_(ids))
    )
    return {
        row.id: UploadReview(
            version=row.version,
            committed_bytes=int(row.size),
            holder=row.holder,
            validated=row.validated,
            deaths=row.deaths,
        )
        for row in connection.execute(statement)
    }
