"""What a document catalogue that outlives its process must do in addition."""

import pytest

from pdfsluice.core import (
    Catalogue,
    DocumentNotFound,
    JobKind,
    JobState,
    PageText,
)

from .asynchronous import AsyncContract
from .catalogue_reading import pages_of
from .reopening import NOT_LASTING, Reopen
from .samples import make_document


class CatalogueLastingContract(AsyncContract):
    """The part of the contract that closes a catalogue and opens it again."""

    @pytest.fixture
    def reopen(self) -> Reopen[Catalogue]:
        """Open one catalogue again and again, at first an empty one."""
        pytest.skip(NOT_LASTING)

    async def test_documents_are_there_after_opening_again(self, reopen: Reopen[Catalogue]) -> None:
        async with reopen() as catalogue:
            document = await catalogue.add(make_document(), [])
            document = await catalogue.update(
                document.id, title="Ω", tags=("a", "b"), metadata={"Language": "el"}
            )
            pages = [PageText(1, "first"), PageText(2, "", garbled=True)]
            await catalogue.save_pages(document.id, pages)
            before = await pages_of(catalogue, document.id)
        async with reopen() as catalogue:
            assert await catalogue.get(document.id, owner=document.owner) == document
            assert await pages_of(catalogue, document.id) == before

    async def test_what_is_deleted_stays_so_after_opening_again(
        self, reopen: Reopen[Catalogue]
    ) -> None:
        """The number of a deleted document is not given to another one."""
        async with reopen() as catalogue:
            document = await catalogue.add(make_document(), [JobKind.IMPORT])
            await catalogue.delete(document.id)
        async with reopen() as catalogue:
            with pytest.raises(DocumentNotFound):
                await catalogue.get(document.id, owner=None)
            assert await catalogue.claim() is None
            assert (await catalogue.add(make_document(), [])).id > document.id

    async def test_jobs_are_there_after_opening_again(self, reopen: Reopen[Catalogue]) -> None:
        async with reopen() as catalogue:
            importers = {"text": True, "webhook": False}
            document = await catalogue.add(
                make_document(), [JobKind.IMPORT, JobKind.INDEX], importers=importers
            )
            claim = await catalogue.claim()
            assert claim is not None
            text, webhook = claim[0]
            await catalogue.report(text.id, state=JobState.DONE, progress=1.0, message="read")
        async with reopen() as catalogue:
            assert await catalogue.requeue_running() == 1
            jobs = {job.importer: job for job in await catalogue.jobs(document.id)}
            assert (jobs["text"].state, jobs["text"].message) == (JobState.DONE, "read")
            claim = await catalogue.claim()
            assert claim is not None
            assert [(job.id, job.attempts) for job in claim[0]] == [(webhook.id, 2)]
