"""Text is read from a child in batches that lose nothing."""

import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest

from pdfsluice.core.documents.text.reading import PageReader, in_words
from pdfsluice.core.documents.text.serving import MemoryWatch
from pdfsluice.core.errors import StageFailed
from pdfsluice.core.models.documents import PageText
from pdfsluice.core.processes.child import ChildFailed, Limits
from pdfsluice.core.testing.pdfs import make_pdf
from pdfsluice.plugins.pdfium.options import PdfiumOptions
from pdfsluice.plugins.pypdf_text.options import PypdfOptions
from tests.support.workers import workers

SUPPORT = Path(__file__).parent.parent.parent / "support"


def test_memory_watch_counts_from_its_restart() -> None:
    memory = [100]
    watch = MemoryWatch(16, lambda: memory[-1])
    memory.append(116)
    assert not watch.due()
    memory.append(117)
    assert watch.due()
    watch.restart()
    assert not watch.due()
    memory.append(134)
    assert watch.due()


def test_memory_that_is_taken_is_resident() -> None:
    """In a process of its own: other tests free memory."""
    script = (
        "from pdfsluice.core.processes.own_memory import resident_bytes as resident\n"
        "before = resident(); ballast = b'x' * (64 << 20); print(resident() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    assert 60 << 20 < int(done.stdout) < 80 << 20


@pytest.fixture(autouse=True)
def _odd_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))


async def read(
    script: str, *, first: int = 1, processors: int = 2
) -> AsyncGenerator[PageText, None]:
    """Let the odd reader follow a script: its path has the number of pages."""
    reader = PageReader("odd_reader", Limits(wall_seconds=60), processors=processors)
    try:
        async with aclosing(reader.pages(Path(script), first=first)) as pages:
            async for page in pages:
                yield page
    finally:
        await reader.close()


@pytest.mark.parametrize("count", [0, 1, 19, 20, 21, 40, 55, 100, 120, 139, 140, 141, 300])
async def test_every_page_comes_once_and_in_order(count: int) -> None:
    pages = [page async for page in read(f"{count}-end")]
    assert [page.number for page in pages] == list(range(1, count + 1))
    assert all(page.text == f"text {page.number}" for page in pages)


async def test_reading_begins_at_the_given_offset() -> None:
    assert [page.number async for page in read("45-end", first=42)] == [42, 43, 44, 45]


@pytest.mark.parametrize(("end", "reason"), [("raise", "error"), ("die", "crashed")])
@pytest.mark.parametrize("count", [0, 7, 20, 27, 137, 160])
async def test_pages_before_a_failure_count(count: int, end: str, reason: str) -> None:
    numbers: list[int] = []

    async def collect() -> None:
        async for page in read(f"{count}-{end}"):
            numbers.append(page.number)  # noqa: PERF401 - what came before the exception counts

    with pytest.raises(StageFailed) as failure:
        await collect()
    assert numbers == list(range(1, count + 1))
    assert failure.value.details == {"page": count + 1, "reason": reason}


async def test_long_pages_come_in_short_batches() -> None:
    """So neither side holds more than a few of them, and none is lost."""
    pages = [page async for page in read("45-long")]
    assert [page.number for page in pages] == list(range(1, 46))
    assert {len(page.text) for page in pages} == {300_000}


async def test_what_a_reader_reports_is_passed_on_as_it_is() -> None:
    with pytest.raises(StageFailed) as failure:
        _ = [page async for page in read("3-locked")]
    assert failure.value.message == "The text of page 4 cannot be read: it is locked."


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("timeout", "it takes too long"),
        ("crashed", "the process that read it crashed"),
        ("error", "the library that reads it came upon data that it cannot handle"),
    ],
)
def test_why_a_child_failed_is_explained_in_words(reason: str, words: str) -> None:
    assert in_words(ChildFailed(reason, "ValueError: no")) == words


async def test_a_reader_that_stops_early_leaves_no_process() -> None:
    pages = read("1000-end")
    await anext(pages)
    assert len(workers()) == 1
    await pages.aclose()
    assert workers() == []


@pytest.mark.parametrize(("processors", "children"), [(1, 1), (2, 2), (8, 2)])
async def test_a_second_child_reads_along_in_a_long_document(
    processors: int, children: int
) -> None:
    most = 0
    async for _ in read("200-end", processors=processors):
        most = max(most, len(workers()))
    assert most == children


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("pdfsluice.plugins.pdfium.text_worker", PdfiumOptions()),
        ("pdfsluice.plugins.pypdf_text.worker", PypdfOptions()),
    ],
)
async def test_two_children_read_what_one_reads(
    tmp_path: Path, module: str, options: PdfiumOptions | PypdfOptions
) -> None:
    file = tmp_path / "long.pdf"
    file.write_bytes(make_pdf([f"page {number}" for number in range(1, 246)]))
    texts: list[list[str]] = []
    for processors in (1, 2):
        reader = PageReader(module, options.limits(), processors=processors)
        texts.append([page.text async for page in reader.pages(file, first=4)])
        await reader.close()
    assert texts[0] == texts[1]
    assert [text.strip() for text in texts[0]] == [f"page {number}" for number in range(4, 246)]


async def test_children_are_kept_when_a_document_ends() -> None:
    """Also the one that was asked for pages after the last."""
    reader = PageReader("odd_reader", Limits(wall_seconds=60), processors=2)
    try:
        before = [page.number async for page in reader.pages(Path("125-end"))]
        children = {child.pid for child in workers()}
        after = [page.number async for page in reader.pages(Path("130-end"))]
        assert {child.pid for child in workers()} == children
    finally:
        await reader.close()
    assert (len(before), len(after), len(children)) == (125, 130, 2)
