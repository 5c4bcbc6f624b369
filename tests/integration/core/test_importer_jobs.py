"""Each importer has a job of its own: one that fails is repeated alone."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from pdfsluice.core import (
    Document,
    DocumentUnreadable,
    ImportContext,
    ImporterSpec,
    Job,
    JobKind,
    JobState,
    NotFound,
    PluginContext,
    RetryPolicy,
    hookimpl,
)
from pdfsluice.core.documents.jobs.import_status import Stage
from pdfsluice.core.documents.jobs.turns import TurnLimits
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from tests.support.databases import sql_context, sql_stores
from tests.support.runtimes import a_runtime, initiate, send_all
from tests.support.waiting import until

DATA = b"%PDF-1.7 a short file"
SOON = RetryPolicy(delay_seconds=0.02, factor=1.0)
FAST = TurnLimits(poll_seconds=0.01)
Work = Callable[[ImportContext], Awaitable[None]]


@dataclass(eq=False)
class Worker:
    """An importer that notes its runs and does some work."""

    name: str
    runs: list[str]
    work: Work

    async def run(self, context: ImportContext) -> None:
        self.runs.append(self.name)
        await self.work(context)
        context.progress(1.0, f"{self.name} has worked")

    async def forget(self, document_id: int) -> None:
        del document_id


@dataclass(eq=False)
class Workers:
    """A plugin with some importers."""

    specs: list[ImporterSpec] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)

    def add(self, name: str, work: Work, **options: object) -> None:
        spec = {"retry": SOON, **options}
        self.specs.append(
            ImporterSpec(name=name, importer=Worker(name, self.runs, work), **spec)  # type: ignore[arg-type]
        )

    @hookimpl
    def pdfsluice_register_importers(self, context: PluginContext) -> Sequence[ImporterSpec]:
        del context
        return self.specs


async def works(context: ImportContext) -> None:
    del context


def fails(*attempts: int) -> Work:
    """Return work that fails in some of its attempts."""

    async def work(context: ImportContext) -> None:
        if context.attempt in attempts:
            raise ValueError(f"attempt {context.attempt}")

    return work


async def a_document(runtime: Runtime) -> Document:
    session = await initiate(runtime, DATA)
    await send_all(runtime, session, DATA)
    return (await runtime.uploads.complete(LOCAL, session.id)).document


async def jobs_of(runtime: Runtime, document: Document) -> dict[str, Job]:
    return {job.importer: job for job in (await runtime.library.import_status(document)).latest}


async def ended(runtime: Runtime, document: Document) -> dict[str, Job]:
    """Wait until no job of a document is open."""
    jobs: dict[str, Job] = {}
    async with asyncio.timeout(30):
        while not jobs or {job.state for job in jobs.values()} & {"queued", "running"}:
            await asyncio.sleep(0.01)
            jobs = await jobs_of(runtime, document)
    return jobs


async def test_one_that_fails_is_repeated_alone(tmp_path: Path) -> None:
    plugin = Workers()
    plugin.add("first", works)
    plugin.add("second", fails(1, 2))
    plugin.add("third", works)
    async with a_runtime(tmp_path, plugin, limits=FAST) as runtime:
        jobs = await ended(runtime, await a_document(runtime))
    assert plugin.runs == ["first", "second", "third", "second", "second"]
    assert {name: job.attempts for name, job in jobs.items()} == {
        "first": 1, "second": 3, "third": 1,
    }  # fmt: skip
    assert {job.state for job in jobs.values()} == {JobState.DONE}
    assert jobs["second"].message == "second has worked"


async def test_what_names_it_in_after_waits_for_it(tmp_path: Path) -> None:
    plugin = Workers()
    plugin.add("text", fails(1))
    plugin.add("words", works, after=("text",))
    plugin.add("chart", works, after=("words",))
    plugin.add("other", works)
    async with a_runtime(tmp_path, plugin, limits=FAST) as runtime:
        jobs = await ended(runtime, await a_document(runtime))
    assert plugin.runs == ["text", "other", "text", "words", "chart"]
    assert {job.attempts for name, job in jobs.items() if name != "text"} == {1}


async def test_delays_grow(tmp_path: Path) -> None:
    del tmp_path
    policy = RetryPolicy(attempts=9, delay_seconds=2.0, factor=3.0, max_delay_seconds=50.0)
    assert [policy.delay(attempts) for attempts in (1, 2, 3, 4, 10_000)] == [2, 6, 18, 50, 50]
    for wrong in ({"attempts": 0}, {"delay_seconds": -1.0}, {"factor": 0.5}):
        with pytest.raises(ValueError, match="retry policy"):
            RetryPolicy(**wrong)


@pytest.mark.parametrize(("required", "state"), [(True, Stage.FAILED), (False, Stage.DONE)])
async def test_an_importer_that_is_not_required_fails_no_import(
    tmp_path: Path, required: bool, state: Stage
) -> None:
    plugin = Workers()
    plugin.add("first", works)
    plugin.add("webhook", fails(1, 2, 3), required=required)
    async with a_runtime(tmp_path, plugin, limits=FAST) as runtime:
        document = await a_document(runtime)
        jobs = await ended(runtime, document)
        status = await runtime.library.import_status(document)
    assert jobs["webhook"].state is JobState.FAILED
    assert "'webhook'" in jobs["webhook"].message
    assert status.of(JobKind.IMPORT) is state
    assert status.share == 1.0


async def test_an_error_that_cannot_pass_is_not_repeated_and_stops_no_other(
    tmp_path: Path,
) -> None:
    async def refuse(context: ImportContext) -> None:
        del context
        raise DocumentUnreadable("The file has no pages.")

    plugin = Workers()
    plugin.add("text", refuse)
    plugin.add("words", works, after=("text",))
    async with a_runtime(tmp_path, plugin, limits=FAST) as runtime:
        jobs = await ended(runtime, await a_document(runtime))
    assert plugin.runs == ["text", "words"]
    assert (jobs["text"].state, jobs["text"].message) == (
        JobState.FAILED, "The file has no pages.",
    )  # fmt: skip


async def test_a_time_limit_ends_an_attempt(tmp_path: Path) -> None:
    async def sleep(context: ImportContext) -> None:
        await asyncio.sleep(0 if context.attempt == 2 else 60)

    plugin = Workers()
    plugin.add("slow", sleep, timeout_seconds=0.1)
    async with a_runtime(tmp_path, plugin, limits=FAST) as runtime:
        jobs = await ended(runtime, await a_document(runtime))
    assert (jobs["slow"].state, jobs["slow"].attempts) == (JobState.DONE, 2)


async def test_an_importer_that_reports_nothing_is_stopped(tmp_path: Path) -> None:
    """Its job is repeated, and others run: a job that never ends would keep its slot."""

    async def hang(context: ImportContext) -> None:
        await asyncio.sleep(0 if context.attempt == 2 else 3600)

    async def report(context: ImportContext) -> None:
        for number in range(10):
            await asyncio.sleep(0.1)
            context.progress(number / 10, "working")

    plugin = Workers()
    plugin.add("silent", hang)
    plugin.add("busy", report)
    silence = timedelta(seconds=0.8)
    async with a_runtime(tmp_path, plugin, limits=FAST, job_silence_timeout=silence) as runtime:
        jobs = await ended(runtime, await a_document(runtime))
    assert (jobs["silent"].state, jobs["silent"].attempts) == (JobState.DONE, 2)
    assert (jobs["busy"].state, jobs["busy"].attempts) == (JobState.DONE, 1)


async def test_waiting_for_a_turn_does_not_count_against_the_limit(tmp_path: Path) -> None:
    """Two long jobs of one lane take turns; each waits for longer than its limit."""
    waited: list[float] = []

    async def work(context: ImportContext) -> None:
        for _ in range(10):
            await asyncio.sleep(0.02)
            waited.append(await context.wait_for_turn())

    plugin = Workers()
    plugin.add("long", work, timeout_seconds=5.0)
    limits = TurnLimits(poll_seconds=0.01, turn_seconds=0.05, pause_seconds=0.1)
    async with a_runtime(tmp_path, plugin, limits=limits, import_jobs=1) as runtime:
        documents = [await a_document_named(runtime, number) for number in range(3)]
        for document in documents:
            jobs = await ended(runtime, document)
            assert (jobs["long"].state, jobs["long"].attempts) == (JobState.DONE, 1)
    assert max(waited) > 0.0


async def a_document_named(runtime: Runtime, number: int) -> Document:
    data = DATA + str(number).encode()
    session = await initiate(runtime, data)
    await send_all(runtime, session, data)
    return (await runtime.uploads.complete(LOCAL, session.id)).document


async def test_an_importer_is_repeated_on_request(tmp_path: Path) -> None:
    plugin = Workers()
    plugin.add("first", works)
    plugin.add("webhook", fails(1), retry=RetryPolicy(attempts=1))
    async with a_runtime(tmp_path, plugin, limits=FAST) as runtime:
        document = await a_document(runtime)
        assert (await ended(runtime, document))["webhook"].state is JobState.FAILED
        plugin.specs[1].importer.work = works  # type: ignore[attr-defined]
        await runtime.library.retry_import(LOCAL, document.id, "webhook")
        jobs = await ended(runtime, document)
        assert (jobs["webhook"].state, jobs["webhook"].attempts) == (JobState.DONE, 1)
        status = await runtime.library.import_status(document)
        assert status.of(JobKind.IMPORT) is Stage.DONE
        with pytest.raises(NotFound, match="no importer 'unknown'"):
            await runtime.library.retry_import(LOCAL, document.id, "unknown")
    assert plugin.runs == ["first", "webhook", "webhook"]


async def test_one_that_waits_is_repeated_immediately_on_request(tmp_path: Path) -> None:
    plugin = Workers()
    plugin.add("webhook", fails(1), retry=RetryPolicy(delay_seconds=3600))
    async with a_runtime(tmp_path, plugin, limits=FAST) as runtime:
        document = await a_document(runtime)

        async def waits() -> bool:
            return (await jobs_of(runtime, document))["webhook"].retry_at is not None

        async with asyncio.timeout(30):
            while not await waits():
                await asyncio.sleep(0.01)
        assert plugin.runs == ["webhook"]
        await runtime.library.retry_import(LOCAL, document.id, "webhook")
        assert (await ended(runtime, document))["webhook"].state is JobState.DONE
    assert plugin.runs == ["webhook", "webhook"]


async def test_a_restart_forgets_neither_delay_nor_importer(tmp_path: Path) -> None:
    plugin = Workers()
    plugin.add("webhook", fails(1), retry=RetryPolicy(delay_seconds=3600))
    async with a_runtime(tmp_path, plugin, limits=FAST) as runtime:
        document = await a_document(runtime)
        await until(lambda: plugin.runs)
    async with a_runtime(tmp_path, plugin, limits=FAST) as runtime:
        job = (await jobs_of(runtime, document))["webhook"]
        assert (job.state, job.attempts) == (JobState.QUEUED, 1)
        assert job.retry_at is not None
        assert plugin.runs == ["webhook"]
    async with a_runtime(tmp_path, Workers(), limits=FAST) as runtime:
        await runtime.library._catalogue.enqueue(document.id, JobKind.IMPORT, importer="webhook")
        job = (await ended(runtime, document))["webhook"]
    assert job.state is JobState.SKIPPED
    assert "No plugin registers" in job.message


async def test_what_ends_the_server_three_times_is_given_up(tmp_path: Path) -> None:
    """An attempt counts when it begins, so that native code which crashes ends, too."""
    plugin = Workers()
    plugin.add("native", works)
    plugin.add("other", works)
    async with a_runtime(tmp_path, plugin, limits=FAST) as runtime:
        document = await a_document(runtime)
        await ended(runtime, document)
    plugin.runs.clear()
    async with sql_stores(sql_context(tmp_path / "state")) as (_, catalogue):
        await catalogue.enqueue(document.id, JobKind.IMPORT, importer="native")
        for _ in range(3):  # a server claims the job and dies; the next one finds it
            claimed = await catalogue.claim()
            assert claimed is not None
            await catalogue.requeue_running()
    async with a_runtime(tmp_path, plugin, limits=FAST) as runtime:
        jobs = await ended(runtime, document)
    assert jobs["native"].state is JobState.FAILED
    assert "The server ended 3 times" in jobs["native"].message
    assert jobs["other"].state is JobState.DONE
    assert plugin.runs == []


async def test_a_job_of_an_earlier_version_runs_all_importers(tmp_path: Path) -> None:
    plugin = Workers()
    plugin.add("first", works)
    plugin.add("second", works)
    async with a_runtime(tmp_path, plugin, limits=FAST) as runtime:
        document = await a_document(runtime)
        await ended(runtime, document)
        plugin.runs.clear()
        await runtime.library._catalogue.enqueue(document.id, JobKind.IMPORT)
        jobs = await ended(runtime, document)
    assert plugin.runs == ["first", "second"]
    assert jobs[""].message == "first has worked second has worked"
