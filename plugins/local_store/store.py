"""The upload store ``local``."""

import asyncio
import logging
import math
import os
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

from pdfsluice.core import Blob, Conflict, Extent, NotFound, StoreUsage
from pdfsluice.core.directories import DurableDirectories, ensure_durable, sync_directory
from pdfsluice.core.storage_errors import explained

from .blob import LocalBlob, Sync, sync_data
from .counting import is_young, partial_files
from .errors import not_found, unusable
from .files import (
    NEW_FILE,
    is_in_memory,
    is_regular,
    is_unfinished,
    join,
    move,
    unfinished,
    write_again,
)
from .identity import store_identity
from .layout import Layout
from .ledger import Ledger

logger = logging.getLogger(__name__)


class LocalUploadStore:
    """A store with a file for each blob. All blocking work runs in worker threads.

    Attributes:
        identity: The identity of its directories; empty until :meth:`prepare` has run.
    """

    def __init__(
        self,
        layout: Layout,
        ledger: Ledger,
        *,
        power_safe: bool,
        shared: bool = False,
        sync: Sync = sync_data,
    ) -> None:
        self.identity = ""
        self._layout = layout
        self._ledger = ledger
        self._power_safe = power_safe
        self._shared = shared
        self._sync = sync
        self._directories = DurableDirectories()
        self._in_memory = False
        self._unsynced: set[str] = set()  # blobs of which a sync failed

    def prepare(self) -> None:
        """Make the directories, count what is in them, sweep what a crash left. Blocking."""
        layout = self._layout
        try:
            for directory in layout.directories:
                ensure_durable(directory)
                if directory.stat().st_mode & 0o022:
                    logger.warning("Others may write to %s; give pdfsluice its own.", directory)
            self._in_memory = is_in_memory(layout.uploads)
            self.identity = store_identity(layout.uploads, layout.documents.parent)
            for entry in self._entries():
                if is_unfinished(entry.name) and not (self._shared and is_young(entry)):
                    Path(entry).unlink(missing_ok=True)
            for entry in os.scandir(layout.uploads):
                blob_id = layout.partial_id(entry.name)
                if blob_id is not None and entry.is_file(follow_symlinks=False):
                    self._adopt(blob_id, Path(entry))
                self._adopt_mark(layout.unsynced_id(entry.name))
        except OSError as error:
            raise unusable(error) from error

    def _adopt(self, blob_id: str, partial: Path) -> None:
        """Count a partial upload, unless it is a second name of a document's file."""
        document = self._layout.document(blob_id)
        if is_regular(document) and document.samefile(partial):
            logger.warning("The publication of %s is finished after a crash.", blob_id)
            partial.unlink()
        else:
            self._ledger.adopt(blob_id, partial.stat(follow_symlinks=False))

    def _adopt_mark(self, blob_id: str | None) -> None:
        """Adopt the mark of a blob whose sync failed in an earlier run.

        The bytes may be in the memory of the system only, which a restart of the server leaves
        as it is. A power cut loses bytes and mark; an opened upload is then verified anyway.
        """
        if blob_id is None:
            return
        self._unsynced.add(blob_id)
        if not any(map(is_regular, self._layout.places(blob_id))):
            self._forget_unsynced(blob_id)

    def _mark_unsynced(self, blob_id: str) -> None:
        self._unsynced.add(blob_id)
        with suppress(OSError):  # the disk fails; this process remembers it in any case
            self._layout.unsynced(blob_id).touch(mode=0o600)

    def _forget_unsynced(self, blob_id: str) -> None:
        if blob_id in self._unsynced:
            self._unsynced.discard(blob_id)
            with suppress(OSError):  # the blob is then written once more after a restart
                self._layout.unsynced(blob_id).unlink(missing_ok=True)

    def _entries(self) -> Iterator["os.DirEntry[str]"]:
        """Yield all files of the store, of whatever kind."""
        layout = self._layout
        for directory in (layout.uploads, layout.quarantine):
            with os.scandir(directory) as entries:
                yield from entries
        yield from self._document_entries()

    def _document_entries(self) -> Iterator["os.DirEntry[str]"]:
        with os.scandir(self._layout.documents) as directories:
            names = [entry.path for entry in directories if entry.is_dir(follow_symlinks=False)]
        for name in names:
            with os.scandir(name) as entries:
                yield from entries

    def _recount(self) -> None:
        """Count again what is in the directory, if other processes change it as well."""
        if self._shared:
            self._ledger.adopt_all(partial_files(self._layout))

    async def create(self, blob_id: str, size: int | None) -> Blob:
        """Make an empty partial blob, reserve space for ``size`` bytes, and open it."""
        return await asyncio.to_thread(self._create, blob_id, size or 0)

    def _create(self, blob_id: str, size: int) -> LocalBlob:
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
                self._remove(blob_id)
                raise
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
            on_lost_sync=lambda: self._mark_unsynced(blob_id),
        )

    async def open(self, blob_id: str, extents: Sequence[Extent]) -> Blob:  # noqa: ARG002
        """Open a partial blob."""
        return await asyncio.to_thread(self._open, blob_id)

    def _open(self, blob_id: str) -> LocalBlob:
        path = self._layout.partial(blob_id)
        with explained("open the upload"):
            try:
                self._write_again_if_unsynced(blob_id, path)
                descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                raise not_found(blob_id) from None
        return self._blob(blob_id, path, descriptor)

    def _write_again_if_unsynced(self, blob_id: str, *places: Path) -> None:
        """Write a blob whose sync failed to the disk again.

        A sync that succeeds after a failed one proves nothing.
        """
        if self._shared and self._layout.unsynced(blob_id).exists():
            self._unsynced.add(blob_id)  # a sync of another process failed
        if blob_id not in self._unsynced:
            return
        for path in filter(is_regular, places):
            write_again(path)
        self._forget_unsynced(blob_id)

    @asynccontextmanager
    async def local_path(self, blob_id: str) -> AsyncGenerator[Path]:
        """Provide the whole blob, partial or published: the file itself."""
        yield await asyncio.to_thread(self._whole, blob_id)

    def _whole(self, blob_id: str) -> Path:
        with explained("look for the file"):
            for path in (self._layout.document(blob_id), self._layout.partial(blob_id)):
                if is_regular(path):
                    return path
        raise not_found(blob_id)

    async def sizes(self, blob_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the sizes in bytes of those blobs, partial or published, that are there."""
        return await asyncio.to_thread(self._sizes, blob_ids)

    def _sizes(self, blob_ids: Sequence[str]) -> Mapping[str, int]:
        sizes = {}
        for blob_id in blob_ids:
            with suppress(NotFound), explained("look for the file"):
                sizes[blob_id] = self._whole(blob_id).stat(follow_symlinks=False).st_size
        return sizes

    async def lost(self, blob_id: str, extents: Sequence[Extent]) -> Sequence[Extent]:  # noqa: ARG002
        """Return nothing: no extent has a place of its own."""
        return ()

    async def copy(self, blob_id: str, extents: Sequence[Extent]) -> Sequence[Extent]:  # noqa: ARG002
        """Return the extents: none has a place of its own."""
        return extents

    async def publish(
        self,
        blob_id: str,
        extents: Sequence[Extent],  # noqa: ARG002
        sha256: str | None,  # noqa: ARG002 - the caller has compared the stored bytes
    ) -> None:
        """Turn a partial blob into a document's; synced to the disk on return."""
        source, target = self._layout.partial(blob_id), self._layout.document(blob_id)
        await asyncio.to_thread(self._move, blob_id, source, target)
        self._ledger.forget(blob_id)

    async def replace(self, blob_id: str, source_id: str) -> None:
        """Put another blob in the place of a published one; durable on return."""
        await asyncio.to_thread(self._replace, blob_id, source_id)

    def _replace(self, blob_id: str, source_id: str) -> None:
        target = self._layout.document(blob_id)
        self._forget_unsynced(blob_id)  # its bytes are replaced
        source = self._whole(source_id)
        if source != target:
            self._move(source_id, source, target)
            self._ledger.forget(source_id)

    async def quarantine(self, blob_id: str) -> None:
        """Move a partial blob apart, where nothing reads it."""
        source, target = self._layout.partial(blob_id), self._layout.quarantined(blob_id)
        await asyncio.to_thread(self._move, blob_id, source, target)
        self._ledger.forget(blob_id)

    async def restore(self, blob_id: str) -> None:
        """Make a quarantined blob partial again."""
        source, target = self._layout.quarantined(blob_id), self._layout.partial(blob_id)
        await asyncio.to_thread(self._move, blob_id, source, target)
        self._ledger.adopt(blob_id, target.stat())

    def _move(self, blob_id: str, source: Path, target: Path) -> None:
        with explained("move the upload to its place"):
            try:
                self._write_again_if_unsynced(blob_id, source, target)
                self._directories.make(target.parent)
                move(source, target)
            except FileNotFoundError:
                raise not_found(blob_id) from None
            except OSError:
                self._mark_unsynced(blob_id)
                raise

    async def remove(self, blob_id: str) -> None:
        """Delete a blob, partial, published or quarantined."""
        await asyncio.to_thread(self._remove, blob_id)

    def _remove(self, blob_id: str) -> None:
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
        self._forget_unsynced(blob_id)

    async def published_ids(self) -> Sequence[str]:
        """Return the ids of all published blobs."""
        return await asyncio.to_thread(self._published_ids)

    def _published_ids(self) -> Sequence[str]:
        with explained("list the documents"):
            ids = (self._layout.document_id(entry.name) for entry in self._document_entries())
            return [blob_id for blob_id in ids if blob_id is not None]

    async def discard(self, blob_id: str) -> None:
        """Delete the file of a partial blob, if it is there."""
        await asyncio.to_thread(self._discard, blob_id)

    def _discard(self, blob_id: str) -> None:
        with explained("delete the upload"):
            self._layout.partial(blob_id).unlink(missing_ok=True)
        self._ledger.forget(blob_id)

    async def orphans(self, older_than: timedelta) -> Sequence[str]:
        """Return the ids of all partial blobs whose file was not changed for some time."""
        return await asyncio.to_thread(self._orphans, older_than.total_seconds())

    def _orphans(self, min_age: float) -> Sequence[str]:
        limit = time.time() - min_age if min_age > 0 else math.inf
        ids = []
        with explained("list the uploads"), os.scandir(self._layout.uploads) as entries:
            for entry in entries:
                blob_id = self._layout.partial_id(entry.name)
                if blob_id is not None and entry.stat(follow_symlinks=False).st_mtime <= limit:
                    ids.append(blob_id)
        return ids

    async def concatenate(self, blob_id: str, parts: Sequence[str]) -> None:
        """Replace the content of a partial blob by that of others, which are removed.

        The parts are removed when the whole is in its place: a crash in between leaves either
        all parts, or the whole and some parts.
        """
        await asyncio.to_thread(self._concatenate, blob_id, parts)

    def _concatenate(self, blob_id: str, parts: Sequence[str]) -> None:
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
        for part in parts:
            self._remove(part)

    async def usage(self) -> StoreUsage:
        """Return how much space partial blobs take and how much is left."""
        return await asyncio.to_thread(self._usage)

    def _usage(self) -> StoreUsage:
        with explained("read its free space"):
            self._recount()
            return StoreUsage(
                partial_count=self._ledger.count,
                partial_bytes=self._ledger.written,
                available_bytes=self._ledger.available,
            )
