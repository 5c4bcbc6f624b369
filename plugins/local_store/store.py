"""The upload store ``local``."""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pdfsluice.core.errors import Conflict
from pdfsluice.core.plugins.ports.stores import Blob, StoreUsage

from .blob import LocalBlob
from .errors import explained, not_found, unusable
from .files import (
    NEW_FILE,
    append,
    is_regular,
    make_directory,
    move,
    sync_directory,
    unfinished,
)
from .layout import Layout
from .ledger import Ledger

logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_store(
    *,
    upload_dir: Path,
    data_dir: Path,
    power_safe: bool = False,
    max_bytes: int | None = None,
    min_free: int = 0,
) -> AsyncGenerator["LocalUploadStore"]:
    """Open the store, and find the partial uploads of an earlier run.

    Args:
        upload_dir: For partial uploads.
        data_dir: For documents and quarantined uploads.
        power_safe: Whether ``sync`` and ``create`` survive a power cut.
        max_bytes: Most bytes for all partial uploads together; ``None`` for no limit.
        min_free: Bytes of the disk that stay free.
    """
    layout = Layout(
        uploads=upload_dir, documents=data_dir / "documents", quarantine=data_dir / "quarantine"
    )
    store = LocalUploadStore(
        layout,
        Ledger(upload_dir, max_bytes=max_bytes, min_free=min_free),
        power_safe=power_safe,
    )
    await asyncio.to_thread(store.prepare)
    yield store


class LocalUploadStore:
    """Keeps each blob in a file of its own. All blocking work runs in worker threads."""

    def __init__(self, layout: Layout, ledger: Ledger, *, power_safe: bool) -> None:
        self._layout = layout
        self._ledger = ledger
        self._power_safe = power_safe

    def prepare(self) -> None:
        """Make the directories and count what is in them. Blocking."""
        try:
            for directory in self._layout.directories:
                make_directory(directory)
                sync_directory(directory)  # of names that a run which was killed has not synced
                if directory.stat().st_mode & 0o022:
                    logger.warning("Others may write to %s; give pdfsluice its own.", directory)
            for entry in os.scandir(self._layout.uploads):
                blob_id = self._layout.partial_id(entry.name)
                if blob_id is not None and entry.is_file(follow_symlinks=False):
                    self._ledger.adopt(blob_id, entry.stat(follow_symlinks=False))
        except OSError as error:
            raise unusable(error) from error

    async def create(self, blob_id: str, size: int | None) -> Blob:
        """Make an empty partial blob, reserve room for ``size`` bytes, and open it."""
        return await asyncio.to_thread(self._create, blob_id, size or 0)

    def _create(self, blob_id: str, size: int) -> LocalBlob:
        path = self._layout.partial(blob_id)
        with explained("make room for the upload"):
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
        return LocalBlob(blob_id, path, descriptor, self._ledger, power_safe=self._power_safe)

    async def open(self, blob_id: str) -> Blob:
        """Open a partial blob."""
        return await asyncio.to_thread(self._open, blob_id)

    def _open(self, blob_id: str) -> LocalBlob:
        path = self._layout.partial(blob_id)
        with explained("open the upload"):
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                raise not_found(blob_id) from None
        return LocalBlob(blob_id, path, descriptor, self._ledger, power_safe=self._power_safe)

    @asynccontextmanager
    async def local_path(self, blob_id: str) -> AsyncGenerator[Path]:
        """Give the whole blob, partial or published: the file itself."""
        yield await asyncio.to_thread(self._whole, blob_id)

    def _whole(self, blob_id: str) -> Path:
        for path in (self._layout.document(blob_id), self._layout.partial(blob_id)):
            if is_regular(path):
                return path
        raise not_found(blob_id)

    async def publish(self, blob_id: str) -> None:
        """Turn a partial blob into a document's; synced to the disk on return."""
        source, target = self._layout.partial(blob_id), self._layout.document(blob_id)
        await asyncio.to_thread(self._move, blob_id, source, target)
        self._ledger.forget(blob_id)

    async def quarantine(self, blob_id: str) -> None:
        """Move a partial blob apart, where nothing reads it."""
        source, target = self._layout.partial(blob_id), self._layout.quarantined(blob_id)
        await asyncio.to_thread(self._move, blob_id, source, target)
        self._ledger.forget(blob_id)

    async def restore(self, blob_id: str) -> None:
        """Bring a quarantined blob back as a partial one."""
        source, target = self._layout.quarantined(blob_id), self._layout.partial(blob_id)
        await asyncio.to_thread(self._move, blob_id, source, target)
        self._ledger.adopt(blob_id, target.stat())

    def _move(self, blob_id: str, source: Path, target: Path) -> None:
        with explained("move the upload to its place"):
            try:
                move(source, target)
            except FileNotFoundError:
                raise not_found(blob_id) from None

    async def remove(self, blob_id: str) -> None:
        """Delete a blob wherever it is."""
        await asyncio.to_thread(self._remove, blob_id)

    def _remove(self, blob_id: str) -> None:
        layout = self._layout
        with explained("delete the upload"):
            for place in (layout.partial, layout.quarantined, layout.document):
                place(blob_id).unlink(missing_ok=True)
                unfinished(place(blob_id)).unlink(missing_ok=True)
        self._ledger.forget(blob_id)

    async def partial_ids(self) -> Sequence[str]:
        """Name all partial blobs."""
        return await asyncio.to_thread(self._partial_ids)

    def _partial_ids(self) -> Sequence[str]:
        with explained("list the uploads"), os.scandir(self._layout.uploads) as entries:
            ids = (self._layout.partial_id(entry.name) for entry in entries)
            return [blob_id for blob_id in ids if blob_id is not None]

    async def concatenate(self, blob_id: str, parts: Sequence[str]) -> None:
        """Replace the content of a partial blob by that of others, which are removed.

        The parts go when the whole is in its place: a crash in between leaves either all
        parts, or the whole and some parts.
        """
        await asyncio.to_thread(self._concatenate, blob_id, parts)

    def _concatenate(self, blob_id: str, parts: Sequence[str]) -> None:
        target = self._layout.partial(blob_id)
        joined = unfinished(target)
        sources = [self._layout.partial(part) for part in parts]
        with explained("put the parts together"):
            for part, path in zip((blob_id, *parts), (target, *sources), strict=True):
                if not is_regular(path):
                    raise not_found(part)
            joined.unlink(missing_ok=True)
            try:
                self._join(joined, sources)
                joined.rename(target)
            except BaseException:
                joined.unlink(missing_ok=True)
                raise
            if self._power_safe:
                sync_directory(target.parent)
            self._ledger.adopt(blob_id, target.stat())
        for part in parts:
            self._remove(part)

    def _join(self, joined: Path, sources: Sequence[Path]) -> None:
        target = os.open(joined, NEW_FILE, 0o600)
        try:
            for path in sources:
                source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    append(target, source)
                finally:
                    os.close(source)
            if self._power_safe:
                os.fsync(target)
        finally:
            os.close(target)

    async def usage(self) -> StoreUsage:
        """Say how much room partial blobs take and how much is left."""
        return await asyncio.to_thread(self._usage)

    def _usage(self) -> StoreUsage:
        with explained("look at its free space"):
            return StoreUsage(
                partial_count=self._ledger.count,
                partial_bytes=self._ledger.written,
                available_bytes=self._ledger.available,
            )
