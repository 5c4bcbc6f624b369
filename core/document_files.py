"""Checks of the files of documents: whether they exist and are undamaged."""

import asyncio
import hashlib
import logging
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from pdfsluice.core.errors import NotFound, PdfsluiceError, StorageFailed
from pdfsluice.core.plugins.ports.stores import UploadStore

from .models.documents import Document

logger = logging.getLogger(__name__)

_STEP_BYTES = 2 * 1024 * 1024


class DocumentFiles:
    """The comparison of stored files with their rows in the catalogue.

    Attributes:
        damaged: Ids of documents whose file was found missing or damaged, and why.
    """

    def __init__(self, uploads: UploadStore) -> None:
        self._uploads = uploads
        self.damaged: dict[int, str] = {}

    async def available(self, documents: Sequence[Document]) -> Mapping[int, bool]:
        """Return for each document whether a file of its size is there; reads no content."""
        sizes = await self._uploads.sizes([document.blob_id for document in documents])
        return {
            document.id: sizes.get(document.blob_id) == document.file_size
            and document.id not in self.damaged
            for document in documents
        }

    @asynccontextmanager
    async def open(self, document: Document) -> AsyncIterator[Path]:
        """Provide the file of a document, to be read only.

        Raises:
            StorageFailed: It is missing, its size is not the document's, or it was found to be
                damaged and still is.
        """
        if document.id in self.damaged and not await self.is_intact(document):
            raise self._report(document, self.damaged[document.id])
        async with AsyncExitStack() as stack:
            try:
                file = self._uploads.local_path(document.blob_id)
                path = await stack.enter_async_context(file)
                size = (await asyncio.to_thread(path.stat)).st_size
            except NotFound as error:  # not one that the caller raises in the context
                raise self._report(document, "it is missing") from error
            if size != document.file_size:
                reason = f"it has {size} bytes instead of {document.file_size}"
                raise self._report(document, reason)
            yield path

    async def is_intact(self, document: Document, *, rate: float = math.inf) -> bool:
        """Read a document's file whole and compare its size and digest.

        Args:
            document: The document.
            rate: How many bytes to read a second at most.

        Raises:
            StorageFailed: The storage reported an I/O error, which is no verdict on the file.
        """
        reason = await self._damage(document, rate)
        if reason is None:
            self.healed(document)
            return True
        self._report(document, reason)
        return False

    async def _damage(self, document: Document, rate: float) -> str | None:
        try:
            async with self._uploads.local_path(document.blob_id) as path:
                size, digest = await _measure(path, rate)
        except (NotFound, FileNotFoundError):
            return "it is missing"
        except OSError as error:
            raise StorageFailed(
                f"The file of document {document.id} could not be read: {error.strerror}."
            ) from error
        if size != document.file_size:
            return f"it has {size} bytes instead of {document.file_size}"
        if document.sha256 and digest != document.sha256:
            return f"its SHA-256 is {digest} instead of {document.sha256}"
        return None

    def healed(self, document: Document) -> None:
        """Record that the file of a document is whole again."""
        if self.damaged.pop(document.id, None) is not None:
            logger.warning("the file of document %d is whole again", document.id)

    def forget(self, document_id: int) -> None:
        """Drop what is recorded of a deleted document."""
        self.damaged.pop(document_id, None)

    def _report(self, document: Document, reason: str) -> PdfsluiceError:
        if document.id not in self.damaged:
            extra = {"document_id": document.id, "blob_id": document.blob_id}
            logger.error("the file of document %d is damaged: %s", document.id, reason, extra=extra)
        self.damaged[document.id] = reason
        return StorageFailed(
            f"The stored file of document {document.id} is damaged: {reason}.",
            hint="Upload the file again, which replaces it, or restore it from a backup.",
            details={"document_id": document.id},
        )


async def _measure(path: Path, rate: float) -> tuple[int, str]:
    """Return size and SHA-256 of a file, reading at most ``rate`` bytes a second."""
    digest, size = hashlib.sha256(), 0
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while read := await asyncio.to_thread(_hash_step, file, digest):
            size += read
            await asyncio.sleep(read / rate)
    finally:
        await asyncio.to_thread(file.close)
    return size, digest.hexdigest()


def _hash_step(file: BinaryIO, digest: "hashlib._Hash") -> int:
    data = file.read(_STEP_BYTES)
    digest.update(data)
    return len(data)
