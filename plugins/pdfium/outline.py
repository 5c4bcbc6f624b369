"""The bookmarks of a document, by the pages that they open, through PDFium."""

import ctypes
from collections.abc import Iterator, Mapping
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from pdfsluice.core.documents.text.notes import NoteKind, PageNote

from .calls import address_of

_MAX_BOOKMARKS = 5000
_MAX_OF_PAGE = 50
_MAX_BYTES = 1000  # of a title
_TERMINATOR = 2  # bytes of the zero that ends a string

Outline = Mapping[int, list[str]]
"""Titles of bookmarks by the number of their page, from 0."""


def outline_of(document: pypdfium2.PdfDocument) -> Outline:
    """Return the bookmarks of a document (ISO 32000-1, 12.3.3).

    A damaged tree ends at an item that comes a second time, and every tree after 5,000 items.
    """
    titles: dict[int, list[str]] = {}
    for bookmark in _walk(document):
        page = _page_of(document, bookmark)
        title = _title(bookmark)
        if page >= 0 and title and len(titles.setdefault(page, [])) < _MAX_OF_PAGE:
            titles[page].append(title)
    return titles


def bookmarks_of(outline: Outline, index: int, text: str) -> Iterator[PageNote]:
    """Yield the bookmarks of a page whose titles are not in its text anyway.

    Args:
        outline: See :func:`outline_of`.
        index: Number of the page, from 0.
        text: The text of the page.
    """
    titles = outline.get(index)
    if titles:
        words = _plain(text)
        yield from (
            PageNote(NoteKind.BOOKMARK, each) for each in titles if _plain(each) not in words
        )


def _walk(document: pypdfium2.PdfDocument) -> Iterator[Any]:
    """Yield bookmarks in the order of the tree, without recursion."""
    pending = [pdfium.FPDFBookmark_GetFirstChild(document, None)]
    addresses: set[int] = set()
    while pending and len(addresses) < _MAX_BOOKMARKS:
        bookmark = pending.pop()
        address = address_of(bookmark)
        if not address or address in addresses:
            continue
        addresses.add(address)
        yield bookmark
        pending.append(pdfium.FPDFBookmark_GetNextSibling(document, bookmark))
        pending.append(pdfium.FPDFBookmark_GetFirstChild(document, bookmark))


def _page_of(document: pypdfium2.PdfDocument, bookmark: Any) -> int:
    """Return the page that a bookmark opens, from 0; -1 if there is none."""
    target = pdfium.FPDFBookmark_GetDest(document, bookmark)
    return int(pdfium.FPDFDest_GetDestPageIndex(document, target)) if target else -1


def _title(bookmark: Any) -> str:
    size = pdfium.FPDFBookmark_GetTitle(bookmark, None, 0)
    if not _TERMINATOR < size <= _MAX_BYTES:
        return ""
    buffer = ctypes.create_string_buffer(size)
    pdfium.FPDFBookmark_GetTitle(bookmark, buffer, size)
    return buffer.raw[: size - _TERMINATOR].decode("utf-16-le", "replace").strip()


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
