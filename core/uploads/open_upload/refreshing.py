"""Reads the row of an open upload again, which other nodes may have changed."""

import asyncio
from collections.abc import Awaitable, Callable

from pdfsluice.core.models.ranges import RangeSet
from pdfsluice.core.models.sessions import Session
from pdfsluice.core.threads import run_uncancelled


class Refresher:
    """Readings of one row, each shared by all callers that came before it.

    Args:
        read: Reads the row.
        learn: Takes the row in, and what was committed here while it was read.
    """

    def __init__(
        self, read: Callable[[], Awaitable[Session]], learn: Callable[[Session, RangeSet], None]
    ) -> None:
        self._read = read
        self._learn = learn
        self._current: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        self._meanwhile = RangeSet()

    def committed(self, start: int, end: int) -> None:
        """Note a range that was committed here; a reading that runs may miss it."""
        if self._current is not None:
            self._meanwhile = self._meanwhile.add(start, end)

    async def refresh(self) -> None:
        """Read the row; the reading begins after this call.

        Raises:
            SessionNotFound: The session was deleted.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._run(self._current))
        await run_uncancelled(self._next)

    async def _run(self, earlier: "asyncio.Task[None] | None") -> None:
        if earlier is not None:
            await asyncio.wait({earlier})
        self._current, self._next = self._next, None
        self._meanwhile = RangeSet()
        try:
            row = await self._read()
            self._learn(row, self._meanwhile)
        finally:
            self._current = None
