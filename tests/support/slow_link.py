"""A link of a fixed rate, over all its connections."""

import asyncio
import time

from tests.support.fault_proxy import Fault, Link

_SLICE = 16 * 1024
_BURST_SECONDS = 0.05


class SlowLink(Fault):
    """Passes a fixed number of bytes a second on to the server, over all connections together.

    Args:
        rate: Bytes per second.

    Attributes:
        carried: Bytes that it has passed on.
    """

    def __init__(self, rate: float) -> None:
        self.carried = 0
        self._rate = rate
        self._due = 0.0

    async def pump(self, link: Link) -> None:
        """Carry bytes at the rate of the link."""
        while data := await link.client[0].read(_SLICE):
            now = time.monotonic()
            self._due = max(self._due, now - _BURST_SECONDS) + len(data) / self._rate
            self.carried += len(data)
            if self._due > now:
                await asyncio.sleep(self._due - now)
            await link.upstream(data)
