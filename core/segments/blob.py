"""An open upload whose committed ranges are objects."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from pdfsluice.core.errors import StorageFailed
from pdfsluice.core.models.sessions import Extent

from .workspace import Workspace


class SegmentBlob:
    """A blob that writes to the local spool and seals ranges as objects.

    Args:
        workspace: The local files, retained for this blob.
        extents: What is committed.
        seal: Stores a range of the spool as an object; returns its name.
    """

    def __init__(
        self,
        workspace: Workspace,
        extents: Sequence[Extent],
        seal: Callable[[Workspace, int, int], str],
    ) -> None:
        self._workspace = workspace
        self._seal = seal
        self._lock = Lock()
        self._closed = False
        self._committed = sorted(extents, key=_start)

    @property
    def local_path(self) -> Path:
        """The copy with the bytes of all extents that were fetched."""
        return self._workspace.copy_path

    def write(self, offset: int, data: memoryview) -> None:
        """Write all of ``data`` to the spool."""
        self._refuse_if_closed()
        with self._workspace.use():
            self._workspace.write(offset, data)

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer``: committed bytes from their objects, others from the spool."""
        self._refuse_if_closed()
        done = 0
        with self._workspace.use():
            while done < len(buffer):
                size = self._read_run(offset + done, buffer[done:])
                if not size:
                    break
                done += size
        return done

    def _read_run(self, position: int, buffer: memoryview) -> int:
        """Read as much as is in one extent, or between two."""
        committed = self._committed
        index = bisect_right(committed, position, key=_start)
        if index and position < committed[index - 1].end:
            extent = committed[index - 1]
            self._workspace.fetch([extent])
            return self._workspace.read_copy(position, buffer[: extent.end - position])
        if index < len(committed):
            buffer = buffer[: committed[index].start - position]
        return self._workspace.read_spool(position, buffer)

    def seal(self, start: int, end: int) -> str:
        """Store a range of the spool as an object; return its name."""
        self._refuse_if_closed()
        if start == end:
            return ""
        with self._workspace.use():
            return self._seal(self._workspace, start, end)

    def fetch(self, extents: Sequence[Extent]) -> None:
        """Bring the bytes of committed extents to the copy."""
        self._refuse_if_closed()
        self._learn(extents)
        with self._workspace.use():
            self._workspace.fetch(extents)

    def _learn(self, extents: Sequence[Extent]) -> None:
        """Add extents to a copy of the list: readers use the list without the lock."""
        with self._lock:
            committed = self._committed.copy()
            for extent in extents:
                index = bisect_left(committed, extent.start, key=_start)
                is_there = index < len(committed) and committed[index].start == extent.start
                committed[index : index + is_there] = [extent]
            self._committed = committed

    def close(self) -> None:
        """Close the blob; closing it again is harmless."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._workspace.release()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StorageFailed("The upload is closed already.")


def _start(extent: Extent) -> int:
    return extent.start
