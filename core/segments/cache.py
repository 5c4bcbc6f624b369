"""Local copies of documents, downloaded when they are read."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

from pdfsluice.core.errors import NotFound
from pdfsluice.core.plugins.ports.objects import ObjectStore
from pdfsluice.core.storage_errors import explained

from . import names

logger = logging.getLogger(__name__)

_STEP_BYTES = 8 * 1024 * 1024
DOCUMENT, UNFINISHED = ".pdf", ".downloading"


class DocumentCache:
    """The local files of documents, the least recently used deleted first.

    A document is downloaded once, however many callers ask for it, and a file in use stays.

    Args:
        folder: Where the files are.
        objects: Where the documents are.
        max_bytes: Most bytes of files that are not in use.
    """

    def __init__(self, folder: Path, objects: ObjectStore, max_bytes: int) -> None:
        self._folder = folder
        self._objects = objects
        self._max_bytes = max_bytes
        self._sizes: OrderedDict[str, int] = OrderedDict()  # the least recently used first
        self._lock = Lock()
        self._users: dict[str, int] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def path(self, blob_id: str) -> Path:
        """Return where the local file of a document is, or will be."""
        return self._folder / f"{names.checked_id(blob_id)}{DOCUMENT}"

    def added(self, blob_id: str) -> None:
        """Count a file that was put in its place. Blocking."""
        with suppress(OSError):
            self._used(blob_id, self.path(blob_id).stat().st_size)
            self._evict()

    def _used(self, blob_id: str, size: int | None = None) -> None:
        with self._lock:
            if size is not None or blob_id not in self._sizes:
                self._sizes[blob_id] = size or 0
            self._sizes.move_to_end(blob_id)

    def forget(self, blob_id: str) -> None:
        """Delete the local file of a document; readers keep it open. Blocking."""
        with self._lock:
            self._sizes.pop(blob_id, None)
        with suppress(OSError):
            self.path(blob_id).unlink(missing_ok=True)

    @asynccontextmanager
    async def file(self, blob_id: str) -> AsyncGenerator[Path]:
        """Provide a document as a local file, downloaded if need be.

        Raises:
            NotFound: There is no such document.
        """
        path = self.path(blob_id)
        self._users[blob_id] = self._users.get(blob_id, 0) + 1
        try:
            turn = self._turns.setdefault(blob_id, asyncio.Lock())
            async with turn:
                if not await asyncio.to_thread(path.exists):
                    await asyncio.to_thread(self._download, blob_id, path)
            self._used(blob_id)
            yield path
        finally:
            self._users[blob_id] -= 1
            if not self._users[blob_id]:
                del self._users[blob_id]
                self._evict()

    def _download(self, blob_id: str, path: Path) -> None:
        name = names.document(blob_id)
        size = self._objects.size(name)
        if size is None:
            raise NotFound(f"The storage holds no document {blob_id}.")
        unfinished = path.with_suffix(UNFINISHED)
        with explained("make a local copy of the document"), unfinished.open("wb") as file:
            buffer = memoryview(bytearray(min(size, _STEP_BYTES)))
            position = 0
            while position < size:
                count = self._objects.read_into(name, position, buffer[: size - position])
                if not count:
                    break
                file.write(buffer[:count])
                position += count
        with explained("make a local copy of the document"):
            unfinished.replace(path)
        self._used(blob_id, position)

    def _evict(self) -> None:
        """Delete files that are not in use until the others fit."""
        with self._lock:
            sizes = list(self._sizes.items())
        total = sum(size for _, size in sizes)
        for blob_id, size in sizes:
            if total <= self._max_bytes:
                return
            if blob_id not in self._users:
                total -= size
                self.forget(blob_id)
