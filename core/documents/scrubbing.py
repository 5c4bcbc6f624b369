"""A slow background check of all stored documents: files, rows and digests."""

import asyncio
import logging
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from pdfsluice.core.document_files import DocumentFiles
from pdfsluice.core.errors import DocumentNotFound, PdfsluiceError, SessionNotFound
from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.sessions import SessionState
from pdfsluice.core.plugins.ports.cluster import Alone, Cluster
from pdfsluice.core.plugins.ports.stores import (
    Catalogue,
    SessionStore,
    UploadStore,
    VersionedCatalogue,
)

logger = logging.getLogger(__name__)

_PAGE = 200
_MAX_NAMED = 10
_PAUSE_SECONDS = 0.05
_START_DELAY_SECONDS = 60.0
_PASS_INTERVAL_SECONDS = 24 * 3600.0


@dataclass(slots=True)
class StorageReport:
    """What the last check found.

    Attributes:
        files_without_document: Published blobs that no document and no session names.
        documents_checked: Documents whose digest was compared since the start.
    """

    files_without_document: int = 0
    documents_checked: int = 0


class Scrubber:
    """A check of files against rows after a start, and of digests, continuously.

    Args:
        catalogue: The documents.
        sessions: Where an interrupted deletion or import is recognized.
        uploads: The files.
        files: Where damage is recorded.
        rate: Bytes to read a second; 0 for no comparison of digests.
        cluster: The other nodes, of which one at a time checks.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        sessions: SessionStore,
        uploads: UploadStore,
        files: DocumentFiles,
        rate: int,
        cluster: Cluster | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._sessions = sessions
        self._uploads = uploads
        self._files = files
        self._rate = rate
        self._cluster = cluster or Alone()
        self.report = StorageReport()

    @property
    def damaged_documents(self) -> int:
        """How many documents are known to have a missing or damaged file."""
        return len(self._files.damaged)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Check in the background until the context is left."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        await self._attempt(self.reconcile)
        if not self._rate:
            return
        await asyncio.sleep(_START_DELAY_SECONDS)
        start = random.random()  # noqa: S311 - no secret; frequent restarts still reach each one
        while True:
            await self._attempt(partial(self._scrub_from, start))
            start = 1.0
            await asyncio.sleep(_PASS_INTERVAL_SECONDS)
            await self._attempt(self.reconcile)

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do work that one node at a time does for all."""
        try:
            if await self._cluster.duty("scrub", _PASS_INTERVAL_SECONDS):
                await work()
        except Exception:
            logger.exception("the check of stored documents failed; it is repeated later")

    async def _scrub_from(self, share: float) -> None:
        newest, _ = await self._catalogue.list(owner=None, limit=1)
        if newest:
            await self.scrub(int(newest[0].id * share) + 1)

    async def scrub(self, after: int | None = None) -> None:
        """Compare the digests of all documents below an id, newest first.

        Args:
            after: Begin below this id; ``None`` to begin with the newest.
        """
        async for page in self._pages(after):
            for document in page:
                await self._check(document, self._rate)
                self.report.documents_checked += 1
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _check(self, document: Document, rate: float) -> None:
        """Compare the digest of a document; an I/O error is logged, and no verdict."""
        try:
            if not await self._files.is_intact(document, rate=rate):
                await self._drop_if_deleted(document)
        except PdfsluiceError as error:
            logger.warning("document %d was not checked: %s", document.id, error.message)

    async def reconcile(self) -> None:
        """Look for files without documents and documents without files; report both.

        The file of an interrupted deletion, or of a duplicate, is deleted: its session names
        another document, or one that is gone. A file that nothing names is only reported.
        """
        files = set(await self._uploads.published_ids())
        async for page in self._pages(None):
            files.difference_update(document.blob_id for document in page)
            are_available = await self._files.available(page)
            for document in page:
                if not are_available[document.id]:
                    await self._check(document, self._rate or math.inf)
        strays = [blob_id for blob_id in sorted(files) if await self._is_stray(blob_id)]
        self.report.files_without_document = len(strays)
        if strays:
            logger.error(
                "%d files in the store belong to no document: %s; restore the database, or"
                " delete them by hand",
                len(strays),
                ", ".join(strays[:_MAX_NAMED]),
            )

    async def _is_stray(self, blob_id: str) -> bool:
        """Return whether nothing names a published blob; delete one that was to go."""
        try:
            session = await self._sessions.get(blob_id)
        except SessionNotFound:
            return bool(await self._uploads.sizes([blob_id]))
        if session.state is not SessionState.COMPLETED or session.document_id is None:
            return False  # its import has not ended
        try:
            document = await self._catalogue.get(session.document_id, owner=None)
        except DocumentNotFound:
            document = None
        if document is None or document.blob_id != blob_id:
            logger.warning("the file of a deleted document or a duplicate is deleted: %s", blob_id)
            await self._uploads.remove(blob_id)
        return False

    async def _drop_if_deleted(self, document: Document) -> None:
        """Forget the damage of a document that was deleted while it was checked."""
        try:
            await self._catalogue.get(document.id, owner=None)
        except DocumentNotFound:
            self._files.forget(document.id)

    async def _pages(self, after: int | None) -> AsyncIterator[Sequence[Document]]:
        while page := await self._page(after):
            yield page
            after = page[-1].id

    async def _page(self, after: int | None) -> Sequence[Document]:
        """Return the next documents, replaced versions included."""
        if isinstance(self._catalogue, VersionedCatalogue):
            page, _ = await self._catalogue.list(
                owner=None, after=after, limit=_PAGE, replaced=True
            )
        else:
            page, _ = await self._catalogue.list(owner=None, after=after, limit=_PAGE)
        return page
