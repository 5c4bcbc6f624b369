"""Frequent terms are counted, and passages ranked by them as FTS5 ranks them."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.plugins.llamaindex.expressions import AllOf, Alternatives, AnyOf, Expression, Phrase
from pdfsluice.plugins.llamaindex.frequent_terms import Counting
from pdfsluice.plugins.llamaindex.passages import PassageDatabase
from pdfsluice.plugins.llamaindex.sqlite_reader import SqliteReader
from pdfsluice.plugins.llamaindex.stored import StagedPassage
from pdfsluice.plugins.llamaindex.word_index import Among, WordIndex
from tests.support.passages import EASY, find

_WORDS = ("pump", "alarm", "valve", "motor", "seal", "rotor")
_SOON = Counting(min_passages=3, block=8, sample=8, min_share=0.05, seconds=0.0)
_EVERY = 1_000_000

Pages = list[tuple[str, str]]
"""Text and heading of each page."""

pages = st.lists(
    st.tuples(
        st.lists(st.sampled_from(_WORDS), min_size=1, max_size=8).map(" ".join),
        st.lists(st.sampled_from(_WORDS), max_size=2).map(" ".join),
    ),
    min_size=1,
    max_size=4,
)
words = st.lists(st.sampled_from([*_WORDS, "absent"]), min_size=1, max_size=2, unique=True).map(
    lambda terms: Alternatives(tuple(terms))
)
groups = st.lists(words, min_size=1, max_size=3).map(tuple)
phrases = st.lists(st.sampled_from(_WORDS), min_size=2, max_size=3).map(tuple)
wanted = st.one_of(
    st.builds(AllOf, groups),
    st.builds(AnyOf, groups, st.lists(words, max_size=2).map(tuple)),
    st.tuples(st.builds(Phrase, phrases, is_quoted=st.booleans())).map(AllOf),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "passages.db"


@contextmanager
def _opened() -> Iterator[PassageDatabase]:
    """Open a database in memory that counts terms soon."""
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        database = PassageDatabase(Path(folder) / "passages.db", _SOON)
        yield database
        database.close()


def _publish(
    database: PassageDatabase,
    document: int,
    texts: Pages,
    owner: str = "anna",
    *,
    title: str = "pump",
) -> None:
    database.stage(
        [
            StagedPassage(key=f"{document}-{page}-{text}", page=page, text=text, heading=heading)
            for page, (text, heading) in enumerate(texts, 1)
        ],
        restart=True,
    )
    database.publish(document, owner=owner, title=f"{title} {document}")


def _by_fts5(database: PassageDatabase, expression: Expression, among: Among) -> dict[int, float]:
    every = WordIndex(database.connection, max_ranked=_EVERY, max_ranked_with_all=_EVERY)
    return dict(every.ranked(expression, among))


def _terms(database: PassageDatabase) -> int:
    statement = "SELECT count(*) FROM frequent_terms WHERE is_counted"
    return int(database.connection.execute(statement).get)


def _found(
    reader: SqliteReader,
    expression: Expression,
    *,
    limit: int = 100,
    owner: str | None = None,
    documents: Sequence[int] | None = None,
) -> list[int]:
    return reader.matching(expression, owner=owner, limit=limit, documents=documents)


@EASY
@given(
    documents=st.lists(pages, min_size=1, max_size=10),
    queries=st.lists(wanted, min_size=1, max_size=4),
)
def test_passages_are_ranked_as_by_fts5(documents: list[Pages], queries: list[Expression]) -> None:
    with _opened() as database:
        _compare(database, documents, queries)


def _compare(database: PassageDatabase, documents: list[Pages], queries: list[Expression]) -> None:
    reader = SqliteReader(database)
    for number, texts in enumerate(documents, 1):
        _publish(database, number, texts)
        _found(reader, queries[0])  # what it has read is added to
    for query in queries:
        scores = _by_fts5(database, query, Among(owner="anna", documents=None, limit=_EVERY))
        for limit in (3, 100):
            best = sorted(scores.values())[:limit]
            for each in (reader, SqliteReader(database)):
                numbers = _found(each, query, limit=limit, owner="anna")
                assert [scores[number] for number in numbers] == pytest.approx(best, rel=1e-5)


@EASY
@given(
    documents=st.lists(pages, min_size=4, max_size=6),
    renamed=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    query=wanted,
)
def test_passages_of_renamed_documents_are_found_as_by_fts5(
    documents: list[Pages], renamed: list[int], query: Expression
) -> None:
    with _opened() as database:
        reader = SqliteReader(database)
        for number, texts in enumerate(documents, 1):
            _publish(database, number, texts)
        for number in renamed:
            _found(reader, query)
            texts = documents[number % len(documents)]
            _publish(database, number % len(documents) + 1, texts, title="valve rotor")
        scores = _by_fts5(database, query, Among(owner="anna", documents=None, limit=_EVERY))
        # Their earlier words still count for how common a frequent term is.
        assert sorted(_found(reader, query, owner="anna")) == sorted(scores)


@EASY
@given(
    steps=st.lists(
        st.tuples(st.integers(1, 5), st.sampled_from(["anna", "bert"]), st.none() | pages),
        min_size=4,
        max_size=12,
    ),
    query=wanted,
)
def test_only_passages_that_exist_and_may_be_found_are_returned(
    steps: list[tuple[int, str, Pages | None]], query: Expression
) -> None:
    with _opened() as database:
        _follow(database, steps, query)


def _follow(
    database: PassageDatabase, steps: list[tuple[int, str, Pages | None]], query: Expression
) -> None:
    reader = SqliteReader(database)
    for document, owner, texts in steps:
        database.remove(document)
        if texts is not None:
            _publish(database, document, texts, owner)
        for mine in (None, "anna", "carla"):
            for documents in (None, [1, 2, 9]):
                among = Among(owner=mine, documents=documents, limit=_EVERY)
                numbers = _found(reader, query, owner=mine, documents=documents)
                assert sorted(numbers) == sorted(_by_fts5(database, query, among))


def test_a_phrase_of_frequent_terms_is_looked_up_in_the_newest_passages(path: Path) -> None:
    database = PassageDatabase(path, _SOON)
    _publish(database, 1, [("pump alarm", "")])
    for document in range(2, 5):
        _publish(database, document, [(f"alarm {page} pump", "") for page in range(20)])
    reader = SqliteReader(database, max_in_phrase=4)
    quoted, words = (
        AllOf((Phrase(("pump", "alarm"), is_quoted=is_quoted),)) for is_quoted in (True, False)
    )
    for phrase in (quoted, words):
        assert len(_found(reader, phrase)) == 1, "of a few passages all are read"
    _publish(database, 9, [("a pump alarm", ""), ("alarm pump", ""), ("pump pump alarm", "")] * 2)
    newest = reader.count()
    assert len(_found(reader, quoted)) == 5
    assert sorted(_found(reader, words)) == [newest - 3, newest - 2, newest]
    for narrow in ({"owner": "anna"}, {"documents": [1, 9]}):
        assert sorted(_found(reader, words, **narrow)) == [newest - 3, newest - 2, newest]
    assert _found(reader, words, owner="bert") == []
    database.close()


def test_terms_are_counted_when_there_are_enough_passages(path: Path) -> None:
    database = PassageDatabase(path, _SOON)
    _publish(database, 1, [("pump alarm", ""), ("pump alarm", "")])
    assert _terms(database) == 0
    _publish(database, 2, [("pump valve", "")] * 2)
    assert _terms(database) == 1
    for document in range(3, 20):
        _publish(database, document, [("pump valve alarm motor", "seal")] * 2)
    assert _terms(database) >= len(_WORDS) - 2
    recent = database.connection.execute("SELECT count(*) FROM recent_counts").get
    assert recent < _SOON.block, "they were joined"
    database.close()


def test_numbers_of_passages_are_not_used_again(path: Path) -> None:
    database = PassageDatabase(path, _SOON)
    for document in range(1, 9):
        _publish(database, document, [("pump alarm", "")] * 2)
    reader = SqliteReader(database)
    pump = AllOf((Alternatives(("pump",)),))
    assert len(_found(reader, pump)) == 16
    last = reader.count()
    database.remove(8)
    _publish(database, 9, [("motor", "")])
    assert reader.count() > last
    assert len(_found(reader, AllOf((Alternatives(("alarm",)),)))) == 14
    database.close()


def test_what_a_version_without_counts_has_published_is_found(path: Path) -> None:
    database = PassageDatabase(path, _SOON)
    for document in range(1, 9):
        _publish(database, document, [("pump alarm", "")])
    reader, alarm = SqliteReader(database), AllOf((Alternatives(("alarm",)),))
    assert len(_found(reader, alarm)) == 8
    other = PassageDatabase(path, Counting())
    other.stage([StagedPassage(key="x", page=1, text="pump rotor")], restart=True)
    other.connection.execute("CREATE TEMP TABLE kept AS SELECT * FROM recent_counts")
    other.publish(20, owner="anna", title="")
    other.connection.execute(
        "DELETE FROM recent_counts WHERE first NOT IN (SELECT first FROM kept)"
    )
    other.close()
    for _ in range(2):
        assert "pump rotor" in find(database, "pump", limit=20)
        _publish(database, 30, [("pump", "")])
    assert _terms(database) == 1, "they are counted from the beginning"
    for _ in range(3):
        _publish(database, 40, [("alarm", "")] * 2)
    assert len(_found(reader, alarm)) == 10, "numbers of other terms are not taken for those"
    database.close()


def test_a_killed_process_leaves_counts_that_fit(path: Path) -> None:
    database = PassageDatabase(path, _SOON)
    for document in range(1, 9):
        _publish(database, document, [("pump alarm", "")])
    database.close()
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from pdfsluice.plugins.llamaindex.frequent_terms import Counting\n"
        "from pdfsluice.plugins.llamaindex.passages import PassageDatabase\n"
        "from pdfsluice.plugins.llamaindex.stored import StagedPassage\n"
        "database = PassageDatabase(Path(sys.argv[1]), Counting(min_passages=3, block=8))\n"
        "def passages(start):\n"
        "    return [StagedPassage(key=f'{n}', page=n, text=f'pump seal {n}')"
        " for n in range(start, start + 20)]\n"
        "database.stage(passages(100), restart=True)\n"
        "database.publish(50, owner='anna', title='')\n"
        "database.connection.set_commit_hook(lambda: os.kill(os.getpid(), signal.SIGKILL))\n"
        "database.stage(passages(200), restart=True)\n"
        "database.publish(51, owner='anna', title='')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    database = PassageDatabase(path, _SOON)
    assert len(find(database, "pump", limit=100)) == 28
    _publish(database, 52, [("pump motor", "")])
    assert len(find(database, "pump", limit=100)) == 29
    assert _terms(database) >= 1
    database.close()
