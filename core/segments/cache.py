"""Local copies of objects, downloaded when they are read."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Lock
from uuid import uuid4
from weakref import WeakValueDictionary

from pdfsluice.core.directories import ensure_durable
from pdfsluice.core.errors import NotFound
from pdfsluice.core.plugins.ports.objects import ObjectStore
from pdfsluice.core.storage_errors import explained
from pdfsluice.core.threads import run_uncancelled

_STEP_BYTES = 8 * 1024 * 1024
_UNFINISHED = ".downloading"


class LocalCopies:
    """The local files of objects, the least recently used deleted first.

    An object is downloaded once, however many callers ask for it, and a file in use stays.

    Args:
        folder: Where the files are, and nothing else.
        objects: Where the objects are.
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

    def prepare(self) -> None:
        """Make the folder and delete what an earlier process left. Blocking."""
        ensure_durable(self._folder)
        for path in self._folder.iterdir():  # perhaps not whole
            path.unlink(missing_ok=True)

    def path(self, name: str) -> Path:
        """Return where the local file of an object is, or will be."""
        return self._folder / name.replace("/", "_")

    def added(self, name: str) -> None:
        """Count a file that was put in its place. Blocking."""
        with suppress(OSError):
            self._used(name, self.path(name).stat().st_size)
            self._evict()

    def add(self, name: str, content: bytes) -> None:
        """Put the content of an object in its place; a failure costs a download. Blocking."""
        path = self.path(name)
        draft = path.with_name(f"{uuid4().hex}{_UNFINISHED}")
        try:
            draft.write_bytes(content)
            draft.replace(path)
        except OSError:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        self.added(name)

    def _used(self, name: str, size: int | None = None) -> None:
        with self._lock:
            if size is not None or name not in self._sizes:
                self._sizes[name] = size or 0
            self._sizes.move_to_end(name)

    def forget(self, name: str) -> None:
        """Delete the local file of an object; readers keep it open. Blocking."""
        with self._lock:
            self._sizes.pop(name, None)
        with suppress(OSError):
            self.path(name).unlink(missing_ok=True)

    @asynccontextmanager
    async def file(self, name: str) -> AsyncGenerator[Path]:
        """Provide an object as a local file, downloaded if need be.

        Raises:
            NotFound: There is no such object.
        """
        path = self.path(name)
        self._users[name] = self._users.get(name, 0) + 1
        try:
            turn = self._turns.setdefault(name, asyncio.Lock())
            async with turn:
                if not await asyncio.to_thread(path.exists):
                    await run_uncancelled(asyncio.to_thread(self._download, name, path))
            self._used(name)
            yield path
        finally:
            self._users[name] -= 1
            if not self._users[name]:
                del self._users[name]
                self._evict()

    def _download(self, name: str, path: Path) -> None:
        size = self._objects.size(name)
        if size is None:
            raise NotFound(f"The storage holds no {name}.")
        unfinished = path.with_name(f"{path.name}{_UNFINISHED}")
        try:
            with explained("make a local copy of the document"):
                size = self._copy(name, size, unfinished)
                unfinished.replace(path)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise
        self._used(name, size)

    def _copy(self, name: str, size: int, path: Path) -> int:
        """Write an object to a file; return how many bytes it had."""
        buffer = memoryview(bytearray(min(size, _STEP_BYTES)))
        position = 0
        with path.open("wb") as file:
            while position < size:
                count = self._objects.read_into(name, position, buffer[: size - position])
                if not count:
                    break
                file.write(buffer[:count])
                position += count
        return position

    def _evict(self) -> None:
        """Delete files that are not in use until the others fit."""
        with self._lock:
            sizes = list(self._sizes.items())
        total = sum(size for _, size in sizes)
        for name, size in sizes:
            if total <= self._max_bytes:
                return
            if name not in self._users:
                total -= size
                self.forget(name)
