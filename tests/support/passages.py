"""Fills and asks a database of passages."""

import numpy as np
from hypothesis import HealthCheck, settings

from pdfsluice.plugins.llamaindex.finding import Finder
from pdfsluice.plugins.llamaindex.languages import language_of
from pdfsluice.plugins.llamaindex.passages import PassageDatabase
from pdfsluice.plugins.llamaindex.queries import parse
from pdfsluice.plugins.llamaindex.rankings import Rankings
from pdfsluice.plugins.llamaindex.sqlite_reader import SqliteReader
from pdfsluice.plugins.llamaindex.stored import StagedPassage
from tests.support.shares import examples

MODEL = "test"
DIMENSION = 16
EASY = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=examples(100),
)


def unit(seed: int, dimension: int = DIMENSION) -> bytes:
    vector = np.random.default_rng(seed).normal(size=dimension)
    return (vector / np.linalg.norm(vector)).astype(np.float32).tobytes()


def floats(vector: bytes) -> list[float]:
    return [float(value) for value in np.frombuffer(vector, np.float32)]


def finder_of(database: PassageDatabase, **options: int) -> Finder:
    return Finder(SqliteReader(database), **options)


def staged(document: int, texts: list[str]) -> list[StagedPassage]:
    return [
        StagedPassage(key=f"{document}-{n}-{text}", page=n, text=text, language=language_of(text))
        for n, text in enumerate(texts, 1)
    ]


def put(
    database: PassageDatabase,
    document: int,
    texts: list[str],
    *,
    owner: str = "anna",
    model: str = MODEL,
    vectors: list[bytes] | None = None,
    title: str = "",
) -> list[str]:
    database.stage(staged(document, texts), restart=True)
    replaced = database.publish(document, owner=owner, title=title)
    embed(database, document, model=model, vectors=vectors)
    return replaced


def embed(
    database: PassageDatabase,
    document: int,
    *,
    model: str = MODEL,
    vectors: list[bytes] | None = None,
) -> None:
    pending = database.pending(document, "main", limit=1000, every=True)
    vectors = vectors or [unit(document * 1000 + n) for n in range(len(pending))]
    numbers = [passage.id for passage in pending]
    database.add_vectors("main", model, zip(numbers, vectors, strict=True))
    database.finish(document)


def texts(database: PassageDatabase, ids: list[int]) -> list[str]:
    return [hit.text for hit in finder_of(database).hits(Rankings(words=[ids]), limit=1000)]


def find(
    database: PassageDatabase, query: str, *, owner: str | None = None, limit: int = 9
) -> list[str]:
    finder = finder_of(database)
    rankings = finder.by_query(parse(query, finder.languages()), owner=owner, limit=limit)
    return [hit.text for hit in finder.hits(rankings, limit=limit)]


def near(
    database: PassageDatabase,
    vector: bytes,
    *,
    model: str = MODEL,
    owner: str | None = None,
    limit: int = 9,
) -> list[int]:
    finder = finder_of(database)
    return list(finder.by_vector(floats(vector), model, owner=owner, limit=limit).numbers)
