"""The work of an OCR job: pages without text are drawn, read and stored."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pdfsluice.core.documents.previews import Previews
from pdfsluice.core.documents.text.page_ranges import page_count, page_ranges
from pdfsluice.core.documents.text.recognized import PageSize, page_of
from pdfsluice.core.errors import DocumentUnreadable, NotFound, StageFailed
from pdfsluice.core.models.documents import Document, PageText, TextSource
from pdfsluice.core.models.jobs import JobKind, JobState
from pdfsluice.core.plugins.ports.blobs import UploadStore
from pdfsluice.core.plugins.ports.catalogue import Catalogue
from pdfsluice.core.plugins.ports.documents import Index, PageIndex
from pdfsluice.core.plugins.ports.recognition import TextRecognizerSpec

from .importing import NothingToDo
from .progress import JobReporter

logger = logging.getLogger(__name__)

_MAX_FAILURES_IN_A_ROW = 5


@dataclass(slots=True)
class _Report:
    """The pages that were read, and those that were not.

    Attributes:
        failures: The reason for each page that could not be read.
        left_out: Numbers of the pages beyond the limit.
        given_up: Numbers of the pages after too many failures in a row.
        limit: How many pages of a document are read.
    """

    read: int
    limit: int = 0
    left_out: Sequence[int] = ()
    given_up: Sequence[int] = ()
    failures: dict[int, str] = field(default_factory=dict)

    def message(self) -> str:
        """Return the report in sentences."""
        sentences = [f"OCR read {page_count(self.read)}."]
        if self.failures:
            reason = next(iter(self.failures.values()))
            sentences.append(f"{page_ranges(self.failures)} cannot be read: {reason}")
        if self.given_up:
            sentences.append(f"{page_ranges(self.given_up)} were not tried after these failures.")
        if self.left_out:
            sentences.append(
                f"{page_ranges(self.left_out)} were left out: "
                f"OCR reads {page_count(self.limit)} of a document at most."
            )
        return " ".join(sentences)


class Recognition:
    """The OCR of documents with pages that have no text of their own.

    Each page is stored as soon as it is read, so that a job that is repeated continues with
    the next one.

    Args:
        recognizers: In order of preference; the first that can work reads a document.
        index: Receives pages by words while others are still being read.
        admit_page: Counts a page of the document with this id for the quota of its account.
        label: Returns a recognizer with its distribution, for messages, given its name.
    """

    def __init__(
        self,
        *,
        recognizers: Sequence[TextRecognizerSpec],
        previews: Previews,
        catalogue: Catalogue,
        uploads: UploadStore,
        index: Index | None,
        admit_page: Callable[[int], Awaitable[None]],
        label: Callable[[str], str] = "text recognizer {!r}".format,
    ) -> None:
        self._recognizers = recognizers
        self._previews = previews
        self._catalogue = catalogue
        self._uploads = uploads
        self._index = index
        self._admit_page = admit_page
        self._label = label

    @property
    def is_available(self) -> bool:
        """Whether a plugin registers a recognizer, whatever that one still lacks."""
        return bool(self._recognizers)

    async def run(self, document: Document, reporter: JobReporter) -> str:
        """Read the pages of a document that lack text; return the message that remains.

        Raises:
            NothingToDo: Every page has text, or no recognizer can work.
            DocumentUnreadable: None of the pages could be read.
            QuotaExceeded: The account may have no more pages read today.
        """
        sources = await self._catalogue.pages_without_text(document.id)
        if not sources:
            raise NothingToDo("Every page has text.")
        unread = _unread(sources)
        if not unread:
            return _Report(len(sources)).message()
        spec = await self._recognizer(unread)
        report = _Report(0, spec.pages_per_document)
        while unread:
            report.read = len(sources) - len(unread) - len(report.failures)
            room = max(0, report.limit - report.read)
            report.left_out = unread[room:]
            async with reporter.timed(self._label(spec.name)):
                await self._read_all(spec, document, unread[:room], report, reporter)
            if report.left_out or report.given_up:
                break
            # An import that was repeated meanwhile has replaced pages.
            sources = await self._catalogue.pages_without_text(document.id)
            unread = [number for number in _unread(sources) if number not in report.failures]
        if not report.read:
            reason = next(iter(report.failures.values()), "")
            raise DocumentUnreadable(
                f"OCR can read no page. {page_ranges(report.failures)}: {reason}",
                hint="Upload a copy with a better picture, or one with text.",
            )
        return report.message()

    async def wants_index(self, document: Document) -> bool:
        """Return whether a document is to be indexed again for what OCR has read.

        Raises:
            IndexRunning: An index that began earlier has not ended yet.
        """
        sources = await self._catalogue.pages_without_text(document.id)
        if TextSource.OCR not in sources.values():
            return False
        states = [
            job.state
            for job in await self._catalogue.jobs(document.id)
            if job.kind is JobKind.INDEX
        ]
        if JobState.RUNNING in states:
            raise IndexRunning
        return bool(states)

    async def resume(self, document_id: int) -> bool:
        """Make OCR due that waits for the end of an index; return whether there is one."""
        if not self.is_available:
            return False
        jobs = await self._catalogue.jobs(document_id)
        waits = any(job.kind is JobKind.OCR and job.state is JobState.QUEUED for job in jobs)
        if waits:
            await self._catalogue.enqueue(document_id, JobKind.OCR)
        return waits

    async def _recognizer(self, unread: Sequence[int]) -> TextRecognizerSpec:
        """Return the first recognizer that can work."""
        obstacles = []
        for spec in self._recognizers:
            obstacle = await spec.recognizer.obstacle()
            if not obstacle:
                return spec
            obstacles.append(obstacle)
        verb = "has" if len(unread) == 1 else "have"
        raise NothingToDo(
            f"{page_ranges(unread)} {verb} no text and cannot be searched: {' '.join(obstacles)}"
        )

    async def _read_all(
        self,
        spec: TextRecognizerSpec,
        document: Document,
        numbers: Sequence[int],
        report: _Report,
        reporter: JobReporter,
    ) -> None:
        index = await self._page_index(document)
        failures_in_a_row = 0
        async with self._uploads.local_path(document.blob_id) as path:
            for done, number in enumerate(numbers):
                await reporter.wait_for_turn()
                await self._admit_page(document.id)
                reporter(done / len(numbers), f"OCR reads page {number}")
                try:
                    page = await self._read(spec, document, path, number)
                except (StageFailed, NotFound) as failure:
                    logger.info("OCR of page %d: %s", number, failure.message)
                    report.failures[number] = failure.message
                    failures_in_a_row += 1
                    if failures_in_a_row >= _MAX_FAILURES_IN_A_ROW:
                        report.given_up = numbers[done + 1 :]
                        return
                    continue
                failures_in_a_row = 0
                await self._catalogue.save_pages(document.id, [page])
                report.read += 1
                if index is not None and page.text:
                    await index.add_pages(document, [page])

    async def _read(
        self, spec: TextRecognizerSpec, document: Document, path: Path, number: int
    ) -> PageText:
        pages: Mapping[tuple[int, int], PageText] = await self._catalogue.pages_at(
            [(document.id, number)]
        )
        stored = pages.get((document.id, number), PageText(number, ""))
        width = PageSize.of(stored).picture_width(spec.resolution)
        picture = await self._previews.render(path, number, width)
        recognized = await spec.recognizer.recognize(picture)
        return await asyncio.to_thread(page_of, stored, recognized)

    async def _page_index(self, document: Document) -> PageIndex | None:
        """Return the index if it takes single pages and the document is to be indexed."""
        index: object = self._index
        if not isinstance(index, PageIndex):
            return None
        jobs = await self._catalogue.jobs(document.id)
        return index if any(job.kind is JobKind.INDEX for job in jobs) else None


def _unread(sources: Mapping[int, TextSource]) -> list[int]:
    return [number for number, source in sources.items() if source is TextSource.NONE]


class IndexRunning(Exception):
    """The index of a document is being made; what OCR has read comes after it."""
