"""Sends no faster than asked."""

import asyncio
import time

_BURST_SECONDS = 0.2


class Pacer:
    """Spreads bytes evenly over time; shared by all connections of an upload.

    Args:
        rate: Bytes per second; ``None`` for no limit.
    """

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._due = 0.0

    async def admit(self, size: int) -> None:
        """Wait until ``size`` more bytes may be sent."""
        if self._rate is None:
            return
        now = time.monotonic()
        self._due = max(self._due, now - _BURST_SECONDS) + size / self._rate
        if self._due > now:
            await asyncio.sleep(self._due - now)
