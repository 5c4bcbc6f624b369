"""What every document catalogue must do."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from pdfsluice.core import (
    Catalogue,
    Document,
    DocumentNotFound,
    JobKind,
    JobState,
    PageText,
)

from .catalogue_lasting import CatalogueLastingContract
from .catalogue_reading import NO_IDS, CatalogueReadingContract, pages_of
from .catalogue_versions import CatalogueVersionsContract
from .samples import make_document


class CatalogueContract(
    CatalogueReadingContract, CatalogueVersionsContract, CatalogueLastingContract
):
    """The tests of a document catalogue.

    Override ``catalogue`` with a fixture that returns an empty catalogue. Override ``reopen``,
    too, if the catalogue outlives its process.
    """

    @pytest.fixture
    def catalogue(self) -> Catalogue:
        raise NotImplementedError("override the fixture 'catalogue'")

    async def test_a_document_comes_back(self, catalogue: Catalogue) -> None:
        new = make_document()
        added = await catalogue.add(new, [JobKind.IMPORT, JobKind.INDEX])
        assert added.id > 0
        assert await catalogue.get(added.id, owner=new.owner) == added
        assert await catalogue.get(added.id, owner=None) == added
        values = {name: getattr(new, name) for name in type(new).__dataclass_fields__}
        assert added == Document(id=added.id, **values)
        jobs = await catalogue.jobs(added.id)
        assert [(job.kind, job.state) for job in jobs] == [
            (JobKind.IMPORT, JobState.QUEUED), (JobKind.INDEX, JobState.QUEUED),
        ]  # fmt: skip

    async def test_a_session_is_imported_once(self, catalogue: Catalogue) -> None:
        new = make_document()
        added = await asyncio.gather(*(catalogue.add(new, [JobKind.IMPORT]) for _ in range(10)))
        assert len({document.id for document in added}) == 1
        assert len(await catalogue.jobs(added[0].id)) == 1
        documents, total = await catalogue.list(owner=None)
        assert (len(documents), total) == (1, 1)

    async def test_equal_documents_are_added_once_if_asked(self, catalogue: Catalogue) -> None:
        """However many add them at the same moment, with one digest there is one document."""
        new = [make_document(title=f"copy {number}") for number in range(10)]
        added = await asyncio.gather(
            *(catalogue.add(each, [JobKind.IMPORT], unique=True) for each in new)
        )
        assert len({document.id for document in added}) == 1
        assert sum(a.session_id == n.session_id for a, n in zip(added, new, strict=True)) == 1
        assert len(await catalogue.jobs(added[0].id)) == 1
        again = await catalogue.add(make_document(), [], unique=False)
        assert again.id != added[0].id, "a second copy was asked for"
        assert await catalogue.add(again, [], unique=True) == again, "its session's own"

    async def test_equal_documents_of_other_owners_or_without_digest_are_others(
        self, catalogue: Catalogue
    ) -> None:
        new = [make_document(), make_document(owner="key:bob"), make_document(sha256="")]
        new.append(make_document(sha256=""))
        added = [await catalogue.add(each, [], unique=True) for each in new]
        assert len({document.id for document in added}) == 4

    async def test_other_owners_find_nothing(self, catalogue: Catalogue) -> None:
        added = await catalogue.add(make_document(), [])
        with pytest.raises(DocumentNotFound):
            await catalogue.get(added.id, owner="key:mallory")
        assert await catalogue.list(owner="key:mallory") == ([], 0)
        assert await catalogue.find_by_digest(added.sha256, owner="key:mallory") is None

    @pytest.mark.parametrize("document_id", NO_IDS)
    async def test_unknown_documents(self, catalogue: Catalogue, document_id: int) -> None:
        with pytest.raises(DocumentNotFound):
            await catalogue.get(document_id, owner=None)
        with pytest.raises(DocumentNotFound):
            await catalogue.update(document_id, title="x")
        with pytest.raises(DocumentNotFound):
            await catalogue.enqueue(document_id, JobKind.INDEX)
        with pytest.raises(DocumentNotFound):
            await catalogue.save_pages(document_id, [PageText(1, "x")])
        await catalogue.delete(document_id)
        assert list(await catalogue.jobs(document_id)) == []
        assert await pages_of(catalogue, document_id) == []

    async def test_the_oldest_document_of_a_digest_is_found(self, catalogue: Catalogue) -> None:
        first = await catalogue.add(make_document(), [])
        await catalogue.add(make_document(), [])
        assert await catalogue.find_by_digest(first.sha256, owner=first.owner) == first
        assert await catalogue.find_by_digest("00" * 32, owner=first.owner) is None

    async def test_list_pages_through(self, catalogue: Catalogue) -> None:
        added = [await catalogue.add(make_document(), []) for _ in range(5)]
        await catalogue.add(make_document(owner="key:bob"), [])
        newest, total = await catalogue.list(owner="key:alice", limit=2)
        assert (list(newest), total) == ([added[4], added[3]], 5)
        rest, total = await catalogue.list(owner="key:alice", after=newest[-1].id)
        assert (list(rest), total) == ([added[2], added[1], added[0]], 5)
        everything, total = await catalogue.list(owner=None, after=2**70)
        assert (len(everything), total) == (6, 6)
        assert await catalogue.list(owner="key:alice", after=-1) == ([], 5)

    async def test_update(self, catalogue: Catalogue) -> None:
        added = await catalogue.add(make_document(), [])
        changed = await catalogue.update(added.id, title="Neu", page_count=9)
        assert (changed.title, changed.page_count) == ("Neu", 9)
        assert await catalogue.get(added.id, owner=None) == changed
        assert await catalogue.update(added.id) == changed
        with pytest.raises(TypeError):
            await catalogue.update(added.id, owner="key:mallory")  # type: ignore[call-arg]

    async def test_metadata_is_added_to(self, catalogue: Catalogue) -> None:
        """So importers do not have to know what others have found."""
        added = await catalogue.add(make_document(metadata={"Title": "Alt", "Author": "Ä"}), [])
        await catalogue.update(added.id, metadata={"Title": "Ω"})
        changed = await catalogue.update(added.id, metadata={"Language": "el"}, page_count=9)
        assert changed.metadata == {"Title": "Ω", "Author": "Ä", "Language": "el"}
        assert await catalogue.get(added.id, owner=None) == changed
        assert await catalogue.update(added.id, metadata={}) == changed

    async def test_delete_takes_pages_and_jobs_along(self, catalogue: Catalogue) -> None:
        added = await catalogue.add(make_document(), [JobKind.IMPORT])
        await catalogue.save_pages(added.id, [PageText(1, "x")])
        await catalogue.delete(added.id)
        await catalogue.delete(added.id)
        with pytest.raises(DocumentNotFound):
            await catalogue.get(added.id, owner=None)
        assert await pages_of(catalogue, added.id) == []
        assert await catalogue.claim() is None
        again = await catalogue.add(make_document(), [])
        assert again.id != added.id, "an index may still know the old number"

    async def test_pages_come_in_order_and_are_replaced(self, catalogue: Catalogue) -> None:
        added = await catalogue.add(make_document(), [])
        await catalogue.save_pages(
            added.id, [PageText(number, f"page {number}") for number in range(200, 0, -1)]
        )
        await catalogue.save_pages(added.id, [PageText(7, "new"), PageText(201, "")])
        await catalogue.save_pages(added.id, [])
        pages = await pages_of(catalogue, added.id)
        assert [page.number for page in pages] == list(range(1, 202))
        assert (pages[6].text, pages[7].text, pages[200].text) == ("new", "page 8", "")

    async def test_odd_text_does_not_stop_an_import(self, catalogue: Catalogue) -> None:
        odd = "a\0b\ud800c"
        added = await catalogue.add(make_document(title=odd, filename=odd, metadata={"k": odd}), [])
        await catalogue.save_pages(added.id, [PageText(1, odd)])
        (page,) = await pages_of(catalogue, added.id)
        assert page.text.startswith("a")
        assert (await catalogue.get(added.id, owner=None)).title.startswith("a")

    async def test_an_open_job_is_not_doubled(self, catalogue: Catalogue) -> None:
        added = await catalogue.add(make_document(), [])
        jobs = await asyncio.gather(*(catalogue.enqueue(added.id, JobKind.INDEX) for _ in range(5)))
        assert len({job.id for job in jobs}) == 1
        claimed = await catalogue.claim()
        assert claimed is not None
        (job,), document = claimed
        assert document == added
        assert (await catalogue.enqueue(added.id, JobKind.INDEX)).id == job.id
        await catalogue.report(job.id, state=JobState.DONE, progress=1.0, message="")
        assert (await catalogue.enqueue(added.id, JobKind.INDEX)).id != job.id

    async def test_jobs_are_claimed_once_and_in_order(self, catalogue: Catalogue) -> None:
        documents = [await catalogue.add(make_document(), [JobKind.IMPORT]) for _ in range(5)]
        claimed = await asyncio.gather(*(catalogue.claim() for _ in range(7)))
        claims = sorted(
            ((jobs[0], document) for jobs, document in filter(None, claimed)),
            key=lambda pair: pair[0].id,
        )
        assert [document for _, document in claims] == documents
        assert [job.document_id for job, _ in claims] == [d.id for d in documents]
        assert all(job.state is JobState.RUNNING and job.attempts == 1 for job, _ in claims)
        assert claimed.count(None) == 2

    async def test_jobs_of_many_documents_come_together(self, catalogue: Catalogue) -> None:
        first = await catalogue.add(make_document(), [JobKind.IMPORT, JobKind.INDEX])
        second = await catalogue.add(make_document(), [])
        third = await catalogue.add(make_document(), [JobKind.INDEX])
        ids = [third.id, first.id, second.id, *NO_IDS]
        jobs = await catalogue.jobs_of(ids)
        assert set(jobs) == set(ids)
        for document_id in ids:
            assert list(jobs[document_id]) == list(await catalogue.jobs(document_id))
        assert await catalogue.jobs_of([]) == {}

    async def test_jobs_of_a_kind_are_claimed_alone(self, catalogue: Catalogue) -> None:
        await catalogue.add(make_document(), [JobKind.IMPORT])
        assert await catalogue.claim(kinds=(JobKind.INDEX,)) is None
        claimed = await catalogue.claim(kinds=(JobKind.IMPORT,))
        assert claimed is not None
        assert claimed[0][0].kind is JobKind.IMPORT

    async def test_owners_are_passed_over(self, catalogue: Catalogue) -> None:
        alice = await catalogue.add(make_document(), [JobKind.IMPORT])
        bob = await catalogue.add(make_document(owner="key:bob"), [JobKind.IMPORT])
        assert await catalogue.claim(passing_over=("key:alice", "key:bob")) is None
        first = await catalogue.claim(passing_over=("key:alice",))
        second = await catalogue.claim(passing_over=())
        assert first is not None
        assert second is not None
        assert (first[1].id, second[1].id) == (bob.id, alice.id)

    async def test_some_owners_are_chosen_last(self, catalogue: Catalogue) -> None:
        alice = [await catalogue.add(make_document(), [JobKind.IMPORT]) for _ in range(2)]
        bob = await catalogue.add(make_document(owner="key:bob"), [JobKind.IMPORT])
        claimed = [await catalogue.claim(last=("key:alice",)) for _ in range(4)]
        assert [each and each[1].id for each in claimed] == [bob.id, *(a.id for a in alice), None]

    async def test_an_import_shows_whether_an_index_waits(self, catalogue: Catalogue) -> None:
        await catalogue.add(make_document(), [JobKind.IMPORT])
        indexed = await catalogue.add(make_document(), [JobKind.IMPORT, JobKind.INDEX])
        claimed = [await catalogue.claim(kinds=(JobKind.IMPORT,)) for _ in range(2)]
        assert [each and each[0][0].index_waits for each in claimed] == [False, True]
        (index,) = (j for j in await catalogue.jobs(indexed.id) if j.kind is JobKind.INDEX)
        await catalogue.report(index.id, state=JobState.SKIPPED, progress=1.0, message="")
        assert claimed[1] is not None
        again = claimed[1][0][0].id
        await catalogue.report(again, state=JobState.QUEUED, progress=0.0, message="")
        claimed = [await catalogue.claim(kinds=(JobKind.IMPORT,))]
        assert [each and each[0][0].index_waits for each in claimed] == [False]

    @pytest.mark.parametrize("kind", [JobKind.INDEX, JobKind.OCR])
    async def test_other_work_waits_for_the_import(
        self, catalogue: Catalogue, kind: JobKind
    ) -> None:
        await catalogue.add(make_document(), [kind, JobKind.IMPORT])
        claimed = await catalogue.claim()
        assert claimed is not None
        assert claimed[0][0].kind is JobKind.IMPORT
        assert await catalogue.claim() is None
        await catalogue.report(claimed[0][0].id, state=JobState.FAILED, progress=0.0, message="")
        claimed = await catalogue.claim()
        assert claimed is not None
        assert claimed[0][0].kind is kind

    async def test_untried_importers_are_claimed_together(self, catalogue: Catalogue) -> None:
        importers = {"text": True, "thumbnail": False, "webhook": False}
        added = await catalogue.add(
            make_document(), [JobKind.IMPORT, JobKind.INDEX], importers=importers
        )
        jobs = await catalogue.jobs(added.id)
        assert [(job.importer, job.required) for job in jobs] == [
            ("text", True), ("thumbnail", False), ("webhook", False), ("", True),
        ]  # fmt: skip
        claimed = await catalogue.claim()
        assert claimed is not None
        assert [(job.importer, job.attempts) for job in claimed[0]] == [
            ("text", 1), ("thumbnail", 1), ("webhook", 1),
        ]  # fmt: skip
        assert await catalogue.claim() is None, "the index waits for them"

    async def test_a_failed_importer_is_repeated_alone_and_not_before_its_time(
        self, catalogue: Catalogue
    ) -> None:
        importers = {"text": True, "webhook": False}
        added = await catalogue.add(
            make_document(), [JobKind.IMPORT, JobKind.INDEX], importers=importers
        )
        claimed = await catalogue.claim()
        assert claimed is not None
        text, webhook = claimed[0]
        later = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        await catalogue.report(text.id, state=JobState.DONE, progress=1.0, message="")
        await catalogue.report(
            webhook.id, state=JobState.QUEUED, progress=0.0, message="down", retry_at=later
        )
        stored = {job.importer: job for job in await catalogue.jobs(added.id)}["webhook"]
        assert (stored.retry_at, stored.attempts) == (later, 1)
        index = await catalogue.claim()
        assert index is not None, "the index does not wait for an importer that is not required"
        assert [job.kind for job in index[0]] == [JobKind.INDEX]
        assert await catalogue.claim() is None
        again = await catalogue.enqueue(added.id, JobKind.IMPORT, importer="webhook")
        assert (again.id, again.retry_at) == (webhook.id, None)
        claimed = await catalogue.claim()
        assert claimed is not None
        assert [(job.importer, job.attempts) for job in claimed[0]] == [("webhook", 2)]

    async def test_an_index_waits_for_a_required_importer(self, catalogue: Catalogue) -> None:
        await catalogue.add(
            make_document(), [JobKind.IMPORT, JobKind.INDEX], importers={"text": True}
        )
        claimed = await catalogue.claim()
        assert claimed is not None
        await catalogue.report(
            claimed[0][0].id,
            state=JobState.QUEUED,
            progress=0.0,
            message="",
            retry_at=datetime.now(UTC) + timedelta(hours=1),
        )
        assert await catalogue.claim() is None

    async def test_tried_importers_are_claimed_one_at_a_time(self, catalogue: Catalogue) -> None:
        """So the attempts of one that ends the process are its own."""
        importers = {"first": True, "second": True}
        await catalogue.add(make_document(), [JobKind.IMPORT], importers=importers)
        assert await catalogue.claim() is not None
        assert await catalogue.requeue_running() == 2
        claimed = await catalogue.claim()
        assert claimed is not None
        assert [(job.importer, job.attempts) for job in claimed[0]] == [("first", 2)]
        assert await catalogue.claim() is None, "one caller at a time works on a document"
        await catalogue.report(claimed[0][0].id, state=JobState.DONE, progress=1.0, message="")
        claimed = await catalogue.claim()
        assert claimed is not None
        assert [job.importer for job in claimed[0]] == ["second"]

    async def test_an_ended_importer_can_be_queued_again(self, catalogue: Catalogue) -> None:
        added = await catalogue.add(make_document(), [JobKind.IMPORT], importers={"a": True})
        claimed = await catalogue.claim()
        assert claimed is not None
        await catalogue.report(claimed[0][0].id, state=JobState.FAILED, progress=0, message="")
        again = await catalogue.enqueue(added.id, JobKind.IMPORT, importer="a", required=False)
        assert (again.importer, again.required, again.attempts) == ("a", False, 0)
        assert again.id != claimed[0][0].id

    async def test_an_attempt_may_not_count(self, catalogue: Catalogue) -> None:
        await catalogue.add(make_document(), [JobKind.IMPORT])
        for _ in range(3):
            claimed = await catalogue.claim()
            assert claimed is not None
            assert claimed[0][0].attempts == 1
            await catalogue.report(
                claimed[0][0].id, state=JobState.QUEUED, progress=0.0, message="", counted=False
            )

    async def test_reports_are_kept(self, catalogue: Catalogue) -> None:
        added = await catalogue.add(make_document(), [JobKind.IMPORT])
        claimed = await catalogue.claim()
        assert claimed is not None
        (job,), _ = claimed
        await catalogue.report(job.id, state=JobState.RUNNING, progress=0.5, message="page 3")
        (stored,) = await catalogue.jobs(added.id)
        assert (stored.state, stored.progress, stored.message) == (
            JobState.RUNNING, 0.5, "page 3",
        )  # fmt: skip
        await catalogue.report(999, state=JobState.DONE, progress=1.0, message="")

    async def test_what_a_dead_process_left_is_queued_again(self, catalogue: Catalogue) -> None:
        await catalogue.add(make_document(), [JobKind.IMPORT, JobKind.INDEX])
        first = await catalogue.claim()
        assert first is not None
        assert await catalogue.requeue_running() == 1
        again = await catalogue.claim()
        assert again is not None
        assert (again[0][0].id, again[0][0].attempts) == (first[0][0].id, 2)
