"""Counts for accounts within the transactions that change what is counted.

The row of an account has its limits and its usage, so that admitting an upload is one conditional
UPDATE. On PostgreSQL that statement locks the row until the transaction ends, and a second one
that waited checks its condition again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from pdfsluice.core import (
    DEFAULT_ACCOUNT,
    NewDocument,
    QuotaAccount,
    QuotaExceeded,
    QuotaLimits,
    QuotaUsage,
    Session,
)
from pdfsluice.core.uploads.lifecycle import FINISHING, OPEN

from .encoding import clean
from .prepared import AnyRow, Prepared
from .schema import documents, quotas, sessions

_COUNTED_STATES = tuple(state.value for state in (*OPEN, *FINISHING))
_LIMITS = tuple(asdict(QuotaLimits()))
_NO_LIMIT = 2**62
SECONDS_PER_DAY = 86_400
_TEXTS: Mapping[str, str] = {
    "stored_bytes": "bytes of documents and unfinished uploads",
    "reserved_bytes": "bytes of unfinished uploads",
    "open_uploads": "unfinished uploads",
    "documents": "documents and unfinished uploads",
    "uploads_per_day": "uploads a day",
}

_default = quotas.alias("default_limits")


def _limit(name: str) -> ColumnElement[int]:
    """Return a limit of an account: its own, the default one, or one without effect."""
    column = _default.c[f"max_{name}"]
    default = select(column).where(_default.c.account == DEFAULT_ACCOUNT).scalar_subquery()
    return func.coalesce(quotas.c[f"max_{name}"], default, literal(_NO_LIMIT, BigInteger))


_today = case(
    (quotas.c.day == bindparam("today", type_=BigInteger), quotas.c.uploads_today), else_=0
)
_size = bindparam("size", type_=BigInteger)
_ADMIT = Prepared(
    update(quotas)
    .where(
        quotas.c.account == bindparam("name"),
        and_(
            quotas.c.stored_bytes + quotas.c.reserved_bytes + _size <= _limit("stored_bytes"),
            quotas.c.reserved_bytes + _size <= _limit("reserved_bytes"),
            quotas.c.open_uploads + 1 <= _limit("open_uploads"),
            quotas.c.documents + quotas.c.open_uploads + 1 <= _limit("documents"),
            _today + 1 <= _limit("uploads_per_day"),
        ),
    )
    .values(
        reserved_bytes=quotas.c.reserved_bytes + _size,
        open_uploads=quotas.c.open_uploads + 1,
        uploads_today=_today + 1,
        day=bindparam("today", type_=BigInteger),
    )
)
_COUNT = Prepared(
    update(quotas)
    .where(quotas.c.account == bindparam("name"))
    .values(
        {
            name: quotas.c[name] + bindparam(f"more_{name}", type_=BigInteger)
            for name in ("stored_bytes", "reserved_bytes", "open_uploads", "documents")
        }
    )
)
_ACCOUNT_OF_SESSION = Prepared(
    select(sessions.c.account).where(sessions.c.id == bindparam("session"))
)
_DELETE_DOCUMENT = (
    delete(documents)
    .where(documents.c.id == bindparam("document"))
    .returning(documents.c.account, documents.c.file_size)
)
_GET = Prepared(select(quotas).where(quotas.c.account == bindparam("name")))
ALL = select(quotas).order_by(quotas.c.account)


def admit(connection: Connection, session: Session, now: datetime) -> None:
    """Count a new session for its account, if the limits of the account allow it.

    Raises:
        QuotaExceeded: They do not; nothing was counted.
    """
    name = account_of(session)
    today = int(now.timestamp()) // SECONDS_PER_DAY
    values = {"name": name, "size": session.reserved, "today": today}
    if _ADMIT.run(connection, values).rowcount:
        return
    ensure(connection, name)
    if not _ADMIT.run(connection, values).rowcount:
        raise _exceeded(read_account(connection, name, today), session.reserved)


def count_change(connection: Connection, before: Session, after: Session) -> None:
    """Count a stored change of a session, if it concerns what is counted."""
    held, holds = _is_counted(before.state), _is_counted(after.state)
    _count(
        connection,
        account_of(after),
        reserved_bytes=holds * after.reserved - held * before.reserved,
        open_uploads=holds - held,
    )


def count_deleted(connection: Connection, rows: Sequence[AnyRow]) -> None:
    """Count the deletion of sessions, given as state, account and reserved bytes."""
    for state, name, reserved in rows:
        if _is_counted(state):
            _count(connection, name, reserved_bytes=-reserved, open_uploads=-1)


def count_document(connection: Connection, name: str, size: int, *, number: int) -> None:
    """Count a document that was added (``number`` is 1) or deleted (-1)."""
    _count(connection, name, stored_bytes=number * size, documents=number)


def delete_document(connection: Connection, document_id: int) -> None:
    """Delete a document with its pages and jobs, and count that."""
    for name, size in connection.execute(_DELETE_DOCUMENT, {"document": document_id}).all():
        count_document(connection, name, size, number=-1)


def account_of_document(connection: Connection, document: NewDocument) -> str:
    """Return the account for which a new document counts: that of its session."""
    accounts = _ACCOUNT_OF_SESSION.run(connection, {"session": document.session_id})
    return accounts.scalar_one_or_none() or clean(document.owner)


def account_of(session: Session) -> str:
    """Return the account for which a session counts."""
    return clean(session.account or session.owner)


def recount(connection: Connection) -> Sequence[str]:
    """Count the usage of all accounts again; return those whose usage was wrong."""
    if connection.dialect.name == "postgresql":  # those who count wait, and see what was counted
        connection.execute(text("LOCK TABLE quotas IN EXCLUSIVE MODE"))
    usage: dict[str, dict[str, int]] = {}
    reservations = select(sessions.c.account, func.sum(sessions.c.reserved), func.count()).where(
        sessions.c.state.in_(_COUNTED_STATES)
    )
    for name, size, number in connection.execute(reservations.group_by(sessions.c.account)):
        usage[name] = {"reserved_bytes": int(size), "open_uploads": number}
    stored = select(documents.c.account, func.sum(documents.c.file_size), func.count())
    for name, size, number in connection.execute(stored.group_by(documents.c.account)):
        usage.setdefault(name, {}).update(stored_bytes=int(size), documents=number)
    wrong = []
    present = {row.account: row for row in connection.execute(ALL)}
    for name in sorted({*usage, *present}):
        expected = asdict(QuotaUsage(**usage.get(name, {})))
        del expected["uploads_today"]
        row = present.get(name)
        if row is None:
            ensure(connection, name)
        elif all(getattr(row, column) == value for column, value in expected.items()):
            continue
        connection.execute(update(quotas).where(quotas.c.account == name).values(expected))
        wrong.append(name)
    return wrong


def _is_counted(state: str) -> bool:
    return state in _COUNTED_STATES


def _count(connection: Connection, name: str, **more: int) -> None:
    if not any(more.values()):
        return
    columns = ("stored_bytes", "reserved_bytes", "open_uploads", "documents")
    values = {"name": name, **{f"more_{column}": more.get(column, 0) for column in columns}}
    if not _COUNT.run(connection, values).rowcount:
        ensure(connection, name)
        _COUNT.run(connection, values)


def ensure(connection: Connection, name: str) -> None:
    """Make sure that an account has a row."""
    insert: Callable[..., Any] = (
        postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    )
    connection.execute(insert(quotas).on_conflict_do_nothing(), {"account": name})


def read_account(connection: Connection, name: str, today: int) -> QuotaAccount:
    """Return an account; one without a row has no limits of its own."""
    row = _GET.run(connection, {"name": name}).one_or_none()
    fallback = _GET.run(connection, {"name": DEFAULT_ACCOUNT}).one_or_none()
    default = QuotaLimits() if fallback is None else limits_of(fallback)
    if row is not None:
        return read_row(row, default, today)
    return QuotaAccount(name=name, own=QuotaLimits(), limits=default, usage=QuotaUsage())


def read_row(row: AnyRow, default: QuotaLimits, today: int) -> QuotaAccount:
    """Return the account of a row."""
    own = limits_of(row)
    usage = QuotaUsage(
        stored_bytes=row.stored_bytes,
        reserved_bytes=row.reserved_bytes,
        open_uploads=row.open_uploads,
        documents=row.documents,
        uploads_today=row.uploads_today if row.day == today else 0,
    )
    return QuotaAccount(name=row.account, own=own, limits=own.or_else(default), usage=usage)


def limits_of(row: AnyRow) -> QuotaLimits:
    """Return the limits in a row."""
    return QuotaLimits(**{name: getattr(row, f"max_{name}") for name in _LIMITS})


def _exceeded(account: QuotaAccount, size: int) -> QuotaExceeded:
    """Return the error that names the first limit that does not allow an upload."""
    usage, limits = account.usage, account.limits
    needed = {
        "stored_bytes": (usage.stored_bytes + usage.reserved_bytes, size),
        "reserved_bytes": (usage.reserved_bytes, size),
        "open_uploads": (usage.open_uploads, 1),
        "documents": (usage.documents + usage.open_uploads, 1),
        "uploads_per_day": (usage.uploads_today, 1),
    }
    maxima = {name: most for name in needed if (most := getattr(limits, name)) is not None}
    exceeded = (name for name, most in maxima.items() if sum(needed[name]) > most)
    name = next(exceeded, next(iter(maxima), "stored_bytes"))  # it may have been freed meanwhile
    (used, more), most = needed[name], maxima.get(name, 0)
    return QuotaExceeded(
        f"the limit is {most:,} {_TEXTS[name]}; {used:,} are used, and {more:,} more are needed",
        hint="Delete documents, or finish or cancel uploads; GET /api/quota shows what is used."
        if name != "uploads_per_day"
        else "Try again tomorrow (UTC), or ask the administrator for a higher limit.",
        details={"limit": name, "maximum": most, "used": used, "needed": more},
    )
