"""The search of vectors: near to the exact one, and bound to the rows that exist."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pdfsluice.plugins.llamaindex.passages import PassageDatabase
from pdfsluice.plugins.llamaindex.signatures import SignatureQuery, columns_of, signatures_of
from pdfsluice.plugins.llamaindex.vector_search import VectorSearch
from tests.support.passages import MODEL, floats, put, staged

_DIMENSION = 96
_COUNT = 3000
_TABLE = "main_vectors"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[PassageDatabase]:
    opened = PassageDatabase(tmp_path / "passages.db")
    yield opened
    opened.close()


def _like_texts(count: int) -> list[bytes]:
    """Return vectors that lie in groups, as those of texts do."""
    random = np.random.default_rng(5)
    groups = random.normal(size=(count // 20, _DIMENSION))
    near = groups[random.integers(0, len(groups), count)]
    vectors = near + 0.7 * random.normal(size=(count, _DIMENSION))
    return [vector.astype(np.float32).tobytes() for vector in vectors]


def _numbers(hits: list[tuple[int, float]]) -> set[int]:
    return {number for number, _ in hits}


def test_a_score_rises_with_the_cosine() -> None:
    vectors = np.random.default_rng(1).normal(size=(400, 70)).astype(np.float32)
    query = vectors[0] + vectors[1]
    cosines = (vectors @ query) / np.linalg.norm(vectors, axis=1)
    scorer = SignatureQuery(query.tolist())
    columns = columns_of(signatures_of(vectors))
    rough = np.corrcoef(scorer.rough_scores(columns), cosines)[0, 1]
    fine = np.corrcoef(scorer.scores(columns), cosines)[0, 1]
    assert fine > 0.9
    assert fine > rough > 0.75


def test_nearly_all_nearest_vectors_are_among_the_candidates(database: PassageDatabase) -> None:
    vectors = _like_texts(_COUNT)
    put(database, 1, [str(number) for number in range(_COUNT)], vectors=vectors[:1000])
    for start in (1000, 2000):
        pending = database.pending(1, "main", limit=1000, every=True)
        rows = zip([each.id for each in pending], vectors[start : start + 1000], strict=True)
        database.add_vectors("main", MODEL, rows)
    search = VectorSearch(database.connection, _TABLE, min_candidates=150)
    exact = VectorSearch(database.connection, _TABLE, min_candidates=_COUNT)
    right = 0
    for vector in map(floats, vectors[:40]):
        near, nearest = (
            each.nearest(vector, owner="anna", limit=10, documents=None) for each in (search, exact)
        )
        right += len(_numbers(near) & _numbers(nearest))
    assert right >= 0.99 * 400


def test_rows_decide_what_is_found(database: PassageDatabase) -> None:
    """Vectors that came and went since the last search, by another process as well."""
    vectors = _like_texts(60)
    search = VectorSearch(database.connection, _TABLE, min_candidates=1)
    query = floats(vectors[0])

    def texts(
        *, owner: str | None = None, documents: list[int] | None = None, limit: int = 4
    ) -> list[str]:
        hits = search.nearest(query, owner=owner, documents=documents, limit=limit)
        return [
            str(database.connection.execute("SELECT text FROM passages WHERE id = ?", (n,)).get)
            for n, _ in hits
        ]

    assert texts() == []
    put(database, 1, ["a", "b"], vectors=[vectors[0]] * 2)
    put(database, 2, ["c"], owner="bert", vectors=[vectors[0]])
    assert sorted(texts()) == ["a", "b", "c"]
    assert texts(owner="bert") == texts(documents=[2]) == ["c"]
    assert texts(owner="carla") == texts(documents=[]) == []
    other = PassageDatabase(Path(database.connection.filename))
    other.remove(1)
    put(other, 3, ["d", *map(str, range(50))], vectors=vectors[:51])
    other.close()
    assert sorted(texts(limit=2)) == ["c", "d"], "numbers of passages were used again"
    database.stage(staged(3, ["e"]), restart=True)
    database.publish(3, owner="anna", title="")
    assert texts() == ["c"]
