"""Documents over HTTP: catalogue, files, import, index and search."""

import asyncio
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from aiohttp import hdrs, web

from pdfsluice.core.documents.jobs.import_status import Stage
from pdfsluice.core.documents.links import Link
from pdfsluice.core.documents.search.searching import EVERY_DOCUMENT
from pdfsluice.core.errors import (
    DocumentNotFound,
    DocumentUnreadable,
    NotFound,
    StageFailed,
)
from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.findings import is_opaque
from pdfsluice.core.models.sessions import Principal, Scope
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.core.uploads.completing.results import Completion
from pdfsluice.server.app_keys import PRINCIPAL, REQUEST_ID
from pdfsluice.server.problems import PreconditionFailed, RangeNotSatisfiable
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.body import BodyLimits
from pdfsluice.server.transport.file_response import FileAnswer, attachment
from pdfsluice.server.transport.parsing import NoQuery, number, read_json, read_query

from .requests import ChangeRequest, DeleteQuery, DocumentsQuery, IndexQuery, SearchRequest
from .responses.documents import (
    DocumentSummary,
    DocumentsView,
    DocumentView,
    ImportView,
    LinkView,
    QueuedView,
    SearchView,
)
from .responses.views import respond

SummaryT = TypeVar("SummaryT", bound=DocumentSummary)

_TAG = "Documents"
SANDBOX = {"Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'"}


class Documents:
    """Handlers for documents."""

    def __init__(self, runtime: Runtime) -> None:
        self._library = runtime.library
        self._downloads = runtime.pacing.downloads
        self._limits = BodyLimits.of(runtime.settings)

    def routes(self) -> Iterator[Route]:
        """Return the routes of documents."""
        one = "/api/documents/{document_id}"
        document = Answer("The document.", DocumentView)
        status = Answer("The state of the background work.", ImportView)
        missing = (DocumentNotFound,)
        yield Route(
            method="GET",
            path="/api/documents",
            handler=self.list,
            scopes=(Scope.READ,),
            summary="List documents",
            tag=_TAG,
            query=DocumentsQuery,
            answers={200: Answer("A page of documents, newest first.", DocumentsView)},
        )
        yield Route(
            method="POST",
            path="/api/documents/search",
            handler=self.search,
            scopes=(Scope.READ,),
            summary="Search the text of documents",
            tag=_TAG,
            body=SearchRequest,
            answers={200: Answer("The best passages.", SearchView)},
            errors=(NotFound, StageFailed),
        )
        yield Route(
            method="POST",
            path="/api/documents/index",
            handler=self.index_again,
            scopes=(Scope.UPLOAD,),
            summary="Index documents again",
            tag=_TAG,
            query=IndexQuery,
            answers={202: Answer("How many documents were queued.", QueuedView)},
            errors=(NotFound,),
        )
        yield Route(
            method="GET",
            path=one,
            handler=self.get,
            scopes=(Scope.READ,),
            summary="Show a document",
            tag=_TAG,
            answers={200: document},
            errors=missing,
        )
        yield Route(
            method="PATCH",
            path=one,
            handler=self.change,
            scopes=(Scope.UPLOAD,),
            summary="Change the title or the tags of a document",
            tag=_TAG,
            body=ChangeRequest,
            answers={200: document},
            errors=missing,
        )
        yield Route(
            method="DELETE",
            path=one,
            handler=self.delete,
            scopes=(Scope.UPLOAD,),
            summary="Delete a document",
            tag=_TAG,
            query=DeleteQuery,
            answers={204: Answer("It is deleted, with all that was derived from it.")},
            errors=missing,
        )
        yield Route(
            method="GET",
            path=f"{one}/file",
            handler=self.file,
            scopes=(Scope.READ,),
            summary="Download a document",
            tag=_TAG,
            headers={"Range": "One range of bytes (RFC 9110, 14.2)."},
            answers={
                200: Answer("The file.", media="application/pdf", headers={"ETag": "SHA-256."}),
                206: Answer("The range.", media="application/pdf"),
                304: Answer("The client has it."),
                307: Answer("The file is at `Location`, for a short time and without a key."),
            },
            errors=(*missing, PreconditionFailed, RangeNotSatisfiable, StageFailed),
        )
        yield Route(
            method="GET",
            path=f"{one}/link",
            handler=self.link,
            scopes=(Scope.READ,),
            summary="Make a link to the file of a document",
            tag=_TAG,
            answers={200: Answer("The link.", LinkView)},
            errors=(*missing, StageFailed),
        )
        yield Route(
            method="GET",
            path=f"{one}/import",
            handler=self.import_status,
            scopes=(Scope.READ,),
            summary="Show the state of import and indexing",
            tag=_TAG,
            answers={200: status},
            errors=missing,
        )
        yield Route(
            method="POST",
            path=f"{one}/import/{{importer}}/retry",
            handler=self.retry_import,
            scopes=(Scope.UPLOAD,),
            summary="Repeat one importer",
            tag=_TAG,
            answers={202: status},
            errors=(*missing, NotFound, DocumentUnreadable),
        )
        yield Route(
            method="POST",
            path=f"{one}/index",
            handler=self.index,
            scopes=(Scope.UPLOAD,),
            summary="Make a document searchable",
            tag=_TAG,
            answers={202: status},
            errors=(*missing, DocumentUnreadable),
        )

    async def list(self, request: web.Request) -> web.StreamResponse:
        """Return documents, newest first; ``next`` is the ``after`` of the next page."""
        query = read_query(request, DocumentsQuery)
        if query.filename is not None:
            documents = await self._library.named(request[PRINCIPAL], query.filename)
            views = await self.summaries(documents)
            return respond(DocumentsView(documents=views, total=len(views), next=None))
        documents, total = await self._library.list(
            request[PRINCIPAL], after=query.after, limit=query.limit, replaced=query.replaced
        )
        views = await self.summaries(documents)
        full = len(documents) == query.limit
        following = documents[-1].id if full and documents[-1].id > 1 else None
        return respond(DocumentsView(documents=views, total=total, next=following))

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Return a document with its metadata and findings."""
        read_query(request, NoQuery)
        return respond(await self.view(await self._document(request)))

    async def change(self, request: web.Request) -> web.StreamResponse:
        """Give a document another title or other tags; needs the scope ``read`` as well."""
        read_query(request, NoQuery)
        content = await read_json(request, ChangeRequest, self._limits)
        document = await self._library.change(
            request[PRINCIPAL], document_id(request), title=content.new_title, tags=content.new_tags
        )
        return respond(await self.view(document))

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Delete a document with all that was derived from it; needs ``read`` as well.

        If it is the newest of several versions, the one before it is the newest again.
        """
        query = read_query(request, DeleteQuery)
        await self._library.delete(
            request[PRINCIPAL], document_id(request), all_versions=query.all_versions
        )
        return web.Response(status=204)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Send the file, whole or one range of it; never as a page of this origin.

        With the setting ``downloads = "redirect"`` the client is redirected to a link that lasts
        for `link_lifetime` and needs no key: do not send it one. ``HEAD`` and conditional
        requests are answered here.
        """
        document, file = await self._library.open_file(request[PRINCIPAL], document_id(request))
        headers = {
            **SANDBOX,
            hdrs.CONTENT_DISPOSITION: attachment(document.filename),
            hdrs.CACHE_CONTROL: "private, no-cache",
        }
        answer = FileAnswer(
            None, _media_of(document), document.sha256, headers, size=document.file_size
        )
        if self._library.makes_links:
            answer.check(request)
            if not answer.needs_bytes(request):
                if (await self._library.available([document]))[document.id]:
                    return await answer.send(request)
            elif not answer.resumes(request) and (link := await self._link(document)) is not None:
                return web.Response(status=307, headers={hdrs.LOCATION: link.url})
        async with file as path:
            principal = request[PRINCIPAL]
            pace = self._downloads.paced(principal, f"{principal.id} {request[REQUEST_ID]}")
            return await replace(answer, source=path).send(request, pace)

    async def link(self, request: web.Request) -> web.StreamResponse:
        """Return a link to the file, for a program that follows no redirect or for a page.

        The link needs no key and lasts for ``link_lifetime``. It is null while the server sends
        the files itself; then fetch ``/api/documents/{document_id}/file``.
        """
        read_query(request, NoQuery)
        document = await self._document(request)
        return respond(LinkView.of(document, await self._link(document)))

    async def _link(self, document: Document) -> Link | None:
        return await self._library.link(
            document,
            content_type=_media_of(document),
            content_disposition=attachment(document.filename),
        )

    async def import_status(self, request: web.Request) -> web.StreamResponse:
        """Return the background jobs of a document."""
        read_query(request, NoQuery)
        document = await self._document(request)
        status = await self._library.import_status(document)
        return respond(ImportView.of(document.id, status))

    async def retry_import(self, request: web.Request) -> web.StreamResponse:
        """Run an importer again, immediately if it waits for that; needs ``read`` as well."""
        read_query(request, NoQuery)
        status = await self._library.retry_import(
            request[PRINCIPAL], document_id(request), request.match_info["importer"]
        )
        return respond(ImportView.of(document_id(request), status), status=202)

    async def index(self, request: web.Request) -> web.StreamResponse:
        """Queue a document for indexing, if it is not queued; needs ``read`` as well."""
        read_query(request, NoQuery)
        status = await self._library.index(request[PRINCIPAL], document_id(request))
        return respond(ImportView.of(document_id(request), status), status=202)

    async def index_again(self, request: web.Request) -> web.StreamResponse:
        """Queue the documents that were indexed before, some of them at a time.

        They are those of the caller; an administrator has those of all owners. Ask again with
        ``next`` as ``after`` until it is null. Asking twice is harmless.
        """
        query = read_query(request, IndexQuery)
        result = await self._library.index_again(
            request[PRINCIPAL], after=query.after, limit=query.limit
        )
        return respond(QueuedView(queued=result.queued, next=result.next), status=202)

    async def search(self, request: web.Request) -> web.StreamResponse:
        """Return the passages that fit a question best, by words and by meaning.

        ``place`` has the rectangles of a passage on its page, in points from the upper left
        corner of the page as it is displayed; it is null if the extractor did not know them.
        """
        read_query(request, NoQuery)
        content = await read_json(request, SearchRequest, self._limits)
        result = await self._library.search(
            request[PRINCIPAL],
            content.query,
            top_k=content.top_k,
            offset=content.offset,
            wanted=content.filter.wanted() if content.filter else EVERY_DOCUMENT,
            match=content.match,
        )
        return respond(SearchView.of(result))

    async def summaries(self, documents: Sequence[Document]) -> builtins.list[DocumentSummary]:
        """Describe documents in a list."""
        statuses, available = await asyncio.gather(
            self._library.import_statuses(documents), self._library.available(documents)
        )
        return [
            DocumentSummary.of(each, statuses[each.id].of, available=available[each.id])
            for each in documents
        ]

    async def view(self, document: Document) -> DocumentView:
        """Describe a document with the state of its background work."""
        return await self._show(DocumentView, document)

    async def _show(self, view: type[SummaryT], document: Document) -> SummaryT:
        status, available = await asyncio.gather(
            self._library.import_status(document), self._library.available([document])
        )
        return view.of(document, status.of, available=available[document.id])

    async def view_completed(self, completion: Completion) -> DocumentView:
        """Describe the document of an upload that has just ended."""
        if not completion.queued:
            return await self.view(completion.document)
        # Its jobs were queued a moment ago; their state needs no query.
        return DocumentView.of(
            completion.document,
            lambda kind: Stage.QUEUED if kind in completion.queued else Stage.NONE,
            available=True,
        )

    async def view_by_id(self, principal: Principal, number: int) -> DocumentView:
        """Describe the document with an id."""
        return await self.view(await self._library.get(principal, number))

    async def _document(self, request: web.Request) -> Document:
        return await self._library.get(request[PRINCIPAL], document_id(request))


def _media_of(document: Document) -> str:
    """Return the media type of a document's file."""
    return "application/octet-stream" if is_opaque(document.unscanned) else "application/pdf"


def document_id(request: web.Request) -> int:
    """Return the id in the path.

    Raises:
        DocumentNotFound: It is no number that a document has.
    """
    return number(request, "document_id", "document", DocumentNotFound)
