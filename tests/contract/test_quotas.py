"""Quotas are counted in the transactions that change them, on both engines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from pdfsluice.core import (
    Conflict,
    NewDocument,
    QuotaExceeded,
    Session,
    SessionState,
    StateConflict,
)
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.quotas import HasQuotas, QuotaLimits, QuotaUsage
from pdfsluice.core.plugins.ports.stores import Catalogue, SessionStore
from pdfsluice.core.testing.contracts.samples import make_document, make_session
from pdfsluice.plugins.sql.catalogue import SqlCatalogue
from pdfsluice.plugins.sql.sessions import SqlSessionStore
from tests.support.databases import sql_context, sql_stores
from tests.support.shares import share
from tests.support.waiting import wait_until

ACCOUNT = "tenant:acme"


@asynccontextmanager
async def opened(context: PluginContext) -> AsyncIterator[tuple[SqlSessionStore, SqlCatalogue]]:
    async with sql_stores(context) as (sessions, catalogue):
        yield _both(sessions, catalogue)


def _both(sessions: SessionStore, catalogue: Catalogue) -> tuple[SqlSessionStore, SqlCatalogue]:
    assert isinstance(sessions, HasQuotas)
    return cast("SqlSessionStore", sessions), cast("SqlCatalogue", catalogue)


def a_session(size: int = 100, *, account: str = ACCOUNT) -> Session:
    return replace(make_session(), account=account, total_size=size, reserved=size)


def a_document(session: Session) -> NewDocument:
    document = make_document()
    return replace(
        document, session_id=session.id, owner=session.owner, file_size=session.total_size or 0
    )


async def usage(store: SqlSessionStore, name: str = ACCOUNT) -> QuotaUsage:
    """Return the usage, without metadata and what counts for the day."""
    account = await store.quotas.account(name)
    return replace(account.usage, uploads_today=0, metadata_bytes=0)


async def metadata_of(store: SqlSessionStore) -> int:
    return (await store.quotas.account(ACCOUNT)).usage.metadata_bytes


@pytest.mark.parametrize("database_url", share(["sqlite", "postgresql"], every=2), indirect=True)
async def test_1000_openings_at_the_same_time_never_exceed_a_limit(context: PluginContext) -> None:
    """Two nodes, of which each commits many openings in a transaction."""
    async with opened(context) as (first, _), opened(context) as (second, _):
        await first.quotas.set_limits(ACCOUNT, QuotaLimits(reserved_bytes=12_345))

        async def create(number: int) -> int:
            session = a_session(1 + number % 50)
            try:
                await (first if number % 2 else second).create(session)
            except QuotaExceeded:
                return 0
            return session.reserved

        sizes = await asyncio.gather(*(create(number) for number in range(1000)))
        assert sum(sizes) <= 12_345
        assert sum(sizes) > 12_345 - 50, "what is left is less than the largest wish"
        expected = QuotaUsage(
            reserved_bytes=sum(sizes), open_uploads=sum(size > 0 for size in sizes)
        )
        assert await usage(second) == expected
        assert await second.quotas.recount() == []


async def test_a_transaction_that_postgresql_ends_for_a_deadlock_is_repeated(
    cleared_postgresql: str, tmp_path: Path
) -> None:
    """The other has changed the account, and waits for this one's session."""
    session = a_session()
    engine = create_engine(make_url(cleared_postgresql).set(drivername="postgresql+psycopg"))
    async with opened(sql_context(tmp_path, url=cleared_postgresql)) as (store, _):
        await store.create(session)
        with engine.begin() as other:
            other.execute(text("UPDATE quotas SET day = day"))
            change = asyncio.create_task(store.update(session, state=SessionState.CANCELLED))
            await asyncio.to_thread(wait_until, lambda: _is_waiting(engine))
            await asyncio.to_thread(other.execute, text("UPDATE sessions SET owner = owner"))
        assert (await change).state is SessionState.CANCELLED
        assert await usage(store) == QuotaUsage()
    engine.dispose()


def _is_waiting(engine: Engine) -> bool:
    with engine.connect() as connection:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return bool(connection.execute(text(waiting)).scalar_one())


async def test_a_session_that_grows_at_one_node_and_ends_at_another(
    context: PluginContext,
) -> None:
    async with opened(context) as (first, _), opened(context) as (second, _):
        sessions = [replace(a_session(), total_size=None) for _ in range(50)]
        for session in sessions:
            await first.create(session)
        changes = [
            change
            for session in sessions
            for change in (
                first.update(session, total_size=1000, reserved=1000),
                second.update(session, state=SessionState.CANCELLED),
            )
        ]
        done = await asyncio.gather(*changes, return_exceptions=True)
        lost = [each for each in done if isinstance(each, BaseException)]
        assert len(lost) == len(sessions)
        assert all(isinstance(each, StateConflict) for each in lost), lost
        assert await second.quotas.recount() == []


@pytest.mark.parametrize(
    ("limits", "name", "number"),
    [
        (QuotaLimits(stored_bytes=250), "stored_bytes", 2),
        (QuotaLimits(reserved_bytes=300), "reserved_bytes", 3),
        (QuotaLimits(open_uploads=1), "open_uploads", 1),
        (QuotaLimits(documents=2), "documents", 2),
        (QuotaLimits(uploads_per_day=3), "uploads_per_day", 3),
        (QuotaLimits(open_uploads=0), "open_uploads", 0),
    ],
)
async def test_each_limit_is_named_when_it_is_reached(
    context: PluginContext, limits: QuotaLimits, name: str, number: int
) -> None:
    async with opened(context) as (store, _):
        await store.quotas.set_limits(ACCOUNT, limits)
        for _ in range(number):
            await store.create(a_session())
        with pytest.raises(QuotaExceeded) as caught:
            await store.create(a_session())
        assert caught.value.details["limit"] == name
        assert caught.value.hint
        await store.create(a_session(account="tenant:other"))
        assert (await usage(store)).open_uploads == number


async def test_metadata_counts_while_it_is_kept(context: PluginContext) -> None:
    async with opened(context) as (store, catalogue):
        await store.quotas.set_limits(ACCOUNT, QuotaLimits(metadata_bytes=60))
        session = replace(a_session(), metadata={"name": "ü" * 10}, title="abc")
        await store.create(session)
        kept = len('"name":""') + 20 + 3
        assert await metadata_of(store) == kept
        with pytest.raises(QuotaExceeded) as caught:
            await store.create(replace(a_session(), metadata={"name": "x" * 20}))
        assert caught.value.details == {
            "limit": "metadata_bytes",
            "maximum": 60,
            "used": kept,
            "needed": len('"name":""') + 20,
        }
        document = replace(a_document(session), metadata={}, title="t")
        stored = await catalogue.add(document, [])
        session = await store.update(session, state=SessionState.CANCELLED)
        assert await metadata_of(store) == kept + 1
        await catalogue.update(stored.id, title="title", metadata={"author": "Ann"})
        assert await metadata_of(store) == kept + 5 + len('"author":"Ann"')
        assert await store.quotas.recount() == []
        await store.delete(session.id)
        await catalogue.delete(stored.id)
        assert await metadata_of(store) == 0


async def test_ocr_reads_as_many_pages_a_day_as_the_limit_allows(context: PluginContext) -> None:
    async with opened(context) as (store, catalogue):
        session = a_session()
        await store.create(session)
        document = await catalogue.add(a_document(session), [])
        store.quotas._clock = lambda: session.created_at
        await store.quotas.set_limits(ACCOUNT, QuotaLimits(ocr_pages_per_day=2))
        ends = await asyncio.gather(
            *(store.quotas.take_ocr_page(document.id) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(end, QuotaExceeded) for end in ends) == 3
        assert (await store.quotas.account(ACCOUNT)).usage.ocr_pages_today == 2
        store.quotas._clock = lambda: session.created_at + timedelta(days=1)
        await store.quotas.take_ocr_page(document.id)
        assert (await store.quotas.account(ACCOUNT)).usage.ocr_pages_today == 1
        await store.quotas.take_ocr_page(document.id + 1)  # deleted meanwhile


async def test_limits_of_connections_are_listed(context: PluginContext) -> None:
    async with opened(context) as (store, _):
        await store.quotas.set_limits("*", QuotaLimits(documents=5))
        assert await store.quotas.connection_limits() == {}
        await store.quotas.set_limits("*", QuotaLimits(connections=5))
        await store.quotas.set_limits(ACCOUNT, QuotaLimits(connections=0))
        assert await store.quotas.connection_limits() == {"*": 5, ACCOUNT: 0}


async def test_default_limits_count_for_accounts_without_their_own(context: PluginContext) -> None:
    async with opened(context) as (store, _):
        await store.quotas.set_limits("*", QuotaLimits(open_uploads=1, documents=9))
        await store.quotas.set_limits(ACCOUNT, QuotaLimits(open_uploads=2))
        for name, number in ((ACCOUNT, 2), ("key:ann", 1)):
            for _ in range(number):
                await store.create(a_session(account=name))
            with pytest.raises(QuotaExceeded):
                await store.create(a_session(account=name))
        account = await store.quotas.account(ACCOUNT)
        assert (account.limits.open_uploads, account.limits.documents) == (2, 9)
        assert account.own == QuotaLimits(open_uploads=2)
        assert [each.name for each in await store.quotas.accounts()] == ["*", "key:ann", ACCOUNT]
        await store.quotas.set_limits("*", QuotaLimits())
        await store.create(a_session(account="key:ann"))


async def test_usage_follows_an_upload_to_each_of_its_ends(context: PluginContext) -> None:
    async with opened(context) as (store, catalogue):
        ends = (SessionState.CANCELLED, SessionState.FAILED, SessionState.EXPIRED)
        for end in ends:
            session = a_session(70)
            await store.create(session)
            assert await usage(store) == QuotaUsage(reserved_bytes=70, open_uploads=1)
            session = await store.update(session, state=end)
            assert await usage(store) == QuotaUsage()
            await store.delete(session.id)
            assert await usage(store) == QuotaUsage()

        session = a_session(70)
        await store.create(session)
        for state in (SessionState.VALIDATING, SessionState.IMPORTING):
            session = await store.update(session, state=state)
            assert await usage(store) == QuotaUsage(reserved_bytes=70, open_uploads=1)
        document = await catalogue.add(a_document(session), [])
        assert await catalogue.add(a_document(session), []) == document, "counted once"
        session = await store.update(session, state=SessionState.COMPLETED)
        assert await usage(store) == QuotaUsage(stored_bytes=70, documents=1)
        await store.delete(session.id)
        assert await usage(store) == QuotaUsage(stored_bytes=70, documents=1)
        await catalogue.delete(document.id)
        await catalogue.delete(document.id)
        assert await usage(store) == QuotaUsage()


async def test_a_size_that_becomes_known_is_reserved_instead(context: PluginContext) -> None:
    async with opened(context) as (store, _):
        session = replace(a_session(), total_size=None, reserved=0)
        await store.create(session)
        await store.quotas.set_limits(ACCOUNT, QuotaLimits(reserved_bytes=1000))
        session = await store.update(session, reserved=1000)
        assert (await usage(store)).reserved_bytes == 1000
        with pytest.raises(QuotaExceeded) as caught:
            await store.update(session, reserved=1001)
        assert (caught.value.details["used"], caught.value.details["needed"]) == (1000, 1)
        with pytest.raises(StateConflict):
            await store.update(replace(session, version=session.version - 1), reserved=500)
        assert (await usage(store)).reserved_bytes == 1000
        session = await store.update(session, total_size=40, reserved=40)
        assert (await usage(store)).reserved_bytes == 40
        rejected = await store.update(session, state=SessionState.REJECTED)
        assert await usage(store) == QuotaUsage()
        await store.update(rejected, state=SessionState.UPLOADING)  # released by an administrator
        assert await usage(store) == QuotaUsage(reserved_bytes=40, open_uploads=1)


async def test_what_is_refused_or_there_already_counts_nothing(context: PluginContext) -> None:
    async with opened(context) as (store, _):
        session = a_session(30)
        await store.create(session)
        with pytest.raises(Conflict):
            await store.create(session)
        assert await usage(store) == QuotaUsage(reserved_bytes=30, open_uploads=1)
        await store.delete(session.id)
        await store.delete(session.id)
        assert await usage(store) == QuotaUsage()
        assert await store.quotas.recount() == []


async def test_a_day_later_uploads_may_begin_again(context: PluginContext) -> None:
    async with opened(context) as (store, _):
        await store.quotas.set_limits(ACCOUNT, QuotaLimits(uploads_per_day=1))
        session = a_session()
        await store.create(session)
        with pytest.raises(QuotaExceeded):
            await store.create(a_session())
        later = replace(a_session(), created_at=session.created_at + timedelta(days=1))
        await store.create(later)


async def test_counting_again_mends_what_is_wrong_and_names_it(tmp_path: Path) -> None:
    context = sql_context(tmp_path)
    async with opened(context) as (store, catalogue):
        session, other = a_session(50), a_session(7, account="key:ann")
        for each in (session, other):
            await store.create(each)
        await catalogue.add(a_document(session), [])
        right = await usage(store)
        database = store._database
        await database.write(
            lambda connection: connection.execute(
                text("UPDATE quotas SET reserved_bytes = 9, documents = 0 WHERE account LIKE 't%'")
            )
        )
        assert await usage(store) != right
        assert await store.quotas.recount() == [ACCOUNT]
        assert await usage(store) == right
        assert await store.quotas.recount() == []
