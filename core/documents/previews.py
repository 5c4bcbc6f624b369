"""Pictures of pages: drawn once by a renderer plugin, then stored on disk.

That a page cannot be drawn is kept, too, next to where its picture would be: a hostile file takes
its time once a day, not for each request.

A picture is not synced, so a power cut may leave a name without bytes, or with zeros. It is
therefore checked before it is used, and drawn again if it is not a whole JPEG.
"""

import asyncio
import logging
import os
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4
from weakref import WeakValueDictionary

import orjson

from pdfsluice.core.document_models import Document
from pdfsluice.core.errors import (
    NotFound,
    PdfsluiceError,
    StageFailed,
    from_record,
    to_record,
)
from pdfsluice.core.plugins.ports.documents import PageRendererSpec
from pdfsluice.core.plugins.ports.stores import UploadStore

from .unreadable import unreadable

logger = logging.getLogger(__name__)

WIDTHS = (120, 240, 480, 960)
"""Widths in pixels that are kept; others are rounded up, so that requests cannot fill the disk."""

_FAILURE_RETENTION_SECONDS = 24 * 3600.0
_FAILED = ".failed"
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"  # SOI and EOI (ITU-T T.81, B.1.1.3)


class Previews:
    """Draws and stores pictures of pages."""

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
            DocumentUnreadable: No renderer can draw it.
        """
        path = self._place(document, page, width)
        async with self._turn(path):
            if not await asyncio.to_thread(_is_kept, path):
                async with self._uploads.local_path(document.blob_id) as source:
                    await self._draw_and_keep(document, source, page, path, width)
        return path

    async def draw(self, document: Document, page: int, width: int, *, source: Path) -> bytes:
        """Draw the JPEG of a page, store it for :meth:`path`, and return it.

        Args:
            document: Whose page it is.
            page: 1-based.
            width: In pixels; rounded up to one of ``WIDTHS``.
            source: The document's file.

        Raises:
            NotFound: There is no such page, or nothing draws pages.
            DocumentUnreadable: No renderer can draw it.
        """
        path = self._place(document, page, width)
        async with self._turn(path):
            return await self._draw_and_keep(document, source, page, path, width)

    async def forget(self, document: Document) -> None:
        """Delete the pictures of a document."""
        await asyncio.to_thread(shutil.rmtree, self._home(document), ignore_errors=True)

    @asynccontextmanager
    async def _turn(self, path: Path) -> AsyncIterator[None]:
        """Draw each picture once at a time."""
        lock = self._turns.setdefault(path, asyncio.Lock())
        async with lock:
            yield

    async def _draw_and_keep(
        self, document: Document, source: Path, page: int, path: Path, width: int
    ) -> bytes:
        try:
            data = await self.render(source, page, _kept(width))
        except StageFailed as failure:
            error = unreadable(document, f"Page {page} cannot be drawn", failure)
            await asyncio.to_thread(_keep, _failure(path), orjson.dumps(to_record(error)))
            raise error from failure
        await asyncio.to_thread(_keep, path, data)
        return data

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

    def _home(self, document: Document) -> Path:
        return self._folder / f"{document.id % 256:02x}" / str(document.id)

    def _place(self, document: Document, page: int, width: int) -> Path:
        if page < 1 or (document.page_count is not None and page > document.page_count):
            raise NotFound(f"the document has no page {page}")
        return self._home(document) / f"{page}-{_kept(width)}.jpg"


def _kept(width: int) -> int:
    return next((size for size in WIDTHS if size >= width), WIDTHS[-1])


def _failure(path: Path) -> Path:
    return path.with_suffix(_FAILED)


def _is_kept(path: Path) -> bool:
    """Whether a picture is there, whole.

    Raises:
        DocumentUnreadable: It could not be drawn, not long ago.
    """
    with suppress(FileNotFoundError):
        if _is_whole(path):
            return True
        logger.warning("a damaged picture is drawn again: %s", path)
        return False
    with suppress(FileNotFoundError, orjson.JSONDecodeError):
        failure = _failure(path)
        if time.time() - failure.stat().st_mtime < _FAILURE_RETENTION_SECONDS:
            raise from_record(orjson.loads(failure.read_bytes()))
    return False


def _is_whole(picture: Path) -> bool:
    """Whether a file begins and ends as a JPEG does."""
    with picture.open("rb") as file:
        if file.read(len(_JPEG_START)) != _JPEG_START:
            return False
        file.seek(-len(_JPEG_END), os.SEEK_END)
        return file.read() == _JPEG_END


def _keep(path: Path, data: bytes) -> None:
    """Write a file so that no reader ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{uuid4().hex}")
    draft.write_bytes(data)
    draft.replace(path)
