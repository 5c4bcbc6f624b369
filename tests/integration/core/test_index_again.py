"""All documents that were indexed before are indexed again."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core.documents.jobs.turns import TurnLimits
from pdfsluice.core.errors import NotFound, PermissionDenied, StorageFailed
from pdfsluice.core.models.documents import Document, PageText
from pdfsluice.core.models.jobs import JobKind, JobState
from pdfsluice.core.models.sessions import Principal, Scope
from pdfsluice.core.plugins.ports.documents import Progress
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from pdfsluice.plugins.sql.catalogue import SqlCatalogue
from tests.support.runtimes import a_runtime, initiate, send_all
from tests.support.waiting import until

from .test_job_order import Shelf

ANN = Principal(id="key:ann", name="ann", scopes=frozenset({Scope.READ, Scope.UPLOAD}))
READER = Principal(id="key:bob", name="bob", scopes=frozenset({Scope.READ}))


async def added(runtime: Runtime, data: bytes, *, index: bool = True) -> Document:
    session = await initiate(runtime, data, auto_build_index=index)
    await send_all(runtime, session, data)
    document = (await runtime.uploads.complete(LOCAL, session.id)).document
    await until(lambda: ended(runtime, document))
    return document


async def ended(runtime: Runtime, document: Document) -> bool:
    jobs = (await runtime.library.import_status(document)).jobs
    return all(job.state not in {JobState.QUEUED, JobState.RUNNING} for job in jobs)


async def index_jobs(runtime: Runtime, document: Document) -> list[JobState]:
    jobs = (await runtime.library.import_status(document)).jobs
    return [job.state for job in jobs if job.kind is JobKind.INDEX]


async def test_documents_are_queued_page_by_page_if_they_were_indexed(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.let_on.set()
    async with a_runtime(tmp_path, shelf, index="shelf") as runtime:
        first, last = [await added(runtime, data) for data in (b"one", b"two")]
        other = await added(runtime, b"three", index=False)
        queued = []
        after: int | None = None
        while True:
            page = await runtime.library.index_again(LOCAL, after=after, limit=1)
            queued.append(page.queued)
            if page.next is None:
                break
            after = page.next
        assert queued == [0, 1, 1]
        for document in (first, last):
            await until(partial(ended, runtime, document))
            assert await index_jobs(runtime, document) == [JobState.DONE] * 2
        assert await index_jobs(runtime, other) == []


async def test_a_cancelled_index_is_not_queued_and_a_queued_one_stays_one(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.let_on.set()
    async with a_runtime(tmp_path, shelf, index="shelf") as runtime:
        document = await added(runtime, b"one")
        shelf.let_on.clear()
        await runtime.library.retry_import(LOCAL, document.id, "shelf")
        for _ in range(2):
            assert (await runtime.library.index_again(LOCAL)).queued == 1
        (waiting,) = [
            job.id
            for job in (await runtime.library.import_status(document)).jobs
            if job.kind is JobKind.INDEX and job.state is JobState.QUEUED
        ]
        await runtime.jobs.cancel(LOCAL, waiting)
        assert (await runtime.library.index_again(LOCAL)).queued == 0
        shelf.let_on.set()


class SlowShelf(Shelf):
    """A shelf that notes titles, and stores a document only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let_on.set()
        self.titles: list[str] = []
        self.let_store = asyncio.Event()

    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        self.titles.append(document.title)
        await self.let_store.wait()
        return await super().add(document, pages, progress)


@pytest.mark.parametrize("failures", [0, 1])
async def test_a_document_that_is_renamed_while_it_is_indexed_is_indexed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    """Also if the database refuses to read its title once."""
    real, errors = SqlCatalogue.get, [StorageFailed("the database is away")] * failures

    async def get(catalogue: SqlCatalogue, *args: Any, **kwargs: Any) -> Document:
        if errors and shelf.let_store.is_set():
            raise errors.pop()
        return await real(catalogue, *args, **kwargs)

    monkeypatch.setattr(SqlCatalogue, "get", get)
    shelf = SlowShelf()
    limits = TurnLimits(poll_seconds=0.05)
    async with a_runtime(tmp_path, shelf, index="shelf", limits=limits) as runtime:
        session = await initiate(runtime, b"one", auto_build_index=True)
        await send_all(runtime, session, b"one")
        document = (await runtime.uploads.complete(LOCAL, session.id)).document
        await until(lambda: shelf.titles)
        await runtime.library.change(LOCAL, document.id, title="Lyra")
        shelf.let_store.set()
        await until(lambda: len(shelf.titles) == 2)
        await until(partial(ended, runtime, document))
        assert shelf.titles == [document.title, "Lyra"]
        assert await index_jobs(runtime, document) == [JobState.DONE] * 2
        assert not errors


async def test_each_caller_indexes_what_is_theirs(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.let_on.set()
    async with a_runtime(tmp_path, shelf, index="shelf") as runtime:
        await added(runtime, b"one")
        assert (await runtime.library.index_again(ANN)).queued == 0
        with pytest.raises(PermissionDenied):
            await runtime.library.index_again(READER)
    async with a_runtime(tmp_path, shelf, index="") as runtime:
        with pytest.raises(NotFound, match="no index"):
            await runtime.library.index_again(LOCAL)
