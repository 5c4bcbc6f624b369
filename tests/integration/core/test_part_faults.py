"""No part of a plugin ends the server, the jobs or another part."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pdfsluice.core.documents.jobs.turns import TurnLimits
from pdfsluice.core.errors import DocumentNotFound, PdfsluiceError
from pdfsluice.core.models.documents import Document, PageText
from pdfsluice.core.models.events import Event, UploadStatus
from pdfsluice.core.models.findings import StageReport
from pdfsluice.core.models.jobs import JobKind, JobState
from pdfsluice.core.models.passages import Match, Passage
from pdfsluice.core.models.sessions import ChunkIntent, Principal, Session
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.access import AuthenticatorSpec, Credentials
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.documents import (
    ImportContext,
    ImporterSpec,
    IndexSpec,
    Progress,
    RetryPolicy,
)
from pdfsluice.core.plugins.ports.sinks import EventSinkSpec
from pdfsluice.core.plugins.ports.stages import CompletionContext, CompletionStageSpec, GateSpec
from pdfsluice.core.plugins.thread_boundary import PartFailed
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from tests.support.runtimes import a_runtime, initiate, send_all
from tests.support.shares import share

DATA = b"bytes"
Make = Callable[[], BaseException]
ODD: list[Make] = [
    lambda: ZeroDivisionError("/srv/secret"),
    lambda: SystemExit(3),
    KeyboardInterrupt,
    asyncio.CancelledError,
]
IMMEDIATELY = RetryPolicy(delay_seconds=0)
each_failure = pytest.mark.parametrize(
    "make", share(ODD, every=2), ids=["exception", "exit", "interrupt", "cancelled"]
)


@dataclass(eq=False)
class Everything:
    """A plugin with a part of nearly every kind; the chosen part misbehaves."""

    broken: str = ""
    make: Make = ValueError
    seen: list[str] = field(default_factory=list)

    def may_break(self, part: str) -> None:
        if part == self.broken:
            raise self.make()

    @property
    def enforced(self) -> bool:
        return False

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        self.may_break("authenticator")
        return None

    @asynccontextmanager
    async def admit(self, session: Session, chunk: ChunkIntent) -> AsyncIterator[None]:
        self.may_break("gate")
        yield

    async def inspect(self, context: CompletionContext) -> StageReport:
        self.may_break("completion")
        return StageReport()

    async def handle(self, event: Event) -> None:
        self.may_break("sink")
        if isinstance(event, UploadStatus):
            self.seen.append(event.stage)

    async def run(self, context: ImportContext) -> None:
        self.may_break("importer")
        await context.catalogue.save_pages(context.document.id, [PageText(1, "words")])

    async def forget(self, document_id: int) -> None:
        self.may_break("forget")

    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        self.may_break("index")
        return len([page async for page in pages])

    async def remove(self, document_id: int) -> None:
        self.may_break("remove")

    async def search(
        self,
        query: str,
        *,
        top_k: int,
        owner: str | None,
        documents: Sequence[int] | None = None,
        match: Match | None = None,
    ) -> Sequence[Passage]:
        self.may_break("search")
        return ()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Everything"]:
        yield self

    @hookimpl
    def pdfsluice_register_authenticators(self, context: PluginContext) -> list[AuthenticatorSpec]:
        return [AuthenticatorSpec(name="odd", authenticator=self)]

    @hookimpl
    def pdfsluice_register_gates(self, context: PluginContext) -> list[GateSpec]:
        return [GateSpec(name="odd", gate=self)]

    @hookimpl
    def pdfsluice_register_completion_stages(
        self, context: PluginContext
    ) -> list[CompletionStageSpec]:
        return [CompletionStageSpec(name="odd", stage=self)]

    @hookimpl
    def pdfsluice_register_event_sinks(self, context: PluginContext) -> list[EventSinkSpec]:
        return [EventSinkSpec(name="odd", sink=self)]

    @hookimpl
    def pdfsluice_register_importers(self, context: PluginContext) -> list[ImporterSpec]:
        return [ImporterSpec(name="odd", importer=self, retry=IMMEDIATELY)]

    @hookimpl
    def pdfsluice_register_indexes(self, context: PluginContext) -> list[IndexSpec]:
        return [IndexSpec(name="odd", open=self.open)]


async def upload(runtime: Runtime) -> Document:
    await runtime.authenticate(Credentials(headers={}, query={}, remote=""))
    session = await initiate(runtime, DATA, auto_build_index=True, check_duplicates=False)
    await send_all(runtime, session, DATA)
    return (await runtime.uploads.complete(LOCAL, session.id)).document


async def ended(runtime: Runtime, document: Document, kind: JobKind) -> tuple[JobState, str]:
    async with asyncio.timeout(60):
        while True:
            status = await runtime.library.import_status(document)
            (job,) = (job for job in status.jobs if job.kind is kind)
            if job.state not in {JobState.QUEUED, JobState.RUNNING}:
                return job.state, job.message
            runtime.library._jobs.queued(document.id, list(JobKind))
            await asyncio.sleep(0.01)


@each_failure
@pytest.mark.parametrize("part", ["authenticator", "gate", "completion"])
async def test_a_request_fails_alone(tmp_path: Path, part: str, make: Make) -> None:
    plugin = Everything(part, make)
    async with a_runtime(tmp_path, plugin, index="odd") as runtime:
        with pytest.raises(PartFailed, match="'odd' of tests failed") as caught:
            await upload(runtime)
        assert "secret" not in caught.value.message
        plugin.broken = ""
        document = await upload(runtime)
        assert (await ended(runtime, document, JobKind.INDEX))[0] is JobState.DONE


@each_failure
@pytest.mark.parametrize(("part", "kind"), [("importer", "import"), ("index", "index")])
async def test_a_job_fails_alone(tmp_path: Path, part: str, kind: str, make: Make) -> None:
    plugin = Everything(part, make)
    limits = TurnLimits(retry=IMMEDIATELY)
    async with a_runtime(tmp_path, plugin, index="odd", limits=limits) as runtime:
        document = await upload(runtime)
        state, message = await ended(runtime, document, JobKind(kind))
        assert state is JobState.FAILED
        assert "'odd' of tests failed" in message
        assert "secret" not in message
        plugin.broken = ""
        later = await upload(runtime)
        assert (await ended(runtime, later, JobKind.INDEX))[0] is JobState.DONE


async def test_an_importer_that_misses_another_document_fails(tmp_path: Path) -> None:
    """Its own document is there, so its job has not ended with that."""
    plugin = Everything("importer", lambda: DocumentNotFound("there is no document 7"))
    async with a_runtime(tmp_path, plugin, index="odd") as runtime:
        document = await upload(runtime)
        ending = await ended(runtime, document, JobKind.IMPORT)
        assert ending == (JobState.FAILED, "there is no document 7")


@each_failure
async def test_a_failing_search_fails_alone(tmp_path: Path, make: Make) -> None:
    plugin = Everything("search", make)
    async with a_runtime(tmp_path, plugin, index="odd") as runtime:
        await ended(runtime, await upload(runtime), JobKind.INDEX)
        with pytest.raises(PdfsluiceError, match="'odd' of tests failed"):
            await runtime.library.search(LOCAL, "words")


@each_failure
@pytest.mark.parametrize("part", ["remove", "forget"])
async def test_a_part_that_fails_at_a_deletion_does_not_bring_the_document_back(
    tmp_path: Path, part: str, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = Everything(part, make)
    async with a_runtime(tmp_path, plugin, index="odd") as runtime:
        document = await upload(runtime)
        await ended(runtime, document, JobKind.INDEX)
        await runtime.library.delete(LOCAL, document.id)
        with pytest.raises(DocumentNotFound):
            await runtime.library.get(LOCAL, document.id)
        assert f"document {document.id} is deleted, but not" in caplog.text
        assert not list((tmp_path / "documents").glob("*/*.pdf"))


@each_failure
async def test_a_sink_receives_events_after_it_has_raised(tmp_path: Path, make: Make) -> None:
    plugin = Everything("sink", make)
    async with a_runtime(tmp_path, plugin, index="odd") as runtime:
        await ended(runtime, await upload(runtime), JobKind.INDEX)
        plugin.broken = ""
        await ended(runtime, await upload(runtime), JobKind.INDEX)
        (failures,) = (c.failures for p, c in runtime.parts.items() if p.kind == "event_sinks")
        assert failures
    assert "completed" in plugin.seen


async def test_a_part_that_holds_the_event_loop_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Busy(Everything):
        async def run(self, context: ImportContext) -> None:
            time.sleep(0.3)
            await super().run(context)

    async with a_runtime(tmp_path, Busy(), index="odd") as runtime:
        await ended(runtime, await upload(runtime), JobKind.IMPORT)
        counts = {part.kind: c for part, c in runtime.parts.items() if part.name == "odd"}
    assert counts["importers"].holds == 1
    assert counts["importers"].held_seconds >= 0.3
    assert "importer 'odd' of tests held the event loop" in caplog.text
