"""Queues documents for indexing: one, or all that were indexed before."""

from dataclasses import dataclass

from pdfsluice.core.errors import DocumentReplaced
from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.jobs import JobKind, JobState
from pdfsluice.core.plugins.ports.documents import Index
from pdfsluice.core.plugins.ports.stores import Catalogue

from .import_status import ImportStatus, Stage
from .indexable import no_index, require_text, text_may_follow
from .runner import JobRunner


@dataclass(frozen=True, slots=True)
class QueuedAgain:
    """Documents of a page that were queued for indexing again.

    Attributes:
        queued: How many; those that were queued already are counted, too.
        next: The id below which the next page begins; ``None`` at the end.
    """

    queued: int
    next: int | None


class Indexing:
    """The queueing of documents for an index.

    Args:
        index: The index; ``None`` if there is none.
        hint: What the operator can do if there is none.
        catalogue: Has the documents and their jobs.
        jobs: Runs the jobs.
    """

    def __init__(
        self, index: Index | None, hint: str, *, catalogue: Catalogue, jobs: JobRunner
    ) -> None:
        self._index = index
        self._hint = hint
        self._catalogue = catalogue
        self._jobs = jobs

    def require(self) -> Index:
        """Return the index.

        Raises:
            NotFound: There is none.
        """
        if self._index is None:
            raise no_index(self._hint)
        return self._index

    async def queue(self, document: Document) -> None:
        """Queue a document; while it is queued, nothing changes.

        Raises:
            DocumentUnreadable: It is imported, and there is no text to index.
            DocumentReplaced: It is not the newest version.
            NotFound: There is no index.
        """
        self.require()
        if document.replaced_by is not None:
            raise DocumentReplaced(
                f"version {document.version} was replaced; only the newest can be searched",
                hint="Index the newest version.",
                details={"document_id": document.replaced_by},
            )
        if not await text_may_follow(self._catalogue, document.id):
            await require_text(self._catalogue, document.id)
        await self.enqueue(document)

    async def queue_again(self, *, owner: str | None, after: int | None, limit: int) -> QueuedAgain:
        """Queue the documents of a page that were indexed before, newest first.

        Documents count whose index failed, or was skipped because there was no text. A document
        whose index was cancelled does not.

        Args:
            owner: Their owner; ``None`` for all.
            after: Begin below this id.
            limit: How many documents are looked at.

        Raises:
            NotFound: There is no index.
        """
        self.require()
        documents, _ = await self._catalogue.list(owner=owner, after=after, limit=limit + 1)
        page = documents[:limit]
        jobs = await self._catalogue.jobs_of([document.id for document in page])
        again = [each for each in page if _was_indexed(ImportStatus(tuple(jobs[each.id])))]
        for document in again:
            await self.enqueue(document)
        return QueuedAgain(len(again), page[-1].id if len(documents) > limit else None)

    async def rename(self, document: Document) -> None:
        """Queue a document that was indexed under another title; its vectors stay.

        If it is being indexed, :class:`~.runner.JobRunner` queues it at the end of that.
        """
        if self._index is None or document.replaced_by is not None:
            return
        status = ImportStatus(tuple(await self._catalogue.jobs(document.id)))
        if status.of(JobKind.INDEX) is Stage.DONE:
            await self.enqueue(document)

    async def enqueue(self, document: Document) -> None:
        """Queue a document, whatever is known of its text."""
        await self._catalogue.enqueue(document.id, JobKind.INDEX)
        self._jobs.queued(document.id, [JobKind.INDEX], document.owner)


def _was_indexed(status: ImportStatus) -> bool:
    return any(
        job.kind is JobKind.INDEX and job.state is not JobState.CANCELLED for job in status.latest
    )
