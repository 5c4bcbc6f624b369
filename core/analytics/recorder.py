"""The event sink that records ended uploads."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import ClassVar

from pdfsluice.core.background import background
from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.models.events import Event, ImportEnded, UploadEnded
from pdfsluice.core.models.upload_records import UploadRecord
from pdfsluice.core.plugins.ports.analytics import Analytics

logger = logging.getLogger(__name__)

_INTERVAL_SECONDS = 5.0
_MAX_WAITING = 10_000
"""Records that may wait; the oldest are dropped."""


class UploadRecorder:
    """A sink of records of ended uploads, which stores many in one transaction.

    Records that cannot be stored wait for the next attempt. Those that are lost, also by the
    death of the process, are made again from the sessions; see :mod:`.keeper`.

    Args:
        analytics: Where records are stored.
        interval_seconds: Time from the first record to the transaction that stores it.
    """

    EVENTS: ClassVar[frozenset[type[Event]]] = frozenset({UploadEnded, ImportEnded})

    def __init__(
        self,
        analytics: Analytics,
        *,
        interval_seconds: float = _INTERVAL_SECONDS,
    ) -> None:
        self._analytics = analytics
        self._interval_seconds = interval_seconds
        self._records: dict[str, UploadRecord] = {}
        self._imports: dict[str, datetime] = {}
        self._pending = asyncio.Event()
        self._turn = asyncio.Lock()

    async def handle(self, event: Event) -> None:
        """Note the end of an upload, or of its import."""
        match event:
            case UploadEnded(record=record):
                self._records[record.session_id] = record
                if len(self._records) > _MAX_WAITING:
                    del self._records[next(iter(self._records))]
            case ImportEnded():
                at = datetime.fromtimestamp(event.at, UTC)
                self._imports.setdefault(event.session_id, at)
                if len(self._imports) > _MAX_WAITING:
                    del self._imports[next(iter(self._imports))]
            case _:
                return
        self._pending.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Store records in the background; on leaving, store those that wait."""
        try:
            async with background({"recording of uploads": self._store_repeatedly}):
                yield
        finally:
            await self.flush()

    async def _store_repeatedly(self) -> None:
        while True:
            await self._pending.wait()
            await asyncio.sleep(self._interval_seconds)
            self._pending.clear()
            await self.flush()

    async def flush(self) -> None:
        """Store the records that wait; if that fails, they wait for the next attempt."""
        async with self._turn:
            records, imports = self._records, self._imports
            self._records, self._imports = {}, {}
            stored = False
            try:
                await self._analytics.record(list(records.values()), imports)
                stored = True
            except PdfsluiceError as error:
                logger.warning("ended uploads could not be recorded: %s", error.message)
            finally:
                if not stored:  # storing the same records again changes nothing
                    self._records = {**records, **self._records}
                    self._imports = {**self._imports, **imports}
                    self._pending.set()
