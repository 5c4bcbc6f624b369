"""The places of words: stored, located in cleaned text, and returned."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.documents.search.hit_places import place_of
from pdfsluice.core.documents.text.cleaning import clean_text
from pdfsluice.core.documents.text.placing import aligned
from pdfsluice.core.models.documents import PageText
from pdfsluice.core.models.layout import Box, DamagedLayout, PageLayout, WordBoxes
from pdfsluice.core.models.passages import Passage

shares = st.integers(0, WordBoxes.STEPS)


def layout(text: str, boxes: list[Box], *, width: float = 600, height: float = 800) -> PageLayout:
    """Return the layout of a text whose words have these boxes."""
    found = aligned(text, text.split())
    return PageLayout(width, height, "", found.spans, WordBoxes.of(boxes, width, height))


def line(words: int, top: float, *, left: float = 50, width: float = 40) -> list[Box]:
    """Return boxes of words that follow each other, 5 points apart."""
    starts = [left + n * (width + 5) for n in range(words)]
    return [Box(start, top, start + width, top + 10) for start in starts]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40), shares, shares, shares, shares)),
    st.floats(1, 14400, width=32),
    st.floats(1, 14400, width=32),
    st.text(max_size=20),
)
def test_a_stored_layout_comes_back(
    words: list[tuple[int, ...]], width: float, height: float, label: str
) -> None:
    spans, position = [], 0
    for gap, length, *_ in words:
        spans.append((position + gap, position + gap + length))
        position += gap + length
    columns = ([word[n] for word in words] for n in range(2, 6))
    stored = PageLayout(width, height, label, spans, WordBoxes(*columns))
    again = PageLayout.decode(stored.encode())
    assert (again.width, again.height, again.label) == (width, height, label)
    assert list(again.spans) == spans
    assert list(again.words()) == list(stored.words())


@pytest.mark.parametrize("damage", ["cut", "empty", "noise", "version"])
def test_damage_is_noticed(damage: str) -> None:
    whole = layout("a few words", line(3, 10)).encode()
    import zlib  # noqa: PLC0415 - of this test alone

    damaged = {
        "cut": whole[:-5],
        "empty": b"",
        "noise": bytes(range(50)),
        "version": zlib.compress(b"\x63" + zlib.decompress(whole)[1:]),
    }[damage]
    with pytest.raises(DamagedLayout):
        PageLayout.decode(damaged)


def test_words_on_a_line_are_one_rectangle_and_columns_are_two() -> None:
    text = "one two three\nfour five six"
    page = layout(text, [*line(3, 100), *line(2, 115), Box(400, 115, 440, 125)])
    whole = page.rectangles(0, len(text), text)
    assert len(whole) == 3
    assert whole[0].left == pytest.approx(50, abs=0.1)
    assert whole[0].right == pytest.approx(180, abs=0.1)
    (five,) = page.rectangles(text.index("five"), text.index("five") + 4, text)
    assert five.left == pytest.approx(95, abs=0.1)
    assert page.rectangles(3, 4, text) == ()


def test_a_part_of_a_word_has_a_part_of_its_rectangle() -> None:
    text = "水閘管理規則 שלום"
    page = layout(text, [Box(0, 0, 60, 10), Box(100, 0, 140, 10)])
    (part,) = page.rectangles(2, 4, text)
    assert (part.left, part.right) == pytest.approx((20, 40), abs=0.1)
    (whole,) = page.rectangles(7, 9, text)
    assert (whole.left, whole.right) == pytest.approx((100, 140), abs=0.1), "right to left"


def placed(read: str) -> dict[str, list[str]]:
    """Clean an extractor's text; return its words, each stored one with its parts."""
    text = clean_text(read)
    words = read.split()
    found = aligned(text, words)
    numbers = range(len(words)) if found.numbers is None else found.numbers
    parts: dict[str, list[str]] = {}
    for (start, end), number in zip(found.spans, numbers, strict=True):
        left = text.rfind(" ", 0, start) + 1
        whole = text[max(left, text.rfind("\n", 0, start) + 1) :].split()[0]
        assert text[start:end]
        parts.setdefault(whole, []).append(words[number])
    return parts


def test_words_that_cleaning_changed_keep_their_places() -> None:
    parts = placed("The con-\ntainer of ﬁsh and J a c k s o n in the ofﬁce\x02\nbuilding stays")
    assert parts["container"] == ["con-", "tainer"]
    assert parts["fish"] == ["ﬁsh"]
    assert parts["Jackson"] == list("Jackson")
    assert parts["stays"] == ["stays"]


def test_a_right_to_left_line_is_found_in_either_order() -> None:
    text = "שלום עולם"
    found = aligned(text, ["םלוע", "םולש"])
    assert [text[start:end] for start, end in found.spans] == ["שלום", "עולם"]
    assert found.numbers == [1, 0]


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=6), min_size=1, max_size=60), st.data())
def test_every_word_that_was_read_is_found(words: list[str], data: st.DataObject) -> None:
    """Whatever else the stored text has, before, after, or in between."""
    extra = data.draw(st.integers(0, len(words)))
    text = " ".join([*words[:extra], "Form field 9: 12345", *words[extra:]])
    found = aligned(text, words)
    numbers = range(len(words)) if found.numbers is None else found.numbers
    assert [text[a:b] for a, b in found.spans] == [words[n] for n in numbers]
    assert sorted(numbers) == list(range(len(words)))


def test_a_passage_whose_leaders_were_shortened_has_its_place() -> None:
    text = "Contents\nSluices . . . . . . . . 12\nLocks . . . . . . . 40"
    words = text.split()
    found = aligned(text, words)
    boxes = WordBoxes.of(line(len(words), 20, width=8), 600, 800)
    page = PageText(1, text, layout=PageLayout(600, 800, "iii", found.spans, boxes).encode())
    passage = Passage(1, 1, "Sluices … 12\nLocks … 40", 1.0, marks=((13, 18),))
    place = place_of(passage, page)
    assert place is not None
    assert (place.label, place.width, place.height) == ("iii", 600, 800)
    assert place.rectangles[0].left == pytest.approx(50 + 13, abs=0.1)
    (mark,) = place.marks
    expected = 50 + 13 * words.index("Locks")
    assert mark.left == pytest.approx(expected, abs=0.1)


def test_a_page_without_a_layout_has_no_place() -> None:
    passage = Passage(1, 1, "words", 1.0)
    assert place_of(passage, PageText(1, "words")) is None
    assert place_of(passage, PageText(1, "words", layout=b"damaged")) is None
    size = PageLayout(10, 20).encode()
    place = place_of(passage, PageText(1, "words", layout=size))
    assert place is not None
    assert place.rectangles == ()
