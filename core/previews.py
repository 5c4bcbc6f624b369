"""Pictures of pages: drawn once by a renderer plugin, then kept on disk."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4
from weakref import WeakValueDictionary

from .errors import NotFound, PdfsluiceError, StageFailed
from .models import Document
from .ports import PageRendererSpec
from .stores import UploadStore

logger = logging.getLogger(__name__)

WIDTHS = (120, 240, 480, 960)
"""Widths in pixels that are kept; others are rounded up, so that nobody can fill the disk."""


class Previews:
    """Draws and keeps pictures of pages."""

    def __init__(
        self, renderers: Sequence[PageRendererSpec], uploads: UploadStore, folder: Path
    ) -> None:
        self._renderers = renderers
        self._uploads = uploads
        self._folder = folder
        self._turns: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()

    async def path(self, document: Document, page: int, width: int) -> Path:
        """Return the JPEG of a page, drawing it if need be.

        Raises:
            NotFound: There is no such page, or nothing draws pages.
            StageFailed: No renderer can draw it.
        """
        path = self._place(document, page, width)
        async with self._turn(path):
            if not await asyncio.to_thread(path.exists):
                async with self._uploads.local_path(document.blob_id) as source:
                    await self._draw_and_keep(source, page, width, path)
        return path

    async def draw(self, document: Document, page: int, width: int, *, source: Path) -> bytes:
        """Draw the JPEG of a page, keep it for :meth:`path`, and return it.

        Args:
            document: Whose page it is.
            page: 1-based.
            width: In pixels; rounded up to one of ``WIDTHS``.
            source: The document's file.

        Raises:
            NotFound: There is no such page, or nothing draws pages.
            StageFailed: No renderer can draw it.
        """
        path = self._place(document, page, width)
        async with self._turn(path):
            return await self._draw_and_keep(source, page, width, path)

    async def forget(self, document: Document) -> None:
        """Delete the pictures of a document."""
        await asyncio.to_thread(shutil.rmtree, self._home(document), ignore_errors=True)

    @asynccontextmanager
    async def _turn(self, path: Path) -> AsyncIterator[None]:
        """Let one at a time draw a picture."""
        lock = self._turns.setdefault(path, asyncio.Lock())
        async with lock:
            yield

    async def _draw_and_keep(self, source: Path, page: int, width: int, path: Path) -> bytes:
        data = await self._draw(source, page, _kept(width))
        await asyncio.to_thread(_keep, path, data)
        return data

    async def _draw(self, source: Path, page: int, width: int) -> bytes:
        failure: PdfsluiceError = NotFound("no plugin draws pages")
        for spec in self._renderers:
            try:
                return await spec.renderer.render(source, page, width=width)
            except StageFailed as error:
                logger.info("renderer %r cannot draw page %d: %s", spec.name, page, error.message)
                failure = error
        raise failure

    def _home(self, document: Document) -> Path:
        return self._folder / f"{document.id % 256:02x}" / str(document.id)

    def _place(self, document: Document, page: int, width: int) -> Path:
        if page < 1 or (document.page_count is not None and page > document.page_count):
            raise NotFound(f"the document has no page {page}")
        return self._home(document) / f"{page}-{_kept(width)}.jpg"


def _kept(width: int) -> int:
    return next((kept for kept in WIDTHS if kept >= width), WIDTHS[-1])


def _keep(path: Path, data: bytes) -> None:
    """Write a file so that nobody ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{uuid4().hex}")
    draft.write_bytes(data)
    draft.replace(path)
