"""The port of upload stores, which keep the bytes of uploads and documents."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from pdfsluice.core.models.sessions import Extent

from .opening import Opener


class Blob(Protocol):
    """An open, randomly writable run of bytes. Safe for concurrent use.

    A blob whose :meth:`seal` failed is *poisoned*: the operating system reports a write error
    once and then counts the lost bytes as written. From then on every call but :meth:`read_into`
    and :meth:`close` raises ``StorageFailed``. The caller closes the blob, opens it again, and
    treats all bytes that were not committed as missing; :meth:`UploadStore.open` has then written
    the stored bytes to the disk again.
    """

    @property
    def local_path(self) -> Path | None:
        """The local file that holds the bytes, each at its offset, if there is one.

        Stage processes read it. Without one, the stages run in threads of the server, which
        use :meth:`read_into`.
        """
        ...

    def write(self, offset: int, data: memoryview, /) -> None:
        """Write all of ``data`` at ``offset``. Runs in a worker thread.

        Raises:
            StorageFull: No space or quota is left.
            StorageFailed: The storage reported an I/O error, or the blob is poisoned or closed.
        """
        ...

    def read_into(self, offset: int, buffer: memoryview, /) -> int:
        """Fill ``buffer`` from ``offset``; return how many bytes were there.

        Runs in a worker thread.

        Raises:
            StorageFailed: The storage reported an I/O error, or the blob is closed.
        """
        ...

    def seal(self, start: int, end: int, /) -> str:
        """Make the bytes of a range durable, as far as the setting promises.

        Runs in a worker thread. It succeeds only if every byte that was written to the range
        before the call is durable, and if the blob is still the one that its id names.

        Args:
            start: Offset of the first byte.
            end: Offset after the last byte; ``start`` to check the blob alone.

        Returns:
            The store's own word for where these bytes are, which is stored with the committed
            extent. It is empty if they are in the blob itself, at their offset. Otherwise the
            bytes under this word never change, and the word is never used again.

        Raises:
            StorageFull: No space or quota is left.
            StorageFailed: The bytes are not durable, or the blob was deleted meanwhile.
        """
        ...

    def fetch(self, extents: Sequence[Extent], /) -> None:
        """Bring the bytes of committed extents to :attr:`local_path`.

        Runs in a worker thread, before the stages read the extents. It is called for extents
        with a place only; those that are there already cost nothing.

        Raises:
            StorageFull: No space is left for the local file.
            StorageFailed: The bytes cannot be read, or are not those that were committed.
        """
        ...

    def close(self) -> None:
        """Close the blob; its bytes stay. Runs in a worker thread.

        Closing it again is harmless; every other call is then refused with ``StorageFailed``.
        """
        ...


class PromptBlob(Protocol):
    """Further methods that a :class:`Blob` may have; none of them waits for a device.

    They run on the event loop: for a small file a thread costs more than the call itself.
    """

    def read_cached(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset`` with bytes that are in memory; return how many.

        Fewer than the buffer has mean nothing: the caller reads them in a thread.

        Raises:
            StorageFailed: The blob is closed.
        """
        ...

    def changed_at(self) -> int:
        """Return when the bytes were last changed: another number after every change.

        A large upload of a blob that has this is read back while its stages work, and once
        more after them if the bytes were changed meanwhile. Otherwise it is read after them.

        Raises:
            StorageFailed: The storage reported an I/O error, or the blob is closed.
        """
        ...

    def close_published(self) -> None:
        """Close a blob that was published: all of it is durable, and its bytes stay."""
        ...


class LockableBlob(Protocol):
    """Further methods of a :class:`Blob` in which several nodes write the same bytes.

    A store that gives each committed range a place of its own needs none of them. They run on
    the event loop and wait for nothing.
    """

    def lock(self, start: int, end: int) -> bool:
        """Lock a range against other processes; return whether it is locked now.

        The lock ends with the process at the latest.
        """
        ...

    def unlock(self, start: int, end: int) -> None:
        """Release a range."""
        ...


class SharedUploadStore(Protocol):
    """Further attributes of an :class:`UploadStore` that several nodes may use.

    Attributes:
        folder_identity: The identity of the local folder that only the processes of one machine
            use; empty if that is the store itself.
    """

    folder_identity: str

    async def has_space(self, size: int) -> bool:
        """Return whether the folder has space for a copy of an upload of ``size`` bytes.

        A node without it holds no further uploads; it continues to receive bytes of all.
        """
        ...


class UploadStore(Protocol):
    """A store of the bytes of uploads and of finished documents.

    A blob is *partial* until it is published. Blob ids are the server's own
    (session ids: UUIDs in lower case); every method refuses others with ``NotFound``. All but
    :meth:`remove` also raise it if the blob is neither where they expect it nor where they put it.
    """

    @property
    def identity(self) -> str:
        """A name of this store that no other has, and that survives a restart.

        Two servers with one database but different identities do not see each other's bytes.
        """
        ...

    async def create(self, blob_id: str, size: int | None) -> Blob:
        """Make an empty partial blob, reserve space for ``size`` bytes, and open it.

        Raises:
            Conflict: There is one with this id.
            StorageFull: There is no space for the file.
        """
        ...

    async def open(self, blob_id: str, extents: Sequence[Extent]) -> Blob:
        """Open a partial blob.

        After a failed seal of this blob, its bytes are written to the disk again first.

        Args:
            blob_id: The blob.
            extents: What is committed of it.
        """
        ...

    def local_path(self, blob_id: str) -> AbstractAsyncContextManager[Path]:
        """Provide a published blob as a local file to read.

        A store that keeps a partial blob in one place provides that too.
        """
        ...

    async def sizes(self, blob_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the sizes in bytes of those published blobs that are there.

        It fetches no content. A store that keeps a partial blob in one place reports that too.

        Raises:
            StorageFailed: The storage reported an I/O error.
        """
        ...

    async def lost(self, blob_id: str, extents: Sequence[Extent]) -> Sequence[Extent]:
        """Return those extents whose places hold no bytes of their length any more.

        It is called for extents with a place only; those without one are read back and
        compared with their fingerprints by the caller.

        Raises:
            StorageFailed: The storage cannot be asked. That is no verdict on any extent.
        """
        ...

    async def copy(self, blob_id: str, extents: Sequence[Extent]) -> Sequence[Extent]:
        """Copy extents of other blobs; return them with their places in this one.

        It is called for extents with a place only, whose offsets are those in this blob.

        Raises:
            NotFound: The bytes of one of them are missing.
        """
        ...

    async def publish(self, blob_id: str, extents: Sequence[Extent], sha256: str | None) -> None:
        """Turn a partial blob into a document's; durable on return, and idempotent.

        Args:
            blob_id: The blob.
            extents: What is committed of it: the whole file.
            sha256: The digest of the file that the stages saw, in lower-case hexadecimal, if
                it is known. A store that sends the bytes elsewhere compares it while it sends.

        Raises:
            StorageFailed: The bytes are not those that the stages saw.
        """
        ...

    async def replace(self, blob_id: str, source_id: str) -> None:
        """Put another blob, which is gone afterwards, in the place of a published one.

        This is how a good copy heals a document whose bytes are missing or damaged. It is
        durable on return; a crash in between leaves either content under ``blob_id``.

        Args:
            blob_id: The document's blob, which may be missing.
            source_id: The new bytes, partial or published.
        """
        ...

    async def quarantine(self, blob_id: str) -> None:
        """Move a partial blob apart, where nothing reads it; idempotent."""
        ...

    async def restore(self, blob_id: str) -> None:
        """Make a quarantined blob partial again; idempotent."""
        ...

    async def remove(self, blob_id: str) -> None:
        """Delete a blob, partial, published or quarantined; a missing one is no error.

        The deletion of a document's or a quarantined blob is durable on return.
        """
        ...

    async def discard(self, blob_id: str) -> None:
        """Delete the bytes of a partial blob; those of a document or in quarantine stay.

        A missing blob is no error.
        """
        ...

    async def orphans(self, older_than: timedelta) -> Sequence[str]:
        """Return the ids of blobs with partial bytes of at least an age.

        Args:
            older_than: The age of the newest bytes; zero for all partial blobs.
        """
        ...

    async def published_ids(self) -> Sequence[str]:
        """Return the ids of all published blobs, for reconciliation."""
        ...

    async def concatenate(self, blob_id: str, parts: Sequence[str]) -> None:
        """Replace the content of a partial blob by that of others, which are removed.

        Nothing is changed if one of them is missing.
        """
        ...

    async def usage(self) -> "StoreUsage":
        """Return how much space partial blobs take and how much is left."""
        ...


@dataclass(frozen=True, slots=True)
class StoreUsage:
    """Space in an upload store.

    Attributes:
        partial_count: How many partial blobs there are.
        partial_bytes: How many bytes they occupy.
        available_bytes: How many more bytes fit.
        obstacle: Why no bytes can be stored now, for people; the server is then not ready.
    """

    partial_count: int
    partial_bytes: int
    available_bytes: int
    obstacle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStoreSpec:
    """Descriptor of an upload store.

    Attributes:
        open: Opens the store; called once, if the settings choose it.
        file_folders: The folders of all files that the store hands out. Processes that
            parse files may read these and nothing else of the server's; if a store does not
            name them, such processes may read what the server can.
    """

    name: str
    open: Opener[UploadStore]
    file_folders: Sequence[Path] | None = None
