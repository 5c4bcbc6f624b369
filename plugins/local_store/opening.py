"""Opens the store of the settings."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from .blob import Sync, sync_data
from .layout import Layout
from .ledger import Ledger
from .store import LocalUploadStore


@asynccontextmanager
async def open_store(
    *,
    upload_dir: Path,
    data_dir: Path,
    power_safe: bool = False,
    max_bytes: int | None = None,
    min_free: int = 0,
    shared: bool = False,
    sync: Sync = sync_data,
) -> AsyncGenerator[LocalUploadStore]:
    """Open the store, and count the partial uploads of an earlier run.

    Args:
        upload_dir: For partial uploads.
        data_dir: For documents and quarantined uploads.
        power_safe: Whether what ``seal`` and ``create`` have done survives a power cut.
        max_bytes: Most bytes for all partial uploads together; ``None`` for no limit.
        min_free: Bytes of the disk that stay free.
        shared: Whether other processes use the same directories at the same time.
        sync: Writes the bytes of an open file to its disk.
    """
    layout = Layout(
        uploads=upload_dir, documents=data_dir / "documents", quarantine=data_dir / "quarantine"
    )
    store = LocalUploadStore(
        layout,
        Ledger(upload_dir, max_bytes=max_bytes, min_free=min_free),
        power_safe=power_safe,
        shared=shared,
        sync=sync,
    )
    await asyncio.to_thread(store.prepare)
    yield store
