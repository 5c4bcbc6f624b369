"""Whether the passages that were found are an answer to the query."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pdfsluice.plugins.llamaindex.passages import PassageDatabase
from pdfsluice.plugins.llamaindex.queries import parse
from pdfsluice.plugins.llamaindex.rankings import Neighbours
from tests.support.passages import finder_of, put

FAR, NEAR, UNKNOWN = Neighbours(answers=False), Neighbours([1], answers=True), Neighbours([1])


@pytest.fixture
def database(tmp_path: Path) -> Iterator[PassageDatabase]:
    opened = PassageDatabase(tmp_path / "passages.db")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("query", "answered"),
    [
        ("sluice gate", True),
        ("green sluice gate", True),
        ("sluice", True),
        ("guitar ear sluice", False),
        ("guitar", False),
        ("common sluice guitar", True),
    ],
)
def test_an_answer_has_half_of_the_words(
    database: PassageDatabase, query: str, answered: bool
) -> None:
    put(database, 1, ["The sluice has a gate, and common things."])
    put(database, 2, ["Nothing but common things."] * 20)
    finder = finder_of(database)
    rankings = finder.by_query(parse(query, ()), owner=None, limit=10)
    assert finder.is_answered(rankings, [FAR]) is answered
    assert finder.is_answered(rankings, [FAR, NEAR])
    assert finder.is_answered(rankings, [UNKNOWN]), "cosines of other models are not judged"
