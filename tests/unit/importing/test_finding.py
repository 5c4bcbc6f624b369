"""Search by words: forms, phrases, identifiers, names, and the order of hits."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.plugins.llamaindex.expressions import AllOf, Alternatives, AnyOf
from pdfsluice.plugins.llamaindex.finding import Finder
from pdfsluice.plugins.llamaindex.passages import PassageDatabase
from pdfsluice.plugins.llamaindex.queries import parse
from pdfsluice.plugins.llamaindex.searching import Search
from pdfsluice.plugins.llamaindex.sqlite_reader import SqliteReader
from pdfsluice.plugins.llamaindex.stored import StagedPassage
from tests.support.passages import EASY, find, finder_of, put, texts


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
        ("the year 2024", "\uff12\uff10\uff12\uff14"),
        ("العام ٢٠٢٤", "2024"),
        ("year 2024", "٢٠٢٤"),
        ("الكِتَابُ الجديد", "كتاب"),
        ("यह किताबों की सूची है", "किताब"),
        ("check \u2714\ufe0f mark\ufe0f", "mark"),
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
    assert find(database, "trubines") == ["pumps and turbines"]
    assert find(database, "zebra") == []


def test_words_of_others_do_not_hide_beginnings(database: PassageDatabase) -> None:
    """A word that occurs only in what is not searched is a beginning, as if it occurred nowhere."""
    put(database, 1, ["a report on seawater"])
    put(database, 2, ["a seaw and a dog"], owner="bob")
    assert find(database, "seaw", owner="anna") == ["a report on seawater"]
    assert find(database, "seaw", owner="bob") == ["a seaw and a dog"]
    assert find(database, "seaw") == ["a seaw and a dog"]
    assert find(database, "dog", owner="anna") == []
    finder = finder_of(database)
    rankings = finder.by_query(parse("seaw", ()), owner=None, limit=9, documents=[1])
    assert [hit.text for hit in finder.hits(rankings, limit=9)] == ["a report on seawater"]


def test_frequencies_follow_the_passages(database: PassageDatabase) -> None:
    put(database, 1, [f"the valve of tank {n}" for n in range(20)])
    put(database, 2, ["a zebra"])
    finder = Finder(SqliteReader(database), max_matches=25)
    query = parse("zebra valve", ())
    assert texts(database, finder.by_query(query, owner="anna", limit=9).words[0])[0] == "a zebra"
    put(database, 3, [f"a zebra {n}" for n in range(40)])
    first = texts(database, finder.by_query(query, owner="anna", limit=30).words[0])[0]
    assert first.startswith("the valve"), "it is the rarer one now"


def test_the_commonest_language_comes_first(database: PassageDatabase) -> None:
    put(database, 1, ["Was ist das für ein Ding?", "Was ist das?", "Das ist der Hund."])
    put(database, 2, ["Qu'est-ce que c'est dans le livre ?", "1 2 3"])
    assert list(finder_of(database).languages()) == ["german", "", "french"]


def test_long_queries_are_answered(database: PassageDatabase) -> None:
    put(database, 1, ["水閘管理規則", "one pump"])
    assert find(database, f"水閘管理規則{'水閘夜間開放' * 300}") == ["水閘管理規則"]
    assert find(database, f"pump {'wurde ' * 300}")[0] == "one pump"
    assert find(database, f'"{"pump " * 300}"') == ["one pump"]


def test_common_words_of_a_phrase_are_not_marked(database: PassageDatabase) -> None:
    text = "the pump and the last invoice of the year"
    put(database, 1, [text])
    finder = finder_of(database)
    for query, words in (('"the last invoice"', ["last", "invoice"]), ('"of the"', ["of", "the"])):
        rankings = finder.by_query(parse(query, ()), owner=None, limit=9)
        [hit] = finder.hits(rankings, limit=9)
        assert set(words) == {hit.text[start:end] for start, end in hit.marks} - {"and"}


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


def test_a_common_word_orders_what_a_rare_word_finds_and_follows_it(
    database: PassageDatabase,
) -> None:
    common = [f"the valve of tank {n}" for n in range(20)]
    rare = ["a zebra and a tank of others", "a zebra and a valve of others"]
    others = [f"nothing of it here {n}" for n in range(30)]
    put(database, 1, [*common, *rare, *others])
    finder = Finder(SqliteReader(database), max_matches=5)
    rankings = finder.by_query(parse("zebra valve", ()), owner="anna", limit=5)
    assert texts(database, rankings.words[0])[:2] == rare[::-1]
    assert len(rankings.words[0]) == 5
    alone = finder.by_query(parse("valve", ()), owner="anna", limit=30)
    assert set(texts(database, alone.words[0])) == {*common, rare[1]}


def test_passages_with_all_words_spare_a_look_for_others(database: PassageDatabase) -> None:
    put(database, 1, [f"a valve and a pump {n}" for n in range(9)])
    put(database, 2, [f"a valve {n}" for n in range(9)])
    finder = finder_of(database)
    assert not finder.by_query(parse("valve pump", ()), owner="anna", limit=9).words
    assert finder.by_query(parse("valve pump", ()), owner="anna", limit=10).words


def test_words_that_count_for_the_order_count_as_much_as_others(database: PassageDatabase) -> None:
    kinds = ["zebra", "zebra valve", "zebra valve valve", "zebra zebra", "valve"]
    put(database, 1, [f"{kind} of a text {n} {'word ' * n}" for n in range(9) for kind in kinds])
    put(database, 2, [f"no such words {n}" for n in range(90)])
    zebra, valve = Alternatives(("zebra",)), Alternatives(("valve", "valv"))
    reader = SqliteReader(database)

    def matching(wanted: AnyOf) -> list[int]:
        return reader.matching(wanted, owner="anna", limit=100, documents=None)

    both, zebras = matching(AnyOf((zebra, valve))), matching(AnyOf((zebra,)))
    assert matching(AnyOf((zebra,), (valve,))) == [each for each in both if each in set(zebras)]


@pytest.mark.parametrize(("owner", "documents"), [(None, None), ("anna", None), ("anna", [1, 2])])
def test_the_newest_of_too_many_passages_are_ranked(
    database: PassageDatabase, owner: str | None, documents: list[int] | None
) -> None:
    put(database, 1, [f"zebra {n}" for n in range(5)])
    put(database, 2, [f"zebra and {n}" for n in range(5)])
    put(database, 3, ["zebra"], owner="bob")
    reader = SqliteReader(database, max_ranked=4, max_ranked_with_all=3)
    zebra = Alternatives(("zebra",))
    for wanted, count in ((AnyOf((zebra,)), 4), (AllOf((zebra,)), 3)):
        numbers = reader.matching(wanted, owner=owner, limit=9, documents=documents)
        newest = range(5 - count, 5) if owner else range(6 - count, 5)
        assert {f"zebra and {n}" for n in newest} <= set(texts(database, numbers))
        assert len(numbers) == count


def test_the_same_text_of_a_document_is_shown_once(database: PassageDatabase) -> None:
    database.stage(
        [StagedPassage(key=f"k{n}", page=n, text="a rare zebra") for n in (1, 2)], restart=True
    )
    database.publish(1, owner="anna", title="")
    assert find(database, "zebra") == ["a rare zebra"]


def test_the_first_hits_are_the_same_however_many_are_wanted(database: PassageDatabase) -> None:
    choice = random.Random(5)
    words = ["valve", "pump", "tank", "seal", *map(str, range(20))]
    passages = [
        StagedPassage(key=str(n), page=n // 3, text=" ".join(choice.choices(words, k=9)))
        for n in range(600)
    ]
    database.stage(passages, restart=True)
    database.publish(1, owner="anna", title="")
    meaning = choice.sample(range(1, 601), 600)
    finder = finder_of(database)

    def hits(top_k: int) -> list[str]:
        depth = Search(query="valve pump", top_k=top_k, owner=None).depth
        rankings = finder.by_query(parse("valve pump", ()), owner=None, limit=depth)
        rankings.meaning = [meaning[:depth]]
        return [hit.text for hit in finder.hits(rankings, limit=top_k)]

    every = hits(500)
    assert len(every) > 400
    for top_k in (1, 11, 25, 26, 61, 101, 300):
        assert hits(top_k) == every[:top_k]
