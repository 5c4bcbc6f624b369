"""What happens to an upload whose file the principal has already."""

import hashlib
import logging
from collections.abc import Callable, Collection
from pathlib import Path

from pdfsluice.core.document_files import DocumentFiles
from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.jobs import JobKind, JobState
from pdfsluice.core.models.sessions import Session
from pdfsluice.core.plugins.ports.stores import Catalogue, UploadStore

from .replacing import is_indexed, newest_version

logger = logging.getLogger(__name__)

_IMPORT = JobKind.IMPORT
_FAILED = frozenset({JobState.FAILED, JobState.CANCELLED})


class Duplicates:
    """The document that an upload repeats, and its gain from the new copy.

    Args:
        uploads: Where the bytes are.
        catalogue: Where the documents are.
        files: Compares documents with their files.
        on_jobs: Called with a document, the kinds of its jobs that were enqueued, and its owner.
    """

    def __init__(
        self,
        uploads: UploadStore,
        catalogue: Catalogue,
        files: DocumentFiles,
        on_jobs: Callable[[int, Collection[JobKind], str], None],
    ) -> None:
        self._uploads = uploads
        self._catalogue = catalogue
        self._files = files
        self._on_jobs = on_jobs

    async def find(self, session: Session, sha256: str | None) -> Document | None:
        """Return the document with a digest, unless the client wants one of its own.

        A new version is compared with the newest alone: it may go back to an earlier one.
        """
        if not session.check_duplicates or sha256 is None:
            return None
        if session.lineage is not None:
            newest = await newest_version(self._catalogue, session)
            return newest if newest is not None and newest.sha256 == sha256 else None
        return await self._catalogue.find_by_digest(sha256, owner=session.owner)

    async def is_intact(self, document: Document) -> bool:
        """Return whether the document's own file is whole."""
        return await self._files.is_intact(document)

    async def heal(self, session: Session, document: Document) -> None:
        """Put the bytes of an upload in the place of a document's missing or damaged ones.

        The importers that failed are repeated.
        """
        logger.warning("document %d is repaired by another upload of its file", document.id)
        await self._uploads.replace(document.blob_id, session.id)
        self._files.healed(document)
        await self.repeat_failed(document)

    async def repeat_failed(self, document: Document) -> None:
        """Repeat the importers of a document that failed, perhaps without its file."""
        jobs = await self._catalogue.jobs(document.id)
        latest = {job.importer: job for job in jobs if job.kind is _IMPORT}
        failed = [job for job in latest.values() if job.state in _FAILED]
        for job in failed:
            await self._catalogue.enqueue(
                document.id, _IMPORT, importer=job.importer, required=job.required
            )
        if failed:
            self._on_jobs(document.id, [_IMPORT], document.owner)

    async def finish(self, session: Session, document: Document) -> None:
        """Delete the bytes of an upload that an existing document completed.

        If they cannot be deleted now, they are as bytes of no open upload.
        """
        try:
            await self._uploads.remove(session.id)
        except PdfsluiceError as error:
            extra = {"session_id": session.id}
            logger.warning("bytes of a duplicate stay for now: %s", error.message, extra=extra)
        if session.auto_build_index:
            await self._index(document)

    async def _index(self, document: Document) -> None:
        if not await is_indexed(self._catalogue, document):
            await self._catalogue.enqueue(document.id, JobKind.INDEX)
            self._on_jobs(document.id, [JobKind.INDEX], document.owner)


def explain(session: Session, document: Document) -> str:
    """Return the message for a client whose upload an existing document completed."""
    if session.title and session.title != document.title:
        return f"The document is already there and keeps its title {document.title!r}"
    return "The document is already there"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in lower-case hexadecimal. Blocking."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
