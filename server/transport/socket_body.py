"""Lets worker threads take large bodies from the connection themselves.

aiohttp hands a body on as ``bytes`` objects that its parser cuts out of what the socket
gave: every byte is copied once more, every read allocates, and the event loop does it all.
While a large body comes, aiohttp's side of the connection is paused: the event loop only
waits until bytes are there, and whoever writes them reads them. Behind the last byte the
connection goes back to aiohttp and serves the next request.
"""

import asyncio
import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import SO_RCVLOWAT, SOL_SOCKET
from typing import Final

from aiohttp import StreamReader, hdrs, web

from .connection import Connection

LEAST_REST: Final = 256 * 1024
"""Bodies of which less than this is left are not worth the change."""

_LOW_WATER: Final = 512 * 1024
_IMPATIENCE: Final = 0.5
_WORKER_PATIENCE: Final = 0.005


class Buffers:
    """Memory that worker threads receive into: one buffer for each thread that does so.

    New memory is dear, because the kernel clears and maps every page when it is touched;
    what was used before is used again.

    Args:
        size: Bytes of a buffer.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._idle: list[bytearray] = []

    @contextmanager
    def one(self) -> Iterator[memoryview]:
        """Lend a buffer that nobody else uses. For any thread."""
        try:
            store = self._idle.pop()  # asking first whether there is one would be a race
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
    """Reads the rest of one body past aiohttp. Close it on the event loop when done.

    The socket is used through a descriptor of its own, which stays what it is when aiohttp
    closes the connection under a thread that is reading.

    Args:
        connection: The connection, which nobody else reads from until :meth:`close`.
        transport: Its transport.
        content: What aiohttp shows of the body; it is told when the body has ended.
        rest: How many bytes of the body are still to come.
        buffers: Where they are put.

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
        self._wake_at(min(_LOW_WATER, rest))
        self._patience = _WORKER_PATIENCE if self._poll.poll(0) else 0.0
        transport.pause_reading()

    async def ready(self) -> None:
        """Wait until there is something to :meth:`read`; needed before every read but the first.

        Raises:
            OSError: The connection is gone, and all that came was read.
            BaseException: What :meth:`set_exception` was told.
        """
        if self._failure is None and self._exhausted:
            await self._readable()
        if self._failure is not None:
            raise self._failure

    def read(self, most: int) -> Iterator[memoryview]:
        """Yield what is there, and what follows at once. Runs in a worker thread.

        A sender that kept the event loop waiting does not keep a worker waiting too.

        Args:
            most: How many bytes to read at most.

        Yields:
            Bytes in memory that is used again when the next are asked for.
        """
        self._exhausted = False
        most = min(most, self.rest)
        with self._buffers.one() as buffer:
            while most and not self._exhausted:
                size = self._fill(buffer[: min(len(buffer), most)])
                most -= size
                if size:
                    yield buffer[:size]

    def _fill(self, buffer: memoryview) -> int:
        filled = 0
        while filled < len(buffer) and not self._exhausted:
            self._wake_at(min(_LOW_WATER, len(buffer) - filled))
            self._exhausted = not self._poll.poll(1000 * self._patience)
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
        """Give the connection back to aiohttp: for the next request, or to be closed."""
        with suppress(OSError):  # it may be gone
            self._wake_at(1)
        self._socket.close()
        if self.rest:
            self._connection.lose_track()
        else:
            self._connection.forget_body()
            self._content.feed_eof()
        self._transport.resume_reading()

    async def _readable(self) -> None:
        began = self._loop.time()
        self._wake_at(min(_LOW_WATER, self.rest))
        self._waiter = self._loop.create_future()
        # A slow sender has what it sent taken from it now and then.
        timer = self._loop.call_later(_IMPATIENCE, self._wake_at, 1)
        self._loop.add_reader(self._socket, self._wake)
        try:
            await self._waiter
        finally:
            self._loop.remove_reader(self._socket)
            timer.cancel()
            self._waiter = None
        waited = self._loop.time() - began
        self._patience = _WORKER_PATIENCE if waited < _WORKER_PATIENCE else 0.0

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _wake_at(self, size: int) -> None:
        """Let the kernel wake us only when so many bytes are there (socket(7), SO_RCVLOWAT)."""
        if size != self._low_water:
            self._low_water = size
            self._socket.setsockopt(SOL_SOCKET, SO_RCVLOWAT, size)


def take_over(request: web.Request, buffers: Buffers) -> tuple[list[bytes], Receiver | None]:
    """Take the rest of a body out of aiohttp's hands, if that is possible and worth it.

    Returns:
        What aiohttp has read of the body already, and the receiver of the rest if there
        is one.
    """
    connection, transport, content = request.protocol, request.transport, request.content
    if (
        not isinstance(connection, Connection)
        or not isinstance(transport, asyncio.Transport)
        or transport.get_extra_info("sslcontext") is not None
        or request.content_length is None
        or hdrs.TRANSFER_ENCODING in request.headers
        or content.exception() is not None
        or request.content_length - content.total_bytes < LEAST_REST
    ):
        return [], None
    head = []
    while data := content.read_nowait():
        head.append(data)
    rest = request.content_length - content.total_bytes
    if rest < LEAST_REST or not connection.drained or transport.is_closing():
        return head, None
    try:
        return head, Receiver(connection, transport, content, rest, buffers)
    except OSError:  # no descriptor is left; aiohttp needs none
        return head, None
