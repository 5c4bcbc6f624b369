"""Search by words: forms, phrases, identifiers, names, and the order of hits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.plugins.llamaindex.passages import PassageDatabase
from pdfsluice.plugins.llamaindex.queries import parse
from pdfsluice.plugins.llamaindex.stored import StagedPassage
from tests.support.passages import EASY, find, finder_of, put


@pytest.fixture
def database(tmp_path: Path) -> Iterator[PassageDatabase]:
    opened = PassageDatabase(tmp_path / "passages.db")
    yield opened
    opened.close()


def test_words_find_passages_best_first(database: PassageDatabase) -> None:
    put(database, 1, ["the pump restarts", "a pump and the pump room", "nothing here"])
    assert find(database, "PUMPS", owner="anna") == [
        "a pump and the pump room",
        "the pump restarts",
    ]
    finder = finder_of(database)
    [hit] = finder.hits(finder.by_query(parse("room", ()), owner=None, limit=9), limit=1)
    assert (hit.document, hit.page, hit.match) == (1, 2, "words")


@EASY
@given(query=st.text(max_size=60))
def test_no_query_is_an_error(database: PassageDatabase, query: str) -> None:
    find(database, query, owner="anna")


@pytest.mark.parametrize("query", ['"', "a AND (b", "NEAR(a b)", "x*", "text:a", "\x00", "-a", ""])
def test_operators_mean_nothing(database: PassageDatabase, query: str) -> None:
    put(database, 1, ["unrelated"])
    assert find(database, query) == []


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Straße nach Zürich", "zurich"),
        ("Привет мир", "МИР"),
        ("naïve", "naive"),
        ("the \ufb01rst o\ufb03ce", "office"),
        ("cafe\u0301 noir", "caf\u00e9"),
        ("مُحَمَّدٌ رَسُولُ", "محمد"),
        ("أحمد في الإسكندرية", "احمد"),
        ("שָׁלוֹם עוֹלָם", "שלום"),
        ("यह हिन्दी भाषा", "हिन्दी"),
        ("市政府昨天公布了新的交通规划方案", "交通"),
        ("市政府昨天公布了新的交通规划方案", "规划方案"),
        ("東京タワーに行きました", "タワー"),
        ("ภาษาไทยเป็นภาษา", "ไทย"),
        ("서울에서 부산까지", "부산"),
        ("die Wertpapiere wurden verkauft und der Rest", "Wertpapier"),
        ("компании получили прибыль", "компания"),
        ("\uff26\uff55\uff4c\uff4c width", "full"),
    ],
)
def test_form_and_inflexion_do_not_matter(database: PassageDatabase, text: str, query: str) -> None:
    put(database, 1, [text])
    assert find(database, query) == [text]


@pytest.mark.parametrize(
    "query", ["INV-2024-0042", "inv-2024-0042", "where is INV-2024-0042?", '"the last invoice"']
)
def test_identifiers_and_quoted_phrases_come_first(database: PassageDatabase, query: str) -> None:
    others = [
        f"invoice INV-2024-00{n} of 2024, the invoice that came last 0042" for n in range(50, 99)
    ]
    wanted = "see the last invoice, INV-2024-0042, among many other words that follow it here"
    put(database, 1, [*others, wanted])
    assert find(database, query)[0] == wanted


def test_paragraphs_of_a_law(database: PassageDatabase) -> None:
    put(database, 1, ["under § 3(12) of 12 laws", "as § 12(3) says", "3 of 12 § elsewhere"])
    assert find(database, "§ 12(3)")[0] == "as § 12(3) says"


def test_a_passage_with_all_words_comes_before_one_that_repeats_some(
    database: PassageDatabase,
) -> None:
    put(database, 1, ["valve valve valve valve", "the pump stands far from any valve of it all"])
    assert find(database, "valve pump")[0].startswith("the pump")


def test_unknown_words_are_taken_as_beginnings_or_misspelt(database: PassageDatabase) -> None:
    put(database, 1, ["the acknowledgement of alarms", "pumps and turbines"])
    assert find(database, "acknowl") == ["the acknowledgement of alarms"]
    assert find(database, "turbimes") == ["pumps and turbines"]
    assert find(database, "zebra") == []


def test_the_name_of_a_document_counts(database: PassageDatabase) -> None:
    put(database, 1, ["revenue grew by a tenth"], title="ADOBE_2016_10K")
    put(database, 2, ["revenue grew by a tenth, yes"], title="AMERICANEXPRESS_2022_10K")
    assert find(database, "revenue of Adobe")[0] == "revenue grew by a tenth"
    assert find(database, "revenue of American Express FY2022")[0].endswith("yes")


def test_pages_come_before_further_passages_of_one(database: PassageDatabase) -> None:
    passages = [(1, "zebra zebra zebra"), (1, "zebra zebra and zebras"), (2, "one zebra of many")]
    database.stage(
        [StagedPassage(key=text, page=page, text=text) for page, text in passages], restart=True
    )
    database.publish(1, owner="anna", title="")
    assert find(database, "zebra")[1] == "one zebra of many"
    assert len(find(database, "zebra")) == 3


def test_the_same_text_of_a_document_is_shown_once(database: PassageDatabase) -> None:
    database.stage(
        [StagedPassage(key=f"k{n}", page=n, text="a rare zebra") for n in (1, 2)], restart=True
    )
    database.publish(1, owner="anna", title="")
    assert find(database, "zebra") == ["a rare zebra"]
