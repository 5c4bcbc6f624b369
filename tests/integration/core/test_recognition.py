"""OCR jobs: after the import, page by page, and again after a crash."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pdfsluice.core import (
    Box,
    Document,
    DocumentUnreadable,
    ImportContext,
    ImporterSpec,
    IndexSpec,
    JobKind,
    JobState,
    PageLayout,
    PageRendererSpec,
    PageText,
    Passage,
    PluginContext,
    Progress,
    QuotaLimits,
    RecognizedPage,
    RecognizedWord,
    StageFailed,
    TextRecognizerSpec,
    TextSource,
    hookimpl,
)
from pdfsluice.core.documents.turns import TurnLimits
from pdfsluice.core.passages import Match
from pdfsluice.core.runtime import LOCAL, Runtime
from tests.support.runtimes import a_runtime, initiate, send_all
from tests.support.waiting import until

FAST = TurnLimits(poll_seconds=0.05)
NEVER = TurnLimits(poll_seconds=600)
LAYOUT = PageLayout(300, 400, "iv").encode()


class Scanner:
    """Imports pages without text, draws and reads them, and indexes what there is.

    Args:
        pages: How many pages a document has; page 1 has text of its own.
        broken: Pages that cannot be read.
        obstacle: What the recognizer lacks.
        limit: Pages of a document that it reads.
    """

    def __init__(
        self,
        pages: int = 3,
        *,
        broken: Sequence[int] = (),
        obstacle: str = "",
        limit: int = 100,
    ) -> None:
        self.pages, self.broken, self.limit = pages, broken, limit
        self.lack = obstacle
        self.widths: set[int] = set()
        self.read: list[int] = []
        self.published: list[int] = []
        self.indexed: list[list[str]] = []
        self.may_read = asyncio.Semaphore(1000)
        self.may_index = asyncio.Event()
        self.may_index.set()

    async def run(self, context: ImportContext) -> None:
        pages = [
            PageText(number, "", layout=LAYOUT, source=TextSource.NONE)
            for number in range(2, self.pages + 1)
        ]
        first = PageText(1, "typed", layout=LAYOUT)
        await context.catalogue.save_pages(context.document.id, [first, *pages])
        assert context.queue_recognition is not None
        await context.queue_recognition()
        context.progress(1.0, "Every page.")

    async def forget(self, document_id: int) -> None:
        return

    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        self.widths.add(width)
        return b"%d" % page

    async def obstacle(self) -> str:
        return self.lack

    async def recognize(self, picture: bytes) -> RecognizedPage:
        await self.may_read.acquire()
        number = int(picture)
        if number in self.broken:
            raise StageFailed("it is too dark.")
        self.read.append(number)
        word = RecognizedWord(f"scanned{number}", Box(100, 50, 400, 90))
        return RecognizedPage(width=600, height=800, lines=[[word]])

    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        texts = [page.text async for page in pages if page.text]
        await self.may_index.wait()
        self.indexed.append(texts)
        progress(1.0, "Indexed.")
        return len(texts)

    async def add_pages(self, document: Document, pages: Sequence[PageText]) -> None:
        self.published += [page.number for page in pages]

    async def remove(self, document_id: int) -> None:
        return

    async def search(
        self,
        query: str,
        *,
        top_k: int,
        owner: str | None,
        documents: Sequence[int] | None = None,
        match: Match | None = None,
    ) -> Sequence[Passage]:
        return ()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Scanner"]:
        yield self

    @hookimpl
    def pdfsluice_register_importers(self, context: PluginContext) -> Sequence[ImporterSpec]:
        return [ImporterSpec(name="scanner", importer=self)]

    @hookimpl
    def pdfsluice_register_page_renderers(
        self, context: PluginContext
    ) -> Sequence[PageRendererSpec]:
        return [PageRendererSpec(name="scanner", renderer=self)]

    @hookimpl
    def pdfsluice_register_text_recognizers(
        self, context: PluginContext
    ) -> Sequence[TextRecognizerSpec]:
        return [
            TextRecognizerSpec(
                name="scanner", recognizer=self, resolution=144, pages_per_document=self.limit
            )
        ]

    @hookimpl
    def pdfsluice_register_indexes(self, context: PluginContext) -> Sequence[IndexSpec]:
        return [IndexSpec(name="scanner", open=self.open)]


async def a_document(runtime: Runtime, data: bytes = b"bytes") -> Document:
    session = await initiate(runtime, data, auto_build_index=True)
    await send_all(runtime, session, data)
    return (await runtime.uploads.complete(LOCAL, session.id)).document


async def ended(
    runtime: Runtime,
    document: Document,
    state: JobState = JobState.DONE,
    kind: JobKind = JobKind.OCR,
) -> str:
    """Wait until a job is in a state; return its message."""
    messages: list[str] = []

    async def is_in_state() -> bool:
        jobs = (await runtime.library.import_status(document)).latest
        messages[:] = [job.message for job in jobs if job.kind is kind and job.state is state]
        return bool(messages)

    await until(is_in_state, seconds=20)
    return messages[0]


async def test_pages_without_text_are_read_stored_and_indexed(tmp_path: Path) -> None:
    scanner = Scanner()
    async with a_runtime(tmp_path, scanner, index="scanner", limits=NEVER) as runtime:
        document = await a_document(runtime)
        assert await ended(runtime, document) == "OCR read 2 pages."
        await until(lambda: ["typed", "scanned2", "scanned3"] in scanner.indexed, seconds=20)
        first, second = [
            await runtime.library.page_text(LOCAL, document.id, number) for number in (1, 2)
        ]
    assert (first.text, first.source) == ("typed", TextSource.TEXT)
    assert (second.text, second.source) == ("scanned2", TextSource.OCR)
    layout = PageLayout.decode(second.layout)
    assert (layout.width, layout.height, layout.label) == (300, 400, "iv")
    (word,) = layout.words()
    assert (word.start, word.end) == (0, 8)
    assert word.box.left == pytest.approx(50, abs=0.1), "pixels are points of the page now"
    assert word.box.bottom == pytest.approx(45, abs=0.1)
    assert scanner.widths == {600}, "300 points at 144 dots per inch"
    assert scanner.published == [2, 3], "each page is searchable before the next is read"


async def test_no_import_and_no_index_waits_for_ocr(tmp_path: Path) -> None:
    scanner = Scanner()
    scanner.may_read = asyncio.Semaphore(0)
    async with a_runtime(tmp_path, scanner, index="scanner", limits=NEVER) as runtime:
        first = await a_document(runtime)
        await ended(runtime, first, JobState.RUNNING)
        second = await a_document(runtime, b"other")
        for document in (first, second):
            await ended(runtime, document, kind=JobKind.IMPORT)
            await ended(runtime, document, kind=JobKind.INDEX)
        assert scanner.read == []
        scanner.may_read = asyncio.Semaphore(1000)


async def test_ocr_continues_after_the_last_page_that_was_read(tmp_path: Path) -> None:
    scanner = Scanner(pages=6)
    scanner.may_read = asyncio.Semaphore(2)
    async with a_runtime(tmp_path, scanner, index="scanner", limits=FAST) as runtime:
        document = await a_document(runtime)
        await until(lambda: scanner.published == [2, 3], seconds=20)
    scanner.may_read = asyncio.Semaphore(1000)
    async with a_runtime(tmp_path, scanner, index="scanner", limits=FAST) as runtime:
        assert await ended(runtime, document) == "OCR read 5 pages."
    assert scanner.read == [2, 3, 4, 5, 6], "and none twice"


async def test_ocr_waits_when_the_quota_is_used_up(tmp_path: Path) -> None:
    scanner, limits = Scanner(pages=4), replace(FAST, quota_seconds=0.05)
    async with a_runtime(tmp_path, scanner, index="scanner", limits=limits) as runtime:
        await runtime.quotas.set_limits(LOCAL, "local", QuotaLimits(ocr_pages_per_day=2))
        document = await a_document(runtime)
        message = ""
        while "pages that OCR reads a day" not in message:
            message = await ended(runtime, document, JobState.QUEUED)
        assert scanner.read == [2, 3]
        await runtime.quotas.set_limits(LOCAL, "local", QuotaLimits(ocr_pages_per_day=9))
        assert await ended(runtime, document) == "OCR read 3 pages."
        assert scanner.read == [2, 3, 4]
        assert (await runtime.quotas.own(LOCAL)).usage.ocr_pages_today == 3


async def test_what_is_missing_is_stated(tmp_path: Path) -> None:
    scanner = Scanner(obstacle="No reader is installed. Install one.")
    async with a_runtime(tmp_path, scanner, index="", limits=NEVER) as runtime:
        document = await a_document(runtime)
        message = await ended(runtime, document, JobState.SKIPPED)
        assert message == (
            "Pages 2-3 have no text and cannot be searched: No reader is installed. Install one."
        )
        scanner.lack = ""
        await runtime.library.retry_import(LOCAL, document.id, "scanner")
        assert await ended(runtime, document) == "OCR read 2 pages."


async def test_an_index_without_text_names_the_reason(tmp_path: Path) -> None:
    scanner = Scanner(obstacle="Install a reader.")
    scanner.pages = 2

    async def run(context: ImportContext) -> None:
        await context.catalogue.save_pages(
            context.document.id, [PageText(1, "", source=TextSource.NONE)]
        )
        assert context.queue_recognition is not None
        await context.queue_recognition()

    scanner.run = run  # type: ignore[method-assign]
    async with a_runtime(tmp_path, scanner, index="scanner", limits=NEVER) as runtime:
        document = await a_document(runtime)
        await ended(runtime, document, JobState.SKIPPED)
        await ended(runtime, document, JobState.SKIPPED, JobKind.INDEX)
        with pytest.raises(DocumentUnreadable, match=r"Page 1 has no text .* Install a reader"):
            await runtime.library.index(LOCAL, document.id)


@pytest.mark.parametrize(
    ("scanner", "message", "read"),
    [
        (
            Scanner(pages=6, broken=(3, 4)),
            "OCR read 3 pages. Pages 3-4 cannot be read: it is too dark.",
            [2, 5, 6],
        ),
        (
            Scanner(pages=6, limit=2),
            "OCR read 2 pages. Pages 4-6 were left out: OCR reads 2 pages of a document at most.",
            [2, 3],
        ),
        (
            Scanner(pages=12, broken=range(3, 13)),
            (
                "OCR read 1 page. Pages 3-7 cannot be read: it is too dark."
                " Pages 8-12 were not tried after these failures."
            ),
            [2],
        ),
    ],
    ids=["broken", "limit", "given-up"],
)
async def test_pages_that_are_not_read_are_named(
    tmp_path: Path, scanner: Scanner, message: str, read: list[int]
) -> None:
    async with a_runtime(tmp_path, scanner, index="", limits=NEVER) as runtime:
        document = await a_document(runtime)
        assert await ended(runtime, document) == message
    assert scanner.read == read


async def test_ocr_that_reads_nothing_has_failed(tmp_path: Path) -> None:
    scanner = Scanner(broken=(2, 3))
    async with a_runtime(tmp_path, scanner, index="", limits=NEVER) as runtime:
        document = await a_document(runtime)
        message = await ended(runtime, document, JobState.FAILED)
    assert message == "OCR can read no page. Pages 2-3: it is too dark."


async def test_an_index_that_runs_meanwhile_is_followed_by_another(tmp_path: Path) -> None:
    scanner = Scanner()
    scanner.may_index.clear()
    limits = TurnLimits(poll_seconds=0.05)
    async with a_runtime(tmp_path, scanner, index="scanner", limits=limits) as runtime:
        document = await a_document(runtime)
        await ended(runtime, document, JobState.RUNNING, JobKind.INDEX)
        await until(lambda: scanner.read == [2, 3], seconds=20)
        message = await ended(runtime, document, JobState.QUEUED)
        assert message == "OCR has ended; its text is indexed after an index that is running."
        scanner.may_index.set()
        await until(lambda: ["typed", "scanned2", "scanned3"] in scanner.indexed, seconds=20)
        assert await ended(runtime, document) == "OCR read 2 pages."
    assert scanner.read == [2, 3]
