"""Storage of pictures of pages, and of failures to draw them."""

import asyncio
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from pdfsluice.core.models.documents import Document
from pdfsluice.core.plugins.ports.derived import DerivingStore
from pdfsluice.core.plugins.ports.documents import PageRendererSpec

_FAILURE_RETENTION_SECONDS = 24 * 3600
_PICTURE, _FAILURE = ".jpg", ".failed"
_VERSION_DIGITS = 8


class Pictures(Protocol):
    """A cache of pictures by document, 1-based page and width in pixels."""

    async def picture(self, document: Document, page: int, width: int) -> bytes | None:
        """Return a picture, which may be damaged; ``None`` if there is none."""
        ...

    async def failure(self, document: Document, page: int, width: int) -> bytes | None:
        """Return why a picture could not be drawn, for a day at most."""
        ...

    async def keep(self, document: Document, page: int, width: int, picture: bytes) -> None:
        """Keep a picture."""
        ...

    async def keep_failure(self, document: Document, page: int, width: int, reason: bytes) -> None:
        """Keep for a day why a picture could not be drawn."""
        ...

    async def forget(self, document: Document) -> None:
        """Delete what is kept of a document, unless its blob's store has done so."""
        ...


class PictureFiles:
    """Pictures as files of one machine.

    They are not synced, so a power cut may leave a name without bytes, or with zeros.

    Args:
        folder: For the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def picture(self, document: Document, page: int, width: int) -> bytes | None:
        """Return a picture; ``None`` if there is none."""
        return await asyncio.to_thread(_read, self._path(document, page, width, _PICTURE))

    async def failure(self, document: Document, page: int, width: int) -> bytes | None:
        """Return why a picture could not be drawn less than a day ago."""
        path = self._path(document, page, width, _FAILURE)
        return await asyncio.to_thread(_read, path, max_age=_FAILURE_RETENTION_SECONDS)

    async def keep(self, document: Document, page: int, width: int, picture: bytes) -> None:
        """Write a picture."""
        await asyncio.to_thread(_write, self._path(document, page, width, _PICTURE), picture)

    async def keep_failure(self, document: Document, page: int, width: int, reason: bytes) -> None:
        """Write why a picture could not be drawn."""
        await asyncio.to_thread(_write, self._path(document, page, width, _FAILURE), reason)

    async def forget(self, document: Document) -> None:
        """Delete the files of a document."""
        await asyncio.to_thread(shutil.rmtree, self._home(document), ignore_errors=True)

    def _path(self, document: Document, page: int, width: int, suffix: str) -> Path:
        return self._home(document) / f"{page}-{width}{suffix}"

    def _home(self, document: Document) -> Path:
        return self._folder / f"{document.id % 256:02x}" / str(document.id)


def _read(path: Path, *, max_age: float | None = None) -> bytes | None:
    with suppress(FileNotFoundError), path.open("rb") as file:
        if max_age is None or time.time() - os.fstat(file.fileno()).st_mtime < max_age:
            return file.read()
    return None


def _write(path: Path, data: bytes) -> None:
    """Write a file so that no reader ever sees half of it; a failure leaves nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{uuid4().hex}")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


class DerivedPictures:
    """Pictures in an upload store that all nodes reach.

    What one node draws, no other draws again.

    A name stands for one content, so it has the version of what draws: nodes with other
    renderers have pictures of their own. A failure has the day (UTC) in its name.

    Args:
        store: The store.
        version: Of what draws the pictures; see :func:`version_of`.
        now: The clock, in seconds since the epoch.
    """

    def __init__(
        self, store: DerivingStore, version: str, *, now: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._version = version
        self._now = now

    async def picture(self, document: Document, page: int, width: int) -> bytes | None:
        """Return a picture; ``None`` if no node has drawn it."""
        return await self._store.derived(document.blob_id, self._name(page, width, _PICTURE))

    async def failure(self, document: Document, page: int, width: int) -> bytes | None:
        """Return why a picture could not be drawn today."""
        return await self._store.derived(document.blob_id, self._failure(page, width))

    async def keep(self, document: Document, page: int, width: int, picture: bytes) -> None:
        """Store a picture."""
        name = self._name(page, width, _PICTURE)
        await self._store.derive(document.blob_id, name, picture)

    async def keep_failure(self, document: Document, page: int, width: int, reason: bytes) -> None:
        """Store why a picture could not be drawn."""
        await self._store.derive(document.blob_id, self._failure(page, width), reason)

    async def forget(self, document: Document) -> None:
        """Do nothing: the store deletes the pictures with the document's blob."""

    def _name(self, page: int, width: int, suffix: str) -> str:
        return f"{page}-{width}-{self._version}{suffix}"

    def _failure(self, page: int, width: int) -> str:
        day = int(self._now() // _FAILURE_RETENTION_SECONDS)
        return self._name(page, width, f"-{day}{_FAILURE}")


def version_of(renderers: Sequence[PageRendererSpec]) -> str:
    """Return a short name of what draws pages, in hexadecimal."""
    names = "\n".join(f"{spec.name} {spec.version}" for spec in renderers)
    return hashlib.sha256(names.encode()).hexdigest()[:_VERSION_DIGITS]


def pictures_of(
    uploads: object, renderers: Sequence[PageRendererSpec], folder: Path
) -> PictureFiles | DerivedPictures:
    """Return the storage of pictures: the upload store, if it offers that, or files.

    Args:
        uploads: The upload store.
        renderers: What draws the pictures.
        folder: For files.
    """
    if isinstance(uploads, DerivingStore):
        return DerivedPictures(uploads, version_of(renderers))
    return PictureFiles(folder)
