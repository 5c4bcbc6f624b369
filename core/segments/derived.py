"""What was made from documents, as objects of their own."""

import asyncio
from pathlib import Path

from pdfsluice.core.errors import NotFound
from pdfsluice.core.plugins.ports.objects import ObjectStore

from . import names
from .cache import LocalCopies

_MAX_LOCAL_BYTES = 256 * 1024 * 1024


class DerivedObjects:
    """Derived objects in the store, with local copies.

    Args:
        objects: Where they are.
        folder: For local copies.
        max_bytes: Most bytes of local copies.
    """

    def __init__(
        self, objects: ObjectStore, folder: Path, *, max_bytes: int = _MAX_LOCAL_BYTES
    ) -> None:
        self._objects = objects
        self._copies = LocalCopies(folder, objects, max_bytes)

    def prepare(self) -> None:
        """Make and clean the folder. Blocking."""
        self._copies.prepare()

    async def get(self, blob_id: str, name: str) -> bytes | None:
        """Return what is stored under a name; ``None`` if there is nothing."""
        object_name = names.derived(blob_id, name)
        try:
            async with self._copies.file(object_name) as path:
                return await asyncio.to_thread(path.read_bytes)
        except NotFound:
            return None

    async def put(self, blob_id: str, name: str, content: bytes) -> None:
        """Store something under a name."""
        await asyncio.to_thread(self._put, names.derived(blob_id, name), content)

    def _put(self, name: str, content: bytes) -> None:
        self._objects.put(name, memoryview(content))
        self._copies.add(name, content)

    def delete(self, blob_id: str) -> None:
        """Delete all that was derived from a document. Blocking."""
        stored = [item.name for item in self._objects.list(names.derived_of(blob_id))]
        self._objects.delete(stored)
        for name in stored:
            self._copies.forget(name)
