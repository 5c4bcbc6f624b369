"""The index ``postgres``, on a PostgreSQL with pgvector."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from pathlib import Path
from threading import Event, Timer
from typing import ClassVar

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, create_engine, text

from pdfsluice.core import (
    Document,
    DocumentNotFound,
    Index,
    PageText,
    PluginError,
    StorageFailed,
)
from pdfsluice.core.testing.contracts import IndexContract
from pdfsluice.core.testing.contracts.reopening import Reopen
from pdfsluice.core.testing.contracts.samples import make_stored_document
from pdfsluice.plugins.llamaindex.expressions import AllOf, Alternatives, AnyOf
from pdfsluice.plugins.llamaindex.finding import Finder
from pdfsluice.plugins.llamaindex.options import IndexOptions
from pdfsluice.plugins.llamaindex.postgres import storing
from pdfsluice.plugins.llamaindex.postgres.database import open_database
from pdfsluice.plugins.llamaindex.postgres.dictionary import Dictionaries
from pdfsluice.plugins.llamaindex.postgres.index import PostgresIndex, open_postgres_index
from pdfsluice.plugins.llamaindex.postgres.reader import PostgresReader
from pdfsluice.plugins.llamaindex.postgres.schema import prepare_vectors
from pdfsluice.plugins.llamaindex.postgres.vectors import tsvector
from pdfsluice.plugins.llamaindex.queries import parse
from pdfsluice.plugins.llamaindex.stored import PendingPassage
from pdfsluice.plugins.llamaindex.terms import analyse
from tests.support.postgresql import PostgresqlServer

MODULE = pytest.mark.asyncio(loop_scope="module")
MODEL, DIMENSION = "test", 16
OTHERS_OWNER = "zoe"
FIRST = 500  # the documents that are written without child processes

shared = pytest_asyncio.fixture(scope="module", loop_scope="module")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """A database with a catalogue of a thousand documents."""
    with PostgresqlServer.running(pgvector=True) as running:
        running.execute("CREATE TABLE documents(id BIGINT PRIMARY KEY)")
        running.execute("INSERT INTO documents SELECT generate_series(1, 1000)")
        yield running


@shared
async def opened(
    server: PostgresqlServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[PostgresIndex]:
    folder = tmp_path_factory.mktemp("index")
    async with open_postgres_index(IndexOptions(), folder, server.url()) as index:
        yield index


@pytest_asyncio.fixture(loop_scope="module")
async def index(opened: PostgresIndex) -> PostgresIndex:
    """The index, without what the test before has added."""
    for document_id in range(1, 4):
        await opened.remove(document_id)
    return opened


@pytest.fixture(scope="module")
def engine(server: PostgresqlServer, opened: PostgresIndex) -> Iterator[Engine]:
    """Connections to the tables of the index."""
    url = server.url().replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url, isolation_level="REPEATABLE READ")
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A transaction, of which nothing stays."""
    with engine.connect() as connection:
        yield connection


class TestPostgresIndex(IndexContract):
    pytestmark: ClassVar = [MODULE, pytest.mark.long]  # its processes load two models

    @pytest.fixture
    def reopen(self, server: PostgresqlServer, index: Index, tmp_path: Path) -> Reopen[Index]:
        return partial(open_postgres_index, IndexOptions(), tmp_path, server.url())

    @pytest.fixture
    def index(self, index: PostgresIndex) -> Index:
        return index


@MODULE
@pytest.mark.long
async def test_what_one_server_indexes_another_finds(
    index: PostgresIndex, server: PostgresqlServer, tmp_path: Path
) -> None:
    await add(index, make_stored_document(id=1), ["The heron waits at the sluice."])
    async with open_postgres_index(IndexOptions(), tmp_path, server.url()) as other:
        [hit] = await other.search("herons", top_k=5, owner=None, match="words")
        assert (hit.document_id, hit.page, hit.stage) == (1, 1, "meaning")
        await other.remove(1)
    assert not await index.search("herons", top_k=5, owner=None, match="words")


@MODULE
@pytest.mark.long
async def test_other_languages_are_found_by_meaning(index: PostgresIndex) -> None:
    await add(index, make_stored_document(id=1), ["Der Hund schläft in der Küche und ist müde."])
    [hit] = await index.search("Wo ruht das Haustier?", top_k=5, owner=None, match="meaning")
    assert hit.match == "meaning"


@MODULE
async def test_a_deleted_document_is_not_indexed(
    index: PostgresIndex, server: PostgresqlServer
) -> None:
    document = make_stored_document(id=2)

    async def pages() -> AsyncIterator[PageText]:
        yield PageText(1, "The first page.")
        server.execute("DELETE FROM documents WHERE id = 2")
        yield PageText(2, "The second page.")

    try:
        with pytest.raises(DocumentNotFound):
            await index.add(document, pages(), lambda _done, _message: None)
    finally:
        server.execute("INSERT INTO documents VALUES (2)")
    assert server.execute("SELECT count(*) FROM index_staged") == [(0,)]


@MODULE
async def test_pages_are_found_while_others_are_read(index: PostgresIndex) -> None:
    document = make_stored_document(id=3)
    await index.add_pages(document, [PageText(1, "The bittern booms.")])
    await index.add_pages(document, [PageText(2, "The crane dances.")])
    [hit] = await index.search("bittern", top_k=5, owner=None, match="words")
    assert (hit.page, hit.stage) == (1, "reading")
    await index.add_pages(document, [PageText(1, "The stork clatters.")])
    assert not await index.search("bittern", top_k=5, owner=None, match="words")
    assert await index.search("crane", top_k=5, owner=None, match="words")
    await index.add_pages(make_stored_document(id=987_654), [PageText(1, "Nowhere.")])  # logged


def test_a_passage_that_stays_keeps_its_vector(connection: Connection) -> None:
    put(connection, FIRST, ["one", "two"])
    put(connection, FIRST, ["one", "three"], embedded=False)
    assert texts_without_vector(connection, FIRST) == ["three"]


def test_another_model_replaces_all_vectors(connection: Connection) -> None:
    put(connection, FIRST, ["one", "two"])
    prepare_vectors(connection, "main", "newer", DIMENSION)
    assert texts_without_vector(connection, FIRST) == ["one", "two"]
    assert not reader(connection).nearest(unit(1), "main", owner=None, limit=5, documents=None)


@pytest.mark.parametrize("max_exact", [0, 20_000])
def test_an_owner_of_few_passages_gets_as_many_as_wanted(
    connection: Connection, max_exact: int
) -> None:
    """Also if the nearest passages of all belong to others."""
    near, far = unit(1), unit(2)
    put(connection, FIRST, [f"other {n}" for n in range(400)], owner=OTHERS_OWNER, vector=near)
    put(connection, FIRST + 1, [f"mine {n}" for n in range(20)], vector=far)
    found = reader(connection, max_exact=max_exact).nearest(
        near, "main", owner="anna", limit=20, documents=None
    )
    assert len(found) == 20
    mine = reader(connection, max_exact=max_exact).nearest(
        near, "main", owner=None, limit=20, documents=[FIRST + 1]
    )
    assert sorted(mine) == sorted(found)


def test_words_that_occur_nowhere_are_corrected(connection: Connection) -> None:
    put(connection, FIRST, ["The sluice keeper opens the gate."] * 3 + ["Nothing of note."])
    connection.execute(text("ANALYZE index_passages"))
    assert find(connection, "sluiec") == ["The sluice keeper opens the gate."]
    assert find(connection, "slui") == ["The sluice keeper opens the gate."]
    assert find(connection, "nothnig") == ["Nothing of note."]


def test_rare_words_count_more(connection: Connection) -> None:
    common = [f"the report of the year, part {n}" for n in range(30)]
    put(connection, FIRST, [*common, "the heron, once in the report"])
    assert find(connection, "report heron")[0] == "the heron, once in the report"
    assert find(connection, '"report heron"')[0] == "the heron, once in the report"
    assert find(connection, '"the heron once"')[0] == "the heron, once in the report"


def test_names_choose_the_document(connection: Connection) -> None:
    put(connection, FIRST, ["net income was 10"], title="ORIONWATER_2021_10K")
    put(connection, FIRST + 1, ["net income was 20"], title="ORIONWATER_2022_10K")
    assert find(connection, "net income of Orion Water in 2022")[0] == "net income was 20"
    assert find(connection, "net income of Orionw in 2021")[0] == "net income was 10"


def test_a_new_title_is_that_of_all_passages(connection: Connection) -> None:
    orion = AllOf((Alternatives(("costs",)), Alternatives(("orion",))))
    put(connection, FIRST, ["income", "costs"], title="scan")
    for title, count in (("ORION_2022", 1), ("LYRA", 0)):
        put(connection, FIRST, ["income", "costs"], title=title, embedded=False)
        numbers = reader(connection).matching(orion, owner="anna", limit=9, documents=None)
        assert len(numbers) == count, "all words, that of the title included"
    assert not texts_without_vector(connection, FIRST)


def test_words_of_others_do_not_hide_beginnings(connection: Connection) -> None:
    put(connection, FIRST, ["a report on seawater"])
    put(connection, FIRST + 1, ["a seaw and a dog"], owner=OTHERS_OWNER)
    assert find(connection, "seaw") == ["a report on seawater"]
    assert find(connection, "dog") == []


def test_the_commonest_language_comes_first(connection: Connection) -> None:
    put(connection, FIRST, ["one", "two"])
    change = "UPDATE index_passages SET language = 'dutch' WHERE text = 'two'"
    put(connection, FIRST + 1, ["three"])
    connection.execute(text(change))
    languages = [each for each in reader(connection).languages() if each in {"english", "dutch"}]
    assert languages == ["english", "dutch"], "of those of this transaction"


def test_a_long_query_is_answered(connection: Connection) -> None:
    put(connection, FIRST, ["one pump", "水閘管理規則"])
    assert find(connection, f"水閘管理規則{'水閘夜間開放' * 300}") == ["水閘管理規則"]
    assert find(connection, f'"{"pump " * 300}"') == ["one pump"]


@settings(max_examples=50)
@given(
    st.lists(st.text("ab'\\:\u0e01\u0301é", min_size=1, max_size=8), max_size=300),
    st.lists(st.text("ab", min_size=1, max_size=3), max_size=5),
)
def test_any_words_become_a_vector(
    engine: Engine, words: Sequence[str], stems: Sequence[str]
) -> None:
    with engine.connect() as connection:
        result = connection.execute(
            text("SELECT tsvector_to_array(CAST(:words AS tsvector))"),
            {"words": tsvector(words, stems)},
        ).scalar_one()
    assert set(result) == {*words, *stems}


@MODULE
async def test_two_servers_may_store_the_first_vectors_at_the_same_time(
    server: PostgresqlServer,
) -> None:
    server.execute("CREATE DATABASE race")
    server.execute("CREATE TABLE documents(id BIGINT PRIMARY KEY)", "race")
    server.execute("INSERT INTO documents VALUES (1), (2)", "race")
    prepared, done = Event(), Event()

    def slow(connection: Connection) -> None:
        put(connection, 1, ["one"])
        prepared.set()
        assert done.wait(10)

    def fast(connection: Connection) -> None:
        assert prepared.wait(10)
        connection.execute(text("SELECT 1 FROM index_facts"))  # a snapshot would begin here
        Timer(0.2, done.set).start()
        put(connection, 2, ["two"])

    async with open_database(server.url("race")) as one, open_database(server.url("race")) as two:
        await asyncio.gather(one.run(slow), two.run(fast))
        count = text("SELECT count(*) FROM index_vectors")
        assert await one.look(lambda connection: connection.execute(count).scalar_one()) == 2


@MODULE
async def test_a_database_that_does_not_fit_is_refused(
    tmp_path: Path, empty_postgresql: str
) -> None:
    async def refusal(url: str, **options: object) -> PluginError:
        settings = IndexOptions.model_validate(options)
        with pytest.raises(PluginError) as raised:
            async with open_postgres_index(settings, tmp_path, url):
                pass
        return raised.value

    error = await refusal("")
    assert error.message == "The index 'postgres' needs the catalogue in PostgreSQL."
    assert "plugins.database.url" in (error.hint or "")
    error = await refusal(empty_postgresql)
    assert "needs pgvector" in error.message
    error = await refusal(empty_postgresql, vector_store="module:Class")
    assert "vectors in PostgreSQL" in error.message
    with pytest.raises(StorageFailed):
        async with open_postgres_index(
            IndexOptions(), tmp_path, "postgresql://nobody@/x?host=/nowhere"
        ):
            pass


def test_rare_words_lead_to_passages_first(connection: Connection) -> None:
    """More passages have the common word than are ranked; the one with both was added last."""
    texts = [*(f"income {number}" for number in range(2100)), "dividend and income"]
    put(connection, FIRST, texts, embedded=False)
    words = AnyOf(tuple(Alternatives((word,)) for word in ("income", "dividend")))
    numbers = reader(connection).matching(words, owner="anna", limit=9, documents=[FIRST])
    assert len(numbers) == 9
    [first] = reader(connection).passages(numbers[:1]).values()
    assert first.text == "dividend and income"


async def add(index: Index, document: Document, texts: Sequence[str]) -> None:
    async def pages() -> AsyncIterator[PageText]:
        for number, words in enumerate(texts, 1):
            yield PageText(number, words)

    await index.add(document, pages(), lambda _done, _message: None)


def unit(seed: int) -> list[float]:
    vector = np.random.default_rng(seed).normal(size=DIMENSION)
    return [float(value) for value in vector / np.linalg.norm(vector)]


def put(
    connection: Connection,
    document: int,
    texts: Sequence[str],
    *,
    owner: str = "anna",
    title: str = "",
    vector: Sequence[float] | None = None,
    embedded: bool = True,
) -> None:
    passages = []
    for number, words in enumerate(texts, 1):
        exact, stems = analyse(words, "english")
        key = f"{document}-{number}-{words}"
        row = {"key": key, "page": number, "language": "english", "text": words}
        passages.append(row | {"words": tsvector(exact, stems)})
    storing.stage(connection, "test", passages)
    storing.publish(connection, "test", document, owner=owner, title=title)
    numbers = [passage.id for passage in pending(connection, document)]
    if embedded:
        vectors = [vector or unit(number) for number in numbers]
        storing.add_vectors(connection, "main", MODEL, numbers, vectors)
        storing.finish(connection, document)


def pending(connection: Connection, document: int) -> Sequence[PendingPassage]:
    return storing.pending(connection, document, "main", limit=1000, every=True)


def texts_without_vector(connection: Connection, document: int) -> list[str]:
    return [passage.text for passage in pending(connection, document)]


def reader(connection: Connection, *, max_exact: int = 20_000) -> PostgresReader:
    return PostgresReader(connection, Dictionaries().current(connection), max_exact=max_exact)


def find(connection: Connection, query: str) -> list[str]:
    finder = Finder(reader(connection))
    rankings = finder.by_query(parse(query, finder.languages()), owner="anna", limit=9)
    return list(dict.fromkeys(hit.text for hit in finder.hits(rankings, limit=9)))
