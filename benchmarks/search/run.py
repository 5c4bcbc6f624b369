"""Measure search: ranks of identifiers, phrases, words and questions; time.

Run it from the root of the repository::

    python benchmarks/search/run.py --quick              # a smoke run of a few seconds
    python benchmarks/search/run.py                      # generated texts: some minutes
    python benchmarks/search/run.py --reports FOLDER     # and questions over reports

``FOLDER`` has ``pdf/*.pdf`` and ``questions.jsonl``, each line with ``document``, ``question``
and ``evidence`` (a list with ``page``). All is measured through the index's own interface,
child processes included. ``--words`` measures words alone, which needs no model. With
``--keep FOLDER`` the index of the reports stays there for further runs, so that rankings are
compared without embedding again. ``--editions N`` adds N further editions of each report, with
other years and figures, so that a question has to find the right one. ``--database URL``
measures the index ``postgres``; the database is one for this purpose, with pgvector.
"""

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import sqlalchemy

from benchmarks.support.results import Result, ResultList
from pdfsluice.core.models.documents import Document, PageText
from pdfsluice.plugins.llamaindex.index import ProcessIndex, open_index
from pdfsluice.plugins.llamaindex.options import IndexOptions
from pdfsluice.plugins.llamaindex.postgres.index import PostgresIndex, open_postgres_index
from pdfsluice.plugins.pdfium.extractor import PdfiumText
from pdfsluice.plugins.pdfium.options import PdfiumOptions

AnyIndex = ProcessIndex | PostgresIndex
OWNER = "anna"
UNRELATED = (
    "How do I bake sourdough bread at home?",
    "symptoms of measles in small children",
    "how to tune a guitar by ear",
    "best hiking trails in the Alps",
    "xkcd zqwv plorg",
    "lyrics of a lullaby about stars",
    "What is the mating season of penguins?",
    "grammar of ancient Greek verbs",
    "how to change a bicycle tyre",
    "planting roses in clay soil",
    "chess opening Sicilian defence main line",
    "boiling point of ethanol",
    "history of the Roman senate",
    "yoga poses for back pain",
    "why is the sky blue",
    "distance from Earth to Mars",
    "Beethoven ninth symphony movements",
    "Shakespeare sonnet eighteen meaning",
    "knitting pattern for socks",
    "photosynthesis in desert plants",
    "rules of cricket explained",
    "depth of the Mariana trench",
)
"""Queries that no annual report answers."""
DEPTHS = (1, 5, 10)
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_EDITION = 1000  # is added to the number of a report for each further edition
PARALLEL = 8


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    pages: int
    queries: int


FULL = Plan(pages=1000, queries=100)
QUICK = Plan(pages=10, queries=5)


@dataclass(frozen=True)
class Probe:
    """A query whose best page is known."""

    query: str
    page: int


class Corpus:
    """Generated pages with an identifier each, and unique five-word phrases."""

    def __init__(self, pages: int) -> None:
        self._random = random.Random(7)
        letters = "etaoinshrdlucmfw"
        words = [
            "".join(self._random.choices(letters, k=self._random.randint(3, 9)))
            for _ in range(4000)
        ]
        weights = [1 / rank for rank in range(1, 4001)]
        self.texts: list[list[str]] = [
            self._random.choices(words, weights, k=300) for _ in range(pages)
        ]

    def pages(self) -> list[str]:
        return [
            f"Invoice {self.identifier(number)}. {' '.join(words)}."
            for number, words in enumerate(self.texts, 1)
        ]

    @staticmethod
    def identifier(page: int) -> str:
        return f"INV-20{page % 9 + 10}-{page * 37 % 10_000:04}"

    def identifiers(self, count: int) -> list[Probe]:
        pages = self._random.sample(range(1, len(self.texts) + 1), min(count, len(self.texts)))
        return [Probe(self.identifier(page), page) for page in pages]

    def phrases(self, count: int, *, quoted: bool) -> list[Probe]:
        probes = []
        for _ in range(count):
            page = self._random.randint(1, len(self.texts))
            start = self._random.randint(0, 250)
            phrase = " ".join(self.texts[page - 1][start : start + 5])
            probes.append(Probe(f'"{phrase}"' if quoted else phrase, page))
        return probes


class Edition:
    """An edition of a report: its years are shifted and its figures are others.

    Args:
        number: 0 is the report as it is; the years of others lie around those of it.
    """

    def __init__(self, number: int) -> None:
        self._shift = (number + 1) // 2 * (-1 if number % 2 else 1)
        self._random = random.Random(number)

    def name(self, name: str) -> str:
        return _YEAR.sub(self._year, name)

    def text(self, text: str) -> str:
        if not self._shift:
            return text
        return re.sub(r"\d[\d.,]*", self._figure, text)

    def _year(self, match: re.Match[str]) -> str:
        return str(int(match.group()) + self._shift)

    def _figure(self, match: re.Match[str]) -> str:
        if _YEAR.fullmatch(match.group()):
            return self._year(match)
        return re.sub(r"\d", lambda _: str(self._random.randint(1, 9)), match.group())


def document(number: int, name: str, pages: int) -> Document:
    return Document(
        id=number,
        session_id=str(number),
        blob_id=str(number),
        owner=OWNER,
        title=name,
        filename=f"{name}.pdf",
        file_size=1,
        sha256="",
        created_at=datetime.now(UTC),
        page_count=pages,
    )


async def stream(texts: Sequence[str]) -> AsyncIterator[PageText]:
    for number, text in enumerate(texts, 1):
        yield PageText(number, text)


def ignore(done: float, message: str) -> None:
    """Take progress and do nothing with it."""
    del done, message


async def add(index: AnyIndex, what: Document, texts: Sequence[str], *, words: bool) -> float:
    """Index a document, all of it or its words alone; return the seconds that took."""
    begin = time.perf_counter()
    if words:
        pages = [page async for page in stream(texts)]
        for start in range(0, len(pages), 25):
            await index.add_pages(what, pages[start : start + 25])
    else:
        await index.add(what, stream(texts), ignore)
    return time.perf_counter() - begin


async def first(index: AnyIndex, probes: Sequence[Probe]) -> float:
    """Return the share of probes whose best hit is their page."""
    right = 0
    for probe in probes:
        hits = await index.search(probe.query, top_k=1, owner=OWNER)
        right += bool(hits) and hits[0].page == probe.page
    return right / len(probes)


async def measure_generated(plan: Plan, *, words: bool, database: str) -> AsyncIterator[Result]:
    corpus = Corpus(plan.pages)
    with tempfile.TemporaryDirectory() as folder:
        async with opened(database, Path(folder)) as index:
            texts = corpus.pages()
            seconds = await add(index, document(1, "generated", len(texts)), texts, words=words)
            yield Result("generated: indexed", len(texts) / seconds, "pages/s")
            for name, probes in (
                ("identifiers", corpus.identifiers(plan.queries)),
                ("quoted phrases", corpus.phrases(plan.queries, quoted=True)),
                ("phrases", corpus.phrases(plan.queries, quoted=False)),
            ):
                yield Result(f"generated: {name} first", await first(index, probes), "share")
            async for result in measure_time(index, corpus.phrases(plan.queries, quoted=False)):
                yield result


async def measure_time(index: AnyIndex, probes: Sequence[Probe]) -> AsyncIterator[Result]:
    async def search(probe: Probe) -> float:
        begin = time.perf_counter()
        await index.search(probe.query, top_k=10, owner=OWNER)
        return (time.perf_counter() - begin) * 1000

    alone = sorted([await search(probe) for probe in probes])
    yield Result("search: p50", alone[len(alone) // 2], "ms")
    yield Result("search: p99", alone[min(len(alone) - 1, len(alone) * 99 // 100)], "ms")
    await asyncio.gather(*(search(probe) for probe in probes[:PARALLEL]))  # processes start
    together: list[float] = []
    for start in range(0, len(probes), PARALLEL):
        together += await asyncio.gather(*map(search, probes[start : start + PARALLEL]))
    yield Result(f"search, {PARALLEL} at a time: p50", sorted(together)[len(together) // 2], "ms")


async def add_reports(
    index: AnyIndex, folder: Path, data: Path, *, words: bool, editions: int
) -> dict[int, str]:
    """Index the reports that are not in the index yet; return the names of all."""
    extractor = PdfiumText(PdfiumOptions())
    names: dict[int, str] = {}
    for number, path in enumerate(sorted((folder / "pdf").glob("*.pdf")), 1):
        names[number] = path.name
        numbers = [number + each * _EDITION for each in range(editions + 1)]
        missing = [each for each in numbers if not (data / f"{each}.indexed").exists()]
        texts = [page.text async for page in extractor.pages(path)] if missing else []
        for each in missing:
            edition = Edition(each // _EDITION)
            name = edition.name(path.stem)
            pages = list(map(edition.text, texts))
            await add(index, document(each, name, len(texts)), pages, words=words)
            (data / f"{each}.indexed").touch()
        names |= dict.fromkeys(numbers[1:], "another edition")
    await extractor.close()
    return names


def opened(database: str, folder: Path) -> AbstractAsyncContextManager[AnyIndex]:
    """Open an index in files, or in a database with a catalogue of numbers alone."""
    if not database:
        return open_index(IndexOptions(), folder)
    engine = sqlalchemy.create_engine(
        sqlalchemy.make_url(database).set(drivername="postgresql+psycopg")
    )
    with engine.begin() as connection:
        connection.execute(
            sqlalchemy.text("CREATE TABLE IF NOT EXISTS documents(id BIGINT PRIMARY KEY)")
        )
        connection.execute(
            sqlalchemy.text(
                "INSERT INTO documents SELECT generate_series(1, 20000) ON CONFLICT DO NOTHING"
            )
        )
    engine.dispose()
    return open_postgres_index(IndexOptions(), folder, database)


async def measure_reports(
    folder: Path, keep: Path | None, *, words: bool, editions: int, database: str
) -> AsyncIterator[Result]:
    with tempfile.TemporaryDirectory() as temporary:
        data = keep or Path(temporary)
        async with opened(database, data) as index:
            begin = time.perf_counter()
            names = await add_reports(index, folder, data, words=words, editions=editions)
            yield Result("reports: read and indexed", time.perf_counter() - begin, "s")
            lines = (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
            questions = [json.loads(line) for line in lines]
            pages, documents = dict.fromkeys(DEPTHS, 0), dict.fromkeys(DEPTHS, 0)
            for question in questions:
                hits = await index.search(question["question"], top_k=max(DEPTHS), owner=OWNER)
                evidence = {item["page"] for item in question["evidence"]}
                right = [hit for hit in hits if names[hit.document_id] == question["document"]]
                ranks = {id(hit): rank for rank, hit in enumerate(hits, 1)}
                for depth in DEPTHS:
                    near = [hit for hit in right if ranks[id(hit)] <= depth]
                    documents[depth] += bool(near)
                    pages[depth] += any(hit.page in evidence for hit in near)
            async for result in measure_confidence(index, [each["question"] for each in questions]):
                yield result
            for depth in DEPTHS:
                share = documents[depth] / len(questions)
                yield Result(f"reports: document among {depth}", share, "share")
                yield Result(f"reports: page among {depth}", pages[depth] / len(questions), "share")


async def measure_confidence(index: AnyIndex, questions: Sequence[str]) -> AsyncIterator[Result]:
    """Measure how many queries are answered, of those with an answer and the others."""
    for name, queries in (("questions", questions), ("unrelated queries", UNRELATED)):
        answered = [await index.search(query, top_k=1, owner=OWNER) for query in queries]
        share = sum(map(bool, answered)) / len(queries)
        yield Result(f"reports: {name} with an answer", share, "share")


async def measure(options: argparse.Namespace, show: Callable[[Result], None]) -> None:
    plan = QUICK if options.quick else FULL
    database = options.database
    async for result in measure_generated(plan, words=options.words, database=database):
        show(result)
    if options.reports:
        async for result in measure_reports(
            options.reports,
            options.keep,
            words=options.words,
            editions=options.editions,
            database=database,
        ):
            show(result)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print; see the module's description."""
    parser = argparse.ArgumentParser(description="Measures the ranking and the speed of search.")
    parser.add_argument("--quick", action="store_true", help="only check that everything runs")
    parser.add_argument("--words", action="store_true", help="measure words alone")
    parser.add_argument("--reports", type=Path, help="a folder with reports and questions")
    parser.add_argument("--keep", type=Path, help="where the index of the reports stays")
    parser.add_argument(
        "--editions", type=int, default=0, metavar="N", help="also index N other editions of each"
    )
    parser.add_argument("--database", default="", help="URL of a PostgreSQL for the index")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)
    results = ResultList(width=45, digits=3)
    asyncio.run(measure(options, results.show))
    if options.json:
        results.write(options.json)


if __name__ == "__main__":
    main()
