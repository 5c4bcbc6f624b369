"""One pass of the importer ``text`` over one document."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

from pdfsluice.core import (
    DocumentUnreadable,
    ImportContext,
    PageText,
    StageFailed,
    TextExtractor,
    TextSource,
)
from pdfsluice.core.documents.text.hidden_text import finding_of
from pdfsluice.core.documents.text.notes import NoteKind, PageNote, with_notes
from pdfsluice.core.documents.text.page import settled
from pdfsluice.core.documents.text.reading import OTHER_COPY
from pdfsluice.core.documents.unreadable import unreadable

from .disk_space import DiskSpace
from .options import TextOptions
from .publishing import WordPublisher
from .text_report import TextReport

MAX_SKIPPED = 20
"""How many pages may be unreadable to every extractor before the import fails."""

_STAGE = "text"
_BATCH_PAGES = 25
_BATCH_CHARACTERS = 1_000_000
_MAX_SKIPPED_AT_START = 2  # most files with unreadable first pages are unreadable as a whole
_MIN_PAGE_CHARACTERS = 100  # a page without text is a row in the catalogue as well
_MAX_REREAD = 20  # garbled pages that are offered to another extractor
_MAX_REREAD_FAILURES = 3


class _CutOff(Exception):
    """The document has more characters than it may have."""


class TextRun:
    """A reading of one document's pages, stored in batches.

    Args:
        context: The document and the extractors.
        options: How much time and text the document may take.
        space: The disk on which the catalogue is.
    """

    def __init__(self, context: ImportContext, options: TextOptions, space: DiskSpace) -> None:
        self._context = context
        self._options = options
        self._space = space
        self._report = TextReport(total=context.document.page_count)
        self._next = 1
        self._left = options.document_characters
        self._failure: StageFailed | None = None
        self._batch: list[PageText] = []
        self._batched = 0
        self._garbled: dict[int, TextExtractor] = {}
        self._without_text: set[int] = set()
        self._hidden: dict[int, str] = {}
        self._words = WordPublisher(context.publish_words)
        self._clock = asyncio.timeout(None)

    @property
    def _nothing_read(self) -> bool:
        return self._next == 1 + len(self._report.unreadable)

    @property
    def _at_end(self) -> bool:
        """Whether no page is missing, or the number of pages is unknown."""
        return self._report.total is None or self._next > self._report.total

    async def read_all(self) -> None:
        """Read every page, store it and report what is missing."""
        self._space.require()
        async with self._words:
            self._report.limit = await self._read_within_limits()
            await self._save()
        if self._report.limit and self._nothing_read:
            raise DocumentUnreadable(
                f"The text of page 1 cannot be read: {self._report.limit}.",
                hint=OTHER_COPY,
                details={"page": 1, "reason": "timeout"},
            )
        if self._context.extractors:
            await self._finish()

    async def _finish(self) -> None:
        report = self._report
        report.pages, report.garbled = self._next - 1, list(self._garbled)
        if report.total is None and not report.limit:
            await self._context.catalogue.update(self._context.document.id, page_count=report.pages)
        await self._report_hidden()
        report.hidden = list(self._hidden)
        report.keeps_hidden = self._options.hidden_text == "keep"
        if self._without_text and self._context.queue_recognition is not None:
            await self._context.queue_recognition()
        self._context.progress(1.0, report.message())

    async def _report_hidden(self) -> None:
        """Report hidden text, unless a stage did before the document was accepted."""
        kinds = {each.kind for each in self._context.document.findings if each.stage != _STAGE}
        finding = finding_of(self._hidden, stage=_STAGE)
        if finding is not None and finding.kind not in kinds:
            await self._context.report([finding])

    async def _read_within_limits(self) -> str:
        """Read all pages; return the limit that ended it, or nothing."""
        seconds = self._options.document_seconds
        self._clock = asyncio.timeout(seconds)
        try:
            async with self._clock:
                await self._read_with_any()
                await self._save()
                await self._reread_garbled()
        except _CutOff:
            return f"it has more than {self._options.document_characters:,} characters"
        except TimeoutError:
            if not self._clock.expired():
                raise
            return f"it takes longer than {seconds:g} seconds"
        return ""

    async def _read_with_any(self) -> None:
        extractors = list(self._context.extractors)
        untried = list(extractors)
        first: StageFailed | None = None  # the first failure at this page
        while untried:
            extractor, position = untried.pop(0), self._next
            try:
                await self._read(extractor)
            except StageFailed as failure:
                if self._report.total is not None and self._at_end:
                    return  # the file counts more pages than it has
                if self._next > position:  # the other extractors may succeed at the new page
                    first, untried = None, [other for other in extractors if other is not extractor]
                first = first or failure
                if not untried:
                    await self._skip_page(first)
                    first, untried = None, list(extractors)
            else:
                if self._at_end:
                    return
                if self._next > position:  # the file counts fewer pages than it has
                    first, untried = None, list(extractors)

    async def _read(self, extractor: TextExtractor) -> None:
        pages = extractor.pages(self._context.path, first=self._next)
        try:
            async for page in pages:
                await self._take(settled(page), extractor)
        finally:
            if isinstance(pages, AsyncGenerator):
                await pages.aclose()

    async def _take(self, page: PageText, extractor: TextExtractor) -> None:
        if self._left <= 0:
            raise _CutOff
        page = self._without_hidden(page)
        self._report.notes += [note for note in page.notes if note not in self._report.notes]
        if page.garbled:
            self._garbled[page.number] = extractor
        await self._put(replace(page, text=page.text[: self._left], garbled=False, notes=()))
        if len(page.text) > self._left:
            raise _CutOff
        self._left -= max(len(page.text), _MIN_PAGE_CHARACTERS)
        total = self._report.total
        if total:
            share, message = min(1.0, page.number / total), f" of {total}"
        else:
            share, message = 0.0, ""
        self._context.progress(share, f"Reading text: page {page.number}{message}")
        await self._wait_for_turn()

    def _without_hidden(self, page: PageText) -> PageText:
        """Note the text of a page that cannot be seen; keep it if the settings want that."""
        if not page.hidden:
            return page
        self._hidden[page.number] = page.hidden
        text = page.text
        if self._options.hidden_text == "keep":
            text = with_notes(text, [PageNote(NoteKind.HIDDEN, page.hidden)])
        return replace(page, text=text, hidden="")

    async def _wait_for_turn(self) -> None:
        """Let other jobs run if this turn is over; the time limit excludes the wait."""
        deadline = self._clock.when()
        self._clock.reschedule(None)
        waited = await self._context.wait_for_turn()
        self._clock.reschedule(None if deadline is None else deadline + waited)

    async def _put(self, page: PageText) -> None:
        self._batch.append(page)
        self._batched += len(page.text)
        self._next = page.number + 1
        if len(self._batch) >= _BATCH_PAGES or self._batched >= _BATCH_CHARACTERS:
            await self._save()

    async def _skip_page(self, failure: StageFailed) -> None:
        """Store an empty page, unless the file as a whole seems to be unreadable."""
        self._failure = self._failure or failure
        skipped = self._report.unreadable
        limit = _MAX_SKIPPED_AT_START if self._nothing_read else MAX_SKIPPED
        if self._at_end or len(skipped) >= limit:
            await self._save()
            document = self._context.document
            raise unreadable(document, "The text cannot be read", self._failure)
        skipped.append(self._next)
        await self._put(PageText(self._next, "", source=TextSource.NONE))

    async def _reread_garbled(self) -> None:
        """Read garbled pages with the extractors that have not read them yet."""
        for extractor in self._context.extractors:
            failures = 0
            for number in [n for n, reader in self._garbled.items() if reader is not extractor][
                :_MAX_REREAD
            ]:
                page = await self._page(extractor, number)
                if page is None or page.garbled or not page.text.strip():
                    failures += 1
                    if failures == _MAX_REREAD_FAILURES:
                        break
                    continue
                del self._garbled[number]
                self._batch.append(replace(page, text=page.text[: max(0, self._left)], notes=()))
            await self._save()

    async def _page(self, extractor: TextExtractor, number: int) -> PageText | None:
        pages = extractor.pages(self._context.path, first=number)
        try:
            async for page in pages:
                return settled(page)
        except StageFailed:
            return None
        finally:
            if isinstance(pages, AsyncGenerator):
                await pages.aclose()
        return None

    async def _save(self) -> None:
        if self._batch:
            self._space.require()
            await self._context.catalogue.save_pages(self._context.document.id, self._batch)
            for page in self._batch:
                if page.source is TextSource.NONE:
                    self._without_text.add(page.number)
                else:
                    self._without_text.discard(page.number)
            await self._words.add(self._batch)
            self._batch, self._batched = [], 0
