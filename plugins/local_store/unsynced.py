"""Blobs of which a sync failed: a later sync that succeeds proves nothing."""

from contextlib import suppress
from pathlib import Path

from .files import is_regular, write_again
from .layout import Layout


class UnsyncedBlobs:
    """The blobs of which a sync failed, marked by empty files next to them. Blocking.

    The bytes may be in the memory of the system only, which a restart of the server leaves as it
    is. A power cut loses bytes and mark; an opened upload is then verified anyway.

    Args:
        layout: The directories of the store.
        shared: Whether other processes use the same directories at the same time.
    """

    def __init__(self, layout: Layout, *, shared: bool) -> None:
        self._layout = layout
        self._shared = shared
        self._ids: set[str] = set()

    def adopt(self, blob_id: str) -> None:
        """Take over the mark of an earlier run, if there is still such a blob."""
        self._ids.add(blob_id)
        if not any(map(is_regular, self._layout.places(blob_id))):
            self.forget(blob_id)

    def mark(self, blob_id: str) -> None:
        """Note that a sync failed."""
        self._ids.add(blob_id)
        with suppress(OSError):  # the disk fails; this process remembers it in any case
            self._layout.unsynced(blob_id).touch(mode=0o600)

    def forget(self, blob_id: str) -> None:
        """Note that a blob is on the disk, or was deleted."""
        if blob_id in self._ids:
            self._ids.discard(blob_id)
            with suppress(OSError):  # the blob is then written once more after a restart
                self._layout.unsynced(blob_id).unlink(missing_ok=True)

    def write_again(self, blob_id: str, *places: Path) -> None:
        """Write a blob of which a sync failed to the disk again.

        Args:
            blob_id: The blob; nothing is done if all its syncs succeeded.
            places: Where its file may be.
        """
        if self._shared and self._layout.unsynced(blob_id).exists():
            self._ids.add(blob_id)  # a sync of another process failed
        if blob_id not in self._ids:
            return
        for path in filter(is_regular, places):
            write_again(path)
        self.forget(blob_id)
