"""The statements of the session store ``sql``."""

from sqlalchemy import (
    BigInteger,
    String,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from pdfsluice.core import SessionState
from pdfsluice.core.uploads.lifecycle import OPEN

from .prepared import Prepared
from .schema import checkpoints, extents, holds, sessions

OPEN_STATES = tuple(state.value for state in OPEN)

GET = Prepared(select(sessions).where(sessions.c.id == bindparam("session")))
_ranges = select(
    func.json_agg(func.json_build_array(extents.c.start, extents.c.end, extents.c.committed_at))
).where(extents.c.session_id == sessions.c.id)
GET_WITH_RANGES = Prepared(
    select(sessions, _ranges.scalar_subquery().label("ranges")).where(
        sessions.c.id == bindparam("session")
    )
)
"""Of PostgreSQL, to which each statement is a journey; SQLite reads both faster one by one."""
EXISTS = Prepared(select(sessions.c.id).where(sessions.c.id == bindparam("session")))
RANGES = Prepared(
    select(extents.c.start, extents.c.end, extents.c.committed_at)
    .where(extents.c.session_id == bindparam("session"))
    .order_by(extents.c.start, extents.c.end)
)
EXTENTS = Prepared(
    select(extents.c.start, extents.c.end, extents.c.fingerprint, extents.c.place)
    .where(extents.c.session_id == bindparam("session"))
    .order_by(extents.c.start, extents.c.end)
)
_is_after_frontier = and_(
    extents.c.session_id == bindparam("session"),
    extents.c.end > bindparam("frontier", type_=BigInteger),
)
EXTENTS_AFTER = Prepared(
    select(extents.c.start, extents.c.end, extents.c.fingerprint, extents.c.place)
    .where(_is_after_frontier)
    .order_by(extents.c.start)
)
DROP_EXTENT = delete(extents).where(
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
                "account",
                "reserved",
                "metadata_bytes",
                "body",
            )
        }
        | {"version": sessions.c.version + 1}
    )
)
UPDATE = Prepared(_update)
_updated = _update.returning(sessions.c.id).cte("updated")
UPDATE_AND_END_HOLD = Prepared(
    select(_updated).add_cte(
        delete(holds).where(holds.c.session_id.in_(select(_updated.c.id))).cte("ended")
    )
)
"""The update that ends an upload, of PostgreSQL."""
COUNT = (
    select(func.count())
    .select_from(sessions)
    .where(sessions.c.state.in_(bindparam("states", expanding=True)))
)
OPEN_OF_OWNER = Prepared(
    select(func.count()).select_from(
        select(sessions.c.id)
        .where(
            sessions.c.owner == bindparam("owner"),
            or_(*(sessions.c.state == state for state in OPEN_STATES)),
        )
        .limit(bindparam("most"))
        .subquery()
    )
)
_ACCOUNT_LOCK = 0x7064666F  # seed of the hash, so that no other lock has the same key
LOCK_ACCOUNT = select(
    func.pg_advisory_xact_lock(func.hashtextextended(bindparam("account"), _ACCOUNT_LOCK))
)
DELETE = (
    delete(sessions)
    .where(sessions.c.id == bindparam("session"))
    .returning(sessions.c.state, sessions.c.account, sessions.c.reserved, sessions.c.metadata_bytes)
)
DELETE_CHECKPOINTS = delete(checkpoints).where(checkpoints.c.session_id == bindparam("session"))
INSERT_CHECKPOINT = insert(checkpoints)
CHECKPOINTS = select(checkpoints.c.stage, checkpoints.c.offset, checkpoints.c.state).where(
    checkpoints.c.session_id == bindparam("session")
)


END_HOLD = Prepared(delete(holds).where(holds.c.session_id == bindparam("session")))
LOCK_SESSION = Prepared(
    select(sessions.c.version)
    .where(sessions.c.id == bindparam("session"))
    .with_for_update(key_share=True)
)
LOCK_VERSION = Prepared(
    select(sessions.c.version)
    .where(
        sessions.c.id == bindparam("session"),
        sessions.c.version == bindparam("expected"),
        sessions.c.state == SessionState.IMPORTING.value,
    )
    .with_for_update(key_share=True)
)
PREVIOUS_END = (
    select(extents.c.end)
    .where(extents.c.session_id == bindparam("session"), extents.c.start < bindparam("end"))
    .order_by(extents.c.start.desc())
    .limit(1)
    .scalar_subquery()
)
"""The end of the last extent that starts before a new one ends; of no two that overlap, it is
the only one that the new one can overlap."""
_commit = insert(extents).from_select(
    ("session_id", "start", "end", "fingerprint", "committed_at", "place"),
    select(
        sessions.c.id,
        bindparam("start", type_=BigInteger),
        bindparam("end", type_=BigInteger),
        bindparam("fingerprint", type_=String),
        bindparam("committed_at", type_=BigInteger),
        bindparam("place", type_=String),
    ).where(
        sessions.c.id == bindparam("session"),
        or_(*(sessions.c.state == state for state in OPEN_STATES)),
        func.coalesce(PREVIOUS_END, 0) <= bindparam("start", type_=BigInteger),
    ),
)
COMMIT = Prepared(_commit)
SAME_EXTENT = Prepared(
    select(extents.c.start).where(
        extents.c.session_id == bindparam("session"),
        extents.c.start == bindparam("start"),
        extents.c.end == bindparam("end"),
        extents.c.fingerprint == bindparam("fingerprint"),
    )
)
VERSION = Prepared(select(sessions.c.version).where(sessions.c.id == bindparam("session")))
STATE = Prepared(select(sessions.c.state).where(sessions.c.id == bindparam("session")))
EXTENTS_BETWEEN = (
    select(
        extents.c.start,
        extents.c.end,
        extents.c.fingerprint,
        extents.c.place,
        extents.c.committed_at,
    )
    .where(
        extents.c.session_id == bindparam("session"),
        extents.c.start >= bindparam("from"),
        extents.c.start < bindparam("to"),
    )
    .order_by(extents.c.start)
)
DELETE_BETWEEN = delete(extents).where(
    extents.c.session_id == bindparam("session"),
    extents.c.start >= bindparam("from"),
    extents.c.start < bindparam("to"),
)
