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


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ('find "the red pump" now', [("the", "red", "pump")]),
        ("INV-2024-0042", [("inv", "2024", "0042")]),
        ("„rote Pumpe“ und §12", [("rote", "pumpe"), ("§", "12")]),
        ("ISO 32000-2", [("32000", "2")]),
        ("grew by 1,234.56 in 2024", []),
        ("year-over-year change", []),
    ],
)
def test_phrases_of_a_query(text: str, phrases: list[tuple[str, ...]]) -> None:
    assert list(parse(text, ()).phrases) == phrases


def test_common_words_do_not_count_unless_they_are_all() -> None:
    assert parse("what is the pump", ()).groups[-1][0] == "pump"
    assert ("the",) not in parse("the pump", ()).groups
    assert parse("to be", ()).groups


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
