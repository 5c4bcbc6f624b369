"""``python -m benchmarks.search.timings``: how soon and how fast texts are found.

Documents are uploaded to servers of its own, to one that was just started and to one in use; the
time runs from the answer to ``complete`` until a word of the last page is found. Then searches are
timed over a generated index, one after the other, eight at a time, in a half of all documents, and
by words and meaning with generated vectors. On a machine with other work compare only ratios, and
the processor time of a search. With ``--keep FOLDER`` the generated index stays there for further
runs.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

import numpy as np
import psutil

from benchmarks.support.processes import pdfsluice
from benchmarks.support.senders import call
from benchmarks.support.uploads import upload
from pdfsluice.core import Document, Match, PageText
from pdfsluice.core.testing.pdfs import make_pdf
from pdfsluice.plugins.llamaindex.encoder import Encoder
from pdfsluice.plugins.llamaindex.index import ProcessIndex, open_index
from pdfsluice.plugins.llamaindex.options import IndexOptions
from pdfsluice.plugins.llamaindex.passages import PassageDatabase
from pdfsluice.plugins.llamaindex.postgres.index import PostgresIndex
from pdfsluice.plugins.llamaindex.stored import DATABASE

AnyIndex = ProcessIndex | PostgresIndex
OWNER = "anna"
PARALLEL = 8
_PAGES_OF_DOCUMENT = 500
_PAGES_AT_A_TIME = 100
_WORDS_OF_PAGE = 110  # one passage
_WORDS_OF_UPLOADED_PAGE = 300
_FIRST = "warbler"
"""The only word of the first document of a server in use."""
_MAX_WAIT_SECONDS = 600.0
_POLL_SECONDS, _POLL_SHARE = 0.02, 0.03  # of the seconds so far
_DIMENSION = 384  # of the built-in model
_GROUPS = 2000
_VOCABULARY = 60_000
_MARK = "documents"
"""The file in a kept index that has the number of its documents."""


@dataclass(frozen=True)
class Result:
    """One figure."""

    what: str
    value: float
    unit: str


class Words:
    """Text of made-up words, with frequencies like those of a language."""

    def __init__(self, count: int) -> None:
        self._random = random.Random(11)
        letters = "etaoinshrdlucmfw"
        self._words = [
            "".join(self._random.choices(letters, k=self._random.randint(3, 9)))
            for _ in range(count)
        ]
        self._sums = list(accumulate(1 / rank for rank in range(1, count + 1)))

    def text(self, count: int) -> str:
        return " ".join(self._random.choices(self._words, cum_weights=self._sums, k=count))

    def query(self) -> str:
        """Return two words of the middle and one of any frequency."""
        middle = self._words[50:5000]
        return " ".join([*self._random.sample(middle, 2), self.text(1)])

    def common(self) -> str:
        """Return three of the commonest words."""
        return " ".join(self._random.sample(self._words[:50], 3))

    def misspelt(self) -> str:
        """Return a word of which two letters are exchanged, and one of the middle."""
        long = [word for word in self._words[50:5000] if len(word) > 5]
        one, two = self._random.sample(long, 2)
        return f"{one[:2]}{one[3]}{one[2]}{one[4:]} {two}"


def first_found(folder: Path, pages: int, *, in_use: bool) -> Iterator[Result]:
    """Upload a document; yield the seconds until its last page is found.

    Args:
        folder: Where the server keeps everything.
        pages: How many pages the document has.
        in_use: Whether a page was uploaded and found before, so that all processes run already.
    """
    words, mark = Words(8000), f"zebrafinch{pages}"
    texts = [words.text(_WORDS_OF_UPLOADED_PAGE) for _ in range(pages)]
    texts[-1] += f"\n{mark}"
    file = folder / f"{pages}.pdf"
    file.write_bytes(make_pdf([_lines(text) for text in texts]))
    with pdfsluice(folder / f"server{pages}{in_use}") as server:
        if in_use:
            _use(server.port, folder)
        before = server.cpu_seconds()
        upload("127.0.0.1", server.port, file, door="raw", chunk_size=8 << 20, index=True)
        seconds = _seconds_until_found(server.port, mark)
        cpu = server.cpu_seconds() - before
    name = f"{pages} pages, server in use" if in_use else f"{pages} pages"
    yield Result(f"{name}: found by words after", seconds, "s")
    yield Result(f"{name}: processor time, upload included", cpu, "s")


def _use(port: int, folder: Path) -> None:
    """Upload a page and wait until it has vectors."""
    file = folder / "first.pdf"
    file.write_bytes(make_pdf([_FIRST]))
    upload("127.0.0.1", port, file, door="raw", chunk_size=8 << 20, index=True)
    _seconds_until_found(port, _FIRST, stage="meaning")


def _seconds_until_found(port: int, word: str, stage: str = "") -> float:
    """Return the seconds until a word is found; searches for it take few of these."""
    begin = time.perf_counter()
    while not _is_found(port, word, stage):
        seconds = time.perf_counter() - begin
        if seconds > _MAX_WAIT_SECONDS:
            raise TimeoutError(f"{word!r} is not found after {_MAX_WAIT_SECONDS} s")
        time.sleep(max(_POLL_SECONDS, seconds * _POLL_SHARE))
    return time.perf_counter() - begin


def _lines(text: str) -> str:
    words = text.split(" ")
    return "\n".join(" ".join(words[start : start + 12]) for start in range(0, len(words), 12))


def _is_found(port: int, word: str, stage: str) -> bool:
    wanted = {"query": word, "top_k": 1, "match": "words"}
    answer = call("127.0.0.1", port, "POST", "/api/documents/search", wanted)
    hits = [hit for hit in answer["results"] if word in hit["text"]]
    return any(stage in {"", hit["stage"]} for hit in hits)


def document(number: int) -> Document:
    name = str(number)
    return Document(
        id=number,
        session_id=name,
        blob_id=name,
        owner=OWNER,
        title=f"report {number}",
        filename=f"{number}.pdf",
        file_size=1,
        sha256="",
        created_at=datetime.now(UTC),
        page_count=_PAGES_OF_DOCUMENT,
    )


async def fill(index: AnyIndex, words: Words, passages: int) -> int:
    """Publish generated pages by words; return the number of documents."""
    count = max(1, passages // _PAGES_OF_DOCUMENT)
    for number in range(1, count + 1):
        for start in range(1, min(passages, _PAGES_OF_DOCUMENT) + 1, _PAGES_AT_A_TIME):
            pages = [
                PageText(start + each, words.text(_WORDS_OF_PAGE))
                for each in range(_PAGES_AT_A_TIME)
            ]
            await index.add_pages(document(number), pages)
    return count


def give_vectors(folder: Path, documents: int) -> None:
    """Give all passages generated vectors, which lie in groups as those of texts do."""
    identity = Encoder.minilm(threads=1).identity
    random_vectors = np.random.default_rng(3)
    groups = random_vectors.normal(size=(_GROUPS, _DIMENSION))
    database = PassageDatabase(folder / DATABASE)
    for number in range(1, documents + 1):
        while pending := database.pending(number, "main", limit=1000, every=True):
            near = groups[random_vectors.integers(0, _GROUPS, len(pending))]
            vectors = (near + random_vectors.normal(size=near.shape)).astype(np.float32)
            rows = zip([each.id for each in pending], map(np.ndarray.tobytes, vectors), strict=True)
            database.add_vectors("main", identity, rows)
        database.finish(number)
    database.close()


@dataclass(frozen=True)
class Kind:
    """Searches that are timed together."""

    name: str
    queries: Sequence[str]
    documents: Sequence[int] | None = None
    at_a_time: int = 1
    match: Match | None = "words"


async def timed(
    index: AnyIndex, kind: Kind, *, cpu: Callable[[], float] | None = None
) -> tuple[list[float], float]:
    """Return the milliseconds of each search, sorted, and the processor time of one.

    Args:
        index: What is searched.
        kind: The searches.
        cpu: Returns the processor time so far in seconds; that of all children by default.
    """
    clock = cpu or children_cpu

    async def search(query: str) -> float:
        begin = time.perf_counter()
        await index.search(query, top_k=10, owner=OWNER, documents=kind.documents, match=kind.match)
        return (time.perf_counter() - begin) * 1000

    before = clock()
    times: list[float] = []
    for start in range(0, len(kind.queries), kind.at_a_time):
        some = kind.queries[start : start + kind.at_a_time]
        times += await asyncio.gather(*map(search, some))
    return sorted(times), (clock() - before) * 1000 / len(kind.queries)


def children_cpu() -> float:
    """Return the processor time of all children, in seconds."""
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            total += times.user + times.system
    return total


async def filled(index: ProcessIndex, folder: Path, passages: int) -> list[Result]:
    """Fill an index, unless an earlier run did; return how fast that was."""
    mark = folder / _MARK
    if mark.exists():
        return []
    begin = time.perf_counter()
    documents = await fill(index, Words(_VOCABULARY), passages)
    seconds = time.perf_counter() - begin
    await asyncio.to_thread(give_vectors, folder, documents)
    mark.write_text(str(documents))
    return [Result("published by words", passages / seconds, "passages/s")]


async def measure_searches(folder: Path, passages: int, searches: int) -> list[Result]:
    """Search an index; fill it before, if it is empty."""
    words = Words(_VOCABULARY)
    async with open_index(IndexOptions(), folder) as index:
        results = await filled(index, folder, passages)
        documents = int((folder / _MARK).read_text())
        queries = [words.query() for _ in range(searches)]
        half = list(range(1, documents + 1, 2))
        both = Kind("by words and meaning", queries, match=None)
        kinds = (
            Kind("alone", queries),
            Kind("in half of all", queries, half),
            Kind("in 20 documents", queries, half[:20]),
            Kind("of common words", [words.common() for _ in range(searches)]),
            Kind("of a misspelt word", [words.misspelt() for _ in range(searches)]),
            Kind(f"{PARALLEL} at a time", queries, at_a_time=PARALLEL),
            both,
        )
        await timed(index, replace(both, queries=queries[:PARALLEL] * 2, at_a_time=PARALLEL))
        p50_alone = 0.0
        for kind in kinds:
            name, (times, cpu) = kind.name, await timed(index, kind)
            p50, p99 = times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
            p50_alone = p50_alone or p50
            results += [
                Result(f"search {name}: p50", p50, "ms"),
                Result(f"search {name}: p99", p99, "ms"),
                Result(f"search {name}: p50 of that alone", p50 / p50_alone, "times"),
                Result(f"search {name}: processor time", cpu, "ms"),
            ]
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search.timings", description=__doc__
    )
    parser.add_argument("--pages", type=int, nargs="*", default=[300, 3000], help="to upload")
    parser.add_argument("--passages", type=int, default=100_000, help="0 for no searches")
    parser.add_argument("--searches", type=int, default=300)
    parser.add_argument("--keep", type=Path, help="a folder for the generated index, or with it")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for pages in options.pages:
            for in_use in (False, True):
                results += first_found(folder, pages, in_use=in_use)
        if options.passages:
            index = options.keep or folder / "index"
            results += asyncio.run(measure_searches(index, options.passages, options.searches))
    for result in results:
        sys.stdout.write(f"{result.what:<48} {result.value:10.2f} {result.unit}\n")
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in results], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
