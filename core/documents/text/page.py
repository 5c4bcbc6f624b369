"""Turns what an extractor read on a page into the text that is stored."""

from collections.abc import Iterable
from dataclasses import replace

from pdfsluice.core.models.documents import PageText, TextSource

from .cleaning import clean_text
from .legibility import has_words, is_legible
from .notes import PageNote, with_notes


def page_text(
    number: int, text: str, notes: Iterable[PageNote] = (), *, unmapped: bool = False
) -> PageText:
    """Return the clean text of a page, without garbled parts, and its notes.

    Args:
        number: 1-based page number.
        text: The text of the page's content, as the library returned it.
        notes: Field values and annotations; they count even if the text is garbled.
        unmapped: Whether the fonts of the page do not map their characters to Unicode. If the
            text consists of words, it is used nevertheless: many old files need no map.
    """
    garbled = not is_legible(text) or (unmapped and not has_words(text))
    cleaned = "" if garbled else clean_text(text)
    source = TextSource.TEXT if cleaned.strip() else TextSource.NONE
    remarks = list(notes)
    if remarks:
        cleaned = clean_text(with_notes(cleaned, remarks))
    return PageText(number, cleaned, garbled=garbled, source=source)


def settled(page: PageText) -> PageText:
    """Return a page of any extractor in its stored form; settled pages are unchanged.

    The source of a page that is garbled or has no text is ``none``: it may be read by OCR.
    """
    if page.garbled or not is_legible(page.text):
        text = clean_text(page.text) if page.garbled else ""
        return replace(page, text=text, garbled=True, source=TextSource.NONE)
    text = clean_text(page.text)
    return replace(page, text=text, source=page.source if text.strip() else TextSource.NONE)
