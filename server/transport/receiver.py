"""Lets worker threads receive large bodies from the socket themselves.

aiohttp passes a body on as ``bytes`` objects that its parser cuts out of what the socket
returned: every byte is copied once more, every read allocates, and the event loop does all of
it. While a large body arrives, aiohttp's side of the connection is paused: the event loop only
waits until bytes are there, and the worker that writes them reads them. After the last byte
the connection returns to aiohttp and serves the next request.
"""

import asyncio
import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import SO_RCVLOWAT, SOL_SOCKET
from typing import Final

from aiohttp import StreamReader, web

from .connection import Connection

_LOW_WATER: Final = 512 * 1024
_LOW_WATER_TIMEOUT: Final = 0.5
_WORKER_TIMEOUT: Final = 0.005
_MAX_HEAD: Final = 64 * 1024


class Buffers:
    """The receive buffers of worker threads: one for each thread.

    New memory is expensive, because the kernel clears and maps every page when it is touched
    first. Buffers are therefore reused.

    Args:
        size: Bytes of a buffer.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._idle: list[bytearray] = []

    @contextmanager
    def one(self) -> Iterator[memoryview]:
        """Lend a buffer for exclusive use. For any thread."""
        try:
            store = self._idle.pop()  # to check first whether there is one would be a race
        except IndexError:
            store = bytearray(self._size)
        try:
            with memoryview(store) as view:
                yield view
        finally:
            self._idle.append(store)


BUFFERS = web.AppKey("BUFFERS", Buffers)
"""Memory that the bodies of all requests share."""


class Receiver:
    """A reader of the rest of a body past aiohttp. To be closed on the event loop.

    The socket is used through a descriptor of its own, which stays valid when aiohttp closes
    the connection during a read in another thread.

    Args:
        connection: The connection; no other reader uses it until :meth:`close`.
        transport: Its transport.
        content: aiohttp's view of the body; notified when the body has ended.
        rest: How many bytes of the body are still to come.
        buffers: Memory to receive into.

    Attributes:
        rest: How many bytes of the body are still to come.
    """

    def __init__(
        self,
        connection: Connection,
        transport: asyncio.Transport,
        content: StreamReader,
        rest: int,
        buffers: Buffers,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._content = content
        self._transport = transport
        self._buffers = buffers
        self._socket = transport.get_extra_info("socket").dup()
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._low_water = 1
        self._exhausted = True
        self._failure: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.rest = rest
        self._set_low_water(min(_LOW_WATER, rest))
        self._worker_timeout = _WORKER_TIMEOUT if self._poll.poll(0) else 0.0
        transport.pause_reading()

    async def ready(self, low_water: int = _LOW_WATER) -> None:
        """Wait until :meth:`read` has something; needed before all reads but the first.

        Args:
            low_water: Bytes to wait for; fewer are enough after a moment, and at the end.

        Raises:
            OSError: The connection broke, and all that arrived was read.
            BaseException: The error that :meth:`set_exception` received.
        """
        if self._failure is None and self._exhausted:
            await self._readable(low_water)
        if self._failure is not None:
            raise self._failure

    async def read_head(self) -> bytes:
        """Return the next bytes, at least one, without a worker thread.

        Raises:
            OSError: The connection broke.
            BaseException: The error that :meth:`set_exception` received.
        """
        while True:
            await self.ready(low_water=1)
            try:
                data: bytes = self._socket.recv(min(_MAX_HEAD, self.rest))
            except BlockingIOError:
                self._exhausted = True
                continue
            if not data:
                raise ConnectionResetError("the connection was closed")
            self.rest -= len(data)
            return data

    def read(self, max_bytes: int) -> Iterator[memoryview]:
        """Yield what has arrived, and what follows immediately. Runs in a worker thread.

        A sender that made the event loop wait does not make a worker wait as well.

        Args:
            max_bytes: Upper bound for the bytes to read.

        Yields:
            Bytes in memory that is reused for the next ones.
        """
        self._exhausted = False
        budget = min(max_bytes, self.rest)
        with self._buffers.one() as buffer:
            while budget and not self._exhausted:
                size = self._fill(buffer[: min(len(buffer), budget)])
                budget -= size
                if size:
                    yield buffer[:size]

    def _fill(self, buffer: memoryview) -> int:
        filled = 0
        while filled < len(buffer) and not self._exhausted:
            self._set_low_water(min(_LOW_WATER, len(buffer) - filled))
            self._exhausted = not self._poll.poll(1000 * self._worker_timeout)
            try:
                size = self._socket.recv_into(buffer[filled:])
            except BlockingIOError:
                self._exhausted = True
                break
            except OSError as error:
                self._fail(error)
                break
            if not size:
                self._fail(ConnectionResetError("the connection was closed"))
            filled += size
            self.rest -= size
        return filled

    def _fail(self, error: OSError) -> None:
        self._failure = self._failure or error
        self._exhausted = True

    def set_exception(self, failure: BaseException) -> None:
        """End the reading with an error."""
        self._failure = self._failure or failure
        self._wake()

    def close(self) -> None:
        """Return the connection to aiohttp: for the next request, or to be closed."""
        with suppress(OSError):  # the connection may be closed
            self._set_low_water(1)
        self._socket.close()
        if self.rest:
            self._connection.lose_track()
        else:
            self._connection.forget_body()
            self._content.feed_eof()
        self._transport.resume_reading()

    async def _readable(self, low_water: int) -> None:
        began = self._loop.time()
        self._set_low_water(min(low_water, self.rest))
        self._waiter = self._loop.create_future()
        # The bytes of a slow sender are taken after a moment, however few they are.
        timer = self._loop.call_later(_LOW_WATER_TIMEOUT, self._set_low_water, 1)
        self._loop.add_reader(self._socket, self._wake)
        try:
            await self._waiter
        finally:
            self._loop.remove_reader(self._socket)
            timer.cancel()
            self._waiter = None
        waited = self._loop.time() - began
        self._worker_timeout = _WORKER_TIMEOUT if waited < _WORKER_TIMEOUT else 0.0

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _set_low_water(self, size: int) -> None:
        """Make the kernel report the socket readable from ``size`` bytes on (socket(7))."""
        if size != self._low_water:
            self._low_water = size
            self._socket.setsockopt(SOL_SOCKET, SO_RCVLOWAT, size)
