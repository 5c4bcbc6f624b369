"""The operations on documents: list, read, rename, delete, index, search."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

from pdfsluice.core.document_files import DocumentFiles
from pdfsluice.core.errors import (
    DocumentNotFound,
    DocumentUnreadable,
    NotFound,
    ProtocolError,
)
from pdfsluice.core.models.document_filter import DocumentFilter
from pdfsluice.core.models.documents import Document, PageText
from pdfsluice.core.models.findings import is_opaque
from pdfsluice.core.models.jobs import JobKind
from pdfsluice.core.models.passages import Match
from pdfsluice.core.models.sessions import Principal, Scope
from pdfsluice.core.plugins.ports.catalogue import DocumentChanges
from pdfsluice.core.plugins.ports.documents import ImporterSpec, Index
from pdfsluice.core.plugins.ports.stores import Catalogue, VersionedCatalogue
from pdfsluice.core.text import clean_name

from .jobs.import_status import ImportStatus
from .jobs.indexing import Indexing, QueuedAgain
from .jobs.runner import JobRunner
from .links import DocumentLinks, Link
from .markdown import MarkdownPages, MarkdownReader
from .previews import Previews
from .removing import DocumentRemover
from .search.index_loss import IndexLoss
from .search.searching import EVERY_DOCUMENT, Searcher, SearchResult

MAX_TAGS = 32
MAX_TAG = 64
_MAX_TITLE = 500
_MAX_SHOWN_NAME = 60


class Library:
    """All operations on documents; each checks that the principal may do it.

    Attributes:
        index_loss: Notices that the index is empty although documents were indexed.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        remover: DocumentRemover,
        files: DocumentFiles,
        links: DocumentLinks,
        previews: Previews,
        markdown: MarkdownReader,
        searcher: Searcher,
        importers: Sequence[ImporterSpec],
        index: Index | None,
        index_hint: str = "",
        jobs: JobRunner,
    ) -> None:
        self._catalogue = catalogue
        self._remover = remover
        self._files = files
        self._links = links
        self._previews = previews
        self._markdown = markdown
        self._importers = importers
        self._indexing = Indexing(index, index_hint, catalogue=catalogue, jobs=jobs)
        self._jobs = jobs
        self._searcher = searcher
        self.index_loss = IndexLoss(index, catalogue)

    async def list(
        self,
        principal: Principal,
        *,
        after: int | None = None,
        limit: int = 50,
        replaced: bool = False,
    ) -> tuple[Sequence[Document], int]:
        """Return documents, newest first, and how many there are in all.

        Args:
            principal: On whose behalf.
            after: Begin below this id.
            limit: How many to return at most.
            replaced: Whether versions that were replaced are listed, too.
        """
        owner = _owner(principal, Scope.READ)
        if replaced and isinstance(self._catalogue, VersionedCatalogue):
            return await self._catalogue.list(owner=owner, after=after, limit=limit, replaced=True)
        return await self._catalogue.list(owner=owner, after=after, limit=limit)

    async def named(
        self, principal: Principal, filename: str, *, limit: int = 100
    ) -> Sequence[Document]:
        """Return the principal's own documents whose file has a name, newest first.

        Those are the ones of which a file with this name may be a new version.
        """
        _owner(principal, Scope.READ)
        wanted = DocumentFilter(title=filename)
        ids = sorted(await self._catalogue.find(wanted, owner=principal.id), reverse=True)
        documents = await self._catalogue.get_many(ids[:limit], owner=principal.id)
        return [
            documents[key]
            for key in ids
            if key in documents and documents[key].filename == filename
        ]

    async def get(self, principal: Principal, document_id: int) -> Document:
        """Return a document.

        Raises:
            DocumentNotFound: There is none, or it is another principal's.
        """
        return await self._catalogue.get(document_id, owner=_owner(principal, Scope.READ))

    async def change(
        self,
        principal: Principal,
        document_id: int,
        *,
        title: str | None = None,
        tags: Sequence[str] | None = None,
    ) -> Document:
        """Give a document another title, other tags, or both.

        A document that was indexed is indexed again, so that its new title finds it.

        Args:
            principal: On whose behalf.
            document_id: The document.
            title: The new title; ``None`` keeps the old one.
            tags: All tags from now on; ``None`` keeps the old ones. Tags that differ in case
                only are one.

        Raises:
            ProtocolError: The title or a tag is empty or too long, or there are too many tags.
        """
        _owner(principal, Scope.UPLOAD)
        document = await self.get(principal, document_id)
        changes: DocumentChanges = {}
        if title is not None:
            title = clean_name(title, _MAX_TITLE + 1)
            if not title or len(title) > _MAX_TITLE:
                raise ProtocolError(f"a title has 1 to {_MAX_TITLE} printable characters")
            changes["title"] = title
        if tags is not None:
            changes["tags"] = _clean_tags(tags)
        changed = await self._catalogue.update(document.id, **changes)
        if changed.title != document.title:
            await self._indexing.rename(changed)
        return changed

    async def delete(
        self, principal: Principal, document_id: int, *, all_versions: bool = False
    ) -> None:
        """Delete a document, its bytes and everything that was derived from it.

        If it is the newest version of several, the one before it is the newest again.

        Args:
            principal: On whose behalf.
            document_id: The document.
            all_versions: Whether all versions are deleted with it.

        Raises:
            DocumentNotFound: There is none, or it is another principal's.
        """
        _owner(principal, Scope.UPLOAD)
        document = await self.get(principal, document_id)
        for version in await self._other_versions(document) if all_versions else ():
            await self._remover.remove(version)
        jobs = await self._catalogue.jobs(document.id)
        await self._remover.remove(document)
        indexed = any(job.kind is JobKind.INDEX for job in jobs)
        await self._after_deletion(document, indexed=indexed)

    async def _other_versions(self, document: Document) -> Sequence[Document]:
        """Return all other versions of a document, the oldest first."""
        if document.lineage is None or not isinstance(self._catalogue, VersionedCatalogue):
            return ()
        versions = await self._catalogue.versions(document.lineage, owner=document.owner)
        return [version for version in reversed(versions) if version.id != document.id]

    async def _after_deletion(self, deleted: Document, *, indexed: bool) -> None:
        """Make the version before a deleted one searchable, if the deleted one was."""
        if deleted.replaced_by is not None or not indexed:
            return
        for newest in (await self._other_versions(deleted))[-1:]:
            await self._indexing.enqueue(newest)

    async def open_file(
        self, principal: Principal, document_id: int
    ) -> tuple[Document, AbstractAsyncContextManager[Path]]:
        """Return a document and a context that yields its file, to be read only.

        Entering the context raises ``StorageFailed`` if the file is missing or damaged.
        """
        document = await self.get(principal, document_id)
        return document, self._files.open(document)

    @property
    def makes_links(self) -> bool:
        """Whether readers are given links to files."""
        return self._links.active

    async def link(
        self, document: Document, *, content_type: str, content_disposition: str
    ) -> Link | None:
        """Return a link to a document's file; ``None`` if the server has to send it.

        It is for its reader alone, and ends by itself; nothing else ends it. A document whose
        file was found to be damaged has none.

        Args:
            document: A document that its reader was given by :meth:`get`.
            content_type: The media type of its file.
            content_disposition: How it is saved (RFC 6266).

        Raises:
            StageFailed: The link signer is at fault.
        """
        if document.id in self._files.damaged:
            return None
        return await self._links.link(
            document, content_type=content_type, content_disposition=content_disposition
        )

    async def available(self, documents: Sequence[Document]) -> Mapping[int, bool]:
        """Return for each document whether its file is there, whole as far as is known."""
        return await self._files.available(documents)

    async def thumbnail(
        self, principal: Principal, document_id: int, page: int, width: int
    ) -> bytes:
        """Return a JPEG of a page; see :meth:`.previews.Previews.picture`."""
        document = await self._readable(principal, document_id)
        return await self._previews.picture(document, page, width)

    async def page_text(self, principal: Principal, document_id: int, page: int) -> PageText:
        """Return the text of a page.

        Raises:
            DocumentNotFound: There is no such document, or no text of that page (yet).
            DocumentUnreadable: Its client encrypted it.
        """
        document = await self._readable(principal, document_id)
        pages = await self._catalogue.pages_at([(document.id, page)])
        for text in pages.values():
            return text
        raise DocumentNotFound(
            f"there is no text of page {page}",
            hint="Wait until the document's import_status is 'done'; the message of that job"
            " reports where the text ends, if it ends early.",
        )

    async def markdown(
        self, principal: Principal, document_id: int, *, first: int, limit: int
    ) -> MarkdownPages:
        """Return pages with their tables and headings; see :meth:`.MarkdownReader.pages`."""
        document = await self._readable(principal, document_id)
        return await self._markdown.pages(document, first=first, limit=limit)

    async def _readable(self, principal: Principal, document_id: int) -> Document:
        document = await self.get(principal, document_id)
        if is_opaque(document.unscanned):
            raise DocumentUnreadable(
                "the client encrypted this document; the server has no key for it",
                hint="Download it, and decrypt it with your own key.",
            )
        return document

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
            DocumentUnreadable: Its client encrypted it.
        """
        _owner(principal, Scope.UPLOAD)
        document = await self._readable(principal, document_id)
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
        self._jobs.queued(document.id, [JobKind.IMPORT], document.owner)
        return await self.import_status(document)

    async def index(self, principal: Principal, document_id: int) -> ImportStatus:
        """Queue a document for indexing; asking again while it is queued is harmless.

        Raises:
            DocumentUnreadable: It is imported, and there is no text to index.
            DocumentReplaced: It is not the newest version.
        """
        _owner(principal, Scope.UPLOAD)
        document = await self._readable(principal, document_id)
        await self._indexing.queue(document)
        return await self.import_status(document)

    async def index_again(
        self, principal: Principal, *, after: int | None = None, limit: int = 500
    ) -> QueuedAgain:
        """Queue the documents that were indexed before, newest first, some at a time.

        Repeating it is harmless: a document that is queued is not queued twice.

        Args:
            principal: On whose behalf; an administrator has the documents of all owners.
            after: Begin below this id.
            limit: How many documents are looked at.

        Raises:
            NotFound: There is no index.
        """
        owner = _owner(principal, Scope.UPLOAD)
        return await self._indexing.queue_again(owner=owner, after=after, limit=limit)

    async def search(
        self,
        principal: Principal,
        query: str,
        *,
        top_k: int = 5,
        offset: int = 0,
        wanted: DocumentFilter = EVERY_DOCUMENT,
        match: Match | None = None,
    ) -> SearchResult:
        """Return the best passages with their documents and places, best first.

        Args:
            principal: On whose behalf; only their documents are searched.
            query: The query, as the user wrote it.
            top_k: How many passages to return at most.
            offset: How many of the best to leave out.
            wanted: The documents to search.
            match: By what alone passages are found; ``None`` for words and meaning together.

        Raises:
            ProtocolError: The query is empty or too long, or the offset is too large.
        """
        owner = _owner(principal, Scope.READ)
        result = await self._searcher.search(
            self._indexing.require(),
            query,
            owner=owner,
            top_k=top_k,
            offset=offset,
            wanted=wanted,
            match=match,
        )
        if result.hits or result.note:
            return result
        return replace(result, note=await self.index_loss.note())


def _clean_tags(tags: Sequence[str]) -> Sequence[str]:
    cleaned: dict[str, str] = {}
    for tag in tags:
        name = clean_name(tag, MAX_TAG + 1)
        if not name or len(name) > MAX_TAG:
            raise ProtocolError(f"a tag has 1 to {MAX_TAG} printable characters")
        cleaned.setdefault(name.casefold(), name)
    if len(cleaned) > MAX_TAGS:
        raise ProtocolError(f"a document has {MAX_TAGS} tags at most")
    return list(cleaned.values())


def _owner(principal: Principal, scope: Scope) -> str | None:
    """Return whose documents the principal may see; ``None`` for those of all."""
    principal.require(scope)
    return None if principal.may(Scope.ADMIN) else principal.id
