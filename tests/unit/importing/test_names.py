"""Names of companies and years in a query choose its document."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pdfsluice.plugins.llamaindex.names import Named, name_terms
from pdfsluice.plugins.llamaindex.passages import PassageDatabase
from pdfsluice.plugins.llamaindex.queries import parse
from pdfsluice.plugins.llamaindex.stored import StagedPassage
from tests.support.passages import find, finder_of, put, texts

TITLES = ["ORIONWATER_2021_10K", "ORIONWATER_2022_10K", "VEGA_2022Q2_10Q", "LYRAPRESS_2022_10K"]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[PassageDatabase]:
    opened = PassageDatabase(tmp_path / "passages.db")
    yield opened
    opened.close()


@pytest.fixture
def reports(database: PassageDatabase) -> PassageDatabase:
    for number, title in enumerate(TITLES, 1):
        texts = [f"net income was {number}0 million", f"risk and cash of company {number}"]
        put(database, number, texts, title=title)
    return database


def named(database: PassageDatabase, query: str, owner: str | None = "anna") -> Named:
    return finder_of(database).named_by(parse(query, ["english"]), owner=owner)


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("VEGA_2022Q2_10Q", {"vega", "2022q2", "2022", "q2"}),
        ("Orion Water, annual report", {"orion", "water", "annual", "report"}),
        ("Überblick_2020", {"uberblick", "2020"}),
        ("阿里巴巴_2023年报", {"阿里", "里巴", "巴巴", "2023", "年报"}),
        ("", set()),
    ],
)
def test_names_have_their_parts(name: str, terms: set[str]) -> None:
    assert terms <= set(name_terms(name))


@pytest.mark.parametrize(
    ("query", "document"),
    [
        ("What was the net income of Orion Water in 2022?", 2),
        ("Orionwater's FY2021 net income", 1),
        ("change of cash of Orion Water between 2021 and 2022", 2),
        ("second quarter, Q2 2022, of Vega", 3),
        ("net income that LYRA reported", 4),
    ],
)
def test_names_and_years_choose_the_document(
    reports: PassageDatabase, query: str, document: int
) -> None:
    weights = named(reports, query).weights
    assert max(weights, key=lambda number: weights[number]) == document
    assert named(reports, query).chosen[0] == document


@pytest.mark.parametrize(
    ("query", "documents"),
    [
        ("net income of Orion Water in 2022", {2}),
        ("net income of Orion Water in 2021 and in 2022", {1, 2}),
        ("net income of Orion Water in 2020", {1, 2}),
        ("net income of Orion Water", {1, 2}),
    ],
)
def test_other_editions_of_a_named_document_are_left_out(
    reports: PassageDatabase, query: str, documents: set[int]
) -> None:
    assert set(named(reports, query).weights) & {1, 2} == documents


def test_other_editions_do_not_fill_the_first_hits(database: PassageDatabase) -> None:
    """Their pages have the same text; other pages of the named one are more likely meant."""
    pages = ["operating income grew", "operating margin", "income tax"]
    for year in range(2010, 2023):
        put(database, year, [f"{page} #{year % 100}" for page in pages], title=f"VEGAORION_{year}")
    for number in range(1, 31):
        put(database, number, [f"other text {number}"], title=f"OTHER{number}_2022")
    hits = find(database, "operating income of Vega Orion in 2022", limit=3)
    assert sorted(hits) == ["income tax #22", "operating income grew #22", "operating margin #22"]


def test_words_that_are_common_elsewhere_count_in_a_named_document(
    database: PassageDatabase,
) -> None:
    for number in range(2, 40):
        put(database, number, [f"income statement {number}"] * 2, title=f"OTHER{number}")
    put(database, 1, ["dividend of Vega", "income statement and dividend"], title="VEGA_2022")
    finder = finder_of(database, max_matches=3)
    query = parse("dividend in the income statement of Vega", ["english"])
    rankings = finder.by_query(query, owner="anna", limit=9)
    assert texts(database, rankings.words[1])[0] == "income statement and dividend"


def test_words_of_no_name_choose_nothing(reports: PassageDatabase) -> None:
    assert named(reports, "how large is the risk?").chosen == ()


def test_names_of_other_owners_are_not_seen(reports: PassageDatabase) -> None:
    assert named(reports, "net income of Vega", owner="bob").weights == {}


def test_names_go_with_their_document(reports: PassageDatabase) -> None:
    reports.remove(3)
    assert named(reports, "net income of Vega").weights == {}


def test_the_rest_of_a_query_has_no_names(reports: PassageDatabase) -> None:
    query = "What was Vega's net income?"
    assert named(reports, query).rest_of(query).split() == ["What", "was", "net", "income?"]


def test_a_named_document_comes_first_although_others_have_the_words_more_often(
    database: PassageDatabase,
) -> None:
    for number in range(2, 30):
        put(database, number, [f"operating income, income {number}"], title=f"OTHER{number}_2022")
    wanted = "the operating income and many other figures of this large and long table of figures"
    put(database, 1, ["foreword", wanted], title="VEGA_2022_10K")
    assert find(database, "operating income of Vega in 2022")[0] == wanted


def test_names_in_scripts_without_spaces_choose_the_document(database: PassageDatabase) -> None:
    for number, title in enumerate(["腾讯控股2023年报", "阿里巴巴2022年报", "阿里巴巴2023年报"], 1):
        put(database, number, [f"净利润为{number}亿元", "其他说明"], title=title)
    query = "阿里巴巴2023年的净利润是多少"
    assert named(database, query).chosen[0] == 3
    assert find(database, query)[0] == "净利润为3亿元"


def test_the_heading_of_a_page_counts_for_all_of_its_passages(database: PassageDatabase) -> None:
    database.stage(
        [
            StagedPassage(key="a", page=1, text="sales 17, costs 4", heading="Balance sheet"),
            StagedPassage(key="b", page=2, text="sales 18, costs 5", heading="Cash flows"),
        ]
    )
    database.publish(1, owner="anna", title="")
    assert find(database, "sales in the balance sheet")[0] == "sales 17, costs 4"


def test_the_previous_version_is_taken_over_with_names_and_headings(tmp_path: Path) -> None:
    path = tmp_path / "passages.db"
    database = PassageDatabase(path)
    put(database, 1, ["Balance sheet\nsales 17", "nothing"], title="VEGA_2022_10K")
    database.connection.execute(
        "UPDATE facts SET value = '2' WHERE name = 'schema'; DROP TABLE names; DROP TABLE words"
    )
    database.close()
    database = PassageDatabase(path)
    assert named(database, "Vega").chosen == (1,)
    assert find(database, "balance of Vega 2022")[0].endswith("sales 17")
    embedded = database.connection.execute("SELECT min(embedded) FROM passages").get
    assert embedded == 1
    database.close()
