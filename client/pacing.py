"""Limits how fast an upload sends."""

import asyncio
import time
from collections.abc import AsyncIterator

_BURST_SECONDS = 0.2


class Pacer:
    """An even pace of bytes over time, shared by all connections of an upload.

    Args:
        rate: Bytes per second, at least 1; ``None`` for no limit.
    """

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._due = 0.0

    async def spread(self, data: bytes) -> AsyncIterator[bytes]:
        """Yield bytes when they may be sent, at most a second's worth at a time."""
        if self._rate is None:
            yield data
            return
        max_bytes = int(self._rate)
        for start in range(0, len(data), max_bytes):
            part = data[start : start + max_bytes]
            await self._admit(len(part), self._rate)
            yield part

    async def _admit(self, size: int, rate: float) -> None:
        now = time.monotonic()
        self._due = max(self._due, now - _BURST_SECONDS) + size / rate
        if self._due > now:
            await asyncio.sleep(self._due - now)
