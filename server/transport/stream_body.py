"""A body that aiohttp reads: a small one, or one without a length."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress

from aiohttp import StreamReader

from pdfsluice.core.errors import BodyIncomplete, BodyTimeout
from pdfsluice.core.uploads.receiving import Part

from .aiohttp_private import read_rest
from .body import BodyLimits, RequestBody

_MIN_PART = 64 * 1024
_GATHER_TIMEOUT = 0.25


class StreamBody(RequestBody):
    """A body of bytes that aiohttp has parsed; see :class:`.body.RequestBody`.

    Args:
        content: The body as aiohttp provides it.
        limits: How slowly it may arrive.
        head: Bytes of the body that were taken from ``content`` already.
    """

    def __init__(
        self, content: StreamReader, limits: BodyLimits, head: Iterable[bytes] = ()
    ) -> None:
        super().__init__(limits)
        self._content = content
        self._head = deque(head)

    @property
    def received(self) -> int:
        """How many bytes of the body have arrived."""
        return self._content.total_bytes

    async def read(self) -> bytes:
        """Return the bytes that have arrived, waiting for the first; empty at the end.

        Raises:
            BodyIncomplete: The connection broke.
            BodyTimeout: The client is too slow.
        """
        if self._head:
            return self._head.popleft()
        if self._content.exception() is None:  # a small body is there: nothing is waited for
            if self._content.at_eof():
                return b""
            if data := self._content.read_nowait():
                return data
        try:
            with self._waiting():
                return await self._content.readany()
        except BodyIncomplete:
            # aiohttp keeps the bytes that came before the connection broke, and returns none of
            # them afterwards. A client whose connection breaks often would make no progress.
            if rest := read_rest(self._content):
                return rest
            raise

    async def parts(self, max_bytes: int) -> AsyncGenerator[Part]:
        """Yield the rest of the body, enough bytes at a time to be worth a worker's turn.

        Raises:
            BodyIncomplete: The connection broke.
            BodyTimeout: The client is too slow.
        """
        del max_bytes  # aiohttp's buffer is smaller
        while data := await self.read():
            gathered = [data]
            if len(data) < _MIN_PART and not self._content.at_eof():
                await self._gather(gathered)
            yield gathered

    async def _gather(self, gathered: list[bytes]) -> None:
        """Add more bytes of the body, until they are enough or a moment has passed."""
        size = len(gathered[0])
        # After a failure the bytes before it are yielded first; the next read raises it.
        with suppress(TimeoutError, BodyIncomplete, BodyTimeout):
            async with asyncio.timeout(_GATHER_TIMEOUT):
                while size < _MIN_PART and not self._content.at_eof():
                    gathered.append(await self.read())
                    size += len(gathered[-1])

    def fail(self, error: Exception) -> None:
        """End the reading with an error; a waiting reader receives it."""
        self._content.set_exception(error)
