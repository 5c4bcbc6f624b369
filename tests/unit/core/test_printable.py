"""Text from untrusted files is shown on one line, and as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.text import clean_name, legible, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  a\n\tb  ", "a b"),
        ("gnp.\u202eexe", "gnp.exe"),
        ("a\x00b\x1b[31m", "ab[31m"),
        ("Ødegård 日本", "Ødegård 日本"),
        ("\ud800x", "x"),
        ("a\u200bb\ufeff", "ab"),
        ("", ""),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert printable(text, 100) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\n\x1b[31mb\x9b", r"a\n\x1b[31mb\x9b"),
        ("gnp.\u202eexe", r"gnp.\u202eexe"),
        ("\udcff", r"\udcff"),
        ("Ødegård\xa0日本 क्\u200dष", "Ødegård\xa0日本 क्\u200dष"),
    ],
)
def test_a_name_is_legible_and_loses_nothing(name: str, shown: str) -> None:
    assert legible(name) == shown
    assert legible("a\nb\x07", keep="\n") == "a\nb\\x07"


@given(st.text(), st.integers(1, 50))
def test_it_is_short_and_printable(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert len(shown) <= limit
    assert shown == "" or shown.replace(" ", "x").isprintable()
    assert "\n" not in shown


@given(st.text(alphabet=st.characters(codec="ascii", min_codepoint=33, max_codepoint=126)))
def test_what_is_fit_stays(text: str) -> None:
    assert printable(text, max(1, len(text))) == text


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Rapport\u00a0annuel\u202f: 2025.pdf", "Rapport annuel : 2025.pdf"),
        ("年次\u3000報告.pdf", "年次 報告.pdf"),
        ("a\u2003b\u2009c.pdf", "a b c.pdf"),
        ("Cafe\u0301 U\u0308bersicht.pdf", "Caf\u00e9 \u00dcbersicht.pdf"),
        ("\u1112\u1161\u11ab.pdf", "\ud55c.pdf"),
        ("نمی\u200cشود.pdf", "نمی\u200cشود.pdf"),
        ("क्\u200dष.pdf", "क्\u200dष.pdf"),
        ("👩\u200d🚀.pdf", "👩\u200d🚀.pdf"),
        ("👩🏽\u200d❤\ufe0f\u200d👨.pdf", "👩🏽\u200d❤\ufe0f\u200d👨.pdf"),
        ("in\u200dvoice.pdf\u200d", "invoice.pdf"),
        ("\u200cمی\u200c", "می"),
        ("gnp.\u202eexe", "gnp.exe"),
        ("soft\u00adhyphen\u200b\u2060\ufeff.pdf", "softhyphen.pdf"),
        ("two  spaces\t.pdf", "two  spaces.pdf"),
        ("line\nbreak.pdf", "linebreak.pdf"),
        ("\ud800x", "x"),
        ("\u00a0\u3000", ""),
    ],
)
def test_names_keep_their_words(given: str, name: str) -> None:
    assert clean_name(given, 100) == name


@given(st.text(), st.integers(1, 50))
def test_a_name_stays_as_it_is_when_it_is_cleaned_again(text: str, limit: int) -> None:
    name = clean_name(text, limit)
    assert len(name) <= limit
    assert clean_name(name, limit) == name
    joined = name.replace("\u200c", "").replace("\u200d", "")
    assert joined == "" or joined.replace(" ", "x").isprintable()
