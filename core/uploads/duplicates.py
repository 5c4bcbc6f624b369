"""What happens to an upload whose file the principal has already."""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from pdfsluice.core.errors import NotFound
from pdfsluice.core.models import Document, JobKind, JobState, Session
from pdfsluice.core.plugins.ports.stores import Catalogue, UploadStore
from pdfsluice.core.threads import run_uncancelled

logger = logging.getLogger(__name__)

_NO_INDEX = frozenset({JobState.FAILED, JobState.SKIPPED})


class Duplicates:
    """Finds the document that an upload repeats, and lets it profit from the new copy.

    Args:
        uploads: Where the bytes are.
        catalogue: Where the documents are.
        on_jobs: Called when a job was enqueued.
    """

    def __init__(
        self, uploads: UploadStore, catalogue: Catalogue, on_jobs: Callable[[], None]
    ) -> None:
        self._uploads = uploads
        self._catalogue = catalogue
        self._on_jobs = on_jobs

    async def find(self, session: Session, sha256: str | None) -> Document | None:
        """Return the document with a digest, unless the client wants one of its own."""
        if not session.check_duplicates or sha256 is None:
            return None
        return await self._catalogue.find_by_digest(sha256, owner=session.owner)

    async def merge(self, session: Session, document: Document) -> None:
        """Use up the bytes of an upload that was completed by an existing document.

        They replace the document's bytes if those are missing or damaged. The wish for an
        index is granted to the document.
        """
        if await self._intact(document):
            await self._uploads.remove(session.id)
        else:
            logger.warning("document %d is repaired by another upload of its file", document.id)
            await self._uploads.replace(document.blob_id, session.id)
        if session.auto_build_index:
            await self._index(document)

    async def _intact(self, document: Document) -> bool:
        try:
            async with self._uploads.local_path(document.blob_id) as path:
                if path.stat().st_size != document.file_size:
                    return False
                if not document.sha256:
                    return True
                actual = await run_uncancelled(asyncio.to_thread(sha256_of, path))
        except (NotFound, FileNotFoundError):
            return False
        return actual == document.sha256

    async def _index(self, document: Document) -> None:
        jobs = await self._catalogue.jobs(document.id)
        if any(job.kind is JobKind.INDEX and job.state not in _NO_INDEX for job in jobs):
            return
        await self._catalogue.enqueue(document.id, JobKind.INDEX)
        self._on_jobs()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in lower-case hexadecimal. Blocking."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
