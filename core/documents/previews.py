"""Pictures of pages: drawn once by a renderer plugin, then kept.

That a page cannot be drawn is kept, too: a hostile file takes its time once a day, not for each
request. A picture is checked before it is used, and drawn again if it is not a whole JPEG.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from weakref import WeakValueDictionary

import orjson

from pdfsluice.core.errors import (
    NotFound,
    PdfsluiceError,
    StageFailed,
    from_record,
    to_record,
)
from pdfsluice.core.models.documents import Document
from pdfsluice.core.plugins.ports.documents import PageRendererSpec
from pdfsluice.core.plugins.ports.stores import UploadStore

from .pictures import Pictures
from .unreadable import unreadable

logger = logging.getLogger(__name__)

WIDTHS = (120, 240, 480, 960)
"""Widths in pixels that are kept; others are rounded up, so that requests cannot fill the disk."""

_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"  # SOI and EOI (ITU-T T.81, B.1.1.3)


class Previews:
    """Pictures of pages, drawn when needed and kept.

    Args:
        renderers: What draws pages, in order of preference.
        uploads: Where the documents are.
        pictures: Where the pictures are kept.
    """

    def __init__(
        self, renderers: Sequence[PageRendererSpec], uploads: UploadStore, pictures: Pictures
    ) -> None:
        self._renderers = renderers
        self._uploads = uploads
        self._pictures = pictures
        self._turns: WeakValueDictionary[tuple[int, int, int], asyncio.Lock] = WeakValueDictionary()

    async def picture(self, document: Document, page: int, width: int) -> bytes:
        """Return the JPEG of a page, drawing it if need be.

        Args:
            document: Whose page it is.
            page: 1-based.
            width: In pixels; rounded up to one of ``WIDTHS``.

        Raises:
            NotFound: There is no such page, or nothing draws pages.
            DocumentUnreadable: No renderer can draw it.
        """
        width = _kept(width)
        async with self._turn(document, page, width):
            picture = await self._pictures.picture(document, page, width)
            if picture is not None and _is_whole(picture):
                return picture
            if picture is not None:
                logger.warning(
                    "a damaged picture of document %d, page %d is drawn again", document.id, page
                )
            elif failure := await self._pictures.failure(document, page, width):
                with suppress(orjson.JSONDecodeError):
                    raise from_record(orjson.loads(failure))
            async with self._uploads.local_path(document.blob_id) as source:
                return await self._draw_and_keep(document, source, page, width)

    async def draw(self, document: Document, page: int, width: int, *, source: Path) -> bytes:
        """Draw the JPEG of a page, keep it for :meth:`picture`, and return it.

        Args:
            document: Whose page it is.
            page: 1-based.
            width: In pixels; rounded up to one of ``WIDTHS``.
            source: The document's file.

        Raises:
            NotFound: There is no such page, or nothing draws pages.
            DocumentUnreadable: No renderer can draw it.
        """
        width = _kept(width)
        async with self._turn(document, page, width):
            return await self._draw_and_keep(document, source, page, width)

    async def forget(self, document: Document) -> None:
        """Delete the pictures of a document, after its blob."""
        await self._pictures.forget(document)

    @asynccontextmanager
    async def _turn(self, document: Document, page: int, width: int) -> AsyncIterator[None]:
        """Draw each picture once at a time.

        Raises:
            NotFound: There is no such page.
        """
        if page < 1 or (document.page_count is not None and page > document.page_count):
            raise NotFound(f"the document has no page {page}")
        async with self._turns.setdefault((document.id, page, width), asyncio.Lock()):
            yield

    async def _draw_and_keep(
        self, document: Document, source: Path, page: int, width: int
    ) -> bytes:
        try:
            picture = await self.render(source, page, width)
        except StageFailed as failure:
            error = unreadable(document, f"Page {page} cannot be drawn", failure)
            reason = orjson.dumps(to_record(error))
            await self._pictures.keep_failure(document, page, width, reason)
            raise error from failure
        await self._pictures.keep(document, page, width, picture)
        return picture

    async def render(self, source: Path, page: int, width: int) -> bytes:
        """Draw a page with the first renderer that can; the picture is not stored.

        Raises:
            NotFound: There is no such page, or nothing draws pages.
            StageFailed: No renderer can draw it.
        """
        failure: PdfsluiceError | None = None
        for spec in self._renderers:
            try:
                return await spec.renderer.render(source, page, width=width)
            except StageFailed as error:
                logger.info("renderer %r cannot draw page %d: %s", spec.name, page, error.message)
                failure = failure or error
        raise failure or NotFound("no plugin draws pages")


def _kept(width: int) -> int:
    return next((size for size in WIDTHS if size >= width), WIDTHS[-1])


def _is_whole(picture: bytes) -> bool:
    """Return whether bytes begin and end as a JPEG does."""
    return picture.startswith(_JPEG_START) and picture.endswith(_JPEG_END)
