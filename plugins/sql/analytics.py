"""Records of ended uploads in an SQL database, and totals over them.

The totals are counted when a record is stored: a row for each hour and value of a dimension, so
that a report does not read a row for each upload. Each node has rows of its own, which no other
node changes, so that it remembers what it wrote.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import ClauseElement, Connection, and_, bindparam, delete, or_, select, tuple_

from pdfsluice.core import (
    Dimension,
    Session,
    SessionState,
    Totals,
    UploadEnd,
    UploadRecord,
)
from pdfsluice.core.uploads.lifecycle import ENDED

from .database import Database
from .encoding import (
    clean,
    from_micros,
    measure_values,
    read_measures,
    read_session,
    to_json,
    to_micros,
)
from .prepared import AnyRow, Prepared, PreparedRows
from .reading import ranges_of
from .schema import ended_uploads, sessions, upload_totals

_MICROS = 1_000_000
_MAX_REMEMBERED = 1000
_DIMENSIONS = [(each, each.value, round(each.period.total_seconds())) for each in Dimension]
Key = tuple[str, int, str]
"""Dimension, start of the period in seconds since the epoch, and value."""
_KEY = ("dimension", "period", "value", "node")

_earlier = (
    select(ended_uploads)
    .where(ended_uploads.c.session_id.in_(bindparam("sessions", expanding=True)))
    .order_by(ended_uploads.c.session_id)
    .with_for_update()
)
_total = Prepared(
    select(upload_totals.c.body).where(
        upload_totals.c.dimension == bindparam("dimension"),
        upload_totals.c.period == bindparam("period"),
        upload_totals.c.value == bindparam("value"),
        upload_totals.c.node == bindparam("node"),
    )
)
_of_period = Prepared(
    select(upload_totals.c.value, upload_totals.c.period, upload_totals.c.body).where(
        upload_totals.c.dimension == bindparam("dimension"),
        upload_totals.c.period >= bindparam("since"),
        upload_totals.c.period < bindparam("until"),
    )
)
_unrecorded = (
    select(sessions)
    .outerjoin(ended_uploads, ended_uploads.c.session_id == sessions.c.id)
    .where(
        sessions.c.state.in_([state.value for state in ENDED]),
        or_(
            ended_uploads.c.session_id.is_(None),
            and_(  # a released upload has ended again
                ended_uploads.c.ended_as == UploadEnd.REJECTED.value,
                sessions.c.state != SessionState.REJECTED.value,
            ),
        ),
    )
    .order_by(sessions.c.created_at, sessions.c.id)
)


class SqlAnalytics:
    """Records of ended uploads in an SQL database.

    Args:
        database: The database of the sessions.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._remembered: dict[Key, Totals] = {}  # what is stored in rows of this node
        record = database.insert(ended_uploads)
        self._store = Prepared(
            record.on_conflict_do_update(
                index_elements=["session_id"],
                set_={name: record.excluded[name] for name in ("ended_at", "ended_as", "body")},
            )
        )
        self._insert = record.on_conflict_do_nothing().returning(ended_uploads.c.session_id)
        self._count = PreparedRows(self._counting, (*_KEY, "body"))

    def _counting(self, rows: Sequence[Mapping[str, Any]]) -> ClauseElement:
        total = self._database.insert(upload_totals).values(list(rows))
        statement: ClauseElement = total.on_conflict_do_update(
            index_elements=["dimension", "period", "value", "node"],
            set_={"body": total.excluded.body},
        )
        return statement

    async def record(
        self, records: Sequence[UploadRecord], imports: Mapping[str, datetime]
    ) -> None:
        """Store records and count them in the totals of the times at which they ended."""
        latest = {record.session_id: record for record in records}
        if not latest and not imports:
            return
        async with self._turn:
            remembered, self._remembered = self._remembered, {}  # unknown if this fails
            stored = await self._database.write(
                lambda connection: self._record(connection, latest, imports, remembered)
            )
            if len(remembered) < _MAX_REMEMBERED:
                self._remembered = {**remembered, **stored}

    def _record(
        self,
        connection: Connection,
        latest: Mapping[str, UploadRecord],
        imports: Mapping[str, datetime],
        remembered: Mapping[Key, Totals],
    ) -> Mapping[Key, Totals]:
        """Store records; return the totals of this node that have changed."""
        changes: dict[Key, Totals] = defaultdict(Totals)
        first = {
            session_id: _imported(latest[session_id], imports) for session_id in sorted(latest)
        }
        inserted = self._insert_new(connection, first.values())
        for session_id in inserted:
            _add(changes, first[session_id], 1)
        others = sorted({*latest, *imports} - inserted)
        rows = []
        for row in connection.execute(_earlier, {"sessions": others}).all() if others else ():
            before = _read(row)
            after = latest.get(before.session_id, before)
            after = _imported(before if before.end is after.end else after, imports)
            if after == before:
                continue
            rows.append(_row(after))
            _add(changes, after, 1)
            _add(changes, before, -1)
        self._store.run_many(connection, rows)
        return self._add_to_totals(connection, changes, remembered)

    def _insert_new(self, connection: Connection, records: Iterable[UploadRecord]) -> set[str]:
        """Insert records that are not there; return the sessions of those.

        Another node may record the same upload at this moment. The insertion waits for it, and
        one of both counts the upload.
        """
        rows = [_row(record) for record in records]
        return set(connection.execute(self._insert, rows).scalars()) if rows else set()

    def _add_to_totals(
        self,
        connection: Connection,
        changes: Mapping[Key, Totals],
        remembered: Mapping[Key, Totals],
    ) -> Mapping[Key, Totals]:
        """Add changes to the totals of this node; return the changed totals."""
        rows, stored = [], {}
        for key, change in sorted(changes.items(), key=lambda item: item[0]):
            columns: dict[str, Any] = dict(zip(_KEY, (*key, self._database.node), strict=True))
            totals = Totals()
            if key in remembered:
                totals.merge(remembered[key])
            elif (body := _total.run(connection, columns).scalar_one_or_none()) is not None:
                totals = Totals.from_record(orjson.loads(body))
            totals.merge(change)
            stored[key] = totals
            rows.append({**columns, "body": to_json(totals.to_record())})
        self._count.run(connection, rows)
        return stored

    async def unrecorded(
        self, since: datetime, until: datetime, *, after: Session | None, limit: int
    ) -> Sequence[Session]:
        """Return ended sessions without a record of their end, oldest first."""
        table = sessions.c
        query = _unrecorded.limit(limit).where(
            table.updated_at >= to_micros(since), table.updated_at < to_micros(until)
        )
        if after is not None:
            position = to_micros(after.created_at), after.id
            query = query.where(tuple_(table.created_at, table.id) > position)

        def operation(connection: Connection) -> Sequence[Session]:
            rows = connection.execute(query).all()
            committed = ranges_of(connection, [row.id for row in rows])
            return [read_session(row, committed.get(row.id, ())) for row in rows]

        return await self._database.read(operation)

    async def totals(
        self,
        dimension: Dimension,
        since: datetime,
        until: datetime,
        *,
        span: timedelta | None = None,
    ) -> Mapping[str, Totals]:
        """Return the totals of uploads that ended in ``[since, until)``."""
        wanted = {
            "dimension": dimension.value,
            "since": to_micros(since) // _MICROS,
            "until": to_micros(until) // _MICROS,
        }
        seconds = 0 if span is None else round(span.total_seconds())

        def operation(connection: Connection) -> Mapping[str, Totals]:
            totals: dict[str, Totals] = defaultdict(Totals)
            for row in _of_period.run(connection, wanted):
                key = str(row.period // seconds * seconds) if seconds else row.value
                totals[key].merge(Totals.from_record(orjson.loads(row.body)))
            return {key: each for key, each in totals.items() if each.uploads}

        return await self._database.read(operation)

    async def records(
        self, since: datetime, until: datetime, *, after: UploadRecord | None, limit: int
    ) -> Sequence[UploadRecord]:
        """Return records of uploads that ended in ``[since, until)``, oldest first."""
        table = ended_uploads.c
        query = (
            select(ended_uploads)
            .where(table.ended_at >= to_micros(since), table.ended_at < to_micros(until))
            .order_by(table.ended_at, table.session_id)
            .limit(limit)
        )
        if after is not None:
            position = to_micros(after.ended_at), after.session_id
            query = query.where(tuple_(table.ended_at, table.session_id) > position)
        return await self._database.read(
            lambda connection: [_read(row) for row in connection.execute(query)]
        )

    async def delete_before(self, moment: datetime) -> int:
        """Delete records and totals of earlier uploads; return the number of records."""
        micros = to_micros(moment)
        rows = delete(ended_uploads).where(ended_uploads.c.ended_at < micros)
        periods = [
            and_(
                upload_totals.c.dimension == dimension.value,
                upload_totals.c.period + dimension.period.total_seconds() <= micros // _MICROS,
            )
            for dimension in Dimension
        ]
        totals = delete(upload_totals).where(or_(*periods))

        def operation(connection: Connection) -> int:
            connection.execute(totals)
            return connection.execute(rows).rowcount

        async with self._turn:
            self._remembered = {}
            return await self._database.write(operation)


def _imported(record: UploadRecord, imports: Mapping[str, datetime]) -> UploadRecord:
    """Return a record with the end of its import, if that is new."""
    if record.importing_seconds is not None or record.session_id not in imports:
        return record
    return record.imported(imports[record.session_id])


def _add(changes: Mapping[Key, Totals], record: UploadRecord, number: int) -> None:
    """Count a record in each dimension."""
    second = to_micros(record.ended_at) // _MICROS
    contribution = Totals.contribution(record)
    for dimension, name, seconds in _DIMENSIONS:
        key = name, second // seconds * seconds, clean(dimension.value_of(record))
        changes[key].add(contribution, number)


def _row(record: UploadRecord) -> dict[str, Any]:
    """Return the columns of a record."""
    return {
        "session_id": record.session_id,
        "ended_at": to_micros(record.ended_at),
        "ended_as": str(record.end),
        "body": to_json(
            {
                "account": record.account,
                "protocol": record.protocol,
                "client": record.client,
                "began_at": to_micros(record.began_at),
                "size": record.size,
                "committed_bytes": record.committed_bytes,
                "resent_bytes": record.resent_bytes,
                "findings": record.findings,
                "finding_kinds": record.finding_kinds,
                "measures": measure_values(record.measures),
                "importing_seconds": record.importing_seconds,
            }
        ),
    }


def _read(row: AnyRow) -> UploadRecord:
    """Return the record of a row."""
    body = orjson.loads(row.body)
    return UploadRecord(
        session_id=row.session_id,
        account=body["account"],
        protocol=body["protocol"],
        client=body["client"],
        end=UploadEnd(row.ended_as),
        began_at=from_micros(body["began_at"]),
        ended_at=from_micros(row.ended_at),
        size=body["size"],
        committed_bytes=body["committed_bytes"],
        resent_bytes=body["resent_bytes"],
        findings=body["findings"],
        finding_kinds=tuple(body["finding_kinds"]),
        measures=read_measures(body["measures"]),
        importing_seconds=body["importing_seconds"],
    )
