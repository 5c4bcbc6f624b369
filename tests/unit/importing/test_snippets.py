"""The marked words of passages, and the part of a passage that is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.documents.search.snippets import MAX_SNIPPET, snippet_of
from pdfsluice.core.models.passages import Passage
from pdfsluice.plugins.llamaindex.expressions import Alternatives, Phrase
from pdfsluice.plugins.llamaindex.marking import Marker, Wanted


def word(*terms: str) -> Alternatives:
    return Alternatives(terms)


def marked(text: str, *wanted: Phrase | Alternatives, language: str = "english") -> list[str]:
    marks = Marker(Wanted.of(wanted)).marks_in(text, language)
    return [text[start:end] for start, end in marks]


def test_words_are_marked_as_they_are_found() -> None:
    text = "The Sluices near Zürich were opened; ISO 32000-2 describes sluicing."
    assert marked(text, word("sluice", "sluic")) == ["Sluices", "sluicing"]
    assert marked(text, word("zurich")) == ["Zürich"]
    assert marked(text, Phrase(("iso", "32000", "2"))) == ["ISO", "32000", "2"]
    assert marked(text, Alternatives(("open",), is_beginning=True)) == ["opened"]
    assert marked(text, word("nothing")) == []


def test_runs_without_spaces_are_marked_in_part() -> None:
    assert marked("水閘管理規則", word("管理", "理規"), language="chinese") == ["管理規"]
    assert marked("水閘管理と水閘", word("水閘"), language="japanese") == ["水閘", "水閘"]


def test_the_snippet_has_the_most_words() -> None:
    filler = "nothing of note happens in this sentence. " * 12
    text = f"A sluice. {filler}The sluice and the weir of the canal. {filler}"
    marks = Marker(Wanted.of(map(word, ["sluic", "weir", "canal"]))).marks_in(text, "english")
    segments = snippet_of(Passage(1, 1, text, 1.0, marks=marks))
    assert [part.text for part in segments if part.marked] == ["sluice", "weir", "canal"]
    shown = "".join(part.text for part in segments)
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert shown.strip("…").strip() in text


def test_without_marks_the_beginning_is_shown() -> None:
    text = "word " * 200
    segments = snippet_of(Passage(1, 1, text, 1.0))
    assert not any(part.marked for part in segments)
    assert "".join(part.text for part in segments).startswith("word word")
    assert segments[-1].text == "…"
    short = snippet_of(Passage(1, 1, "all\nof  it", 1.0))
    assert [part.text for part in short] == ["all of it"]


@pytest.mark.parametrize("shift", range(4))
def test_marks_stay_with_their_letters(shift: int) -> None:
    text = "x" * shift + "ที่นี่" * 200
    for marks in ((), ((600, 603),)):
        segments = snippet_of(Passage(1, 1, text, 1.0, marks=marks))
        shown = "".join(part.text for part in segments).strip("…")
        assert shown.startswith(("x", "ท", "น"))
        assert shown.endswith(("ี่", "x")), "no letter is cut from its marks"


@given(st.text("ab \n", max_size=1500), st.sampled_from(["a", "b", "ab"]))
def test_a_snippet_is_a_part_of_the_passage(text: str, letters: str) -> None:
    marks = Marker(Wanted.of([Alternatives((letters,))])).marks_in(text, "")
    segments = snippet_of(Passage(1, 1, text, 1.0, marks=marks))
    shown = "".join(part.text for part in segments)
    assert len(shown.strip("…")) <= MAX_SNIPPET
    assert shown.strip("…").strip() in " ".join(text.split())
    assert all(part.text == letters for part in segments if part.marked)


@pytest.mark.parametrize("text", ["", "\u0301", "\ufe0f水", "ﬁ ﬁx"])
def test_odd_text_is_marked_without_failing(text: str) -> None:
    marks = Marker(Wanted.of(map(word, ["fi", "水"]))).marks_in(text, "")
    assert all(0 <= start < end <= len(text) for start, end in marks)
