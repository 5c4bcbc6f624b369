"""Notices that an index is empty although documents were indexed."""

import logging

from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.models.jobs import JobKind, JobState
from pdfsluice.core.plugins.ports.documents import CountsContent, Index
from pdfsluice.core.plugins.ports.managed_jobs import JobFilter, ManagedJobs
from pdfsluice.core.plugins.ports.stores import Catalogue

logger = logging.getLogger(__name__)

_INDEXED = JobFilter(states=(JobState.DONE,), kinds=(JobKind.INDEX,))


class IndexLoss:
    """The comparison of an index with the jobs that filled it.

    An index may be lost with its folder or its database, while the catalogue stays. Searches
    then find nothing, as if no document had the words.

    Args:
        index: The index; ``None`` if there is none.
        catalogue: Has the jobs.
    """

    def __init__(self, index: Index | None, catalogue: Catalogue) -> None:
        self._index = index
        self._catalogue = catalogue

    async def note(self) -> str:
        """Return a sentence about the lost index; empty unless it is lost."""
        index: object = self._index
        if not (isinstance(index, CountsContent) and await index.is_empty()):
            return ""
        if not isinstance(self._catalogue, ManagedJobs):
            return ""
        _, indexed = await self._catalogue.list_jobs(_INDEXED, limit=1)
        if not indexed:
            return ""
        return (
            "The index is empty, although documents were indexed: its files or its database were"
            " replaced or lost. Restore them, or index all documents again with"
            " 'pdfsluice documents index --all'."
        )

    async def warn(self) -> None:
        """Log that the index is lost, if it is."""
        try:
            note = await self.note()
        except PdfsluiceError as error:
            logger.warning("the index was not compared with the documents: %s", error.message)
        else:
            if note:
                logger.warning("%s", note)
