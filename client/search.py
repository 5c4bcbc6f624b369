"""Searches: what is asked and what is answered. Rectangles are in points."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from .errors import UnexpectedAnswer
from .models import Document, QueuedDocuments
from .transport import Transport

_DOCUMENTS = "/api/documents"
Match = Literal["words", "meaning"]
"""By what a search finds passages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a snippet.

    Attributes:
        text: The text.
        marked: Whether words of the query match it.
    """

    text: str
    marked: bool = False


Rectangle = tuple[float, float, float, float]
"""Left, top, right and bottom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassagePlace:
    """The place of a passage on its page, as the page is displayed.

    Attributes:
        label: The page number that the document gives to the page; empty if it gives none.
        width: Width of the page in points.
        height: Height of the page in points.
        rectangles: Those of the passage, line by line, in points from the upper left corner.
        marks: Those of the words of the query.
    """

    label: str = ""
    width: float
    height: float
    rectangles: tuple[Rectangle, ...] = ()
    marks: tuple[Rectangle, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One hit of a search.

    Attributes:
        document_id: The document.
        title: Its title.
        page: The page, from 1.
        text: The passage.
        score: Greater is better; comparable within one answer.
        match: ``words`` or ``meaning``.
        stage: What is indexed of the document: ``reading`` (some pages), ``words``, ``meaning``.
        snippet: The part of the text that shows why it was found.
        place: Where it stands on its page; ``None`` if that is not known.
        source: Where the text comes from: ``text``, or ``ocr`` for that of a picture.
    """

    document_id: int
    title: str
    page: int
    text: str
    score: float
    match: str = ""
    stage: str = ""
    source: str = "text"
    snippet: tuple[Segment, ...] = ()
    place: PassagePlace | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDocument:
    """A document with hits.

    Attributes:
        document_id: The document.
        title: Its title.
        results: Positions of its passages in the answer, from 0.
    """

    document_id: int
    title: str
    results: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAnswer:
    """The answer to a search, best passage first.

    Attributes:
        results: The passages.
        documents: The same grouped by document, that of the best passage first.
        next: The ``offset`` of the passages that follow; ``None`` at the end.
        note: Why the re-ranker of the server had no part in their order, or why nothing is
            found; usually empty.
    """

    results: tuple[Passage, ...]
    documents: tuple[FoundDocument, ...] = ()
    next: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFilter:
    """Conditions on the documents to search; all of them must hold.

    Attributes:
        documents: Ids of documents.
        title: Part of the title or file name, in any case.
        tags: Tags that the document has, all of them.
        uploaded_from: Earliest time of the upload, with a time zone.
        uploaded_before: Time before which it was uploaded, with a time zone.
        metadata: Names of fields, each with a part of the value, in any case.
    """

    documents: Sequence[int] | None = None
    title: str = ""
    tags: Sequence[str] = ()
    uploaded_from: datetime | None = None
    uploaded_before: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def as_request(self) -> dict[str, Any]:
        """Return the conditions that are set, as the server reads them."""
        times = {
            "uploaded_from": self.uploaded_from and self.uploaded_from.isoformat(),
            "uploaded_before": self.uploaded_before and self.uploaded_before.isoformat(),
        }
        lists = {
            "documents": None if self.documents is None else list(self.documents),
            "tags": list(self.tags) or None,
        }
        others = {"title": self.title or None, "metadata": dict(self.metadata) or None}
        fields = {**lists, **others, **times}
        return {name: value for name, value in fields.items() if value is not None}


class Searches:
    """The part of the client that searches, and sets what searches are narrowed by."""

    _transport: Transport

    async def set_tags(self, document_id: int, tags: Sequence[str]) -> Document:
        """Replace the tags of a document."""
        path, changes = f"{_DOCUMENTS}/{document_id}", {"tags": list(tags)}
        return await self._transport.call(Document, "PATCH", path, json=changes)

    async def index_again(self) -> int:
        """Ask for all documents that were indexed before to be indexed again.

        It happens in the background. An administrator asks for the documents of all owners.

        Returns:
            How many documents are queued.
        """
        count = 0
        query: dict[str, str] = {}
        while True:
            page = await self._transport.call(
                QueuedDocuments, "POST", f"{_DOCUMENTS}/index", query=query
            )
            count += page.queued
            if page.next is None:
                return count
            query["after"] = str(page.next)

    async def search(
        self,
        query: str,
        *,
        top_k: int = 5,
        where: SearchFilter | None = None,
        match: Match | None = None,
    ) -> tuple[Passage, ...]:
        """Return the best passages, best first; see :meth:`search_page`."""
        return (await self.search_page(query, top_k=top_k, where=where, match=match)).results

    async def search_page(
        self,
        query: str,
        *,
        top_k: int = 5,
        offset: int = 0,
        where: SearchFilter | None = None,
        match: Match | None = None,
    ) -> SearchAnswer:
        """Return the best passages, also grouped by document.

        Args:
            query: Words or a question.
            top_k: How many passages to return at most.
            offset: How many of the best to leave out: the ``next`` of the answer before.
            where: The documents to search; all of them by default.
            match: By what alone passages are found; by default by words and meaning together.
        """
        request: dict[str, Any] = {"query": query, "top_k": top_k}
        if offset:
            request["offset"] = offset
        if where is not None:
            request["filter"] = where.as_request()
        if match is not None:
            request["match"] = match
        path = f"{_DOCUMENTS}/search"
        return await self._transport.call(SearchAnswer, "POST", path, json=request)

    async def model_context(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request of the Model Context Protocol to the server; return its result.

        Args:
            method: ``tools/list`` or ``tools/call``.
            params: The parameters of the method.

        Raises:
            ClientError: The server refuses, has not got the extra ``mcp``, or cannot be reached.
            UnexpectedAnswer: The answer is an error of the protocol.
        """
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": dict(params)}
        answer = await self._transport.call(dict, "POST", "/mcp", json=message)
        result = answer.get("result")
        if not isinstance(result, dict):
            raise UnexpectedAnswer(f"the server does not answer {method}: {answer.get('error')}")
        return result
