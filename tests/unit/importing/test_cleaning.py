"""The clean-up that all extractors share."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.documents.text.cleaning import MAX_PAGE_CHARACTERS, clean_text
from pdfsluice.core.documents.text.notes import NoteKind, PageNote, is_placeholder
from pdfsluice.core.documents.text.page import page_text, settled
from pdfsluice.core.models.documents import PageText
from tests.support.shares import share

TRICKY = st.sampled_from(
    list("aZ 1-\n\r\t\u00ad\x02\ufffe\u2010é\ufb01\ufedf\ufee3\ufea4\u0301\u0644\u0627и.")
)


@given(st.text(st.characters(), max_size=200) | st.text(TRICKY, max_size=40))
def test_clean_text_is_fit_for_any_store_and_stays_so(text: str) -> None:
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    assert "\x00" not in cleaned
    assert "\r" not in cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    cleaned.encode()  # lone surrogates would raise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        (
            "hyphen\x02\nated and soft\u00ad\nly and mark\ufffe\r\ned",
            "hyphenated and softly and marked",
        ),
        ("a\x00b\x07c\td", "abc\td"),
        ("0-\x00\n0 and 0-\x02\n0", "0-0 and 0-0"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("pair \ud83d\ude00", "pair 😀"),
    ],
)
def test_characters_that_no_store_takes(text: str, expected: str) -> None:
    assert clean_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wert\u00adpapier\u00adindex", "Wertpapierindex"),
        ("Po\r\n\u00ad\r\nlitik", "Politik"),
        ("the docu-\nmentation", "the documentation"),
        ("the docu\u2010\n  mentation", "the documentation"),
        ("the docu\ufffementation", "the documentation"),
        ("E-\nMail", "E-Mail"),
        ("E\ufffeMail", "E-Mail"),
        ("2024-\n05", "2024-05"),
        ("input-\nand output", "input- and output"),
        ("year-over-\nyear", "year-over-year"),
        ("state-of-\nthe-art", "state-of-the-art"),
        ("well-known; so well-\nknown", "well-known; so well-known"),
        ("notebook; the note-\nbook", "notebook; the notebook"),
        ("a list -\nand more", "a list -\nand more"),
    ],
)
def test_words_are_joined_and_compounds_keep_their_hyphen(text: str, expected: str) -> None:
    assert clean_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("o\ufb03ce \ufb01bre \ufb05", "office fibre st"),
        ("\u0644\u0627 and \ufefb", "\u0644\u0627 and \u0644\u0627"),
        ("\ufee3\ufea4\ufee4\ufeaa", "محمد"),
        ("\ufeaa\ufee4\ufea4\ufee3 12", "12 محمد"),
        ("e\u0301te\u0301", "été"),
        ("J a c k s o n F i v e", "Jackson Five"),
        ("R E P O R T", "REPORT"),
        ("a b c d e", "a b c d e"),
        ("I a m", "I a m"),
    ],
)
def test_letters_are_what_a_reader_sees(text: str, expected: str) -> None:
    assert clean_text(text) == expected


def test_a_page_without_end_is_cut_off() -> None:
    assert len(clean_text("x" * (MAX_PAGE_CHARACTERS + 5))) == MAX_PAGE_CHARACTERS


@pytest.mark.long
@pytest.mark.parametrize(
    "piece",
    share(
        ["a-\n", "\ufee3\ufea4", "a ", "x\ufffe", "\u00ad\n"],
        every=5,
        nightly=["\ufee3\ufea4", "a ", "x\ufffe"],
    ),
)
def test_a_hostile_page_takes_no_longer_than_its_size(piece: str) -> None:
    assert clean_text(piece * (MAX_PAGE_CHARACTERS // len(piece))) is not None


@pytest.mark.parametrize(
    "text",
    [
        "\x0f\x04\n\x07\x06\x01\x10\x07\x05\x0f\x07\x11\x12",
        "\ue001\ue002 \ue003\ue004\ue005",
        "\ufffd\ufffd\ufffd word",
        "7KLV LV D WHVW RI WKH VKLIWHG DOSKDEHW ZKLFK VXEVHW IRQWV KDYH " * 4,
    ],
)
def test_garbage_is_recognised(text: str) -> None:
    page = page_text(3, text)
    assert (page.text, page.garbled) == ("", True)
    assert settled(PageText(3, text)) == page


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12 345 67,8 %",
        "Plain words of a page. " * 20,
        "市政府昨天公布了新的交通规划方案",
        "docu\ufffementation of the \x02 sign",
        "NYSE FTSE GmbH LLC 10-K Q3 FY24 " * 20 + "and some words that can be read here too",
        "• \uf0b7 first item\n• \uf0b7 second item of the list",
    ],
)
def test_text_is_not_taken_for_garbage(text: str) -> None:
    assert not page_text(1, text).garbled


def test_words_count_although_no_font_maps_them() -> None:
    assert page_text(1, "These are words of an old file", unmapped=True).text
    assert page_text(1, "qzx 7&5 wvk 9)3", unmapped=True).garbled


def test_notes_are_marked_and_survive_garbage() -> None:
    notes = [
        PageNote(NoteKind.FIELD, "Ada\nLovelace", "name"),
        PageNote(NoteKind.TEXT_BOX, " "),
        PageNote(NoteKind.TEXT_BOX, "see below"),
    ]
    assert page_text(1, "Body\n", notes).text == (
        "Body\nForm field name: Ada Lovelace\nText box: see below"
    )
    garbled = page_text(1, "\x01\x04\x05\x06", notes)
    assert garbled.garbled
    assert settled(garbled) == garbled
    assert garbled.text.startswith("Form field name: Ada")


def test_the_placeholder_of_a_form() -> None:
    assert is_placeholder("Please wait...\nIf this message is not replaced, your PDF viewer may")
    assert not is_placeholder("Please wait for the results of the audit.")
