"""The importer ``text``: reads all pages with whichever extractor can."""

from collections.abc import AsyncGenerator
from dataclasses import replace

from pdfsluice.core.errors import StageFailed
from pdfsluice.core.extraction import clean_text
from pdfsluice.core.models import PageText
from pdfsluice.core.ports import ImportContext, TextExtractor

_BATCH = 25
MAX_SKIPPED = 20
"""How many pages may be unreadable to every extractor before the import fails."""
_SKIPPED_AT_START = 2  # nothing can be read of most files whose first pages cannot be


class TextImporter:
    """Stores the text of all pages in the catalogue."""

    async def run(self, context: ImportContext) -> None:
        """Read and store every page; repeating it replaces the same pages.

        Extractors are tried in their order. Where one fails, the next goes on from the page
        that it failed at. A page that none of them can read is stored empty, up to
        ``MAX_SKIPPED`` pages.

        Raises:
            StageFailed: No extractor can read the file.
        """
        await _Run(context).read_all()

    async def forget(self, document_id: int) -> None:
        """Do nothing: the catalogue deletes the pages together with the document."""


class _Run:
    """One pass over one document."""

    def __init__(self, context: ImportContext) -> None:
        self._context = context
        self._total = context.document.page_count
        self._next = 1
        self._skipped = 0
        self._failure: StageFailed | None = None
        self._batch: list[PageText] = []

    async def read_all(self) -> None:
        every = list(self._context.extractors)
        untried = list(every)
        while untried:
            extractor, reached = untried.pop(0), self._next
            try:
                await self._read(extractor)
            except StageFailed as failure:
                if self._next > reached:  # at the new page any of the others may do better
                    untried = [other for other in every if other is not extractor]
                if not untried:
                    await self._skip_page(failure)
                    untried = list(every)
            else:
                break
        await self._save()
        if self._total is None and every:
            await self._context.catalogue.update(
                self._context.document.id, page_count=self._next - 1
            )

    async def _read(self, extractor: TextExtractor) -> None:
        pages = extractor.pages(self._context.path, first=self._next)
        try:
            async for page in pages:
                await self._take(replace(page, text=clean_text(page.text)))
        finally:
            if isinstance(pages, AsyncGenerator):
                await pages.aclose()

    async def _take(self, page: PageText) -> None:
        self._batch.append(page)
        self._next = page.number + 1
        if len(self._batch) >= _BATCH:
            await self._save()
        if self._total:
            share, message = min(1.0, page.number / self._total), f" of {self._total}"
        else:
            share, message = 0.0, ""
        self._context.progress(share, f"Reading text: page {page.number}{message}")

    async def _skip_page(self, failure: StageFailed) -> None:
        """Leave a page empty, unless the file as a whole seems to be unreadable."""
        self._failure = self._failure or failure
        nothing_read = self._next == 1 + self._skipped
        most = _SKIPPED_AT_START if nothing_read else MAX_SKIPPED
        if self._total is None or self._next > self._total or self._skipped >= most:
            await self._save()
            raise self._failure
        self._batch.append(PageText(self._next, ""))
        self._next += 1
        self._skipped += 1

    async def _save(self) -> None:
        if self._batch:
            await self._context.catalogue.save_pages(self._context.document.id, self._batch)
            self._batch = []
