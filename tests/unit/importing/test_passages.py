"""The database of passages: atomic, filtered by owner, indifferent to odd queries."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pdfsluice.plugins.llamaindex.passages import PassageDatabase, StagedPassage

MODEL = "test"
DIMENSION = 16
EASY = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "passages.db"


@pytest.fixture
def database(path: Path) -> Iterator[PassageDatabase]:
    opened = PassageDatabase(path)
    yield opened
    opened.close()


def test_many_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    together = Barrier(4)

    def open_it(path: Path) -> None:
        together.wait()
        PassageDatabase(path).close()

    with ThreadPoolExecutor(4) as threads:
        for number in range(25):
            path = tmp_path / f"{number}.db"
            for done in [threads.submit(open_it, path) for _ in range(4)]:
                done.result()


def unit(seed: int, dimension: int = DIMENSION) -> bytes:
    vector = np.random.default_rng(seed).normal(size=dimension)
    return (vector / np.linalg.norm(vector)).astype(np.float32).tobytes()


def put(
    database: PassageDatabase,
    document: int,
    texts: list[str],
    *,
    owner: str = "anna",
    model: str = MODEL,
    vectors: list[bytes] | None = None,
) -> list[str]:
    vectors = vectors or [unit(document * 1000 + n) for n in range(len(texts))]
    sources = [f"{document}-{n}" for n in range(len(texts))]
    database.stage(
        (
            StagedPassage(key=f"{model}{source}{text}", source=source, page=n, text=text, vector=v)
            for n, (source, text, v) in enumerate(zip(sources, texts, vectors, strict=True), 1)
        ),
        restart=True,
    )
    return database.publish(document, owner=owner, model=model)


def texts(database: PassageDatabase, ids: list[int]) -> list[str]:
    return [hit.text for hit in database.hits(ids, limit=1000)]


def test_words_find_passages_best_first(database: PassageDatabase) -> None:
    put(database, 1, ["the pump restarts", "a pump and the pump room", "nothing here"])
    found = texts(database, database.by_words("PUMPS", owner="anna", limit=9))
    assert found == ["a pump and the pump room", "the pump restarts"]
    [hit, *_] = database.hits(database.by_words("room", owner=None, limit=9), limit=1)
    assert (hit.document, hit.page) == (1, 2)


@EASY
@given(query=st.text(max_size=60))
def test_no_query_is_an_error(database: PassageDatabase, query: str) -> None:
    database.by_words(query, owner="anna", limit=5)


@pytest.mark.parametrize("query", ['"', "a AND (b", "NEAR(a b)", "x*", "text:a", "\x00", "-a", ""])
def test_operators_mean_nothing(database: PassageDatabase, query: str) -> None:
    put(database, 1, ["unrelated"])
    assert database.by_words(query, owner=None, limit=5) == []


@pytest.mark.parametrize(
    ("text", "query"), [("Straße nach Zürich", "zurich"), ("Привет мир", "МИР"), ("naïve", "naive")]
)
def test_case_and_accents_do_not_matter(database: PassageDatabase, text: str, query: str) -> None:
    put(database, 1, [text])
    assert texts(database, database.by_words(query, owner=None, limit=5)) == [text]


@EASY
@given(count=st.integers(1, 40), limit=st.integers(1, 45), seed=st.integers(1, 10**6))
def test_vectors_find_what_an_exhaustive_search_finds(
    database: PassageDatabase, count: int, limit: int, seed: int
) -> None:
    vectors = [unit(seed * 100 + n) for n in range(count)]
    put(database, 1, [f"passage {n}" for n in range(count)], vectors=vectors)
    query = unit(seed)
    table = np.frombuffer(b"".join(vectors), np.float32).reshape(count, DIMENSION)
    expected = np.argsort(-(table @ np.frombuffer(query, np.float32)), kind="stable")[:limit]
    found = database.by_vector(query, MODEL, owner="anna", limit=limit)
    assert texts(database, found) == [f"passage {n}" for n in expected]


def test_the_owner_filter_comes_before_the_limit(database: PassageDatabase) -> None:
    """Hundreds of better passages of somebody else do not crowd out one's own."""
    query = unit(0)
    put(database, 1, ["pump pump pump"] * 300, owner="bert", vectors=[query] * 300)
    put(database, 2, ["a text that mentions a pump once", "other"], owner="anna")
    for owner, document in (("anna", 2), ("bert", 1)):
        for ids in (
            database.by_words("pump", owner=owner, limit=1),
            database.by_vector(query, MODEL, owner=owner, limit=1),
        ):
            assert [hit.document for hit in database.hits(ids, limit=1)] == [document]
    assert database.by_words("pump", owner="carla", limit=5) == []
    assert database.by_vector(query, MODEL, owner="carla", limit=5) == []
    assert len(database.by_vector(query, MODEL, owner=None, limit=301)) == 301


def test_a_document_is_replaced_at_once(database: PassageDatabase, path: Path) -> None:
    put(database, 1, ["old one", "old two"])
    put(database, 2, ["old neighbour"])
    reader = PassageDatabase(path)
    database.stage(
        [StagedPassage(key="n", source="s", page=7, text="new one", vector=unit(5))], restart=True
    )
    assert len(reader.by_words("old", owner=None, limit=9)) == 3
    assert reader.by_words("new", owner=None, limit=9) == []
    with reader.snapshot():
        assert reader.count(1) == 2
        replaced = database.publish(1, owner="anna", model=MODEL)
        assert reader.count(1) == 2, "a search sees one state from its beginning to its end"
        assert len(texts(reader, reader.by_words("old", owner=None, limit=9))) == 3
    assert sorted(replaced) == ["1-0", "1-1"]
    found = texts(reader, reader.by_words("old new", owner=None, limit=9))
    assert sorted(found) == ["new one", "old neighbour"]
    assert len(reader.by_vector(unit(5), MODEL, owner=None, limit=9)) == 2
    reader.close()


def test_what_was_staged_by_a_dead_process_is_gone(path: Path) -> None:
    first = PassageDatabase(path)
    first.stage([StagedPassage(key="n", source="s", page=1, text="half", vector=unit(1))])
    first.close()
    second = PassageDatabase(path)
    second.stage([], restart=True)
    second.publish(1, owner="anna", model=MODEL)
    assert second.count() == 0
    second.close()


def test_a_failed_publication_changes_nothing(database: PassageDatabase) -> None:
    put(database, 1, ["kept"])
    wrong = [
        StagedPassage(key="a", source="s", page=1, text="new", vector=unit(1, 8)),
        StagedPassage(key="b", source="s", page=1, text="new", vector=unit(1, 16)),
    ]
    database.stage(wrong, restart=True)
    with pytest.raises(Exception, match=r"[Dd]imension"):
        database.publish(1, owner="anna", model="other")
    assert texts(database, database.by_words("kept new", owner=None, limit=9)) == ["kept"]
    assert len(database.by_vector(unit(3), MODEL, owner=None, limit=9)) == 1


def test_removing_leaves_nothing(database: PassageDatabase) -> None:
    put(database, 1, ["secret words", "more secrets"])
    put(database, 2, ["others"])
    assert sorted(database.remove(1)) == ["1-0", "1-1"]
    assert database.remove(1) == []
    assert database.by_words("secret secrets words", owner=None, limit=9) == []
    assert len(database.by_vector(unit(1), MODEL, owner=None, limit=9)) == 1
    assert (database.count(), database.count(1), database.count(2)) == (1, 0, 1)


def test_another_model_drops_vectors_and_keeps_words(database: PassageDatabase) -> None:
    put(database, 1, ["first pump"])
    put(database, 2, ["second pump"], model="other", vectors=[unit(2, 8)])
    assert database.model == "other/8"
    assert database.by_vector(unit(1), MODEL, owner=None, limit=9) == []
    assert database.by_vector(unit(1), "other", owner=None, limit=9) == []
    assert texts(database, database.by_vector(unit(1, 8), "other", owner=None, limit=9)) == [
        "second pump"
    ]
    assert len(database.by_words("pump", owner=None, limit=9)) == 2


def test_an_empty_document_has_no_passages(database: PassageDatabase) -> None:
    assert put(database, 1, []) == []
    assert put(database, 2, ["text"]) == []
    assert put(database, 2, []) == ["2-0"]
    assert database.count() == 0


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
    hits = database.hits(*rankings, limit=limit)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert len(hits) == min(limit, len({number for ranking in rankings for number in ranking}))
    if rankings and all(ranking and ranking[0] == rankings[0][0] for ranking in rankings):
        assert hits[0].text == f"passage {rankings[0][0]}"


def test_keys_are_found_in_their_order_if_they_are_published(database: PassageDatabase) -> None:
    put(database, 1, ["a", "b"], owner="anna")
    put(database, 2, ["c"], owner="bert")
    keys = ["test1-1b", "unknown", "test2-0c", "test1-0a"]
    assert texts(database, database.by_keys(keys, owner=None)) == ["b", "c", "a"]
    assert texts(database, database.by_keys(keys, owner="anna")) == ["b", "a"]
