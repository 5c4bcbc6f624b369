"""Deletes documents with everything that was derived from them."""

import logging
from collections.abc import Awaitable, Sequence

from pdfsluice.core.document_files import DocumentFiles
from pdfsluice.core.models.documents import Document
from pdfsluice.core.plugins.ports.documents import ImporterSpec, Index
from pdfsluice.core.plugins.ports.stores import Catalogue, UploadStore
from pdfsluice.core.threads import run_uncancelled

from .previews import Previews

logger = logging.getLogger(__name__)


class DocumentRemover:
    """The deletion of documents, for their owners and for the limit of versions."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        uploads: UploadStore,
        files: DocumentFiles,
        previews: Previews,
        importers: Sequence[ImporterSpec],
        index: Index | None,
    ) -> None:
        self._catalogue = catalogue
        self._uploads = uploads
        self._files = files
        self._previews = previews
        self._importers = importers
        self._index = index

    async def remove(self, document: Document) -> None:
        """Delete a document, its bytes and everything that was derived from it.

        The row is deleted first. If that fails, nothing has changed; afterwards the document is
        gone, whatever happens to the rest. A failure there is logged; a file that stays is
        deleted by the next check of the store. A caller that is cancelled does not stop it.
        """
        await run_uncancelled(self._remove(document))

    async def _remove(self, document: Document) -> None:
        await self._catalogue.delete(document.id)
        self._files.forget(document.id)
        await self._clean_up("its file", document, self._uploads.remove(document.blob_id))
        await self._clean_up("its pictures", document, self._previews.forget(document))
        if self._index is not None:
            await self._clean_up("its index", document, self._index.remove(document.id))
        for spec in self._importers:
            forgotten = spec.importer.forget(document.id)
            await self._clean_up(f"data of importer {spec.name!r}", document, forgotten)

    @staticmethod
    async def _clean_up(what: str, document: Document, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception:
            logger.exception("document %d is deleted, but not %s", document.id, what)
