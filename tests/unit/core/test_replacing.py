"""Whether a document counts as indexed, for its duplicates and its next versions."""

import pytest

from pdfsluice.core.models.jobs import JobKind, JobState
from pdfsluice.core.testing.contracts.samples import make_document
from pdfsluice.core.testing.memory_catalogue import MemoryCatalogue
from pdfsluice.core.uploads.completing.replacing import is_indexed

NOT_INDEXED = {JobState.FAILED, JobState.SKIPPED, JobState.CANCELLED}


@pytest.mark.parametrize("state", JobState)
async def test_an_index_counts_unless_nothing_came_of_it(state: JobState) -> None:
    catalogue = MemoryCatalogue()
    document = await catalogue.add(make_document(), [JobKind.INDEX])
    (job,) = await catalogue.jobs(document.id)
    await catalogue.report(job.id, state=state, progress=0.0, message="")
    assert await is_indexed(catalogue, document) is (state not in NOT_INDEXED)


async def test_a_document_without_an_index_is_not_indexed() -> None:
    catalogue = MemoryCatalogue()
    document = await catalogue.add(make_document(), [JobKind.IMPORT])
    assert not await is_indexed(catalogue, document)
