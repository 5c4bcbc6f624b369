"""Reads the facts for the catalogue: pages, version, title, author, ..."""

from collections.abc import Mapping
from typing import Any

import pikepdf
from pikepdf import Pdf
from pikepdf.models.metadata import decode_pdf_date

from pdfsluice.core import printable

from .values import dictionary_of, text_of

_MAX_CHARACTERS = 500
_TEXTS: Mapping[str, str] = {
    "title": "/Title",
    "author": "/Author",
    "subject": "/Subject",
    "keywords": "/Keywords",
    "creator": "/Creator",
    "producer": "/Producer",
}
_DATES: Mapping[str, str] = {"created": "/CreationDate", "modified": "/ModDate"}


def facts_of(pdf: Pdf) -> dict[str, Any]:
    """Return the facts, except for the number of pages."""
    return {"pdf_version": pdf.pdf_version, "metadata": _metadata(pdf)}


def _metadata(pdf: Pdf) -> dict[str, str]:
    """Return the printable document information dictionary (ISO 32000-2, 14.3.3)."""
    try:
        info = dictionary_of(pdf.trailer.get("/Info"))
    except pikepdf.PikepdfError:
        return {}
    if info is None:
        return {}
    texts = {
        name: printable(text_of(info.get(key)), _MAX_CHARACTERS) for name, key in _TEXTS.items()
    }
    texts |= {name: _date(text_of(info.get(key))) for name, key in _DATES.items()}
    return {name: text for name, text in texts.items() if text}


def _date(text: str) -> str:
    """Return a date as ISO 8601, or an empty string if it is invalid."""
    try:
        return decode_pdf_date(text).isoformat() if text else ""
    except (ValueError, OverflowError):
        return ""
