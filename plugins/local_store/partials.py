"""The files of partial uploads."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from pdfsluice.core import Conflict, StoreUsage
from pdfsluice.core.directories import sync_directory
from pdfsluice.core.storage_errors import explained

from .blob import LocalBlob, Sync
from .errors import not_found
from .files import NEW_FILE, is_in_memory, is_regular, join, unfinished
from .layout import Layout
from .ledger import Ledger
from .listing import partial_files
from .unsynced import UnsyncedBlobs

logger = logging.getLogger(__name__)


class PartialFiles:
    """The files of partial uploads, and the space that they take. Blocking.

    Args:
        layout: The directories of the store.
        ledger: Counts the space.
        unsynced: The blobs of which a sync failed.
        power_safe: Whether a new file, and what was sealed, survives a power cut.
        shared: Whether other processes use the same directories at the same time.
        sync: Writes the bytes of an open file to its disk.
    """

    def __init__(
        self,
        layout: Layout,
        ledger: Ledger,
        unsynced: UnsyncedBlobs,
        *,
        power_safe: bool,
        shared: bool,
        sync: Sync,
    ) -> None:
        self._layout = layout
        self._ledger = ledger
        self._unsynced = unsynced
        self._power_safe = power_safe
        self._shared = shared
        self._sync = sync
        self._in_memory = False

    def prepare(self) -> None:
        """Count the files of an earlier run, and finish what a crash ended."""
        self._in_memory = is_in_memory(self._layout.uploads)
        with os.scandir(self._layout.uploads) as entries:
            for entry in entries:
                blob_id = self._layout.partial_id(entry.name)
                if blob_id is not None and entry.is_file(follow_symlinks=False):
                    self._adopt(blob_id, Path(entry))
                marked_id = self._layout.unsynced_id(entry.name)
                if marked_id is not None:
                    self._unsynced.adopt(marked_id)

    def _adopt(self, blob_id: str, partial: Path) -> None:
        """Count a partial upload, unless it is a second name of a document's file."""
        document = self._layout.document(blob_id)
        if is_regular(document) and document.samefile(partial):
            logger.warning("The publication of %s is finished after a crash.", blob_id)
            partial.unlink()
        else:
            self._ledger.adopt(blob_id, partial.stat(follow_symlinks=False))

    def create(self, blob_id: str, size: int) -> LocalBlob:
        """Make an empty file, reserve space for ``size`` bytes, and open it.

        Raises:
            Conflict: There is such a file.
            StorageFull: There is not enough space.
        """
        path = self._layout.partial(blob_id)
        with explained("reserve space for the upload"):
            self._recount()
            self._ledger.reserve(blob_id, size, also_in=self._layout.documents)
            try:
                descriptor = os.open(path, NEW_FILE, 0o600)
            except BaseException as error:
                self._ledger.forget(blob_id)
                if isinstance(error, FileExistsError):
                    self._ledger.adopt(blob_id, path.stat(follow_symlinks=False))
                    raise Conflict(f"There are bytes of {blob_id} already.") from error
                raise
            try:
                os.ftruncate(descriptor, size)
                if self._power_safe:
                    sync_directory(path.parent)
            except BaseException:
                os.close(descriptor)
                self.discard(blob_id)
                raise
        return self._blob(blob_id, path, descriptor)

    def open(self, blob_id: str) -> LocalBlob:
        """Open a file; write it to the disk again first, if a sync of it failed.

        Raises:
            NotFound: There is no such file.
        """
        path = self._layout.partial(blob_id)
        with explained("open the upload"):
            try:
                self._unsynced.write_again(blob_id, path)
                descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                raise not_found(blob_id) from None
        return self._blob(blob_id, path, descriptor)

    def _blob(self, blob_id: str, path: Path, descriptor: int) -> LocalBlob:
        return LocalBlob(
            blob_id,
            path,
            descriptor,
            self._ledger,
            power_safe=self._power_safe,
            in_memory=self._in_memory,
            sync=self._sync,
            on_lost_sync=lambda: self._unsynced.mark(blob_id),
        )

    def join(self, blob_id: str, parts: Sequence[str]) -> None:
        """Replace the content of a file by that of others, one after the other.

        Raises:
            NotFound: One of them is not there.
        """
        target = self._layout.partial(blob_id)
        whole = unfinished(target)
        sources = [self._layout.partial(part) for part in parts]
        with explained("put the parts together"):
            for part, path in zip((blob_id, *parts), (target, *sources), strict=True):
                if not is_regular(path):
                    raise not_found(part)
            whole.unlink(missing_ok=True)
            try:
                join(whole, sources, sync=self._power_safe)
                whole.rename(target)
            except BaseException:
                whole.unlink(missing_ok=True)
                raise
            if self._power_safe:
                sync_directory(target.parent)
            self._ledger.adopt(blob_id, target.stat())

    def discard(self, blob_id: str) -> None:
        """Delete a file, if it is there."""
        with explained("delete the upload"):
            self._layout.partial(blob_id).unlink(missing_ok=True)
        self._ledger.forget(blob_id)

    def usage(self) -> StoreUsage:
        """Return how much space the files take and how much is left."""
        with explained("read its free space"):
            self._recount()
            return StoreUsage(
                partial_count=self._ledger.count,
                partial_bytes=self._ledger.written,
                available_bytes=self._ledger.available,
            )

    def _recount(self) -> None:
        """Count again what is in the directory, if other processes change it as well."""
        if self._shared:
            self._ledger.adopt_all(partial_files(self._layout))
