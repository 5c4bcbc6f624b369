"""Background jobs continue whatever the catalogue does."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core.documents.jobs import progress as job_progress
from pdfsluice.core.documents.jobs.import_status import Stage
from pdfsluice.core.documents.jobs.progress import JobReporter
from pdfsluice.core.documents.jobs.turns import TurnLimits
from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.jobs import JobKind, JobState
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from pdfsluice.core.testing.contracts.samples import make_document
from pdfsluice.core.testing.memory_catalogue import MemoryCatalogue
from pdfsluice.plugins.sql.catalogue import SqlCatalogue
from tests.support.runtimes import a_runtime, initiate, send_all
from tests.support.waiting import until

FAST = TurnLimits(poll_seconds=0.01)


async def a_document(runtime: Runtime, data: bytes = b"bytes") -> Document:
    """Upload a document, whose import is then on its way."""
    session = await initiate(runtime, data)
    await send_all(runtime, session, data)
    return (await runtime.uploads.complete(LOCAL, session.id)).document


async def imported(runtime: Runtime, document: Document) -> None:
    async with asyncio.timeout(60):

        async def imported() -> object:
            return (await runtime.library.import_status(document)).of(JobKind.IMPORT) == Stage.DONE

        await until(imported)


async def test_a_catalogue_in_trouble_does_not_end_the_queued_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = SqlCatalogue.claim, iter([OSError("the disk is away")])

    async def claim(catalogue: SqlCatalogue, **kwargs: Any) -> object:
        for error in calls:
            raise error
        return await real(catalogue, **kwargs)

    monkeypatch.setattr(SqlCatalogue, "claim", claim)
    async with a_runtime(tmp_path, limits=FAST) as runtime:
        await imported(runtime, await a_document(runtime))


@pytest.mark.parametrize(
    ("failures", "attempts"),
    [(1, 1), (5, 1), (job_progress._MAX_STORE_TRIES + 2, 2)],
    ids=["once", "a few times", "for long"],
)
async def test_no_job_stays_running_because_the_catalogue_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, attempts: int
) -> None:
    """Its end is stored later; after too many tries it is done again."""
    real, left = SqlCatalogue.report, failures

    async def failing(catalogue: SqlCatalogue, *args: Any, **kwargs: Any) -> Any:
        nonlocal left
        if left and kwargs["state"] is not JobState.RUNNING:
            left -= 1
            raise OSError("the disk is away")
        return await real(catalogue, *args, **kwargs)

    async with a_runtime(tmp_path, limits=FAST) as runtime:
        with monkeypatch.context() as patch:
            patch.setattr(SqlCatalogue, "report", failing)
            document = await a_document(runtime)
            async with asyncio.timeout(60):
                await until(lambda: not (left), interval=0)
            await imported(runtime, document)
        (job,) = (await runtime.library.import_status(document)).jobs
        assert (job.state, job.attempts) == (JobState.DONE, attempts)


async def test_an_end_that_is_never_stored_holds_no_other_job_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, ended = SqlCatalogue.report, list[int]()

    async def failing(catalogue: SqlCatalogue, job_id: int, **kwargs: Any) -> Any:
        if kwargs["state"] is not JobState.RUNNING:
            ended.append(job_id)
            if job_id == ended[0]:
                raise OSError("the row is damaged")
        return await real(catalogue, job_id, **kwargs)

    async with a_runtime(tmp_path, limits=TurnLimits(poll_seconds=0.2)) as runtime:
        with monkeypatch.context() as patch:
            patch.setattr(SqlCatalogue, "report", failing)
            first = await a_document(runtime)
            await until(lambda: len(ended) > job_progress._MAX_STORE_TRIES)
            await imported(runtime, await a_document(runtime, b"other bytes"))
        await imported(runtime, first)


async def test_what_a_long_job_reports_once_can_be_asked_for() -> None:
    catalogue = MemoryCatalogue()
    document = await catalogue.add(make_document(), [JobKind.INDEX])
    claimed = await catalogue.claim()
    assert claimed is not None
    reporter = JobReporter(claimed[0][0], claimed[1], catalogue, EventHub(), interval_seconds=0.05)
    reporter(0.0, "Indexing...")
    async with asyncio.timeout(10):

        async def named() -> object:
            return (await catalogue.jobs(document.id))[0].message == "Indexing..."

        await until(named)


async def test_a_job_that_has_ended_is_not_reported_as_running() -> None:
    catalogue = MemoryCatalogue()
    document = await catalogue.add(make_document(), [JobKind.INDEX])
    claimed = await catalogue.claim()
    assert claimed is not None
    reporter = JobReporter(claimed[0][0], claimed[1], catalogue, EventHub(), interval_seconds=0.05)
    reporter(0.5, "half of it")
    reporter.stop()
    await catalogue.report(claimed[0][0].id, state=JobState.DONE, progress=1.0, message="done")
    await asyncio.sleep(0.15)  # longer than a report is kept back
    assert (await catalogue.jobs(document.id))[0].state is JobState.DONE
