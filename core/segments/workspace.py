"""The local files of one open upload: a spool, and a copy for the stages.

They are two files, because they are trusted differently. The spool holds whatever a client sends.
The copy receives the bytes of committed extents alone, compared with their fingerprints, so
that no later write of any client reaches what the stages have seen.
"""

import mmap
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from uuid import uuid4

import xxhash

from pdfsluice.core.errors import NotFound, StorageFailed
from pdfsluice.core.models.sessions import Extent
from pdfsluice.core.plugins.ports.objects import ObjectStore
from pdfsluice.core.storage_errors import explained

from .names import checked_place

_STEP_BYTES = 4 * 1024 * 1024
_NEW_FILE = os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
SPOOL, COPY = ".spool", ".part"


class Workspace:
    """The local files of an upload, shared by its open blobs. Safe for use by threads.

    The files are deleted when the last blob is closed and the last call has ended.

    Args:
        folder: Where the files are.
        blob_id: The upload.
        objects: Where its segments are.
        size: The announced size in bytes; 0 while unknown.
        on_closed: Called when the files are deleted.

    Attributes:
        written: Bytes that it has written.
        damaged: Places whose object is not what was committed.
    """

    def __init__(
        self,
        folder: Path,
        blob_id: str,
        objects: ObjectStore,
        size: int,
        *,
        on_closed: Callable[[], None] = lambda: None,
    ) -> None:
        self.written = 0
        self.damaged: set[str] = set()
        self._on_closed = on_closed
        self._users = 1  # the caller
        self._counting = Lock()
        name = f"{blob_id}-{uuid4().hex}"  # an earlier workspace may still delete its files
        self.copy_path = folder / f"{name}{COPY}"
        self._announced = 2 * size  # in the spool and in the copy
        self._objects = objects
        self._spool_path = folder / f"{name}{SPOOL}"
        self._spooled: set[str] = set()
        self._copied: set[str] = set()
        self._adopted: dict[tuple[int, int], tuple[str, str]] = {}
        self._lock = Lock()
        with explained("make the upload's local files"):
            self._spool = os.open(self._spool_path, _NEW_FILE, 0o600)
            try:
                self._copy = os.open(self.copy_path, _NEW_FILE, 0o600)
            except BaseException:
                os.close(self._spool)
                raise

    @property
    def reserved(self) -> int:
        """Bytes of the disk that it may still take."""
        return max(0, self._announced - self.written)

    def write(self, offset: int, data: memoryview) -> None:
        """Write bytes that arrive to the spool."""
        with explained("store the bytes"):
            _write(self._spool, offset, data)
        self.written += len(data)

    @contextmanager
    def use(self) -> Generator[None]:
        """Keep the files open while the context is entered.

        Raises:
            StorageFailed: They are closed already.
        """
        with self._counting:
            if not self._users:
                raise StorageFailed("The upload's local files are closed already.")
            self._users += 1
        try:
            yield
        finally:
            self.release()

    def retain(self) -> bool:
        """Count another open blob; return whether the files are open."""
        with self._counting:
            self._users += bool(self._users)
            return bool(self._users)

    def release(self) -> None:
        """Count an open blob or a call less; the last one deletes the files."""
        with self._counting:
            self._users -= 1
            if self._users:
                return
        for path in (self._spool_path, self.copy_path):
            with suppress(OSError):
                path.unlink(missing_ok=True)
        os.close(self._spool)
        os.close(self._copy)
        self._on_closed()

    @contextmanager
    def spooled(self, start: int, end: int) -> Generator[memoryview]:
        """Provide bytes of the spool, without a copy in this process.

        Raises:
            StorageFailed: They are not all there.
        """
        first = start - start % mmap.ALLOCATIONGRANULARITY
        with explained("read the bytes back"):
            try:
                mapped = mmap.mmap(self._spool, end - first, access=mmap.ACCESS_READ, offset=first)
            except ValueError as error:  # the file is shorter
                raise StorageFailed("Bytes that arrived are not on the server's disk.") from error
        with mapped, memoryview(mapped) as whole, whole[start - first :] as view:
            yield view

    def read_spool(self, offset: int, buffer: memoryview) -> int:
        """Fill a buffer from the spool; return how many bytes were there."""
        with explained("read the bytes back"):
            return _read(self._spool, offset, buffer)

    def read_copy(self, offset: int, buffer: memoryview) -> int:
        """Fill a buffer from the copy; return how many bytes were there."""
        with explained("read the bytes back"):
            return _read(self._copy, offset, buffer)

    def adopt(self, name: str, start: int, end: int) -> None:
        """Bring the bytes of a new object to the spool.

        Raises:
            NotFound: There is no such object.
            StorageFailed: It has fewer bytes.
        """
        fingerprint = xxhash.xxh3_128()
        buffer = memoryview(bytearray(min(_STEP_BYTES, end - start)))
        position = start
        while position < end:
            view = buffer[: min(len(buffer), end - position)]
            size = self._objects.read_into(name, position - start, view)
            if not size:
                raise StorageFailed("The object store returned fewer bytes than it has.")
            fingerprint.update(view[:size])
            self.write(position, view[:size])
            position += size
        self._adopted[start, end] = fingerprint.hexdigest(), name

    def adopted(self, start: int, end: int, data: memoryview) -> str | None:
        """Return the object that was adopted for a range, if the spool has its bytes."""
        fingerprint, name = self._adopted.pop((start, end), ("", ""))
        return name if name and xxhash.xxh3_128_hexdigest(data) == fingerprint else None

    def sealed(self, place: str) -> None:
        """Note that the spool has the bytes of a segment."""
        self._spooled.add(place)

    def fetch(self, extents: Sequence[Extent]) -> None:
        """Bring the bytes of extents to the copy, from the spool or their objects.

        Raises:
            StorageFailed: The bytes are not those that were committed.
        """
        for extent in extents:
            if extent.place in self._copied:
                continue
            with self._lock:
                if extent.place not in self._copied:
                    self._fetch(extent)
                    self._copied.add(extent.place)

    def forget_copy(self) -> None:
        """Fetch all bytes again: the copy is not what was committed."""
        with self._lock:
            self._copied.clear()
            self._spooled.clear()

    def _fetch(self, extent: Extent) -> None:
        name = checked_place(extent.place)
        if name in self._spooled and self._transfer(extent, self.read_spool):
            return

        def read(offset: int, buffer: memoryview) -> int:
            return self._objects.read_into(name, offset - extent.start, buffer)

        try:
            intact = self._transfer(extent, read)
        except NotFound:
            intact = False
        if not intact:
            self.damaged.add(name)
            raise StorageFailed(
                f"The stored bytes from {extent.start} to {extent.end} are missing or damaged.",
                hint="Resume the upload: these bytes are sent again.",
                details={"start": extent.start, "end": extent.end},
            )

    def _transfer(self, extent: Extent, read: Callable[[int, memoryview], int]) -> bool:
        """Copy the bytes of an extent; return whether they have its fingerprint."""
        fingerprint = xxhash.xxh3_128()
        buffer = memoryview(bytearray(min(_STEP_BYTES, extent.end - extent.start)))
        position = extent.start
        while position < extent.end:
            size = read(position, buffer[: min(len(buffer), extent.end - position)])
            if not size:
                return False
            fingerprint.update(buffer[:size])
            with explained("copy the bytes for the stages"):
                _write(self._copy, position, buffer[:size])
            position += size
        self.written += extent.end - extent.start
        return fingerprint.hexdigest() == extent.fingerprint

    def keep_copy(self, path: Path) -> None:
        """Give the copy, which is whole, another name as well; a failure costs a download."""
        with suppress(OSError):
            path.unlink(missing_ok=True)
            os.link(self.copy_path, path)


def _write(descriptor: int, offset: int, data: memoryview) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], offset + done)


def _read(descriptor: int, offset: int, buffer: memoryview) -> int:
    done = 0
    while done < len(buffer):
        size = os.preadv(descriptor, [buffer[done:]], offset + done)
        if not size:
            break
        done += size
    return done
