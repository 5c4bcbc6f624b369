"""Whether the fonts of a page map their glyphs to characters."""

from pypdf import PageObject
from pypdf.errors import PyPdfError
from pypdf.generic import DictionaryObject

_MAX_FONTS = 50


def is_unmapped(page: PageObject) -> bool:
    """Return whether a page's fonts have only glyph numbers (ISO 32000-1, 9.10.2).

    That is a composite font with an identity encoding and no ``/ToUnicode``. If one of
    several fonts has a map, the page counts as mapped.
    """
    try:
        fonts = _fonts(page)
        return bool(fonts) and all(map(_has_no_map, fonts))
    except (PyPdfError, KeyError, TypeError, AttributeError, ValueError):
        return False


def _fonts(page: PageObject) -> list[DictionaryObject]:
    resources = page.get("/Resources")
    fonts = resources.get_object().get("/Font") if resources is not None else None
    if fonts is None:
        return []
    return [font.get_object() for font in list(fonts.get_object().values())[:_MAX_FONTS]]


def _has_no_map(font: DictionaryObject) -> bool:
    if font.get("/Subtype") != "/Type0" or "/ToUnicode" in font:
        return False
    return str(font.get("/Encoding", "")).startswith("/Identity")
