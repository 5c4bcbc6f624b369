"""The local files of all open uploads, and the space that they take."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from pdfsluice.core.directories import free_bytes
from pdfsluice.core.errors import StorageFull
from pdfsluice.core.plugins.ports.objects import ObjectStore
from pdfsluice.core.storage_errors import explained

from .workspace import COPY, SPOOL, Workspace


class Workspaces:
    """The workspaces of open uploads, one for each. Safe for use by threads; blocking.

    Args:
        folder: Where the files are.
        objects: Where the segments are.
        min_free: Bytes of the disk that stay free.
    """

    def __init__(self, folder: Path, objects: ObjectStore, *, min_free: int) -> None:
        self._folder = folder
        self._objects = objects
        self._min_free = min_free
        self._open: dict[str, Workspace] = {}
        self._damaged: dict[str, set[str]] = {}
        self._lock = Lock()

    def prepare(self) -> None:
        """Delete the files of an earlier run, which are perhaps not whole."""
        for path in self._folder.iterdir():
            if path.suffix in {SPOOL, COPY}:
                path.unlink(missing_ok=True)

    def retained(self, blob_id: str, size: int = 0) -> Workspace:
        """Return the workspace of an upload, which the caller releases.

        Args:
            blob_id: The upload.
            size: Its announced size in bytes; 0 while unknown.
        """
        with self._lock:
            workspace = self._open.get(blob_id)
            if workspace is not None and workspace.retain():
                return workspace
            made = Workspace(
                self._folder,
                blob_id,
                self._objects,
                size,
                on_closed=lambda: self._closed(blob_id, made),
            )
            self._open[blob_id] = made
            return made

    @contextmanager
    def used(self, blob_id: str) -> Generator[Workspace]:
        """Provide the workspace of an upload while the context is entered."""
        workspace = self.retained(blob_id)
        try:
            yield workspace
        finally:
            workspace.release()

    def _closed(self, blob_id: str, workspace: Workspace) -> None:
        with self._lock:
            if self._open.get(blob_id) is workspace:
                del self._open[blob_id]
            if workspace.damaged:
                self._damaged.setdefault(blob_id, set()).update(workspace.damaged)

    def damaged(self, blob_id: str) -> set[str]:
        """Return the names of segments that were found to be damaged."""
        workspace = self._open.get(blob_id)
        return self._damaged.get(blob_id, set()) | (workspace.damaged if workspace else set())

    def forget(self, blob_id: str) -> None:
        """Forget the damaged segments of an upload, which were deleted."""
        self._damaged.pop(blob_id, None)

    @property
    def count(self) -> int:
        """How many uploads have local files."""
        return len(self._open)

    @property
    def written(self) -> int:
        """How many bytes were written to all local files."""
        return sum(workspace.written for workspace in list(self._open.values()))

    def available(self) -> int:
        """Return how many bytes of the disk are neither used nor reserved."""
        with explained("read its free space"):
            free = free_bytes(self._folder) - self._min_free
        return max(0, free - sum(each.reserved for each in list(self._open.values())))

    def check_space(self, size: int) -> None:
        """Check that there is space for the two local files of a new upload.

        Raises:
            StorageFull: There is not.
        """
        available = self.available()
        if 2 * size > available:
            raise StorageFull(
                f"There is no space for the local copies of a file of {size} bytes.",
                hint="Try again when other uploads are finished or the server has more space.",
                details={"wanted_bytes": size, "available_bytes": available // 2},
            )
