"""Documents as Markdown, read by a parser of tables and headings on demand.

A parser reads a document as a whole, for a page takes it almost as long as for all of them. So
what it has read stays in memory for the next pages. Nothing is stored: there is nothing to
delete with a document, and a newer parser is used from the next start.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakValueDictionary

from pdfsluice.core.document_files import DocumentFiles
from pdfsluice.core.errors import DocumentNotFound, NotFound, StageFailed
from pdfsluice.core.models.documents import Document, PageText
from pdfsluice.core.plugins.ports.documents import TextExtractor
from pdfsluice.core.plugins.ports.stores import Catalogue

from .text.hidden_text import hiding_pages
from .text.markdown_page import MarkdownPage, markdown_page

MAX_PAGES = 100
"""How many pages are returned at a time."""

DEFAULT_MAX_CHARACTERS = 32 * 1024 * 1024
DEFAULT_FAILURE_RETENTION_SECONDS = 600.0
_MAX_SHARE = 4  # one document takes at most this part of the memory
_MIN_CHARACTERS = 1000  # that a document counts as
_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class MarkdownPages:
    """Some pages of a document as Markdown.

    Attributes:
        pages: In their order.
        next: Number of the page that follows; ``None`` at the end.
    """

    pages: tuple[MarkdownPage, ...]
    next: int | None = None


@dataclass(slots=True)
class _Reading:
    """What parsers read in a document.

    Attributes:
        pages: The Markdown of its pages, by number.
        failure: Why later pages are missing; empty if none is.
        ended_at: When it ended.
    """

    pages: dict[int, str] = field(default_factory=dict)
    failure: str = ""
    ended_at: float = 0.0
    characters: int = _MIN_CHARACTERS


class MarkdownReader:
    """A reader of documents as Markdown, which compares pages with their stored text.

    Args:
        extractors: Those that return Markdown, in order of preference.
        catalogue: The store of pages.
        files: The files of documents.
        hint: What the operator can do if there are no such extractors.
        max_characters: How much Markdown stays in memory; a quarter of it of one document.
        failure_retention_seconds: After this time a file that could not be read is tried again.
        clock: Returns seconds that never go back.
    """

    def __init__(
        self,
        *,
        extractors: Sequence[TextExtractor],
        catalogue: Catalogue,
        files: DocumentFiles,
        hint: str = "",
        max_characters: int = DEFAULT_MAX_CHARACTERS,
        failure_retention_seconds: float = DEFAULT_FAILURE_RETENTION_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._extractors = extractors
        self._catalogue = catalogue
        self._files = files
        self._hint = hint
        self._max_characters = max_characters
        self._max_characters_each = max_characters // _MAX_SHARE
        self._failure_retention = failure_retention_seconds
        self._clock = clock
        self._readings: OrderedDict[int, _Reading] = OrderedDict()
        self._characters = 0
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def pages(self, document: Document, *, first: int, limit: int) -> MarkdownPages:
        """Return pages from number ``first`` on, ``limit`` or ``MAX_PAGES`` at most.

        Raises:
            NotFound: No plugin reads Markdown.
            DocumentNotFound: No text of these pages is stored (yet).
            StorageFailed: The file is missing or damaged.
        """
        if not self._extractors:
            raise NotFound("no plugin reads Markdown", hint=self._hint)
        end = first + min(limit, MAX_PAGES)
        places = [(document.id, number) for number in range(first, end + 1)]
        stored = {page.number: page for page in (await self._catalogue.pages_at(places)).values()}
        chosen = [stored[number] for number in range(first, end) if number in stored]
        if not chosen:
            raise DocumentNotFound(
                f"there is no text from page {first} on",
                hint="Wait until the document's import_status is 'done'.",
            )
        reading = await self._reading(document)
        pages = await asyncio.to_thread(_compared, document, chosen, reading)
        return MarkdownPages(tuple(pages), end if end in stored else None)

    async def _reading(self, document: Document) -> _Reading:
        lock = self._locks.setdefault(document.id, asyncio.Lock())
        async with lock:
            reading = self._readings.get(document.id)
            if reading is None or self._is_due_again(reading):
                async with self._turns, self._files.open(document) as path:
                    reading = await self._read(path)
                self._keep(document.id, reading)
            else:
                self._readings.move_to_end(document.id)
        return reading

    def _is_due_again(self, reading: _Reading) -> bool:
        return bool(reading.failure) and (
            self._clock() - reading.ended_at >= self._failure_retention
        )

    async def _read(self, path: Path) -> _Reading:
        """Read a file with the first extractor that can; others continue where one fails."""
        reading = _Reading()
        for extractor in self._extractors:
            try:
                await self._read_with(extractor, path, reading)
            except StageFailed as failure:
                reading.failure = reading.failure or failure.message
            else:
                reading.failure = ""
                break
        if reading.characters > self._max_characters_each:
            reading.failure = "The document has more Markdown than is read at a time."
        reading.ended_at = self._clock()
        return reading

    async def _read_with(self, extractor: TextExtractor, path: Path, reading: _Reading) -> None:
        pages = extractor.pages(path, first=len(reading.pages) + 1)
        try:
            async for page in pages:
                reading.pages[page.number] = page.text
                reading.characters += len(page.text)
                if reading.characters > self._max_characters_each:
                    return
        finally:
            if isinstance(pages, AsyncGenerator):
                await pages.aclose()

    def _keep(self, document_id: int, reading: _Reading) -> None:
        earlier = self._readings.pop(document_id, None)
        self._characters += reading.characters - (earlier.characters if earlier else 0)
        self._readings[document_id] = reading
        while self._characters > self._max_characters:
            _, oldest = self._readings.popitem(last=False)
            self._characters -= oldest.characters


def _compared(
    document: Document, stored: Sequence[PageText], reading: _Reading
) -> list[MarkdownPage]:
    is_hiding = hiding_pages(document.findings)
    return [
        markdown_page(
            page,
            reading.pages.get(page.number, ""),
            is_hiding=is_hiding(page.number),
            failure="" if page.number in reading.pages else reading.failure,
        )
        for page in stored
    ]
