"""Indexing waits for the import; a full disk is waited for."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pdfsluice.core.documents.jobs.turns import DEFAULT_LIMITS, TurnLimits
from pdfsluice.core.errors import StorageFull
from pdfsluice.core.models.documents import Document, PageText
from pdfsluice.core.models.jobs import JobKind, JobState
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.documents import (
    ImportContext,
    ImporterSpec,
    IndexSpec,
    Progress,
)
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from tests.support.runtimes import a_runtime, initiate, send_all
from tests.support.unsearched import UnsearchedIndex

NEVER = TurnLimits(open_jobs=-1)
"""A lane that begins no job."""


@dataclass(eq=False)
class Shelf(UnsearchedIndex):
    """An importer that waits to be let on, and an index that keeps what it is given."""

    full_for: int = 0
    let_on: asyncio.Event = field(default_factory=asyncio.Event)
    indexed: list[str] = field(default_factory=list)

    async def run(self, context: ImportContext) -> None:
        if self.full_for:
            self.full_for -= 1
            raise StorageFull("no room")
        await self.let_on.wait()
        await context.catalogue.save_pages(context.document.id, [PageText(1, "words")])
        context.progress(1.0, "All is read.")
        context.progress(1.0, "Every page.")

    async def forget(self, document_id: int) -> None:
        pass

    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        self.indexed += [page.text async for page in pages]
        progress(1.0, "One passage.")
        return len(self.indexed)

    @hookimpl
    def pdfsluice_register_importers(self, context: PluginContext) -> Sequence[ImporterSpec]:
        return [ImporterSpec(name="shelf", importer=self)]

    @hookimpl
    def pdfsluice_register_indexes(self, context: PluginContext) -> Sequence[IndexSpec]:
        return [IndexSpec(name="shelf", open=self.open)]


async def a_document(runtime: Runtime) -> Document:
    session = await initiate(runtime, b"bytes", auto_build_index=True)
    await send_all(runtime, session, b"bytes")
    return (await runtime.uploads.complete(LOCAL, session.id)).document


async def until(runtime: Runtime, document: Document, kind: JobKind, state: JobState) -> str:
    """Wait until a job is in a state; return its message."""
    async with asyncio.timeout(60):
        while True:
            status = await runtime.library.import_status(document)
            (job,) = (job for job in status.jobs if job.kind is kind)
            if job.state is state:
                return job.message
            await asyncio.sleep(0.01)


async def test_a_document_is_indexed_when_it_is_imported(tmp_path: Path) -> None:
    """Until then its index is queued, also if a worker is free."""
    shelf = Shelf()
    async with a_runtime(tmp_path, shelf, index="shelf", import_jobs=2) as runtime:
        document = await a_document(runtime)
        await until(runtime, document, JobKind.IMPORT, JobState.RUNNING)
        await until(runtime, document, JobKind.INDEX, JobState.QUEUED)
        shelf.let_on.set()
        told = [
            await until(runtime, document, kind, JobState.DONE)
            for kind in (JobKind.IMPORT, JobKind.INDEX)
        ]
    assert shelf.indexed == ["words"]
    assert told == ["Every page.", "One passage."], "the last word of each part stays"


async def test_an_index_requested_during_the_import_begins_when_it_ends(tmp_path: Path) -> None:
    shelf = Shelf()
    never = TurnLimits(poll_seconds=600)
    async with a_runtime(tmp_path, shelf, index="shelf", limits=never) as runtime:
        session = await initiate(runtime, b"bytes")
        await send_all(runtime, session, b"bytes")
        document = (await runtime.uploads.complete(LOCAL, session.id)).document
        await until(runtime, document, JobKind.IMPORT, JobState.RUNNING)
        await runtime.library.index(LOCAL, document.id)
        shelf.let_on.set()
        await until(runtime, document, JobKind.INDEX, JobState.DONE)
    assert shelf.indexed == ["words"]


async def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    shelf = Shelf(full_for=DEFAULT_LIMITS.retry.attempts + 3)
    shelf.let_on.set()
    fast = TurnLimits(poll_seconds=0.01, space_seconds=0.05)
    async with a_runtime(tmp_path, shelf, index="shelf", limits=fast) as runtime:
        document = await a_document(runtime)
        await until(runtime, document, JobKind.INDEX, JobState.DONE)
        status = await runtime.library.import_status(document)
    assert shelf.indexed == ["words"]
    assert [job.attempts for job in status.jobs] == [1, 1], "waiting is no attempt"


async def test_nothing_is_searchable_without_an_index(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.let_on.set()
    async with a_runtime(tmp_path, shelf, index="") as runtime:
        document = await a_document(runtime)
        message = await until(runtime, document, JobKind.INDEX, JobState.FAILED)
    assert message == "no index is configured"


class Library(Shelf):
    """An index that is held up by one document."""

    def __init__(self) -> None:
        super().__init__()
        self.let_on.set()
        self.index_on = asyncio.Event()
        self.runs = 0

    async def run(self, context: ImportContext) -> None:
        self.runs += 1
        await super().run(context)

    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        await self.index_on.wait()
        return await super().add(document, pages, progress)


async def test_no_import_waits_for_an_index(tmp_path: Path) -> None:
    library = Library()
    async with a_runtime(tmp_path, library, index="shelf", import_jobs=1) as runtime:
        first = await a_document(runtime)
        await until(runtime, first, JobKind.INDEX, JobState.RUNNING)
        session = await initiate(runtime, b"other", auto_build_index=True)
        await send_all(runtime, session, b"other")
        second = (await runtime.uploads.complete(LOCAL, session.id)).document
        await until(runtime, second, JobKind.IMPORT, JobState.DONE)
        await until(runtime, second, JobKind.INDEX, JobState.QUEUED)
        library.index_on.set()
        await until(runtime, second, JobKind.INDEX, JobState.DONE)


async def test_a_job_in_which_the_server_dies_is_tried_three_times(tmp_path: Path) -> None:
    library = Library()
    library.let_on.clear()
    async with a_runtime(tmp_path, library, index="shelf") as runtime:
        document = await a_document(runtime)
        await until(runtime, document, JobKind.IMPORT, JobState.RUNNING)
    for _ in range(3):  # a stop is no attempt
        async with a_runtime(tmp_path, library, index="shelf") as runtime:
            await until(runtime, document, JobKind.IMPORT, JobState.RUNNING)
            status = await runtime.library.import_status(document)
            assert [job.attempts for job in status.jobs if job.kind is JobKind.IMPORT] == [1]
    library.runs = 0
    for _ in range(DEFAULT_LIMITS.retry.attempts):
        async with a_runtime(tmp_path, library, index="shelf", limits=NEVER) as runtime:
            claimed = await runtime.library._catalogue.claim(kinds=(JobKind.IMPORT,))
            assert claimed is not None  # and so it stays, as if the server had died
    async with a_runtime(tmp_path, library, index="shelf") as runtime:
        message = await until(runtime, document, JobKind.IMPORT, JobState.FAILED)
    assert message.startswith("The server ended 3 times")
    assert library.runs == 0
