"""The documents: whole files in the object store."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from itertools import chain
from pathlib import Path

from pdfsluice.core.errors import NotFound
from pdfsluice.core.models.sessions import Extent
from pdfsluice.core.plugins.ports.objects import ObjectStore

from . import names
from .cache import LocalCopies
from .sending import PART_BYTES, checked_parts, for_each
from .workspaces import Workspaces


class StoredDocuments:
    """The published files, with local copies. Blocking, if not awaited.

    Args:
        objects: The object store.
        workspaces: The local files of uploads that become documents.
        copies: The local copies.
    """

    def __init__(self, objects: ObjectStore, workspaces: Workspaces, copies: LocalCopies) -> None:
        self._objects = objects
        self._workspaces = workspaces
        self._copies = copies

    def prepare(self) -> None:
        """Make and clean the folder of local copies."""
        self._copies.prepare()

    def publish(self, blob_id: str, extents: Sequence[Extent], sha256: str | None) -> None:
        """Store a file whole, unless an earlier attempt has; compare its digest meanwhile.

        Raises:
            NotFound: There is neither a document nor an extent.
            StorageFailed: The file has another digest.
        """
        name = names.document(blob_id)
        total = sum(extent.end - extent.start for extent in extents)
        stored = self._objects.size(name)
        if stored is None and not extents:
            raise NotFound(f"The storage holds no bytes of {blob_id!a}.")
        if stored is None or (extents and stored != total):
            self._send(blob_id, name, extents, sha256)

    def _send(self, blob_id: str, name: str, extents: Sequence[Extent], sha256: str | None) -> None:
        ordered = sorted(extents, key=lambda extent: extent.start)
        total = ordered[-1].end
        with self._workspaces.used(blob_id) as workspace:
            workspace.fetch(ordered)
            parts = checked_parts(workspace, total, sha256)
            if total <= PART_BYTES:
                self._objects.put(name, memoryview(b"".join(parts)))
            else:
                self._objects.put_parts(name, parts)
            workspace.keep_copy(self._copies.path(name))
            self._copies.added(name)

    def replace(self, blob_id: str, source_id: str) -> None:
        """Copy a document over another inside the object store, then delete the first.

        Raises:
            NotFound: There is no such document.
        """
        source, target = names.document(source_id), names.document(blob_id)
        if self._objects.size(source) is None:
            raise NotFound(f"The storage holds no {source}.")
        if source != target:
            self._objects.copy(source, target)
            self._objects.delete([source])
        for name in (source, target):
            self._copies.forget(name)

    def delete(self, blob_id: str) -> None:
        """Delete a document, if it is there."""
        name = names.document(blob_id)
        self._objects.delete([name])
        self._copies.forget(name)

    def file(self, blob_id: str) -> AbstractAsyncContextManager[Path]:
        """Provide a document as a local file."""
        return self._copies.file(names.document(blob_id))

    async def sizes(self, blob_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the sizes of those documents that are there, by a request for each."""

        def size(blob_id: str) -> int | None:
            with suppress(NotFound):
                return self._objects.size(names.document(blob_id))
            return None

        sizes = await for_each(size, blob_ids)
        pairs = zip(blob_ids, sizes, strict=True)
        return {blob_id: size for blob_id, size in pairs if size is not None}

    def ids(self) -> Sequence[str]:
        """Return the ids of all documents, also if only derived objects are left."""
        folders = (names.DOCUMENTS, names.DERIVED)
        items = chain.from_iterable(self._objects.list(folder) for folder in folders)
        ids = (names.id_of_document(item.name) for item in items)
        return list(dict.fromkeys(blob_id for blob_id in ids if blob_id is not None))
