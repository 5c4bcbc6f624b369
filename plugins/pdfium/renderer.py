"""The page renderer ``pypdfium2``: the parent's side."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pdfsluice.core import ChildFailed, ChildPool, NotFound, ProtocolError, StageFailed
from pdfsluice.core.documents.text.reading import OTHER_COPY, in_words
from pdfsluice.core.documents.text.serving import UNREADABLE

from .options import PdfiumOptions

MIN_WIDTH, MAX_WIDTH = 16, 3600


class PdfiumPictures:
    """A renderer of pages with PDFium in child processes, which end when idle."""

    def __init__(self, options: PdfiumOptions) -> None:
        self._pool = ChildPool(
            "pdfsluice.plugins.pdfium.picture_worker", options.limits(), size=2, recycle_after=500
        )

    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        """Return page number ``page`` (1-based) as a JPEG ``width`` pixels wide.

        A page more than four times as high as it is wide is drawn smaller, on white, so
        that no page size makes a picture of more than ``4 * width * width`` pixels.

        Raises:
            ProtocolError: The width is not between 16 and 3600.
            NotFound: There is no such page.
            StageFailed: The page cannot be drawn.
        """
        if not MIN_WIDTH <= width <= MAX_WIDTH:
            raise ProtocolError(
                f"A picture cannot be {width} pixels wide.",
                hint=f"Ask for a width between {MIN_WIDTH} and {MAX_WIDTH} pixels.",
            )
        try:
            reply = await self._ask({"path": str(path), "page": page, "width": width})
        except ChildFailed as failure:
            raise StageFailed(
                f"Page {page} cannot be drawn: {in_words(failure)}.",
                hint=OTHER_COPY,
                details={"page": page, "reason": failure.reason},
            ) from failure
        if "jpeg" not in reply:
            raise NotFound(
                f"There is no page {page}.", hint=f"The document has {reply['pages']} pages."
            )
        return base64.b64decode(reply["jpeg"])

    async def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        reply = await self._pool.ask(request)
        if UNREADABLE in reply:
            raise ChildFailed("error", reply[UNREADABLE])
        return reply

    async def close(self) -> None:
        """End the child processes now instead of when they have been idle for a while."""
        await self._pool.close()
