"""The database of passages: atomic, filtered by owner, indifferent to odd queries."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import apsw
import numpy as np
import pytest
import sqlite_vec
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.plugins.llamaindex.passages import PassageDatabase
from pdfsluice.plugins.llamaindex.queries import parse
from pdfsluice.plugins.llamaindex.rankings import Nearness, Rankings
from pdfsluice.plugins.llamaindex.sqlite_reader import SqliteReader
from pdfsluice.plugins.llamaindex.stored import StagedPassage
from tests.support.passages import (
    DIMENSION,
    EASY,
    MODEL,
    embed,
    find,
    finder_of,
    floats,
    near,
    put,
    staged,
    texts,
    unit,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "passages.db"


@pytest.fixture
def database(path: Path) -> Iterator[PassageDatabase]:
    opened = PassageDatabase(path)
    yield opened
    opened.close()


def test_many_may_open_a_new_database_at_a_time(tmp_path: Path) -> None:
    together = Barrier(4)

    def open_it(path: Path) -> None:
        together.wait()
        PassageDatabase(path).close()

    with ThreadPoolExecutor(4) as threads:
        for number in range(25):
            path = tmp_path / f"{number}.db"
            for done in [threads.submit(open_it, path) for _ in range(4)]:
                done.result()


@EASY
@given(count=st.integers(1, 40), limit=st.integers(1, 45), seed=st.integers(1, 10**6))
def test_vectors_find_what_an_exhaustive_search_finds(
    database: PassageDatabase, count: int, limit: int, seed: int
) -> None:
    database.remove(1)
    vectors = [unit(seed * 100 + n) for n in range(count)]
    put(database, 1, [f"passage {n}" for n in range(count)], vectors=vectors)
    query = unit(seed)
    table = np.frombuffer(b"".join(vectors), np.float32).reshape(count, DIMENSION)
    expected = np.argsort(-(table @ np.frombuffer(query, np.float32)), kind="stable")[:limit]
    found = near(database, query, owner="anna", limit=limit)
    assert texts(database, found) == [f"passage {n}" for n in expected]


def test_far_vectors_are_left_out(database: PassageDatabase) -> None:
    put(database, 1, ["one", "two"], vectors=[unit(1), unit(2)])
    finder = finder_of(database)
    nearness = Nearness(related=0.99, answering=0.995)
    found = finder.by_vector(floats(unit(1)), MODEL, owner=None, limit=9, nearness=nearness)
    assert texts(database, list(found.numbers)) == ["one"]
    assert found.answers
    far = finder.by_vector(floats(unit(3)), MODEL, owner=None, limit=9, nearness=nearness)
    assert (list(far.numbers), far.answers) == ([], False)


def test_the_owner_filter_comes_before_the_limit(database: PassageDatabase) -> None:
    """Hundreds of better passages of another owner do not crowd out one's own."""
    query = unit(0)
    pumps = ["pump pump pump" + " pump" * n for n in range(300)]
    put(database, 1, pumps, owner="bert", vectors=[query] * 300)
    put(database, 2, ["a text that mentions a pump once", "other"], owner="anna")
    finder = finder_of(database)
    for owner, document in (("anna", 2), ("bert", 1)):
        for rankings in (
            finder.by_query(parse("pump", ()), owner=owner, limit=1),
            Rankings(meaning=[near(database, query, owner=owner, limit=1)]),
        ):
            assert [hit.document for hit in finder.hits(rankings, limit=1)] == [document]
    assert find(database, "pump", owner="carla") == []
    assert near(database, query, owner="carla") == []
    assert len(near(database, query, limit=301)) == 301


def test_a_document_is_replaced_immediately(database: PassageDatabase, path: Path) -> None:
    put(database, 1, ["old one", "old two"])
    put(database, 2, ["old neighbour"])
    reader = PassageDatabase(path)
    database.stage([StagedPassage(key="n", page=7, text="new one")], restart=True)
    assert len(find(reader, "old")) == 3
    assert find(reader, "new") == []
    with reader.snapshot():
        assert reader.count(1) == 2
        replaced = database.publish(1, owner="anna", title="")
        assert reader.count(1) == 2, "a search sees one state from its beginning to its end"
        assert len(find(reader, "old")) == 3
    assert sorted(replaced) == ["1-1-old one", "1-2-old two"]
    assert sorted(find(reader, "old new")) == ["new one", "old neighbour"]
    embed(database, 1, vectors=[unit(5)])
    assert len(near(reader, unit(5))) == 2
    reader.close()


def test_what_has_not_changed_keeps_its_vector(database: PassageDatabase) -> None:
    put(database, 1, ["stays", "goes"])
    database.stage(staged(1, ["stays", "comes"]), restart=True)
    assert database.publish(1, owner="anna", title="") == ["1-2-goes"]
    pending = database.pending(1, "main", limit=9, every=True)
    assert [passage.text for passage in pending] == ["comes"]
    assert sorted(find(database, "stays goes comes")) == ["comes", "stays"]


def test_publishing_a_page_does_not_read_the_other_pages(database: PassageDatabase) -> None:
    """Or a document of thousands of pages, published batch by batch, would take the square."""

    def steps_to_publish(page: int) -> int:
        steps: list[None] = []

        def count() -> bool:
            steps.append(None)
            return False  # do not interrupt

        passage = StagedPassage(key=f"page {page}", page=page, text="some text")
        database.stage([passage], restart=True)
        database.connection.set_progress_handler(count, 10)
        database.publish(1, owner="anna", title="", pages=[page])
        database.connection.set_progress_handler(None)
        return len(steps)

    alone = steps_to_publish(1)
    put_pages = [StagedPassage(key=f"page {n}", page=n, text="some text") for n in range(1, 1001)]
    database.stage(put_pages, restart=True)
    database.publish(1, owner="anna", title="", pages=range(1, 1001))
    assert steps_to_publish(1001) < 2 * alone


def test_pages_are_added_to_those_that_are_published(database: PassageDatabase) -> None:
    database.stage([StagedPassage(key="a", page=1, text="first page")], restart=True)
    database.publish(1, owner="anna", title="", pages=[1])
    assert database.stages([1, 2]) == {1: "reading"}
    for text in ("second page", "second page again"):
        database.stage([StagedPassage(key=text, page=2, text=text)], restart=True)
        database.publish(1, owner="anna", title="", pages=[2])
    assert sorted(find(database, "page")) == ["first page", "second page again"]


def test_a_language_that_was_recognized_later_counts(database: PassageDatabase) -> None:
    """The first page of some may be a table, whose language is that of the page before."""
    houses = StagedPassage(key="a", page=1, text="häuser 17")
    database.stage([houses], restart=True)
    database.publish(1, owner="anna", title="", pages=[1])
    assert finder_of(database).languages() == [""]
    database.stage([replace(houses, language="german")], restart=True)
    database.publish(1, owner="anna", title="")
    assert finder_of(database).languages() == ["german"]
    assert find(database, "haus 17") == ["häuser 17"]
    assert [each.text for each in database.pending(1, "other", limit=9, every=False)] == [
        "häuser 17"
    ]


def test_a_new_title_is_that_of_all_passages(database: PassageDatabase) -> None:
    put(database, 1, ["income", "costs"], title="scan", vectors=[unit(1), unit(2)])
    put(database, 2, ["income of another company"], title="VEGA_2021")
    for title, words, others in (("ORION_2022", "orion", "scan"), ("LYRA", "lyra", "orion")):
        put(database, 1, ["income", "costs", title], title=title, vectors=[unit(3)])
        for query, count in ((f"costs {words}", 1), (f"costs {others}", 0)):
            tiers = finder_of(database).by_query(parse(query, ()), owner=None, limit=9).tiers
            assert len(tiers[-1]) == count, "all words, that of the title included"
        assert texts(database, near(database, unit(2))[:1]) == ["costs"], "vectors stay"


def test_a_document_has_stages(database: PassageDatabase) -> None:
    database.stage(staged(1, ["a"]), restart=True)
    database.publish(1, owner="anna", title="")
    assert database.stages([1]) == {1: "words"}
    embed(database, 1)
    assert database.stages([1]) == {1: "meaning"}


def test_languages_go_to_the_model_that_knows_them(database: PassageDatabase) -> None:
    put_texts = ["the pump restarts by itself", "die Pumpe startet von selbst und der Alarm"]
    database.stage(staged(1, put_texts), restart=True)
    database.publish(1, owner="anna", title="")
    for slot, text in (("main", put_texts[0]), ("other", put_texts[1])):
        [passage] = database.pending(1, slot, limit=9, every=False)  # type: ignore[arg-type]
        assert passage.text == text


def test_what_was_staged_by_a_dead_process_is_gone(path: Path) -> None:
    first = PassageDatabase(path)
    first.stage([StagedPassage(key="n", page=1, text="half")])
    first.close()
    second = PassageDatabase(path)
    second.stage([], restart=True)
    second.publish(1, owner="anna", title="")
    assert second.count() == 0
    second.close()


def test_a_failed_transaction_changes_nothing(database: PassageDatabase) -> None:
    put(database, 1, ["kept"])
    database.stage(staged(2, ["new", "more"]), restart=True)
    database.publish(2, owner="anna", title="")
    numbers = [passage.id for passage in database.pending(2, "main", limit=9, every=True)]
    wrong = zip(numbers, [unit(1, 8), unit(1, 16)], strict=True)
    with pytest.raises(Exception, match=r"[Dd]imension"):
        database.add_vectors("main", "other", wrong)
    assert len(near(database, unit(3))) == 1
    assert len(database.pending(2, "main", limit=9, every=True)) == 2


def test_removing_leaves_nothing(database: PassageDatabase) -> None:
    put(database, 1, ["secret words", "more secrets"])
    put(database, 2, ["others"])
    assert sorted(database.remove(1)) == ["1-1-secret words", "1-2-more secrets"]
    assert database.remove(1) == []
    assert find(database, "secret secrets words") == []
    assert len(near(database, unit(1))) == 1
    assert (database.count(), database.count(1), database.count(2)) == (1, 0, 1)
    assert database.stages([1]) == {}


def test_another_model_drops_vectors_and_keeps_words(database: PassageDatabase) -> None:
    put(database, 1, ["first pump"])
    put(database, 2, ["second pump"], model="other", vectors=[unit(2, 8)])
    assert database.model() == "other/8"
    assert near(database, unit(1)) == []
    assert near(database, unit(1), model="other") == []
    assert texts(database, near(database, unit(1, 8), model="other")) == ["second pump"]
    assert len(find(database, "pump")) == 2
    assert len(database.pending(1, "main", limit=9, every=True)) == 1, "to be embedded again"


def test_an_empty_document_has_no_passages(database: PassageDatabase) -> None:
    assert put(database, 1, []) == []
    assert put(database, 2, ["text"]) == []
    assert put(database, 2, []) == ["2-1-text"]
    assert database.count() == 0
    assert not SqliteReader(database).count()


@given(
    rankings=st.lists(st.lists(st.integers(1, 20), unique=True, max_size=20), max_size=3),
    limit=st.integers(1, 25),
)
@EASY
def test_fusion_prefers_what_is_high_in_many_rankings(
    database: PassageDatabase, rankings: list[list[int]], limit: int
) -> None:
    if not database.count():
        put(database, 1, [f"passage {n}" for n in range(1, 21)])
    hits = finder_of(database).hits(Rankings(meaning=[*rankings]), limit=limit)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert len(hits) == min(limit, len({number for ranking in rankings for number in ranking}))
    if rankings and all(ranking and ranking[0] == rankings[0][0] for ranking in rankings):
        assert hits[0].text == f"passage {rankings[0][0]}"


def test_keys_are_found_in_their_order_if_they_are_published(database: PassageDatabase) -> None:
    put(database, 1, ["a", "b"], owner="anna")
    put(database, 2, ["c"], owner="bert")
    keys = ["1-2-b", "unknown", "2-1-c", "1-1-a"]
    reader = SqliteReader(database)
    by_all = reader.by_keys(keys, owner=None, documents=None)
    assert texts(database, by_all) == ["b", "c", "a"]
    assert texts(database, reader.by_keys(keys, owner=None, documents=[2])) == ["c"]
    assert texts(database, reader.by_keys(keys, owner="anna", documents=None)) == ["b", "a"]


def test_an_index_of_the_first_version_is_taken_over(path: Path) -> None:
    old = apsw.Connection(str(path))
    old.enable_load_extension(True)
    old.load_extension(sqlite_vec.loadable_path())
    old.execute(
        "CREATE TABLE facts(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE passages(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE,"
        " document INTEGER NOT NULL, source TEXT NOT NULL, owner TEXT NOT NULL,"
        " page INTEGER NOT NULL, text TEXT NOT NULL);"
        "CREATE INDEX passages_by_document ON passages(document);"
        "CREATE VIRTUAL TABLE words USING fts5(text, content='passages', content_rowid='id');"
        "CREATE VIRTUAL TABLE vectors USING vec0(id INTEGER PRIMARY KEY, owner TEXT PARTITION KEY,"
        f" embedding float[{DIMENSION}] distance_metric=cosine, chunk_size=256);"
        f"INSERT INTO facts VALUES ('model', '{MODEL}/{DIMENSION}');"
        "INSERT INTO passages VALUES (7, 'k', 3, 's', 'anna', 2, 'the pump restarts by itself')"
    )
    old.execute("INSERT INTO vectors VALUES (7, 'anna', ?)", (unit(1),))
    old.close()
    database = PassageDatabase(path)
    assert find(database, "pumps", owner="anna") == ["the pump restarts by itself"]
    assert len(near(database, unit(1), owner="anna")) == 1
    assert database.stages([3]) == {3: "meaning"}
    tables = database.connection.execute("SELECT group_concat(name) FROM sqlite_master").get
    assert "vector_chunks" not in tables
    database.close()
    PassageDatabase(path).close()
