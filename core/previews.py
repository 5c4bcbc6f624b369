"""Pictures of pages: drawn once by a renderer plugin, then kept on disk."""

import asyncio
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

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
        self._turns: dict[Path, asyncio.Lock] = {}

    async def path(self, document: Document, page: int, width: int) -> Path:
        """Return the JPEG of a page, drawing it if need be.

        Raises:
            NotFound: There is no such page, or nothing draws pages.
            StageFailed: No renderer can draw it.
        """
        if page < 1 or (document.page_count is not None and page > document.page_count):
            raise NotFound(f"the document has no page {page}")
        path = self._place(document, page, width)
        async with self._turns.setdefault(path, asyncio.Lock()):
            if not await asyncio.to_thread(path.exists):
                async with self._uploads.local_path(document.blob_id) as source:
                    data = await self._draw(source, page, _kept(width))
                await asyncio.to_thread(_keep, path, data)
        self._turns.pop(path, None)
        return path

    async def data(self, document: Document, page: int, width: int) -> bytes:
        """Return the JPEG of a page as bytes; see :meth:`path`."""
        path = await self.path(document, page, width)
        return await asyncio.to_thread(path.read_bytes)

    async def forget(self, document: Document) -> None:
        """Delete the pictures of a document."""
        await asyncio.to_thread(shutil.rmtree, self._home(document), ignore_errors=True)

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
        return self._home(document) / f"{page}-{_kept(width)}.jpg"


def _kept(width: int) -> int:
    return next((kept for kept in WIDTHS if kept >= width), WIDTHS[-1])


def _keep(path: Path, data: bytes) -> None:
    """Write a file so that nobody ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{uuid4().hex}")
    draft.write_bytes(data)
    draft.replace(path)
