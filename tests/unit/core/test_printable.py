"""Text from untrusted files is shown on one line, and as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.text import printable


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


@given(st.text(), st.integers(1, 50))
def test_it_is_short_and_printable(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert len(shown) <= limit
    assert shown == "" or shown.replace(" ", "x").isprintable()
    assert "\n" not in shown


@given(st.text(alphabet=st.characters(codec="ascii", min_codepoint=33, max_codepoint=126)))
def test_what_is_fit_stays(text: str) -> None:
    assert printable(text, max(1, len(text))) == text
