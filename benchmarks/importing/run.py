"""Measure what completion triggers: text, pictures, indexing, searching.

Run it from the root of the repository, on a machine that does nothing else::

    python benchmarks/importing/run.py            # about two minutes
    python benchmarks/importing/run.py --quick    # a smoke run of a few seconds
    python benchmarks/importing/run.py --json results.json

Everything is measured through the plugins' own interfaces, child processes included. The
document has 300 pages of 45 lines of made-up words; the figures of searching are those of 5,000
passages, of which a document that is indexed for real is one part.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import psutil

from benchmarks.support.results import Result, ResultList
from pdfsluice.core.models.documents import Document, PageText
from pdfsluice.core.plugins.ports.documents import TextExtractor
from pdfsluice.core.testing.pdfs import make_pdf
from pdfsluice.plugins.llamaindex.encoder import Encoder
from pdfsluice.plugins.llamaindex.index import ProcessIndex, open_index
from pdfsluice.plugins.llamaindex.options import IndexOptions
from pdfsluice.plugins.llamaindex.passages import PassageDatabase
from pdfsluice.plugins.llamaindex.stored import DATABASE, StagedPassage
from pdfsluice.plugins.pdfium.extractor import PdfiumText
from pdfsluice.plugins.pdfium.options import PdfiumOptions
from pdfsluice.plugins.pdfium.renderer import PdfiumPictures
from pdfsluice.plugins.pypdf_text.extractor import PypdfText
from pdfsluice.plugins.pypdf_text.options import PypdfOptions

OWNER = "anna"


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    pages: int
    indexed_pages: int
    passages: int
    searches: int


FULL = Plan(pages=300, indexed_pages=60, passages=5000, searches=300)
QUICK = Plan(pages=20, indexed_pages=1, passages=50, searches=5)


class Words:
    """Text of made-up words, with frequencies like those of a language."""

    def __init__(self) -> None:
        self._random = random.Random(1)
        letters = "etaoinshrdlucmfw"
        self._words = [
            "".join(self._random.choices(letters, k=self._random.randint(2, 9)))
            for _ in range(8000)
        ]
        self._weights = [1 / rank for rank in range(1, 8001)]

    def some(self, count: int) -> str:
        return " ".join(self._random.choices(self._words, self._weights, k=count))

    def page(self) -> str:
        return "\n".join(f"{self.some(13)}." for _ in range(45))


class Memory:
    """The greatest resident memory of all children, and the growth of this process."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._start = self._process.memory_info().rss
        self.children = 0

    def look(self) -> None:
        for child in self._process.children():
            with suppress(psutil.NoSuchProcess):  # it may end while it is looked at
                self.children = max(self.children, child.memory_info().rss)

    def results(self, what: str) -> list[Result]:
        growth = self._process.memory_info().rss - self._start
        return [
            Result(f"{what}: child, most memory", self.children / 2**20, "MiB"),
            Result(f"{what}: parent, growth of memory", growth / 2**20, "MiB"),
        ]


async def measure_extractor(name: str, extractor: TextExtractor, path: Path) -> list[Result]:
    memory = Memory()
    begin = time.perf_counter()
    first, count = 0.0, 0
    async for page in extractor.pages(path):
        first = first or time.perf_counter() - begin
        count += 1
        if page.number % 20 == 0:
            memory.look()
    total = time.perf_counter() - begin
    return [
        Result(f"{name}: text, start included", count / total, "pages/s"),
        Result(f"{name}: first page", first * 1000, "ms"),
        *memory.results(name),
    ]


async def measure_pictures(path: Path) -> list[Result]:
    pictures = PdfiumPictures(PdfiumOptions())
    times = await timed(lambda number: pictures.render(path, number + 1, width=240), 20)
    await pictures.close()
    return [
        Result("thumbnail: first", times[0], "ms"),
        Result("thumbnail: further, median", statistics.median(times[1:]), "ms"),
    ]


async def timed(action: Callable[[int], Awaitable[object]], count: int) -> list[float]:
    """Run an action again and again; return the milliseconds of each run."""
    times = []
    for number in range(count):
        begin = time.perf_counter()
        await action(number)
        times.append((time.perf_counter() - begin) * 1000)
    return times


async def stream(texts: Sequence[str]) -> AsyncIterator[PageText]:
    for number, text in enumerate(texts, 1):
        yield PageText(number, text)


def document(number: int, pages: int) -> Document:
    return Document(
        id=number,
        session_id=str(number),
        blob_id=str(number),
        owner=OWNER,
        title="",
        filename="",
        file_size=1,
        sha256="",
        created_at=datetime.now(UTC),
        page_count=pages,
    )


async def index_pages(index: ProcessIndex, number: int, texts: Sequence[str]) -> int:
    def ignore(done: float, message: str) -> None:
        pass

    return await index.add(document(number, len(texts)), stream(texts), ignore)


async def measure_indexing(index: ProcessIndex, texts: Sequence[str]) -> list[Result]:
    memory = Memory()
    begin = time.perf_counter()
    await index_pages(index, 1, ["one short page"])
    first = time.perf_counter() - begin
    begin = time.perf_counter()
    count = await index_pages(index, 1, texts)
    total = time.perf_counter() - begin
    memory.look()
    return [
        Result("indexing: one short page, process started for it", first * 1000, "ms"),
        Result("indexing: passages", count / total, "passages/s"),
        Result("indexing: pages", len(texts) / total, "pages/s"),
        *memory.results("indexing"),
    ]


def fill(folder: Path, words: Words, count: int) -> None:
    """Bring the index to so many passages; their vectors point anywhere."""
    database = PassageDatabase(folder / DATABASE)
    rest = count - database.count()
    database.stage(
        StagedPassage(key=f"made-up-{number}", page=number, text=words.some(150))
        for number in range(rest)
    )
    database.publish(2, owner=OWNER, title="made up")
    vectors = np.random.default_rng(1).normal(size=(rest, 384))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    packed = [vector.astype(np.float32).tobytes() for vector in vectors]
    pending = database.pending(2, "main", limit=rest, every=True)
    numbers = [passage.id for passage in pending]
    database.add_vectors(
        "main", Encoder.minilm(threads=1).identity, zip(numbers, packed, strict=True)
    )
    database.finish(2)
    database.close()


async def measure_search(folder: Path, words: Words, plan: Plan) -> list[Result]:
    queries = [words.some(6) for _ in range(plan.searches)]

    async def search(number: int) -> object:
        return await index.search(queries[number], top_k=5, owner=OWNER)

    async with open_index(IndexOptions(), folder) as index:
        memory = Memory()
        [cold] = await timed(search, 1)
        warm = await timed(search, len(queries))
        memory.look()
        results = [
            Result("search: first, process started for it", cold, "ms"),
            *percentiles("search", warm),
            *memory.results("search"),
        ]
        texts = [words.page() for _ in range(plan.indexed_pages)]
        await index_pages(index, 3, texts[:1])
        indexing = asyncio.create_task(index_pages(index, 3, texts))
        during: list[float] = []
        while not indexing.done() and len(during) < len(queries):
            during += await timed(search, 1)
        await indexing
    return [*results, *percentiles("search while a document is indexed", during)]


def percentiles(what: str, times: Sequence[float]) -> list[Result]:
    ordered = sorted(times)
    return [
        Result(f"{what}: p50", ordered[len(ordered) // 2], "ms"),
        Result(f"{what}: p99", ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], "ms"),
    ]


async def measure(plan: Plan, show: Callable[[Result], None]) -> None:
    words = Words()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "document.pdf"
        path.write_bytes(make_pdf([words.page() for _ in range(plan.pages)]))
        extractors: list[tuple[str, TextExtractor]] = [
            ("pypdfium2", PdfiumText(PdfiumOptions())),
            ("pypdf", PypdfText(PypdfOptions())),
        ]
        for extractor_name, extractor in extractors:
            for result in await measure_extractor(extractor_name, extractor, path):
                show(result)
        for result in await measure_pictures(path):
            show(result)
        async with open_index(IndexOptions(), folder) as index:
            texts = [words.page() for _ in range(plan.indexed_pages)]
            for result in await measure_indexing(index, texts):
                show(result)
        fill(folder, words, plan.passages)
        for result in await measure_search(folder, words, plan):
            show(result)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; see the module's description."""
    parser = argparse.ArgumentParser(description="Measures importing, indexing and searching.")
    parser.add_argument("--quick", action="store_true", help="only see that everything runs")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)
    results = ResultList(width=55, digits=1)
    asyncio.run(measure(QUICK if options.quick else FULL, results.show))
    if options.json:
        results.write(options.json)


if __name__ == "__main__":
    main()
