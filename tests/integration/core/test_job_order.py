"""Indexing waits for the import, and a full disk is waited for however long it stays full."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pdfsluice.core.documents import jobs
from pdfsluice.core.errors import StorageFull
from pdfsluice.core.models import (
    Document,
    JobKind,
    JobState,
    PageText,
    Passage,
)
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.documents import (
    ImportContext,
    ImporterSpec,
    IndexSpec,
    Progress,
)
from pdfsluice.core.runtime import LOCAL, Runtime
from tests.support.runtimes import a_runtime, initiate, send_all


@dataclass(eq=False)
class Shelf:
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

    async def remove(self, document_id: int) -> None:
        pass

    async def search(self, query: str, *, top_k: int, owner: str | None) -> Sequence[Passage]:
        return ()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Shelf"]:
        yield self

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
    """Also where another worker is free to index it before."""
    shelf = Shelf()
    async with a_runtime(tmp_path, shelf, index="shelf", import_jobs=2) as runtime:
        document = await a_document(runtime)
        await until(runtime, document, JobKind.INDEX, JobState.RUNNING)
        shelf.let_on.set()
        told = [
            await until(runtime, document, kind, JobState.DONE)
            for kind in (JobKind.IMPORT, JobKind.INDEX)
        ]
    assert shelf.indexed == ["words"]
    assert told == ["Every page.", "One passage."], "the last word of each part stays"


async def test_a_full_disk_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_POLL_SECONDS", 0.01)
    shelf = Shelf(full_for=jobs._MAX_ATTEMPTS + 3)
    shelf.let_on.set()
    async with a_runtime(tmp_path, shelf, index="shelf") as runtime:
        document = await a_document(runtime)
        await until(runtime, document, JobKind.INDEX, JobState.DONE)
    assert shelf.indexed == ["words"]


async def test_nothing_is_searchable_without_an_index(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.let_on.set()
    async with a_runtime(tmp_path, shelf, index="") as runtime:
        document = await a_document(runtime)
        message = await until(runtime, document, JobKind.INDEX, JobState.FAILED)
    assert message == "no index is configured"
