"""The upload store that keeps committed ranges and documents as objects."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from pdfsluice.core.directories import ensure_durable
from pdfsluice.core.models.sessions import Extent
from pdfsluice.core.plugins.ports.links import LinkedFile, Ticket
from pdfsluice.core.plugins.ports.objects import ObjectStore
from pdfsluice.core.plugins.ports.stores import Blob, StoreUsage
from pdfsluice.core.storage_errors import explained

from . import names
from .availability import Availability
from .blob import SegmentBlob
from .cache import LocalCopies
from .derived import DerivedObjects
from .direct import DirectAccess
from .documents import StoredDocuments
from .identity import folder_identity, is_shared, read_identity
from .segments import Segments
from .workspaces import Workspaces

_MIN_SHARED_AGE = timedelta(days=1)
DEFAULT_CACHE_BYTES = 4 * 1024 * 1024 * 1024


@asynccontextmanager
async def open_segmented_store(
    objects: ObjectStore,
    folder: Path,
    *,
    cache_bytes: int = DEFAULT_CACHE_BYTES,
    min_free: int = 0,
) -> AsyncGenerator["SegmentedUploadStore"]:
    """Open the upload store of an object store.

    Args:
        objects: Where the bytes are.
        folder: For local copies, which may be lost at any time. One server uses it at a time.
        cache_bytes: Most bytes of local copies of documents that are not in use.
        min_free: Bytes of the local disk that stay free.

    Raises:
        StorageFailed: The folder or the object store cannot be used.
    """
    store = SegmentedUploadStore(objects, folder, cache_bytes=cache_bytes, min_free=min_free)
    await asyncio.to_thread(store.prepare)
    yield store


class SegmentedUploadStore:
    """An upload store with an immutable object for each committed range.

    All blocking work is in threads.

    Args:
        objects: Where the bytes are.
        folder: For local copies.
        cache_bytes: Most bytes of local copies of documents that are not in use.
        min_free: Bytes of the local disk that stay free.

    Attributes:
        identity: The identity of the object store, which any number of servers may use; empty
            until :meth:`prepare` has run.
        folder_identity: The identity of the folder.
    """

    def __init__(
        self, objects: ObjectStore, folder: Path, *, cache_bytes: int, min_free: int
    ) -> None:
        self.identity = self.folder_identity = ""
        self._objects = objects
        self._folder = folder
        self._min_orphan_age = timedelta(0)
        self._availability = Availability(objects)
        self._workspaces = Workspaces(folder, objects, min_free=min_free)
        self._segments = Segments(objects, self._workspaces, self._availability)
        copies = LocalCopies(folder / names.DOCUMENTS, objects, cache_bytes)
        self._documents = StoredDocuments(objects, self._workspaces, copies)
        self._derived = DerivedObjects(objects, folder / names.DERIVED)
        self._direct = DirectAccess(objects, self._workspaces.used)

    def prepare(self) -> None:
        """Make and clean the folder, and read the identity. Blocking."""
        with explained("use the folder of local copies"):
            ensure_durable(self._folder)
            self._workspaces.prepare()
            self._documents.prepare()
            self._derived.prepare()
            folder = folder_identity(self._folder)
            self.identity, self.folder_identity = read_identity(self._objects), folder
            if is_shared(self._objects, folder):
                self._min_orphan_age = _MIN_SHARED_AGE

    # Uploads

    async def create(self, blob_id: str, size: int | None) -> Blob:
        """Open a new upload, if its local files find space. No request is sent."""
        names.checked_id(blob_id)
        return await asyncio.to_thread(self._create, blob_id, size or 0)

    def _create(self, blob_id: str, size: int) -> Blob:
        self._workspaces.check_space(size)
        return self._blob(blob_id, (), size)

    async def open(self, blob_id: str, extents: Sequence[Extent]) -> Blob:
        """Open an upload. Nothing is fetched yet."""
        names.checked_id(blob_id)
        return await asyncio.to_thread(self._blob, blob_id, extents, 0)

    def _blob(self, blob_id: str, extents: Sequence[Extent], size: int) -> Blob:
        workspace = self._workspaces.retained(blob_id, size)
        return SegmentBlob(workspace, extents, self._segments.sealer(blob_id))

    async def lost(self, blob_id: str, extents: Sequence[Extent]) -> Sequence[Extent]:
        """Return extents whose object is missing, short, or was found to be damaged."""
        names.checked_id(blob_id)
        return await asyncio.to_thread(self._segments.lost, blob_id, extents)

    async def copy(self, blob_id: str, extents: Sequence[Extent]) -> Sequence[Extent]:
        """Copy segments of other uploads inside the object store."""
        names.checked_id(blob_id)
        return await self._segments.copy(blob_id, extents)

    async def concatenate(self, blob_id: str, parts: Sequence[str]) -> None:
        """Do nothing: committed extents name the bytes of the whole."""
        for each in (blob_id, *parts):
            names.checked_id(each)

    async def quarantine(self, blob_id: str) -> None:
        """Do nothing: the segments stay, and the session refers to them."""
        names.checked_id(blob_id)

    async def restore(self, blob_id: str) -> None:
        """Do nothing: the segments are where they were."""
        names.checked_id(blob_id)

    async def discard(self, blob_id: str) -> None:
        """Delete the segments of an upload."""
        names.checked_id(blob_id)
        await asyncio.to_thread(self._segments.delete, blob_id)

    async def remove(self, blob_id: str) -> None:
        """Delete the segments of an upload, its document and what was derived from it."""
        names.checked_id(blob_id)

        def remove() -> None:
            self._documents.delete(blob_id)
            self._derived.delete(blob_id)
            self._segments.delete(blob_id)

        await asyncio.to_thread(remove)

    async def orphans(self, older_than: timedelta) -> Sequence[str]:
        """Return the uploads whose newest segment has at least an age.

        The age is at least a day in an object store that another server has used as well.
        """
        min_age = max(older_than, self._min_orphan_age)
        return await asyncio.to_thread(self._segments.unchanged_ids, min_age)

    # Documents

    async def publish(self, blob_id: str, extents: Sequence[Extent], sha256: str | None) -> None:
        """Store the file whole, compare its digest meanwhile, delete its segments."""
        names.checked_id(blob_id)

        def publish() -> None:
            self._documents.publish(blob_id, extents, sha256)
            self._segments.delete(blob_id)

        await asyncio.to_thread(publish)

    async def replace(self, blob_id: str, source_id: str) -> None:
        """Copy one document over another inside the object store, then delete the first."""
        await asyncio.to_thread(self._documents.replace, blob_id, source_id)

    def local_path(self, blob_id: str) -> AbstractAsyncContextManager[Path]:
        """Provide a document as a local file."""
        return self._documents.file(blob_id)

    async def sizes(self, blob_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the sizes of those documents that are there, by a request for each."""
        return await self._documents.sizes(blob_ids)

    async def published_ids(self) -> Sequence[str]:
        """Return the ids of all documents, or of what was derived from them."""
        return await asyncio.to_thread(self._documents.ids)

    async def derived(self, blob_id: str, name: str) -> bytes | None:
        """Return what was derived from a document under a name; ``None`` for nothing."""
        return await self._derived.get(blob_id, name)

    async def derive(self, blob_id: str, name: str, content: bytes) -> None:
        """Store what was derived from a document."""
        await self._derived.put(blob_id, name, content)

    # What clients do themselves

    async def link(self, file: LinkedFile) -> str | None:
        """Return an address of a document in the object store, if that makes any."""
        return await asyncio.to_thread(self._direct.link, file)

    async def ticket(
        self, blob_id: str, slot: int, length: int, expires_at: datetime
    ) -> Ticket | None:
        """Return how a client sends bytes to a slot, if the object store makes addresses."""
        return await asyncio.to_thread(self._direct.ticket, blob_id, slot, length, expires_at)

    async def adopt(self, blob_id: str, slot: int, start: int, end: int) -> bool:
        """Copy what waits in a slot to a new segment, and its bytes to the spool."""
        return await asyncio.to_thread(self._direct.adopt, blob_id, slot, start, end)

    async def clear(self, blob_id: str, slot: int) -> None:
        """Delete what waits in a slot."""
        await asyncio.to_thread(self._direct.clear, blob_id, slot)

    # The local disk

    async def has_space(self, size: int) -> bool:
        """Return whether the local disk has space for a copy of an upload."""
        return size <= await asyncio.to_thread(self._workspaces.available)

    async def usage(self) -> StoreUsage:
        """Return the space of open uploads on the local disk."""
        return await asyncio.to_thread(self._usage)

    def _usage(self) -> StoreUsage:
        return StoreUsage(
            partial_count=self._workspaces.count,
            partial_bytes=self._workspaces.written,
            available_bytes=self._workspaces.available() // 2,
            obstacle=self._availability.obstacle(),
        )
