"""The child process that draws pages with PDFium."""

import base64
import io
import math
from collections.abc import Iterator, Mapping
from typing import Any

import pypdfium2
from PIL import Image

from pdfsluice.core.documents.reading import UNREADABLE, CannotRead
from pdfsluice.core.processes.child import serve

from .wording import in_plain_words

_MAX_ASPECT = 4
_QUALITY = 80


def draw(page: pypdfium2.PdfPage, width: int) -> Image.Image:
    """Draw a page ``width`` pixels wide and at most four times as high."""
    page_width, page_height = page.get_size()
    if not (0 < page_width < math.inf and 0 < page_height < math.inf):
        raise ValueError(f"the page measures {page_width} by {page_height} points")
    scale = min(width / page_width, width * _MAX_ASPECT / page_height)
    picture: Image.Image = page.render(scale=scale).to_pil().convert("RGB")
    if picture.width == width:
        return picture
    canvas = Image.new("RGB", (width, picture.height), "white")
    canvas.paste(picture, ((width - picture.width) // 2, 0))
    return canvas


def handle(request: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Answer one request with the picture, the number of pages that there are, or why not."""
    try:
        with in_plain_words():
            yield _answer(request)
    except CannotRead as error:
        yield {UNREADABLE: str(error)}


def _answer(request: dict[str, Any]) -> Mapping[str, Any]:
    document = pypdfium2.PdfDocument(request["path"])
    try:
        if not 1 <= request["page"] <= len(document):
            return {"pages": len(document)}
        page = document[request["page"] - 1]
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
