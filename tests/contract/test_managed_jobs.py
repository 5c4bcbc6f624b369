"""The jobs of the catalogue `sql`, as administrators see and change them."""

from collections.abc import AsyncIterator

import pytest

from pdfsluice.core import (
    Catalogue,
    JobFilter,
    JobKind,
    JobState,
    ManagedJobs,
    NotFound,
    PluginContext,
    StateConflict,
)
from pdfsluice.core.testing.contracts.samples import make_document
from tests.support.databases import sql_stores


class Managed(Catalogue, ManagedJobs):
    """A catalogue whose jobs can be managed."""


@pytest.fixture
async def catalogue(context: PluginContext) -> AsyncIterator[Managed]:
    async with sql_stores(context) as both:
        assert isinstance(both[1], ManagedJobs)
        yield both[1]  # type: ignore[misc]


async def test_jobs_are_selected_and_paged(catalogue: Managed) -> None:
    alice = await catalogue.add(make_document(title="A"), [JobKind.IMPORT, JobKind.INDEX])
    bob = await catalogue.add(make_document(owner="key:bob"), [JobKind.IMPORT])
    claimed = await catalogue.claim(kinds=(JobKind.IMPORT,))
    assert claimed is not None
    everything, total = await catalogue.list_jobs(JobFilter())
    assert [(each.job.document_id, each.job.kind) for each in everything] == [
        (bob.id, JobKind.IMPORT), (alice.id, JobKind.INDEX), (alice.id, JobKind.IMPORT),
    ]  # fmt: skip
    assert total == 3
    oldest = everything[-1]
    assert (oldest.owner, oldest.title, oldest.stopping) == (alice.owner, "A", False)
    assert oldest.node
    page, total = await catalogue.list_jobs(JobFilter(), after=everything[0].job.id, limit=1)
    assert ([each.job for each in page], total) == ([everything[1].job], 3)
    for wanted, number in (
        (JobFilter(states=[JobState.RUNNING]), 1),
        (JobFilter(states=[JobState.RUNNING, JobState.QUEUED]), 3),
        (JobFilter(kinds=[JobKind.INDEX]), 1),
        (JobFilter(owner="key:bob"), 1),
        (JobFilter(owner="key:bob", kinds=[JobKind.INDEX]), 0),
        (JobFilter(document_id=alice.id), 2),
        (JobFilter(document_id=2**70), 0),
    ):
        selected, total = await catalogue.list_jobs(wanted)
        assert len(selected) == total == number, wanted
    for missing in (0, -1, 999, 2**70):
        with pytest.raises(NotFound):
            await catalogue.get_job(missing)
        with pytest.raises(NotFound):
            await catalogue.cancel_job(missing, message="")
        with pytest.raises(NotFound):
            await catalogue.retry_job(missing)


async def test_a_queued_job_is_cancelled_and_retried(catalogue: Managed) -> None:
    added = await catalogue.add(make_document(), [JobKind.IMPORT])
    (job,) = await catalogue.jobs(added.id)
    for _ in range(2):
        cancelled = await catalogue.cancel_job(job.id, message="enough")
        assert (cancelled.job.state, cancelled.job.message) == (JobState.CANCELLED, "enough")
    assert await catalogue.claim() is None
    again = await catalogue.retry_job(job.id)
    assert (again.job.state, again.job.message) == (JobState.QUEUED, "")
    claimed = await catalogue.claim()
    assert claimed is not None
    with pytest.raises(StateConflict):
        await catalogue.retry_job(job.id)
    await catalogue.report(job.id, state=JobState.FAILED, progress=0.0, message="broken")
    with pytest.raises(StateConflict):
        await catalogue.cancel_job(job.id, message="")
    again = await catalogue.retry_job(job.id)
    assert (again.job.state, again.job.attempts) == (JobState.QUEUED, 0)


async def test_a_job_that_another_has_replaced_is_not_retried(catalogue: Managed) -> None:
    added = await catalogue.add(make_document(), [JobKind.INDEX])
    (job,) = await catalogue.jobs(added.id)
    await catalogue.cancel_job(job.id, message="")
    other = await catalogue.enqueue(added.id, JobKind.INDEX)
    with pytest.raises(StateConflict, match=str(other.id)):
        await catalogue.retry_job(job.id)


async def test_a_running_job_that_is_cancelled_is_not_queued_again(catalogue: Managed) -> None:
    added = await catalogue.add(make_document(), [JobKind.IMPORT], importers={"a": True, "b": True})
    assert await catalogue.claim() is not None
    first, second = await catalogue.jobs(added.id)
    for job in (first, second):
        cancelled = await catalogue.cancel_job(job.id, message="")
        assert cancelled.stopping
        assert cancelled.job.state is JobState.RUNNING
    assert set((await catalogue.open_jobs()).cancelled) == {first.id, second.id}
    await catalogue.report(first.id, state=JobState.QUEUED, progress=0.0, message="again")
    assert (await catalogue.get_job(first.id)).job.state is JobState.CANCELLED
    assert await catalogue.requeue_running() == 0, "as after the death of its node"
    assert (await catalogue.get_job(second.id)).job.state is JobState.CANCELLED
    assert list((await catalogue.open_jobs()).cancelled) == []
    assert await catalogue.claim() is None
