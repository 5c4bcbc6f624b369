"""Pages of documents over HTTP: their text, as Markdown, and as pictures."""

from collections.abc import Iterator

from aiohttp import hdrs, web

from pdfsluice.core.errors import DocumentNotFound, DocumentUnreadable, NotFound, StorageFailed
from pdfsluice.core.models.sessions import Scope
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.server.app_keys import PRINCIPAL
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.file_response import FileAnswer
from pdfsluice.server.transport.parsing import NoQuery, number, read_query

from .documents import SANDBOX, document_id
from .requests import MarkdownQuery, ThumbnailQuery
from .responses.documents import PageView
from .responses.markdown import MarkdownView
from .responses.views import respond

_TAG = "Documents"


class Pages:
    """Handlers for pages."""

    def __init__(self, runtime: Runtime) -> None:
        self._library = runtime.library

    def routes(self) -> Iterator[Route]:
        """Return the routes of pages."""
        one = "/api/documents/{document_id}"
        yield Route(
            method="GET",
            path=f"{one}/pages/{{page}}",
            handler=self.page,
            scopes=(Scope.READ,),
            summary="Show the text of a page",
            tag=_TAG,
            answers={200: Answer("The text.", PageView)},
            errors=(DocumentNotFound, DocumentUnreadable),
        )
        yield Route(
            method="GET",
            path=f"{one}/pages/{{page}}/thumbnail",
            handler=self.thumbnail,
            scopes=(Scope.READ,),
            summary="Draw a page",
            tag=_TAG,
            query=ThumbnailQuery,
            answers={
                200: Answer("The picture.", media="image/jpeg"),
                304: Answer("The client has it."),
            },
            errors=(DocumentNotFound, NotFound, DocumentUnreadable),
        )
        yield Route(
            method="GET",
            path=f"{one}/markdown",
            handler=self.markdown,
            scopes=(Scope.READ,),
            summary="Show pages as Markdown",
            tag=_TAG,
            query=MarkdownQuery,
            answers={200: Answer("The pages.", MarkdownView)},
            errors=(DocumentNotFound, NotFound, DocumentUnreadable, StorageFailed),
        )

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Return the text of a page, as far as it is extracted."""
        read_query(request, NoQuery)
        number = _page(request)
        text = await self._library.page_text(request[PRINCIPAL], document_id(request), number)
        return respond(PageView.of(document_id(request), text))

    async def thumbnail(self, request: web.Request) -> web.StreamResponse:
        """Send a picture of a page, as JPEG."""
        width = read_query(request, ThumbnailQuery).width
        principal, number = request[PRINCIPAL], _page(request)
        document = await self._library.get(principal, document_id(request))
        picture = await self._library.thumbnail(principal, document.id, number, width)
        headers = {**SANDBOX, hdrs.CACHE_CONTROL: "private, max-age=86400"}
        etag = f"{document.sha256[:32]}-{number}-{width}"
        return await FileAnswer(picture, "image/jpeg", etag, headers).send(request)

    async def markdown(self, request: web.Request) -> web.StreamResponse:
        """Return pages with their tables and headings.

        A page is its stored text, with ``structured`` false, if the parser cannot read it or
        returns text that is not stored because a person cannot see it. The first request for
        a document takes as long as the parser needs for all of its pages.
        """
        query = read_query(request, MarkdownQuery)
        pages = await self._library.markdown(
            request[PRINCIPAL], document_id(request), first=query.first, limit=query.limit
        )
        return respond(MarkdownView.of(document_id(request), pages))


def _page(request: web.Request) -> int:
    return number(request, "page", "page", DocumentNotFound)
