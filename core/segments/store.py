"""The upload store that keeps committed ranges and documents as objects."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from threading import Lock
from uuid import uuid4

from pdfsluice.core.directories import ensure_durable, free_bytes
from pdfsluice.core.errors import NotFound, StorageFull
from pdfsluice.core.models import Extent
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
from .identity import read_identity
from .sending import PART_BYTES, checked_parts, for_each
from .workspace import COPY, SPOOL, Workspace

logger = logging.getLogger(__name__)

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
        self._min_free = min_free
        self._min_orphan_age = timedelta(0)
        self._availability = Availability(objects)
        self._documents = LocalCopies(folder / names.DOCUMENTS, objects, cache_bytes)
        self._derived = DerivedObjects(objects, folder / names.DERIVED)
        self._workspaces: dict[str, Workspace] = {}
        self._damaged: dict[str, set[str]] = {}
        self._lock = Lock()
        self._direct = DirectAccess(objects, self._used_workspace)

    def prepare(self) -> None:
        """Make and clean the folder, and read the identity. Blocking."""
        with explained("use the folder of local copies"):
            ensure_durable(self._folder)
            for path in self._folder.iterdir():
                if path.suffix in {SPOOL, COPY}:  # perhaps not whole
                    path.unlink(missing_ok=True)
            self._documents.prepare()
            self._derived.prepare()
            mark = self._folder / "identity.lock"
            if not mark.exists():
                mark.write_text(str(uuid4()))
            folder = mark.read_text().strip()[:36]
            self.identity, self.folder_identity = read_identity(self._objects), folder
            self._announce(folder)

    def _announce(self, folder: str) -> None:
        """Record which folder uses the object store, and see whether another one did.

        Its server may have a database of its own, in which the sessions of other segments are.
        """
        mine = f"{names.SERVERS}/{folder}"
        if self._objects.size(mine) is None:
            self._objects.put(mine, memoryview(b"1"))
        if any(item.name != mine for item in self._objects.list(names.SERVERS)):
            self._min_orphan_age = _MIN_SHARED_AGE

    # Uploads

    async def create(self, blob_id: str, size: int | None) -> Blob:
        """Open a new upload, if its local files find space. No request is sent."""
        names.checked_id(blob_id)
        return await asyncio.to_thread(self._create, blob_id, size or 0)

    def _create(self, blob_id: str, size: int) -> Blob:
        available = self._available()
        if 2 * size > available:
            raise StorageFull(
                f"There is no space for the local copies of a file of {size} bytes.",
                hint="Try again when other uploads are finished or the server has more space.",
                details={"wanted_bytes": size, "available_bytes": available // 2},
            )
        return self._blob(blob_id, (), size)

    async def open(self, blob_id: str, extents: Sequence[Extent]) -> Blob:
        """Open an upload. Nothing is fetched yet."""
        names.checked_id(blob_id)
        return await asyncio.to_thread(self._blob, blob_id, extents, 0)

    def _blob(self, blob_id: str, extents: Sequence[Extent], size: int) -> Blob:
        def seal(workspace: Workspace, start: int, end: int) -> str:
            name = names.new_segment(blob_id, start)
            with workspace.spooled(start, end) as data, self._availability.observed():
                adopted = workspace.adopted(start, end, data)
                if adopted is None:
                    self._objects.put(name, data)
            name = adopted or name
            workspace.sealed(name)
            return name

        return SegmentBlob(self._workspace(blob_id, size), extents, seal)

    def _workspace(self, blob_id: str, size: int = 0) -> Workspace:
        """Return the local files of an upload, retained for the caller."""
        with self._lock:
            workspace = self._workspaces.get(blob_id)
            if workspace is not None and workspace.retain():
                return workspace
            made = Workspace(
                self._folder,
                blob_id,
                self._objects,
                size,
                on_closed=lambda: self._closed(blob_id, made),
            )
            self._workspaces[blob_id] = made
            return made

    @contextmanager
    def _used_workspace(self, blob_id: str) -> Generator[Workspace]:
        """Provide the local files of an upload while the context is entered."""
        workspace = self._workspace(blob_id)
        try:
            yield workspace
        finally:
            workspace.release()

    def _closed(self, blob_id: str, workspace: Workspace) -> None:
        with self._lock:
            if self._workspaces.get(blob_id) is workspace:
                del self._workspaces[blob_id]
            if workspace.damaged:
                self._damaged.setdefault(blob_id, set()).update(workspace.damaged)

    async def lost(self, blob_id: str, extents: Sequence[Extent]) -> Sequence[Extent]:
        """Return extents whose object is missing, short, or was found to be damaged."""
        names.checked_id(blob_id)
        return await asyncio.to_thread(self._lost, blob_id, extents)

    def _lost(self, blob_id: str, extents: Sequence[Extent]) -> Sequence[Extent]:
        workspace = self._workspaces.get(blob_id)
        damaged = self._damaged.get(blob_id, set()) | (workspace.damaged if workspace else set())
        listed = {item.name: item.size for item in self._objects.list(names.segments_of(blob_id))}

        def size(extent: Extent) -> int | None:
            place = names.checked_place(extent.place)
            return listed.get(place) or self._objects.size(place)  # a list may be out of date

        return [
            extent
            for extent in extents
            if extent.place in damaged or size(extent) != extent.end - extent.start
        ]

    async def copy(self, blob_id: str, extents: Sequence[Extent]) -> Sequence[Extent]:
        """Copy segments of other uploads inside the object store."""
        names.checked_id(blob_id)

        def copy(extent: Extent) -> Extent:
            place = names.new_segment(blob_id, extent.start)
            self._objects.copy(names.checked_place(extent.place), place)
            return Extent(extent.start, extent.end, extent.fingerprint, place)

        return await for_each(copy, extents)

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
        await asyncio.to_thread(self._discard, blob_id)

    def _discard(self, blob_id: str) -> None:
        self._objects.delete([i.name for i in self._objects.list(names.segments_of(blob_id))])
        self._damaged.pop(blob_id, None)

    async def remove(self, blob_id: str) -> None:
        """Delete the segments of an upload, its document and what was derived from it."""
        names.checked_id(blob_id)
        await asyncio.to_thread(self._remove, blob_id)

    def _remove(self, blob_id: str) -> None:
        name = names.document(blob_id)
        self._objects.delete([name])
        self._documents.forget(name)
        self._derived.delete(blob_id)
        self._discard(blob_id)

    async def orphans(self, older_than: timedelta) -> Sequence[str]:
        """Return the uploads whose newest segment has at least an age.

        The age is at least a day in an object store that another server has used as well.
        """
        return await asyncio.to_thread(self._orphans, max(older_than, self._min_orphan_age))

    def _orphans(self, older_than: timedelta) -> Sequence[str]:
        newest: dict[str, datetime] = {}
        for item in self._objects.list(names.UPLOADS):
            blob_id = names.id_of_segment(item.name)
            if blob_id is not None:
                newest[blob_id] = max(item.modified, newest.get(blob_id, item.modified))
        limit = datetime.now(UTC) - older_than if older_than else datetime.max.replace(tzinfo=UTC)
        return [blob_id for blob_id, modified in newest.items() if modified <= limit]

    # Documents

    async def publish(self, blob_id: str, extents: Sequence[Extent], sha256: str | None) -> None:
        """Store the file whole, compare its digest meanwhile, delete its segments."""
        names.checked_id(blob_id)
        await asyncio.to_thread(self._publish, blob_id, extents, sha256)

    def _publish(self, blob_id: str, extents: Sequence[Extent], sha256: str | None) -> None:
        name = names.document(blob_id)
        total = sum(extent.end - extent.start for extent in extents)
        stored = self._objects.size(name)
        if stored is None and not extents:
            raise NotFound(f"The storage holds no bytes of {blob_id!a}.")
        if stored is None or (extents and stored != total):
            self._send(blob_id, name, extents, sha256)
        self._discard(blob_id)

    def _send(self, blob_id: str, name: str, extents: Sequence[Extent], sha256: str | None) -> None:
        ordered = sorted(extents, key=lambda extent: extent.start)
        total = ordered[-1].end
        with self._used_workspace(blob_id) as workspace:
            workspace.fetch(ordered)
            parts = checked_parts(workspace, total, sha256)
            if total <= PART_BYTES:
                self._objects.put(name, memoryview(b"".join(parts)))
            else:
                self._objects.put_parts(name, parts)
            workspace.keep_copy(self._documents.path(name))
            self._documents.added(name)

    async def replace(self, blob_id: str, source_id: str) -> None:
        """Copy one document over another inside the object store, then delete the first."""
        source, target = names.document(source_id), names.document(blob_id)
        await asyncio.to_thread(self._replace, source, target)
        for name in (source, target):
            self._documents.forget(name)

    def _replace(self, source: str, target: str) -> None:
        if self._objects.size(source) is None:
            raise NotFound(f"The storage holds no {source}.")
        if source != target:
            self._objects.copy(source, target)
            self._objects.delete([source])

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

    def local_path(self, blob_id: str) -> AbstractAsyncContextManager[Path]:
        """Provide a document as a local file."""
        return self._documents.file(names.document(blob_id))

    async def sizes(self, blob_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the sizes of those documents that are there, by a request for each."""

        def size(blob_id: str) -> int | None:
            with suppress(NotFound):
                return self._objects.size(names.document(blob_id))
            return None

        sizes = await for_each(size, blob_ids)
        pairs = zip(blob_ids, sizes, strict=True)
        return {blob_id: size for blob_id, size in pairs if size is not None}

    async def published_ids(self) -> Sequence[str]:
        """Return the ids of all documents, or of what was derived from them."""
        return await asyncio.to_thread(self._published_ids)

    def _published_ids(self) -> Sequence[str]:
        folders = (names.DOCUMENTS, names.DERIVED)
        items = chain.from_iterable(self._objects.list(folder) for folder in folders)
        ids = (names.id_of_document(item.name) for item in items)
        return list(dict.fromkeys(blob_id for blob_id in ids if blob_id is not None))

    async def derived(self, blob_id: str, name: str) -> bytes | None:
        """Return what was derived from a document under a name; ``None`` for nothing."""
        return await self._derived.get(blob_id, name)

    async def derive(self, blob_id: str, name: str, content: bytes) -> None:
        """Store what was derived from a document."""
        await self._derived.put(blob_id, name, content)

    async def has_space(self, size: int) -> bool:
        """Return whether the local disk has space for a copy of an upload."""
        return await asyncio.to_thread(lambda: size <= self._available())

    async def usage(self) -> StoreUsage:
        """Return the space of open uploads on the local disk."""
        return await asyncio.to_thread(self._usage)

    def _usage(self) -> StoreUsage:
        workspaces = list(self._workspaces.values())
        return StoreUsage(
            partial_count=len(workspaces),
            partial_bytes=sum(workspace.written for workspace in workspaces),
            available_bytes=self._available() // 2,
            obstacle=self._availability.obstacle(),
        )

    def _available(self) -> int:
        with explained("read its free space"):
            free = free_bytes(self._folder) - self._min_free
        return max(0, free - sum(w.reserved for w in list(self._workspaces.values())))
