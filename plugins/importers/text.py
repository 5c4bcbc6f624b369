"""The importer ``text``: reads all pages with whichever extractor can."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

from pdfsluice.core.documents.reading import OTHER_COPY, clean_text
from pdfsluice.core.documents.unreadable import unreadable
from pdfsluice.core.errors import DocumentUnreadable, StageFailed
from pdfsluice.core.models import PageText
from pdfsluice.core.plugins.ports.documents import ImportContext, TextExtractor

from .options import TextOptions
from .room import Room

_BATCH_PAGES = 25
_BATCH_CHARACTERS = 1_000_000
MAX_SKIPPED = 20
"""How many pages may be unreadable to every extractor before the import fails."""
_SKIPPED_AT_START = 2  # nothing can be read of most files whose first pages cannot be
_LEAST_PAGE = 100  # characters; a page without text is a row in the catalogue, too


class TextImporter:
    """Stores the text of all pages in the catalogue.

    Args:
        options: How much time and text one document may take.
        room: The disk on which the catalogue is.
    """

    def __init__(self, options: TextOptions, room: Room) -> None:
        self._options = options
        self._room = room

    async def run(self, context: ImportContext) -> None:
        """Read and store every page; repeating it replaces the same pages.

        Extractors are tried in their order. Where one fails, the next goes on from the page
        that it failed at. A page that none of them can read is stored empty, up to
        ``MAX_SKIPPED`` pages. At the limit of time or characters the text ends, and the last
        word about it says so.

        Raises:
            DocumentUnreadable: No extractor can read the file.
            StorageFull: The disk is too full; try again later.
        """
        await _Run(context, self._options, self._room).read_all()

    async def forget(self, document_id: int) -> None:
        """Do nothing: the catalogue deletes the pages together with the document."""


class _CutOff(Exception):
    """The document has more characters than it may have."""


class _Run:
    """One pass over one document."""

    def __init__(self, context: ImportContext, options: TextOptions, room: Room) -> None:
        self._context = context
        self._options = options
        self._room = room
        self._total = context.document.page_count
        self._next = 1
        self._skipped = 0
        self._left = options.document_characters
        self._failure: StageFailed | None = None
        self._batch: list[PageText] = []
        self._batched = 0

    @property
    def _nothing_read(self) -> bool:
        return self._next == 1 + self._skipped

    async def read_all(self) -> None:
        self._room.require()
        limit = await self._read_within_limits()
        await self._save()
        if limit:
            self._tell_of_limit(limit)
            return
        if self._context.extractors:
            await self._tell_of_end()

    async def _read_within_limits(self) -> str:
        """Read; return which limit ended it, if one did."""
        seconds = self._options.document_seconds
        try:
            async with asyncio.timeout(seconds) as clock:
                await self._read_with_any()
        except _CutOff:
            return f"it has more than {self._options.document_characters:,} characters"
        except TimeoutError:
            if not clock.expired():
                raise
            return f"it takes longer than {seconds:g} seconds"
        return ""

    def _tell_of_limit(self, limit: str) -> None:
        if self._nothing_read:
            raise DocumentUnreadable(
                f"The text of page 1 cannot be read: {limit}.",
                hint=OTHER_COPY,
                details={"page": 1, "reason": "timeout"},
            )
        self._context.progress(
            1.0, f"The text ends with page {self._next - 1}; the rest is left out: {limit}."
        )

    async def _tell_of_end(self) -> None:
        count = self._next - 1
        if self._total is None:
            await self._context.catalogue.update(self._context.document.id, page_count=count)
        skipped = f"; {self._skipped} of them cannot be read" if self._skipped else ""
        self._context.progress(1.0, f"The text of {count} pages is read{skipped}.")

    async def _read_with_any(self) -> None:
        every = list(self._context.extractors)
        untried = list(every)
        first: StageFailed | None = None  # of those that failed at this page
        while untried:
            extractor, reached = untried.pop(0), self._next
            try:
                await self._read(extractor)
            except StageFailed as failure:
                if self._next > reached:  # at the new page any of the others may do better
                    first, untried = None, [other for other in every if other is not extractor]
                first = first or failure
                if not untried:
                    await self._skip_page(first)
                    first, untried = None, list(every)
            else:
                break

    async def _read(self, extractor: TextExtractor) -> None:
        pages = extractor.pages(self._context.path, first=self._next)
        try:
            async for page in pages:
                await self._take(replace(page, text=clean_text(page.text)))
        finally:
            if isinstance(pages, AsyncGenerator):
                await pages.aclose()

    async def _take(self, page: PageText) -> None:
        if self._left <= 0:
            raise _CutOff
        await self._put(replace(page, text=page.text[: self._left]))
        if len(page.text) > self._left:
            raise _CutOff
        self._left -= max(len(page.text), _LEAST_PAGE)
        if self._total:
            share, message = min(1.0, page.number / self._total), f" of {self._total}"
        else:
            share, message = 0.0, ""
        self._context.progress(share, f"Reading text: page {page.number}{message}")

    async def _put(self, page: PageText) -> None:
        self._batch.append(page)
        self._batched += len(page.text)
        self._next = page.number + 1
        if len(self._batch) >= _BATCH_PAGES or self._batched >= _BATCH_CHARACTERS:
            await self._save()

    async def _skip_page(self, failure: StageFailed) -> None:
        """Leave a page empty, unless the file as a whole seems to be unreadable."""
        self._failure = self._failure or failure
        most = _SKIPPED_AT_START if self._nothing_read else MAX_SKIPPED
        if self._total is None or self._next > self._total or self._skipped >= most:
            await self._save()
            document = self._context.document
            raise unreadable(document, "The text cannot be read", self._failure)
        self._skipped += 1
        await self._put(PageText(self._next, ""))

    async def _save(self) -> None:
        if self._batch:
            self._room.require()
            await self._context.catalogue.save_pages(self._context.document.id, self._batch)
            self._batch, self._batched = [], 0
