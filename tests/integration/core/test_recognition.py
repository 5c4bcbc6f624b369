"""OCR jobs: after the import, page by page, and again after a crash."""

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pdfsluice.core import (
    Document,
    DocumentUnreadable,
    ImportContext,
    JobKind,
    JobState,
    PageLayout,
    PageText,
    QuotaLimits,
    TextSource,
)
from pdfsluice.core.documents.jobs.turns import TurnLimits
from pdfsluice.core.runtime.runtime import LOCAL, Runtime
from tests.support.runtimes import a_runtime
from tests.support.scanner import Scanner, a_document
from tests.support.waiting import until

FAST = TurnLimits(poll_seconds=0.05)
NEVER = TurnLimits(poll_seconds=600)


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


@pytest.mark.long
async def test_ocr_continues_with_the_page_that_a_kill_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.scanner", str(tmp_path), "6", "4"]
    killed = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False, timeout=100
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    scanner = Scanner(pages=6)
    async with a_runtime(tmp_path, scanner, index="scanner", limits=FAST) as runtime:
        document = await runtime.library.get(LOCAL, int(killed.stdout))
        assert await ended(runtime, document) == "OCR read 5 pages."
        pages = [
            await runtime.library.page_text(LOCAL, document.id, number) for number in range(2, 7)
        ]
    assert [page.text for page in pages] == [f"scanned{number}" for number in range(2, 7)]
    assert scanner.read == [4, 5, 6], "no page that was stored is read again"


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
