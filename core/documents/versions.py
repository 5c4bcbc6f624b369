"""Versions of documents: which are kept, and that only the newest is found."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from pdfsluice.core.background import background
from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.sessions import Principal, Scope
from pdfsluice.core.plugins.ports.cluster import Alone, Cluster
from pdfsluice.core.plugins.ports.documents import Index
from pdfsluice.core.plugins.ports.stores import Catalogue, VersionedCatalogue

logger = logging.getLogger(__name__)


class Versions:
    """Versions of documents, tidied up in the background after a replacement.

    A crash in between leaves what has to be done in the catalogue, so that the next turn does it.

    Args:
        catalogue: Where the documents are; without versions there is nothing to do.
        index: From which replaced versions are removed.
        remove: Deletes a document.
        keep: How many versions of a document are kept; 0 for all.
        interval_seconds: Time between two turns that nothing caused.
        cluster: The other nodes, of which one does these turns.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        index: Index | None,
        remove: Callable[[Document], Awaitable[None]],
        keep: int,
        interval_seconds: float,
        cluster: Cluster | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._index = index
        self._remove = remove
        self._keep = keep
        self._interval_seconds = interval_seconds
        self._cluster = cluster or Alone()
        self._replaced = asyncio.Event()

    async def list(self, principal: Principal, document_id: int) -> Sequence[Document]:
        """Return all versions of a document, the newest first.

        Raises:
            DocumentNotFound: There is no such document, or it is another principal's.
        """
        principal.require(Scope.READ)
        owner = None if principal.may(Scope.ADMIN) else principal.id
        document = await self._catalogue.get(document_id, owner=owner)
        if document.lineage is None or not isinstance(self._catalogue, VersionedCatalogue):
            return [document]
        return await self._catalogue.versions(document.lineage, owner=document.owner)

    def replaced(self) -> None:
        """Report that a document was replaced: there may be something to tidy up."""
        self._replaced.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tidy up in the background until the context is left."""
        if not isinstance(self._catalogue, VersionedCatalogue):
            yield
            return
        works = {"tidying up replaced versions": self._run}
        async with background(works):
            yield

    async def _run(self) -> None:
        caused = True
        while True:
            if caused or await self._cluster.duty("versions", self._interval_seconds):
                self._replaced.clear()
                await self.tidy()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval_seconds):
                    await self._replaced.wait()
            caused = self._replaced.is_set()

    async def tidy(self) -> None:
        """Remove replaced versions from the index, and delete those that are not kept."""
        if not isinstance(self._catalogue, VersionedCatalogue):
            return
        if self._index is not None:
            for document in await self._catalogue.retired():
                await self._retire(self._index, self._catalogue, document.id)
        if not self._keep:
            return
        for lineage in await self._catalogue.lineages(self._keep):
            for document in (await self._catalogue.versions(lineage, owner=None))[self._keep :]:
                extra = {"document_id": document.id, "version": document.version}
                logger.info("version %d of a document is deleted", document.version, extra=extra)
                await self._remove(document)

    @staticmethod
    async def _retire(index: Index, catalogue: VersionedCatalogue, document_id: int) -> None:
        """Remove a replaced version from the index; one that fails is tried the next time."""
        try:
            await index.remove(document_id)
            await catalogue.forget_index(document_id)
        except Exception:
            logger.exception("document %d is replaced, but still in the index", document_id)
