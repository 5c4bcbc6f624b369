"""The upload store ``local``."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from pdfsluice.core import Blob, Extent, StoreUsage
from pdfsluice.core.directories import ensure_durable
from pdfsluice.core.storage_errors import explained

from .blob import Sync, sync_data
from .blob_files import BlobFiles
from .errors import unusable
from .files import is_unfinished
from .identity import store_identity
from .layout import Layout
from .ledger import Ledger
from .listing import all_files, is_young, published_ids, unchanged_partial_ids
from .partials import PartialFiles
from .unsynced import UnsyncedBlobs

logger = logging.getLogger(__name__)


class LocalUploadStore:
    """A store with a file for each blob. All blocking work runs in worker threads.

    Attributes:
        identity: The identity of its directories; empty until :meth:`prepare` has run.
    """

    def __init__(
        self,
        layout: Layout,
        ledger: Ledger,
        *,
        power_safe: bool,
        shared: bool = False,
        sync: Sync = sync_data,
    ) -> None:
        self.identity = ""
        self._layout = layout
        self._shared = shared
        unsynced = UnsyncedBlobs(layout, shared=shared)
        self._files = BlobFiles(layout, ledger, unsynced, power_safe=power_safe)
        self._partials = PartialFiles(
            layout, ledger, unsynced, power_safe=power_safe, shared=shared, sync=sync
        )

    def prepare(self) -> None:
        """Make the directories, count what is in them, sweep what a crash left. Blocking."""
        layout = self._layout
        try:
            for directory in layout.directories:
                ensure_durable(directory)
                if directory.stat().st_mode & 0o022:
                    logger.warning("Others may write to %s; give pdfsluice its own.", directory)
            self.identity = store_identity(layout.uploads, layout.documents.parent)
            for entry in all_files(layout):
                if is_unfinished(entry.name) and not (self._shared and is_young(entry)):
                    Path(entry).unlink(missing_ok=True)
            self._partials.prepare()
        except OSError as error:
            raise unusable(error) from error

    async def create(self, blob_id: str, size: int | None) -> Blob:
        """Make an empty partial blob, reserve space for ``size`` bytes, and open it."""
        return await asyncio.to_thread(self._partials.create, blob_id, size or 0)

    async def open(self, blob_id: str, extents: Sequence[Extent]) -> Blob:  # noqa: ARG002
        """Open a partial blob."""
        return await asyncio.to_thread(self._partials.open, blob_id)

    @asynccontextmanager
    async def local_path(self, blob_id: str) -> AsyncGenerator[Path]:
        """Provide the whole blob, partial or published: the file itself."""
        yield await asyncio.to_thread(self._files.whole, blob_id)

    async def sizes(self, blob_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the sizes in bytes of those blobs, partial or published, that are there."""
        return await asyncio.to_thread(self._files.sizes, blob_ids)

    async def lost(self, blob_id: str, extents: Sequence[Extent]) -> Sequence[Extent]:  # noqa: ARG002
        """Return nothing: no extent has a place of its own."""
        return ()

    async def copy(self, blob_id: str, extents: Sequence[Extent]) -> Sequence[Extent]:  # noqa: ARG002
        """Return the extents: none has a place of its own."""
        return extents

    async def publish(
        self,
        blob_id: str,
        extents: Sequence[Extent],  # noqa: ARG002
        sha256: str | None,  # noqa: ARG002 - the caller has compared the stored bytes
    ) -> None:
        """Turn a partial blob into a document's; synced to the disk on return."""
        await asyncio.to_thread(self._files.publish, blob_id)

    async def replace(self, blob_id: str, source_id: str) -> None:
        """Put another blob in the place of a published one; durable on return."""
        await asyncio.to_thread(self._files.replace, blob_id, source_id)

    async def quarantine(self, blob_id: str) -> None:
        """Move a partial blob apart, where nothing reads it."""
        await asyncio.to_thread(self._files.quarantine, blob_id)

    async def restore(self, blob_id: str) -> None:
        """Make a quarantined blob partial again."""
        await asyncio.to_thread(self._files.restore, blob_id)

    async def remove(self, blob_id: str) -> None:
        """Delete a blob, partial, published or quarantined."""
        await asyncio.to_thread(self._files.remove, blob_id)

    async def published_ids(self) -> Sequence[str]:
        """Return the ids of all published blobs."""
        with explained("list the documents"):
            return await asyncio.to_thread(published_ids, self._layout)

    async def discard(self, blob_id: str) -> None:
        """Delete the file of a partial blob, if it is there."""
        await asyncio.to_thread(self._partials.discard, blob_id)

    async def orphans(self, older_than: timedelta) -> Sequence[str]:
        """Return the ids of all partial blobs whose file was not changed for some time."""
        with explained("list the uploads"):
            return await asyncio.to_thread(
                unchanged_partial_ids, self._layout, older_than.total_seconds()
            )

    async def concatenate(self, blob_id: str, parts: Sequence[str]) -> None:
        """Replace the content of a partial blob by that of others, which are removed.

        The parts are removed when the whole is in its place: a crash in between leaves either
        all parts, or the whole and some parts.
        """

        def concatenate() -> None:
            self._partials.join(blob_id, parts)
            for part in parts:
                self._files.remove(part)

        await asyncio.to_thread(concatenate)

    async def usage(self) -> StoreUsage:
        """Return how much space partial blobs take and how much is left."""
        return await asyncio.to_thread(self._partials.usage)
