"""Counts for accounts within the transactions that change what is counted.

The row of an account has its limits and its usage, so that admitting an upload is one conditional
UPDATE. On PostgreSQL that statement locks the row until the transaction ends, and a second one
that waited checks its condition again. All uploads of an account change this row, at all nodes:
whatever can be written before it is, so that the lock lasts for the commit alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
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

from pdfsluice.core import (
    DEFAULT_ACCOUNT,
    NewDocument,
    QuotaAccount,
    QuotaExceeded,
    Session,
)
from pdfsluice.core.uploads.lifecycle import FINISHING, OPEN

from .accounts import ALL, COUNTED, ensure, read_account
from .encoding import clean
from .prepared import Prepared
from .schema import documents, quotas, sessions

_COUNTED_STATES = tuple(state.value for state in (*OPEN, *FINISHING))
_NO_LIMIT = 2**62
_SECONDS_PER_DAY = 86_400
_TEXTS: Mapping[str, str] = {
    "stored_bytes": "bytes of documents and unfinished uploads",
    "reserved_bytes": "bytes of unfinished uploads",
    "metadata_bytes": "bytes of titles and metadata",
    "open_uploads": "unfinished uploads",
    "documents": "documents and unfinished uploads",
    "uploads_per_day": "uploads a day",
    "ocr_pages_per_day": "pages that OCR reads a day",
}

_HINT = "Delete documents, or finish or cancel uploads; GET /api/quota shows what is used."
_TOMORROW = "Try again tomorrow (UTC), or ask the administrator for a higher limit."
_HINTS = {
    "metadata_bytes": "Send less metadata, or delete documents; records of ended uploads count"
    " until session_retention has passed.",
    "uploads_per_day": _TOMORROW,
    "ocr_pages_per_day": _TOMORROW,
}

_default = quotas.alias("default_limits")


def _limit(name: str) -> ColumnElement[int]:
    """Return a limit of an account: its own, the default one, or one without effect."""
    column = _default.c[f"max_{name}"]
    default = select(column).where(_default.c.account == DEFAULT_ACCOUNT).scalar_subquery()
    return func.coalesce(quotas.c[f"max_{name}"], default, literal(_NO_LIMIT, BigInteger))


def _of_today(count: str, day: str) -> ColumnElement[int]:
    """Return what was counted today, and 0 if it was counted on another day."""
    return case((quotas.c[day] == _day, quotas.c[count]), else_=0)


_day = bindparam("today", type_=BigInteger)
_today = _of_today("uploads_today", "day")
_pages_today = _of_today("ocr_pages_today", "ocr_day")
_size = bindparam("size", type_=BigInteger)
_metadata = bindparam("metadata", type_=BigInteger)
_HAS_SPACE = and_(
    quotas.c.account == bindparam("name"),
    quotas.c.stored_bytes + quotas.c.reserved_bytes + _size <= _limit("stored_bytes"),
    quotas.c.reserved_bytes + _size <= _limit("reserved_bytes"),
)
_ADMIT = Prepared(
    update(quotas)
    .where(
        _HAS_SPACE,
        and_(
            quotas.c.metadata_bytes + _metadata <= _limit("metadata_bytes"),
            quotas.c.open_uploads + 1 <= _limit("open_uploads"),
            quotas.c.documents + quotas.c.open_uploads + 1 <= _limit("documents"),
            _today + 1 <= _limit("uploads_per_day"),
        ),
    )
    .values(
        reserved_bytes=quotas.c.reserved_bytes + _size,
        metadata_bytes=quotas.c.metadata_bytes + _metadata,
        open_uploads=quotas.c.open_uploads + 1,
        uploads_today=_today + 1,
        day=_day,
    )
)
_GROW = Prepared(
    update(quotas).where(_HAS_SPACE).values(reserved_bytes=quotas.c.reserved_bytes + _size)
)
_TAKE_PAGE = Prepared(
    update(quotas)
    .where(quotas.c.account == bindparam("name"), _pages_today + 1 <= _limit("ocr_pages_per_day"))
    .values(ocr_pages_today=_pages_today + 1, ocr_day=_day)
)
_COUNT = Prepared(
    update(quotas)
    .where(quotas.c.account == bindparam("name"))
    .values(
        {name: quotas.c[name] + bindparam(f"more_{name}", type_=BigInteger) for name in COUNTED}
    )
)
_ACCOUNT_OF_SESSION = Prepared(
    select(sessions.c.account).where(sessions.c.id == bindparam("session"))
)
_DELETE_DOCUMENT = (
    delete(documents)
    .where(documents.c.id == bindparam("document"))
    .returning(documents.c.account, documents.c.file_size, documents.c.metadata_bytes)
)
_ACCOUNT_OF_DOCUMENT = Prepared(
    select(documents.c.account).where(documents.c.id == bindparam("document"))
)


def admit(connection: Connection, row: Mapping[str, Any], now: datetime) -> None:
    """Count the row of a new session for its account, if the limits allow it.

    Raises:
        QuotaExceeded: They do not; nothing was counted.
    """
    size, metadata = row["reserved"], row["metadata_bytes"]
    needed = {
        "stored_bytes": size,
        "reserved_bytes": size,
        "metadata_bytes": metadata,
        "open_uploads": 1,
        "documents": 1,
        "uploads_per_day": 1,
    }
    values = {"size": size, "metadata": metadata, "today": day_of(now)}
    _take(connection, _ADMIT, row["account"], values, needed)


def take_ocr_page(connection: Connection, document_id: int, today: int) -> None:
    """Count a page that OCR reads; nothing happens if its document is deleted.

    Raises:
        QuotaExceeded: The account of the document has no page left today.
    """
    row = _ACCOUNT_OF_DOCUMENT.run(connection, {"document": document_id}).one_or_none()
    if row is not None:
        needed = {"ocr_pages_per_day": 1}
        _take(connection, _TAKE_PAGE, row.account, {"today": today}, needed)


def _take(
    connection: Connection,
    statement: Prepared,
    name: str,
    values: Mapping[str, int],
    needed: Mapping[str, int],
) -> None:
    """Run a conditional statement on an account.

    Args:
        needed: How much of each limit is needed.

    Raises:
        QuotaExceeded: A limit does not allow it; nothing was counted.
    """
    parameters = {"name": name, **values}
    if statement.run(connection, parameters).rowcount:
        return
    ensure(connection, name)
    if not statement.run(connection, parameters).rowcount:
        today = values.get("today", day_of(datetime.now(UTC)))
        raise _exceeded(read_account(connection, name, today), needed)


def may_be_refused(before: Session, after: Session) -> bool:
    """Return whether a change reserves more, which the limits may not allow."""
    return _is_counted(before.state) == _is_counted(after.state) and (
        growth(before, after, 0)["reserved_bytes"] > 0
    )


def count_change(
    connection: Connection,
    before: Session,
    after: Session,
    *,
    metadata_bytes: int = 0,
    counts: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Count a change of a session, if it concerns what is counted.

    Args:
        metadata_bytes: By how much its metadata grows.
        counts: What else is counted for its account.

    Raises:
        QuotaExceeded: It reserves more than the limits allow; nothing was counted.
    """
    more_of = growth(before, after, metadata_bytes)
    if may_be_refused(before, after):
        more = more_of["reserved_bytes"]
        needed = {"stored_bytes": more, "reserved_bytes": more}
        _take(connection, _GROW, account_of(after), {"size": more}, needed)
        more_of["reserved_bytes"] = 0
    for name, more in counts.items():
        more_of[name] = more_of.get(name, 0) + more
    _count(connection, account_of(after), **more_of)


def count_back(
    connection: Connection, before: Session, after: Session, *, metadata_bytes: int = 0
) -> None:
    """Take back what :func:`count_change` has counted in the same transaction."""
    more_of = growth(before, after, metadata_bytes)
    _count(connection, account_of(after), **{name: -more for name, more in more_of.items()})


def growth(before: Session, after: Session, metadata_bytes: int) -> dict[str, int]:
    """Return how a change of a session changes the counts of its account."""
    held, holds = _is_counted(before.state), _is_counted(after.state)
    return {
        "reserved_bytes": holds * after.reserved - held * before.reserved,
        "open_uploads": holds - held,
        "metadata_bytes": metadata_bytes,
    }


def count_deleted(connection: Connection, rows: Iterable[Iterable[Any]]) -> None:
    """Count deletions of sessions: state, account, bytes reserved, bytes of metadata."""
    for state, name, reserved, metadata_bytes in rows:
        counted = _is_counted(state)
        _count(
            connection,
            name,
            reserved_bytes=-counted * reserved,
            open_uploads=-counted,
            metadata_bytes=-metadata_bytes,
        )


def count_document(
    connection: Connection, name: str, size: int, metadata_bytes: int, *, number: int
) -> None:
    """Count a document that was added (``number`` is 1) or deleted (-1)."""
    counts = counts_of_document(size, metadata_bytes)
    _count(connection, name, **{column: number * count for column, count in counts.items()})


def counts_of_document(size: int, metadata_bytes: int) -> dict[str, int]:
    """Return what one document counts for its account."""
    return {"stored_bytes": size, "documents": 1, "metadata_bytes": metadata_bytes}


def count_metadata(connection: Connection, name: str, more: int) -> None:
    """Count metadata that a document has in addition, or has lost."""
    _count(connection, name, metadata_bytes=more)


def delete_document(connection: Connection, document_id: int) -> None:
    """Delete a document with its pages and jobs, and count that."""
    rows = connection.execute(_DELETE_DOCUMENT, {"document": document_id}).all()
    for name, size, metadata_bytes in rows:
        count_document(connection, name, size, metadata_bytes, number=-1)


def day_of(moment: datetime) -> int:
    """Return the number of the day (UTC) of a time."""
    return int(moment.timestamp()) // _SECONDS_PER_DAY


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
    is_counted = sessions.c.state.in_(_COUNTED_STATES)
    reservations = select(
        sessions.c.account,
        func.sum(case((is_counted, sessions.c.reserved), else_=0)),
        func.sum(case((is_counted, 1), else_=0)),
        func.sum(sessions.c.metadata_bytes),
    ).group_by(sessions.c.account)
    for name, size, number, metadata_bytes in connection.execute(reservations):
        usage[name] = {
            "reserved_bytes": int(size),
            "open_uploads": int(number),
            "metadata_bytes": int(metadata_bytes),
        }
    stored = select(
        documents.c.account,
        func.sum(documents.c.file_size),
        func.count(),
        func.sum(documents.c.metadata_bytes),
    ).group_by(documents.c.account)
    for name, size, number, metadata_bytes in connection.execute(stored):
        counts = usage.setdefault(name, {})
        counts.update(stored_bytes=int(size), documents=number)
        counts["metadata_bytes"] = counts.get("metadata_bytes", 0) + int(metadata_bytes)
    wrong = []
    present = {row.account: row for row in connection.execute(ALL)}
    for name in sorted({*usage, *present}):
        expected = {column: usage.get(name, {}).get(column, 0) for column in COUNTED}
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
    values = {"name": name, **{f"more_{column}": more.get(column, 0) for column in COUNTED}}
    if not _COUNT.run(connection, values).rowcount:
        ensure(connection, name)
        _COUNT.run(connection, values)


def _exceeded(account: QuotaAccount, needed: Mapping[str, int]) -> QuotaExceeded:
    """Return the error that names the first limit that does not allow what is needed."""
    usage, limits = account.usage, account.limits
    counted = {
        "stored_bytes": usage.stored_bytes + usage.reserved_bytes,
        "reserved_bytes": usage.reserved_bytes,
        "metadata_bytes": usage.metadata_bytes,
        "open_uploads": usage.open_uploads,
        "documents": usage.documents + usage.open_uploads,
        "uploads_per_day": usage.uploads_today,
        "ocr_pages_per_day": usage.ocr_pages_today,
    }
    maxima = {name: most for name in needed if (most := getattr(limits, name)) is not None}
    exceeded = (name for name, most in maxima.items() if counted[name] + needed[name] > most)
    # It may have been freed meanwhile; then any of them is named.
    name = next(exceeded, next(iter(maxima), next(iter(needed))))
    used, more, most = counted[name], needed[name], maxima.get(name, 0)
    return QuotaExceeded(
        f"{_TEXTS[name]}: at most {most:,}; {used:,} used, {more:,} more needed",
        hint=_HINTS.get(name, _HINT),
        details={"limit": name, "maximum": most, "used": used, "needed": more},
    )
