"""Languages are recognized, words are folded, queries are understood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.plugins.llamaindex.finding import is_near
from pdfsluice.plugins.llamaindex.languages import UNKNOWN, language_of
from pdfsluice.plugins.llamaindex.queries import parse
from pdfsluice.plugins.llamaindex.terms import analyse, fold, stem


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What happens to the pumps when the power fails?", "english"),
        ("Was geschieht mit den Pumpen bei einem Stromausfall?", "german"),
        ("Que se passe-t-il avec les pompes dans une panne ?", "french"),
        ("¿Qué pasa con las bombas en un corte de los cables?", "spanish"),
        ("Что происходит с насосами?", "russian"),  # noqa: RUF001
        ("ماذا يحدث للمضخات", "arabic"),
        ("停电时水泵会怎样", "chinese"),
        ("停電のときポンプはどうなりますか", "japanese"),
        ("पंप का क्या होता है", "hindi"),
        ("1,234.56", UNKNOWN),
        ("pumps", UNKNOWN),
        ("", UNKNOWN),
        (f"Earnings per share {'Basic Diluted Weighted ' * 20}", UNKNOWN),
    ],
)
def test_languages_are_recognised(text: str, language: str) -> None:
    assert language_of(text) == language


@given(st.text(max_size=80))
def test_terms_suit_the_word_index(text: str) -> None:
    """Its tokenizer splits at ASCII characters other than letters and digits."""
    for terms in analyse(text, "english"):
        assert all(term and not term.isspace() for term in terms)
        assert all(c.isalnum() or not c.isascii() for term in terms for c in term)


def test_stems_of_languages() -> None:
    assert stem("pumps", "english") == stem("pump", "english")
    assert stem("häuser", "german") == stem("hauses", "german")
    assert stem("книгами", "russian") == stem("книга", "russian")
    assert stem("pumps", UNKNOWN) == "pumps"
    assert fold("ÉLÈVE".casefold()) == "eleve"


def test_words_with_vowel_marks_are_stemmed() -> None:
    assert stem("الكِتَابُ", "arabic") == stem("كتاب", "arabic")
    assert stem("किताबों", "hindi") == stem("किताब", "hindi")


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ('find "the red pump" now', [("the", "red", "pump")]),
        ("INV-2024-0042", [("inv", "2024", "0042")]),
        ("„rote Pumpe“ und §12", [("rote", "pumpe"), ("§", "12")]),
        ("ISO 32000-2", [("32000", "2")]),
        ("grew by 1,234.56 in 2024", []),
        ("year-over-year change", []),
        ("INV_2024_0042", [("inv", "2024", "0042")]),
        ("\uff29\uff2e\uff36\uff0d\uff12\uff10", [("inv", "20")]),
        ("\u22127-8\u22129", [("7", "8", "9")]),
        ("「水閘」", [("水閘",)]),
        ('the "red pump', []),
        ('""', []),
    ],
)
def test_phrases_of_a_query(text: str, phrases: list[tuple[str, ...]]) -> None:
    assert list(parse(text, ()).phrases) == phrases


def test_common_words_do_not_count_unless_they_are_all() -> None:
    assert parse("what is the pump", ()).groups[-1][0] == "pump"
    assert ("the",) not in parse("the pump", ()).groups
    assert parse("to be", ()).groups


@pytest.mark.parametrize(
    ("query", "languages", "word"),
    [
        ("health care costs", ["english", "romanian"], "care"),
        ("garage door opener", ["english", "dutch"], "door"),
        ("12 volt battery", [], "volt"),
        ("Was kostet die door lock", ["german", "english"], "door"),
    ],
)
def test_common_words_of_another_language_count(
    query: str, languages: list[str], word: str
) -> None:
    assert any(group[0] == word for group in parse(query, languages).groups)


def test_one_word_is_no_sign_of_another_language() -> None:
    query = parse("earnings per share", ["english", "italian"])
    assert query.language == UNKNOWN
    assert ("earnings", "earn") in [group[:2] for group in query.groups]
    assert parse("utili per una azione", ["english", "italian"]).language == "italian"


def test_stems_of_the_commonest_languages_are_tried() -> None:
    languages = ["", "english", "chinese", "czech", "danish", "dutch", "finnish", "french"]
    [group] = parse("expenses", languages).groups
    assert stem("expenses", "english") in group
    [group] = parse("voitures", [*languages[::-1], "german"]).groups
    assert stem("voitures", "french") in group


def test_a_script_is_evident_if_no_passage_has_its_language() -> None:
    assert parse("東京都", ["english", "japanese"]).language == "chinese"
    assert parse("насосы", ["english"]).language == "russian"


def test_long_queries_are_cut() -> None:
    for text in ("水閘管理規則" * 300, " ".join(map(str, range(500))), "1-2 " * 400):
        query = parse(f'"{text}" {text}', ())
        assert max(map(len, (query.groups, query.words, query.phrases))) <= 64
        assert max(map(len, query.phrases)) <= 64


def test_words_without_letters_do_not_move_the_common_ones() -> None:
    assert parse("\u0640 the pump", ()).groups == (("pump",),)


@pytest.mark.parametrize(
    ("one", "two", "near"),
    [
        ("pump", "pumps", True),
        ("pump", "pimp", True),
        ("pump", "upmp", True),
        ("pump", "pump", False),
        ("pump", "plumps", False),
        ("pump", "damp", False),
    ],
)
def test_near_words(one: str, two: str, *, near: bool) -> None:
    assert is_near(one, two) is near
    assert is_near(two, one) is near
