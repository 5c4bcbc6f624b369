"""Records of ended uploads and their totals, on both engines."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Connection, text

from pdfsluice.core import Dimension, HasAnalytics, Session, SessionState, UploadEnd, UploadRecord
from pdfsluice.core.analytics.records import record_of
from pdfsluice.core.analytics.reports import OTHERS, Grouping, make_report
from pdfsluice.core.errors import SizeExceeded
from pdfsluice.core.models.totals import Contribution, Totals
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.stores import SessionStore
from pdfsluice.core.testing.contracts.samples import make_session
from pdfsluice.plugins.sql.analytics import SqlAnalytics
from pdfsluice.plugins.sql.sessions import SqlSessionStore
from tests.support.databases import sql_context, sql_stores
from tests.support.waiting import until
from tests.unit.core.test_totals import a_record

START = datetime(2024, 5, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ALWAYS = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@asynccontextmanager
async def opened(context: PluginContext) -> AsyncIterator[tuple[SqlSessionStore, SqlAnalytics]]:
    async with sql_stores(context) as (sessions, _):
        assert isinstance(sessions, SqlSessionStore)
        assert isinstance(sessions, HasAnalytics)
        yield sessions, sessions.analytics


def some_records(number: int) -> list[UploadRecord]:
    chance = random.Random(7)
    return [
        a_record(
            session_id=f"upload-{index}",
            account=chance.choice(["key:ann", "tenant:acme"]),
            protocol=chance.choice(["rest", "tus", "ietf"]),
            client=chance.choice(["curl/8.1", "curl/7.9", "browser", ""]),
            end=chance.choice(list(UploadEnd)),
            ended_at=START + timedelta(minutes=chance.randrange(60 * 48)),
            committed_bytes=chance.randrange(10**9),
            importing_seconds=chance.choice([None, chance.random()]),
        )
        for index in range(number)
    ]


def expected(records: list[UploadRecord], dimension: Dimension) -> dict[str, dict[str, object]]:
    totals: dict[str, Totals] = {}
    for record in records:
        totals.setdefault(dimension.value_of(record), Totals()).add(Contribution.of(record))
    return {value: each.to_record() for value, each in totals.items()}


async def test_totals_are_those_of_the_records(context: PluginContext) -> None:
    records = some_records(120)
    other_node = replace(context, shared={})
    async with opened(context) as (_, first), opened(other_node) as (_, second):
        for start in range(0, 120, 20):
            await (first if start % 40 else second).record(records[start : start + 20], {})
        for dimension in Dimension:
            totals = await first.totals(dimension, *ALWAYS)
            shown = {value: each.to_record() for value, each in totals.items()}
            assert shown == expected(records, dimension), dimension
        second_day = [record for record in records if record.ended_at >= START + DAY]
        later = await first.totals(Dimension.END, START + DAY, START + 2 * DAY)
        assert {value: each.uploads for value, each in later.items()} == {
            value: each["uploads"] for value, each in expected(second_day, Dimension.END).items()
        }
        hours = await first.totals(Dimension.END, START, START + 2 * DAY, span=HOUR)
        assert sum(each.bytes for each in hours.values()) == sum(r.committed_bytes for r in records)
        assert {int(key) % 3600 for key in hours} == {0}


async def test_records_are_returned_in_order_and_in_pages(context: PluginContext) -> None:
    records = some_records(30)
    async with opened(context) as (_, analytics):
        await analytics.record(records, {})
        pages: list[UploadRecord] = []
        while page := await analytics.records(*ALWAYS, after=pages[-1] if pages else None, limit=7):
            pages += page
        assert pages == sorted(records, key=lambda record: (record.ended_at, record.session_id))


async def test_a_record_that_comes_again_counts_once(context: PluginContext) -> None:
    record = a_record(ended_at=START)
    async with opened(context) as (_, analytics):
        for _ in range(3):
            await analytics.record([record], {})
        later = replace(record, ended_at=START + DAY)  # as another node made it of the session
        await analytics.record([later], {})
        assert [r async for r in _all(analytics)] == [record]
        (total,) = (await analytics.totals(Dimension.END, *ALWAYS)).values()
        assert total.uploads == 1


async def test_totals_that_could_not_be_stored_are_not_remembered(context: PluginContext) -> None:
    """A failure leaves unknown what is stored, so that it is read again."""
    records = [a_record(session_id=f"upload-{number}", ended_at=START) for number in range(3)]
    odd = replace(records[1], session_id="\ud800")  # no text of any database
    async with opened(context) as (_, analytics):
        await analytics.record(records[:1], {})
        with pytest.raises(UnicodeEncodeError):
            await analytics.record([odd], {})
        for record in records[1:]:
            await analytics.record([record], {})
        totals = await analytics.totals(Dimension.END, *ALWAYS)
        assert [each.uploads for each in totals.values()] == [3]
        assert await analytics.delete_before(START + DAY) == 3
        await analytics.record([replace(records[0], ended_at=START + DAY)], {})
        totals = await analytics.totals(Dimension.END, *ALWAYS)
        assert [each.uploads for each in totals.values()] == [1]


async def test_nodes_that_record_the_same_upload_count_it_once(context: PluginContext) -> None:
    """A node records an upload when it ends, and one that starts what it finds unrecorded."""
    record = a_record(session_id="upload", ended_at=START)
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    stored, release = Event(), Event()
    other_node = replace(context, shared={})  # with a database connection of its own
    async with opened(context) as (store, first), opened(other_node) as (_, second):
        database = store._database

        def store_slowly(connection: Connection) -> None:
            first._record(connection, {"upload": record}, {}, {})
            stored.set()
            release.wait(10)

        def is_waiting(connection: Connection) -> bool:
            return bool(connection.execute(waiting).scalar_one())

        slow = asyncio.create_task(database.write(store_slowly))
        await asyncio.to_thread(stored.wait, 10)
        other = asyncio.create_task(second.record([record], {}))
        if database.postgresql:  # SQLite has one writer
            await until(lambda: database.read(is_waiting), seconds=10)
        release.set()
        await asyncio.gather(slow, other)
        totals = await first.totals(Dimension.END, *ALWAYS)
    assert [each.uploads for each in totals.values()] == [1]


async def test_a_released_upload_takes_the_place_of_its_refusal(context: PluginContext) -> None:
    refused = a_record(ended_at=START, end=UploadEnd.REJECTED)
    completed = replace(refused, ended_at=START + 3 * HOUR, end=UploadEnd.COMPLETED)
    async with opened(context) as (_, analytics):
        await analytics.record([refused], {})
        await analytics.record([completed], {})
        assert [r async for r in _all(analytics)] == [completed]
        for dimension in Dimension:
            totals = await analytics.totals(dimension, *ALWAYS)
            assert {v: each.to_record() for v, each in totals.items()} == expected(
                [completed], dimension
            )


async def test_the_first_end_of_an_import_counts(context: PluginContext) -> None:
    record = a_record(ended_at=START)
    async with opened(context) as (_, analytics):
        await analytics.record([], {"unknown": START})
        await analytics.record([record], {})
        for seconds in (2, 9):
            await analytics.record([], {"a": START + timedelta(seconds=seconds)})
        (stored,) = [r async for r in _all(analytics)]
        assert stored.importing_seconds == 2.0
        (total,) = (await analytics.totals(Dimension.END, *ALWAYS)).values()
        assert total.to_record() == expected([stored], Dimension.END)["completed"]


async def test_ended_sessions_without_a_record_are_found(context: PluginContext) -> None:
    async with opened(context) as (sessions, analytics):
        ended = [await _ended(sessions, SessionState.CANCELLED) for _ in range(3)]
        refused = await _ended(sessions, SessionState.REJECTED)
        await sessions.create(make_session())
        await analytics.record([record_of(each, START) for each in (ended[0], refused)], {})
        missing = await _unrecorded(analytics)
        assert {each.id for each in missing} == {ended[1].id, ended[2].id}
        released = await sessions.update(refused, state=SessionState.UPLOADING)
        for state in (SessionState.VALIDATING, SessionState.IMPORTING, SessionState.COMPLETED):
            released = await sessions.update(released, state=state)
        assert refused.id in {each.id for each in await _unrecorded(analytics)}


async def test_old_records_and_their_totals_are_deleted(context: PluginContext) -> None:
    records = some_records(60)
    border = START + DAY
    old = [record for record in records if record.ended_at < border]
    async with opened(context) as (_, analytics):
        await analytics.record(records, {})
        assert await analytics.delete_before(border) == len(old)
        for dimension in Dimension:
            totals = await analytics.totals(dimension, *ALWAYS)
            assert {v: each.to_record() for v, each in totals.items()} == expected(
                [record for record in records if record.ended_at >= border], dimension
            )


async def test_reports(tmp_path: Path) -> None:
    async with opened(sql_context(tmp_path)) as (_, analytics):
        records = [
            a_record(session_id=str(n), account=f"key:{n}", ended_at=START, committed_bytes=n)
            for n in range(250)
        ]
        await analytics.record(records, {})
        report = await make_report(analytics, START, START + HOUR, Grouping.ACCOUNT)
        assert (report.since, report.until) == (START, START + DAY), "whole days"
        assert report.groups[0].value == "key:249"
        assert report.groups[-1].value == OTHERS
        assert report.groups[-1].totals.uploads == 50
        assert report.total.bytes == sum(range(250))
        late = START + timedelta(minutes=59)
        hours = await make_report(analytics, late, late + HOUR, Grouping.HOUR)
        assert [group.value for group in hours.groups] == ["2024-05-01T00:00:00+00:00"]
        assert (hours.since, hours.until) == (START, START + 2 * HOUR)
        reverse = await make_report(analytics, START + DAY, START, Grouping.END)
        assert (reverse.total.uploads, reverse.groups) == (0, [])
        with pytest.raises(SizeExceeded):
            await make_report(analytics, START, START + DAY, Grouping.HOUR, max_times=0)


async def _all(analytics: SqlAnalytics) -> AsyncIterator[UploadRecord]:
    for record in await analytics.records(*ALWAYS, after=None, limit=1000):
        yield record


async def _unrecorded(analytics: SqlAnalytics) -> list[Session]:
    sessions: list[Session] = []
    while page := await analytics.unrecorded(
        *ALWAYS, after=sessions[-1] if sessions else None, limit=1
    ):
        sessions += page
    return sessions


async def _ended(sessions: SessionStore, state: SessionState) -> Session:
    session = make_session()
    await sessions.create(session)
    return await sessions.update(session, state=state)
