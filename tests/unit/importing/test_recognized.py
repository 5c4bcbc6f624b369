"""What a recognizer read becomes the text and the layout of a page."""

import pytest

from pdfsluice.core import Box, PageLayout, PageText, RecognizedPage, RecognizedWord, TextSource
from pdfsluice.core.documents.text.page import settled
from pdfsluice.core.documents.text.recognized import PageSize, page_of


def word(text: str, left: float = 0, top: float = 0) -> RecognizedWord:
    return RecognizedWord(text, Box(left, top, left + 100, top + 20))


def page(text: str = "", *, width: float = 612, height: float = 792) -> PageText:
    layout = PageLayout(width, height, "iv").encode()
    return PageText(3, text, layout=layout, source=TextSource.NONE)


def read(*lines: str, width: int = 1224, height: int = 1584) -> RecognizedPage:
    words = [[word(each) for each in line.split()] for line in lines]
    return RecognizedPage(width=width, height=height, lines=words)


def test_lines_and_paragraphs_stay() -> None:
    result = page_of(page(), read("one two", "three", "", "four"))
    assert result.text == "one two\nthree\n\nfour"
    assert (result.number, result.source) == (3, TextSource.OCR)
    assert PageLayout.decode(result.layout).label == "iv"


def test_words_that_a_line_end_breaks_are_joined_and_have_two_places() -> None:
    lines = [[word("inspec-", 500, 10)], [word("tion", 10, 50)]]
    result = page_of(page(), RecognizedPage(width=1224, height=1584, lines=lines))
    assert result.text == "inspection"
    layout = PageLayout.decode(result.layout)
    assert len(layout.rectangles(0, len(result.text), result.text)) == 2


def test_what_the_picture_does_not_show_keeps_its_text() -> None:
    result = page_of(page("Name: Ada\n[Comment: later]"), read("Form", "Name: Ada"))
    assert result.text == "Form\nName: Ada\n\n[Comment: later]"


def test_a_page_that_was_drawn_in_the_middle_has_its_places_there() -> None:
    """Pages more than four times as high as wide are drawn on a wider picture."""
    stored = page(width=100, height=1000)
    words = [[RecognizedWord("here", Box(60, 0, 80, 10))]]
    result = page_of(stored, RecognizedPage(width=100, height=400, lines=words))
    (placed,) = PageLayout.decode(result.layout).words()
    assert placed.box.left == pytest.approx(75, abs=0.1), "30 of 40 pixels from its left edge"
    assert placed.box.bottom == pytest.approx(25, abs=0.1)


def test_places_need_the_size_of_the_page() -> None:
    result = page_of(PageText(1, "", source=TextSource.NONE), read("words"))
    assert (result.text, result.layout) == ("words", b"")


@pytest.mark.parametrize(
    ("width", "height", "pixels"),
    [(612, 792, 2550), (842, 595, 3508), (2550, 3300, 3045), (20, 20, 200), (14_400, 20, 3600)],
)
def test_pages_are_drawn_in_their_resolution_within_limits(
    width: float, height: float, pixels: int
) -> None:
    size = PageSize.of(page(width=width, height=height))
    assert size.picture_width(300) == pixels


def test_an_unknown_size_is_taken_for_letter() -> None:
    assert PageSize.of(PageText(1, "")).picture_width(300) == 2550
    assert PageSize.of(PageText(1, "", layout=b"damaged")).picture_width(300) == 2550


@pytest.mark.parametrize(
    ("text", "source"),
    [("words", TextSource.TEXT), (" \n", TextSource.NONE), ("\ue001\ue002", TextSource.NONE)],
)
def test_pages_without_legible_text_have_no_source(text: str, source: TextSource) -> None:
    assert settled(PageText(1, text)).source is source
    assert settled(settled(PageText(1, text))).source is source
