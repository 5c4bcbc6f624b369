"""The operations on documents: list, read, rename, delete, index, search."""

import logging
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from pdfsluice.core.document_files import DocumentFiles
from pdfsluice.core.errors import DocumentNotFound, NotFound, ProtocolError
from pdfsluice.core.models import (
    Document,
    JobKind,
    PageText,
    Passage,
    Principal,
    Scope,
)
from pdfsluice.core.plugins.ports.documents import ImporterSpec, Index
from pdfsluice.core.plugins.ports.stores import Catalogue, UploadStore
from pdfsluice.core.text import clean_name
from pdfsluice.core.threads import run_uncancelled

from .import_status import ImportStatus
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
_MAX_SHOWN_NAME = 60


class Library:
    """All operations on documents; each checks that the principal may do it."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        uploads: UploadStore,
        files: DocumentFiles,
        previews: Previews,
        importers: Sequence[ImporterSpec],
        index: Index | None,
        index_hint: str = "",
        jobs: JobRunner,
    ) -> None:
        self._catalogue = catalogue
        self._uploads = uploads
        self._files = files
        self._previews = previews
        self._importers = importers
        self._index = index
        self._index_hint = index_hint
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
        """Delete a document, its bytes and everything that was derived from it.

        The row is deleted first. If that fails, nothing has changed; afterwards the document is
        gone, whatever happens to the rest. A failure there is logged; a file that stays is
        deleted by the next check of the store.
        """
        _owner(principal, Scope.UPLOAD)
        document = await self.get(principal, document_id)
        await run_uncancelled(self._delete(document))

    async def _delete(self, document: Document) -> None:
        await self._catalogue.delete(document.id)
        self._files.forget(document.id)
        await self._clean_up("its file", document, self._uploads.remove(document.blob_id))
        await self._clean_up("its pictures", document, self._previews.forget(document))
        if self._index is not None:
            await self._clean_up("its index", document, self._index.remove(document.id))
        for spec in self._importers:
            forgotten = spec.importer.forget(document.id)
            await self._clean_up(f"data of importer {spec.name!r}", document, forgotten)

    @staticmethod
    async def _clean_up(what: str, document: Document, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception:
            logger.exception("document %d is deleted, but not %s", document.id, what)

    async def open_file(
        self, principal: Principal, document_id: int
    ) -> tuple[Document, AbstractAsyncContextManager[Path]]:
        """Return a document and a context that yields its file, to be read only.

        Entering the context raises ``StorageFailed`` if the file is missing or damaged.
        """
        document = await self.get(principal, document_id)
        return document, self._files.open(document)

    async def available(self, documents: Sequence[Document]) -> Mapping[int, bool]:
        """Return for each document whether its file is there, whole as far as is known."""
        return await self._files.available(documents)

    async def thumbnail(
        self, principal: Principal, document_id: int, page: int, width: int
    ) -> Path:
        """Return a JPEG of a page; see :meth:`.previews.Previews.path`."""
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
            hint="Wait until the document's import_status is 'done'; the message of that job"
            " reports where the text ends, if it ends early.",
        )

    async def import_status(self, document: Document) -> ImportStatus:
        """Return the state of the background work on a document."""
        return ImportStatus(tuple(await self._catalogue.jobs(document.id)))

    async def import_statuses(self, documents: Sequence[Document]) -> Mapping[int, ImportStatus]:
        """Return the state of the background work on several documents, in one query."""
        jobs_by_document = await self._catalogue.jobs_of([document.id for document in documents])
        return {
            document_id: ImportStatus(tuple(jobs)) for document_id, jobs in jobs_by_document.items()
        }

    async def retry_import(
        self, principal: Principal, document_id: int, importer: str
    ) -> ImportStatus:
        """Queue one importer of a document again; harmless while it is queued or running.

        Raises:
            DocumentNotFound: There is no such document.
            NotFound: No plugin registers such an importer.
        """
        _owner(principal, Scope.UPLOAD)
        document = await self.get(principal, document_id)
        specs = {spec.name: spec for spec in self._importers}
        if importer not in specs:
            raise NotFound(
                f"there is no importer {importer[:_MAX_SHOWN_NAME]!r}",
                hint=f"There are: {', '.join(specs) or 'none'}.",
            )
        required = specs[importer].required
        await self._catalogue.enqueue(
            document.id, JobKind.IMPORT, importer=importer, required=required
        )
        self._jobs.queued(document.id, [JobKind.IMPORT])
        return await self.import_status(document)

    async def index(self, principal: Principal, document_id: int) -> ImportStatus:
        """Queue a document for indexing; asking again while it is queued is harmless.

        Raises:
            DocumentUnreadable: It is imported, and there is no text to index.
        """
        _owner(principal, Scope.UPLOAD)
        document = await self.get(principal, document_id)
        if self._index is None:
            raise no_index(self._index_hint)
        if not await import_under_way(self._catalogue, document.id):
            await require_text(self._catalogue, document.id)
        await self._catalogue.enqueue(document.id, JobKind.INDEX)
        self._jobs.queued(document.id, [JobKind.INDEX])
        return await self.import_status(document)

    async def search(
        self, principal: Principal, query: str, top_k: int
    ) -> Sequence[tuple[Document, Passage]]:
        """Return the best passages with their documents, best first.

        Raises:
            ProtocolError: The query is empty or too long.
        """
        owner = _owner(principal, Scope.READ)
        if self._index is None:
            raise no_index(self._index_hint)
        query = query.strip()
        if not query or len(query) > MAX_QUERY:
            raise ProtocolError(f"a query has 1 to {MAX_QUERY} characters")
        passages = await self._index.search(query, top_k=min(top_k, MAX_RESULTS), owner=owner)
        documents: dict[int, Document | None] = {}
        for passage in passages:
            if passage.document_id not in documents:
                documents[passage.document_id] = await self._existing(passage.document_id, owner)
        pairs = ((documents[passage.document_id], passage) for passage in passages)
        return [(document, passage) for document, passage in pairs if document is not None]

    async def _existing(self, document_id: int, owner: str | None) -> Document | None:
        """Return a document, or ``None`` if it was deleted while the search ran."""
        try:
            return await self._catalogue.get(document_id, owner=owner)
        except DocumentNotFound:
            return None


def _owner(principal: Principal, scope: Scope) -> str | None:
    """Return whose documents the principal may see; ``None`` for those of all."""
    principal.require(scope)
    return None if principal.may(Scope.ADMIN) else principal.id
