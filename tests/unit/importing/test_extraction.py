"""Text is read from a child in batches that lose nothing."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest

from pdfsluice.core.documents.text.reading import in_words, pages_from_child, reader_pool
from pdfsluice.core.documents.text.serving import MemoryWatch
from pdfsluice.core.errors import StageFailed
from pdfsluice.core.models.documents import PageText
from pdfsluice.core.processes.child import ChildFailed, Limits
from tests.support.workers import workers

SUPPORT = Path(__file__).parent.parent.parent / "support"


def test_memory_watch_counts_from_its_restart() -> None:
    watch = MemoryWatch(16 << 20)
    assert not watch.due()
    ballast = bytearray(64 << 20)
    assert watch.due()
    watch.restart()
    assert not watch.due()
    assert len(ballast) == 64 << 20


@pytest.fixture(autouse=True)
def _odd_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))


async def read(script: str, *, first: int = 1) -> AsyncGenerator[PageText, None]:
    """Let the odd reader follow a script: its path has the number of pages."""
    pool = reader_pool("odd_reader", Limits(wall_seconds=60))
    try:
        async with aclosing(pages_from_child(pool, Path(script), first=first)) as pages:
            async for page in pages:
                yield page
    finally:
        await pool.close()


@pytest.mark.parametrize("count", [0, 1, 19, 20, 21, 40, 55])
async def test_every_page_comes_once_and_in_order(count: int) -> None:
    pages = [page async for page in read(f"{count}-end")]
    assert [page.number for page in pages] == list(range(1, count + 1))
    assert all(page.text == f"text {page.number}" for page in pages)


async def test_reading_begins_at_the_given_offset() -> None:
    assert [page.number async for page in read("45-end", first=42)] == [42, 43, 44, 45]


@pytest.mark.parametrize(("end", "reason"), [("raise", "error"), ("die", "crashed")])
@pytest.mark.parametrize("count", [0, 7, 20, 27])
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
