"""Reading of documents: their pages as Markdown."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from .transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkdownPage:
    """A page of a document as Markdown.

    Attributes:
        page: The page, from 1.
        markdown: Its text.
        structured: Whether tables and headings are marked; otherwise ``markdown`` is plain text.
        note: Why they are not, in a sentence.
        source: Where the text comes from: ``text``, ``ocr`` or ``none``.
    """

    page: int
    markdown: str
    structured: bool
    note: str = ""
    source: str = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    pages: tuple[MarkdownPage, ...]
    next: int | None = None


class Reading:
    """The part of the client that reads documents."""

    _transport: Transport

    async def markdown(self, document_id: int, *, first: int = 1) -> AsyncIterator[MarkdownPage]:
        """Yield the pages of a document with their tables and headings, in order.

        Args:
            document_id: The document.
            first: The page to begin with, from 1.

        Raises:
            NotFound: There is no such document, no text of it yet, or the server has no parser.
        """
        following: int | None = first
        while following is not None:
            path = f"/api/documents/{document_id}/markdown"
            query = {"first": str(following)}
            answer = await self._transport.call(_Answer, "GET", path, query=query)
            for page in answer.pages:
                yield page
            following = answer.next
