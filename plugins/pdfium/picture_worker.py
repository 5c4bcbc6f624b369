"""The child process that draws pages with PDFium."""

import base64
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image

from pdfsluice.core import serve
from pdfsluice.core.documents.text.serving import UNREADABLE, CannotRead

from .opening import open_with_page
from .wording import in_plain_words

_MAX_ASPECT = 4
_QUALITY = 80


def draw(page: pypdfium2.PdfPage, width: int) -> Image.Image:
    """Draw a page ``width`` pixels wide and at most four times as high.

    Raises:
        CannotRead: The page has no area.
    """
    page_width, page_height = page.get_size()
    if not _has_area(page):
        raise CannotRead(f"the page measures {page_width:g} by {page_height:g} points")
    scale = min(width / page_width, width * _MAX_ASPECT / page_height)
    picture: Image.Image = page.render(scale=scale).to_pil().convert("RGB")
    if picture.width == width:
        return picture
    canvas = Image.new("RGB", (width, picture.height), "white")
    canvas.paste(picture, ((width - picture.width) // 2, 0))
    return canvas


def _has_area(page: pypdfium2.PdfPage) -> bool:
    return all(0 < side < math.inf for side in page.get_size())


def _page(document: pypdfium2.PdfDocument, index: int) -> pypdfium2.PdfPage:
    """Return a page with an area.

    A crop box outside the media box leaves nothing (ISO 32000-1, 14.11.2.1); the whole page
    is shown then, as other viewers do.
    """
    page = document[index]
    if _has_area(page):
        return page
    whole = page.get_mediabox()
    if whole is not None:  # it never is: there is a default
        page.set_cropbox(*whole)
    page.close()
    return document[index]


def handle(request: dict[str, Any]) -> Mapping[str, Any]:
    """Answer one request with the picture, the page count or the reason of a failure."""
    try:
        with in_plain_words():
            return _answer(request)
    except CannotRead as error:
        return {UNREADABLE: str(error)}


def _answer(request: dict[str, Any]) -> Mapping[str, Any]:
    document = open_with_page(Path(request["path"]), request["page"])
    try:
        if not 1 <= request["page"] <= len(document):
            return {"pages": len(document)}
        page = _page(document, request["page"] - 1)
        try:
            buffer = io.BytesIO()
            draw(page, request["width"]).save(buffer, "JPEG", quality=_QUALITY, optimize=True)
        finally:
            page.close()
        return {"jpeg": base64.b64encode(buffer.getvalue()).decode()}
    finally:
        document.close()


if __name__ == "__main__":
    serve(handle)
