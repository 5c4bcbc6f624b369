"""The files of blobs, wherever they are: partial, published or quarantined."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pdfsluice.core import NotFound
from pdfsluice.core.directories import DurableDirectories, sync_directory
from pdfsluice.core.storage_errors import explained

from .errors import not_found
from .files import is_regular, move, unfinished
from .layout import Layout
from .ledger import Ledger
from .unsynced import UnsyncedBlobs


class BlobFiles:
    """The files of all blobs: found, moved and deleted. Blocking; durable on return.

    Args:
        layout: The directories of the store.
        ledger: Counts the space of partial uploads.
        unsynced: The blobs of which a sync failed.
        power_safe: Whether the deletion of a partial blob survives a power cut.
    """

    def __init__(
        self, layout: Layout, ledger: Ledger, unsynced: UnsyncedBlobs, *, power_safe: bool
    ) -> None:
        self._layout = layout
        self._ledger = ledger
        self._unsynced = unsynced
        self._power_safe = power_safe
        self._directories = DurableDirectories()

    def whole(self, blob_id: str) -> Path:
        """Return the file of a blob, published or partial.

        Raises:
            NotFound: There is none.
        """
        with explained("look for the file"):
            for path in (self._layout.document(blob_id), self._layout.partial(blob_id)):
                if is_regular(path):
                    return path
        raise not_found(blob_id)

    def sizes(self, blob_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the sizes in bytes of those blobs, published or partial, that are there."""
        sizes = {}
        for blob_id in blob_ids:
            with suppress(NotFound), explained("look for the file"):
                sizes[blob_id] = self.whole(blob_id).stat(follow_symlinks=False).st_size
        return sizes

    def publish(self, blob_id: str) -> None:
        """Make a partial blob a document's."""
        self._move(blob_id, self._layout.partial(blob_id), self._layout.document(blob_id))
        self._ledger.forget(blob_id)

    def replace(self, blob_id: str, source_id: str) -> None:
        """Put another blob in the place of a published one."""
        target = self._layout.document(blob_id)
        self._unsynced.forget(blob_id)  # its bytes are replaced
        source = self.whole(source_id)
        if source != target:
            self._move(source_id, source, target)
            self._ledger.forget(source_id)

    def quarantine(self, blob_id: str) -> None:
        """Move a partial blob apart, where nothing reads it."""
        self._move(blob_id, self._layout.partial(blob_id), self._layout.quarantined(blob_id))
        self._ledger.forget(blob_id)

    def restore(self, blob_id: str) -> None:
        """Make a quarantined blob partial again."""
        target = self._layout.partial(blob_id)
        self._move(blob_id, self._layout.quarantined(blob_id), target)
        self._ledger.adopt(blob_id, target.stat())

    def _move(self, blob_id: str, source: Path, target: Path) -> None:
        with explained("move the upload to its place"):
            try:
                self._unsynced.write_again(blob_id, source, target)
                self._directories.make(target.parent)
                move(source, target)
            except FileNotFoundError:
                raise not_found(blob_id) from None
            except OSError:
                self._unsynced.mark(blob_id)
                raise

    def remove(self, blob_id: str) -> None:
        """Delete the files of a blob, wherever they are."""
        partial = self._layout.partial(blob_id)
        with explained("delete the upload"):
            for path in self._layout.places(blob_id):
                unfinished(path).unlink(missing_ok=True)
                try:
                    path.unlink()
                except FileNotFoundError:
                    continue
                if self._power_safe or path != partial:  # a partial one is swept at the next start
                    sync_directory(path.parent)
        self._ledger.forget(blob_id)
        self._unsynced.forget(blob_id)
