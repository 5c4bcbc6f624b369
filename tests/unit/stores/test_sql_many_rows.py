"""What the store `sql` does with many rows, apart from how long it takes."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from pdfsluice.core import JobKind
from pdfsluice.core.testing.contracts.samples import make_document
from pdfsluice.plugins.sql.catalogue import SqlCatalogue
from pdfsluice.plugins.sql.database import Database
from pdfsluice.plugins.sql.sessions import SqlSessionStore
from tests.support.databases import sql_context, sql_stores


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[tuple[Database, SqlCatalogue]]:
    async with sql_stores(sql_context(tmp_path)) as (sessions, catalogue):
        assert isinstance(sessions, SqlSessionStore)
        assert isinstance(catalogue, SqlCatalogue)
        yield sessions.database, catalogue


async def test_the_writer_does_not_look_for_jobs_of_other_owners(
    stores: tuple[Database, SqlCatalogue],
) -> None:
    database, catalogue = stores
    document = await catalogue.add(make_document(), [JobKind.INDEX])
    may_end = threading.Event()

    def write(_: Connection) -> None:
        may_end.wait(30)

    writing = asyncio.create_task(database.write(write))
    try:
        async with asyncio.timeout(10):
            claimed = await catalogue.claim(kinds=(JobKind.INDEX,), passing_over={document.owner})
        assert claimed is None
        assert not writing.done()
    finally:
        may_end.set()
        await writing


async def test_each_job_is_claimed_once_by_many(
    stores: tuple[Database, SqlCatalogue],
) -> None:
    _, catalogue = stores
    documents = [
        await catalogue.add(make_document(owner=f"key:{number % 2}"), [JobKind.INDEX])
        for number in range(12)
    ]
    looks = [catalogue.claim(kinds=(JobKind.INDEX,), last={"key:0"}) for _ in range(20)]
    claimed = [each for each in await asyncio.gather(*looks) if each is not None]
    assert sorted(document.id for _, document in claimed) == [each.id for each in documents]


async def test_current_documents_are_counted_without_reading_them(
    stores: tuple[Database, SqlCatalogue],
) -> None:
    database, _ = stores

    def plans(connection: Connection) -> list[str]:
        counting = "EXPLAIN QUERY PLAN SELECT count(*) FROM documents WHERE replaced_by IS NULL"
        return [
            connection.execute(text(counting + condition)).one()[3]
            for condition in ("", " AND owner = 'key:a'")
        ]

    for plan in await database.read(plans):
        assert "USING COVERING INDEX documents_current" in plan
