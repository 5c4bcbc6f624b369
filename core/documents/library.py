"""What clients can do with documents: list, read, rename, delete, index, search."""

import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pdfsluice.core.errors import DocumentNotFound, NotFound, ProtocolError
from pdfsluice.core.models import (
    Document,
    Job,
    JobKind,
    JobState,
    PageText,
    Passage,
    Principal,
    Scope,
)
from pdfsluice.core.plugins.ports.documents import ImporterSpec, Index
from pdfsluice.core.plugins.ports.stores import Catalogue, UploadStore
from pdfsluice.core.text import clean_name

from .jobs import (
    JobRunner,
    import_under_way,
    no_index,
    require_text,
)
from .previews import Previews

logger = logging.getLogger(__name__)

MAX_QUERY = 2000
MAX_RESULTS = 100
_MAX_TITLE = 500


class Stage(StrEnum):
    """How far a kind of job has come for a document."""

    NONE = "none"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ImportStatus:
    """How the background work on a document stands.

    Attributes:
        jobs: All jobs, oldest first.
    """

    jobs: tuple[Job, ...]

    @property
    def share(self) -> float:
        """How much of the work is done, 0 to 1; work that failed for good counts as done."""
        ended = {JobState.DONE, JobState.SKIPPED, JobState.FAILED}
        parts = [1.0 if job.state in ended else job.progress for job in self.jobs]
        return sum(parts) / len(parts) if parts else 1.0

    def of(self, kind: JobKind) -> Stage:
        """Return how far the latest job of a kind has come."""
        states = [job.state for job in self.jobs if job.kind is kind]
        return Stage(states[-1].value) if states else Stage.NONE


class Library:
    """All operations on documents; each checks that the principal may do it."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        uploads: UploadStore,
        previews: Previews,
        importers: Sequence[ImporterSpec],
        index: Index | None,
        jobs: JobRunner,
    ) -> None:
        self._catalogue = catalogue
        self._uploads = uploads
        self._previews = previews
        self._importers = importers
        self._index = index
        self._jobs = jobs

    async def list(
        self, principal: Principal, *, after: int | None = None, limit: int = 50
    ) -> tuple[Sequence[Document], int]:
        """Return documents, newest first, and how many there are in all."""
        owner = _owner(principal, Scope.READ)
        return await self._catalogue.list(owner=owner, after=after, limit=limit)

    async def get(self, principal: Principal, document_id: int) -> Document:
        """Return a document.

        Raises:
            DocumentNotFound: There is none, or it is another principal's.
        """
        return await self._catalogue.get(document_id, owner=_owner(principal, Scope.READ))

    async def rename(self, principal: Principal, document_id: int, title: str) -> Document:
        """Give a document another title.

        Raises:
            ProtocolError: The title is empty or too long.
        """
        _owner(principal, Scope.UPLOAD)
        document = await self.get(principal, document_id)
        title = clean_name(title, _MAX_TITLE + 1)
        if not title or len(title) > _MAX_TITLE:
            raise ProtocolError(f"a title has 1 to {_MAX_TITLE} printable characters")
        return await self._catalogue.update(document.id, title=title)

    async def delete(self, principal: Principal, document_id: int) -> None:
        """Delete a document, its bytes and all that was derived from it.

        The entry goes last: if this is interrupted, the document can be deleted again.
        """
        _owner(principal, Scope.UPLOAD)
        document = await self.get(principal, document_id)
        if self._index is not None:
            await self._index.remove(document.id)
        for spec in self._importers:
            await spec.importer.forget(document.id)
        await self._previews.forget(document)
        await self._uploads.remove(document.blob_id)
        await self._catalogue.delete(document.id)

    async def open_file(
        self, principal: Principal, document_id: int
    ) -> tuple[Document, AbstractAsyncContextManager[Path]]:
        """Return a document and a context that yields its file, to be read only."""
        document = await self.get(principal, document_id)
        return document, self._uploads.local_path(document.blob_id)

    async def is_file_available(self, document: Document) -> bool:
        """Whether the document's bytes are there."""
        try:
            async with self._uploads.local_path(document.blob_id):
                return True
        except NotFound:
            return False

    async def thumbnail(
        self, principal: Principal, document_id: int, page: int, width: int
    ) -> Path:
        """Return a JPEG of a page; see :meth:`pdfsluice.core.documents.previews.Previews.path`."""
        document = await self.get(principal, document_id)
        return await self._previews.path(document, page, width)

    async def page_text(self, principal: Principal, document_id: int, page: int) -> PageText:
        """Return the text of a page.

        Raises:
            DocumentNotFound: There is no such document, or no text of that page (yet).
        """
        document = await self.get(principal, document_id)
        async for text in self._catalogue.pages(document.id):
            if text.number == page:
                return text
            if text.number > page:
                break
        raise DocumentNotFound(
            f"there is no text of page {page}",
            hint="Wait until the document's import_status is 'done'; the message of that job says"
            " where the text ends, if it ends early.",
        )

    async def import_status(self, document: Document) -> ImportStatus:
        """Say how the background work on a document stands."""
        return ImportStatus(tuple(await self._catalogue.jobs(document.id)))

    async def index(self, principal: Principal, document_id: int) -> ImportStatus:
        """Queue a document for indexing; asking again while it is queued is harmless.

        Raises:
            DocumentUnreadable: It is imported, and there is no text to index.
        """
        _owner(principal, Scope.UPLOAD)
        document = await self.get(principal, document_id)
        if self._index is None:
            raise no_index()
        if not await import_under_way(self._catalogue, document.id):
            await require_text(self._catalogue, document.id)
        await self._catalogue.enqueue(document.id, JobKind.INDEX)
        self._jobs.wake()
        return await self.import_status(document)

    async def search(
        self, principal: Principal, query: str, top_k: int
    ) -> Sequence[tuple[Document, Passage]]:
        """Return the best passages and the documents they stand in, best first.

        Raises:
            ProtocolError: The query is empty or too long.
        """
        owner = _owner(principal, Scope.READ)
        if self._index is None:
            raise no_index()
        query = query.strip()
        if not query or len(query) > MAX_QUERY:
            raise ProtocolError(f"a query has 1 to {MAX_QUERY} characters")
        found = await self._index.search(query, top_k=min(top_k, MAX_RESULTS), owner=owner)
        documents: dict[int, Document | None] = {}
        for passage in found:
            if passage.document_id not in documents:
                documents[passage.document_id] = await self._known(passage.document_id, owner)
        pairs = ((documents[passage.document_id], passage) for passage in found)
        return [(document, passage) for document, passage in pairs if document is not None]

    async def _known(self, document_id: int, owner: str | None) -> Document | None:
        """Return a document, or ``None`` if it was deleted while the search ran."""
        try:
            return await self._catalogue.get(document_id, owner=owner)
        except DocumentNotFound:
            return None


def _owner(principal: Principal, scope: Scope) -> str | None:
    """Return whose documents the principal may see; ``None`` for everybody's."""
    principal.require(scope)
    return None if principal.may(Scope.ADMIN) else principal.id
