"""Receives the rest of a large body straight into the pipeline's slices.

aiohttp hands a body on as ``bytes`` objects that its parser cuts out of what the socket
gave: every byte is copied once more, and every read allocates. While a large raw body
comes, a :class:`DirectReceiver` takes the place of aiohttp's protocol on the transport:
the kernel writes into the slice itself. Behind the last byte the connection goes back to
aiohttp and serves the next request.
"""

import asyncio
from collections import deque
from socket import SO_RCVLOWAT, SOL_SOCKET
from typing import Final

from aiohttp import StreamReader, hdrs, web

from .http import Connection

LEAST_REST: Final = 256 * 1024
"""Bodies of which less than this is left are not worth the change."""

_LARGEST_SLICE: Final = 2 * 1024 * 1024
_LEAST_SLICE: Final = 128 * 1024
_SLICES_OF_ONE: Final = 4
_SLICES_KEPT: Final = 8
_SLICES_AHEAD: Final = 1
_LOW_WATER: Final = 512 * 1024
_PATIENCE: Final = 0.2


class SlicePool:
    """Memory for slices, used again once the pipeline has released what it was lent.

    New memory is dear: the kernel clears every page of it and maps it when it is touched.
    Large slices are cheap: threads change hands once for each. The more bodies are received
    at once, the smaller their slices.

    Args:
        memory: Bytes that the slices of all bodies may take together.

    Attributes:
        receivers: How many bodies are being received.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._lent: deque[tuple[memoryview, list[memoryview]]] = deque(maxlen=_SLICES_KEPT)
        self.receivers = 0

    @property
    def slice_size(self) -> int:
        """Size of the next slice in bytes."""
        share = self._memory // (_SLICES_OF_ONE * max(1, self.receivers))
        return max(_LEAST_SLICE, min(_LARGEST_SLICE, share))

    def take(self) -> memoryview:
        """Return memory for a slice that nobody else uses."""
        size = self.slice_size
        for _ in range(len(self._lent)):
            store, views = self._lent.popleft()
            if not all(map(_is_released, views)):
                self._lent.append((store, views))
            elif len(store) == size:
                return store
        return memoryview(bytearray(size))

    def lent(self, store: memoryview, views: list[memoryview]) -> None:
        """Take note of memory of which views are out; the oldest is forgotten, not reused."""
        self._lent.append((store, views))


SLICES = web.AppKey("SLICES", SlicePool)
"""Memory that the bodies of all requests share."""


def _is_released(view: memoryview) -> bool:
    try:
        view.nbytes  # noqa: B018 - the only way to ask
    except ValueError:
        return True
    return False


class DirectReceiver(asyncio.BufferedProtocol):
    """A protocol that fills slices until a known number of bytes has come.

    Whoever gets a slice calls its ``release`` when done with it.

    Args:
        pool: Where the memory comes from.
        content: What aiohttp shows of the body; it is told when the body has ended.
        server: The protocol whose place is taken.
        transport: The connection.
        rest: How many bytes of it are still to come.
    """

    def __init__(
        self,
        pool: SlicePool,
        content: StreamReader,
        server: Connection,
        transport: asyncio.Transport,
        rest: int,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._pool = pool
        self._content = content
        self._server = server
        self._transport = transport
        self._rest = rest
        self._ready: deque[memoryview] = deque()
        self._store = memoryview(b"")
        self._views: list[memoryview] = []
        self._start = 0
        self._end = 0
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._wanted = 1
        self._failure: BaseException | None = None
        pool.receivers += 1
        self._low_water(min(_LOW_WATER, rest))

    # What the transport calls.

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the transport the free end of the slice that is being filled."""
        del sizehint
        if self._end == len(self._store):
            self._store, self._views = self._pool.take(), []
            self._start = self._end = 0
        return self._store[self._end : self._end + self._rest]

    def buffer_updated(self, nbytes: int) -> None:
        """Count what came; a full slice, and the last, is handed on at once."""
        self._end += nbytes
        self._rest -= nbytes
        if self._rest < _LOW_WATER:
            self._low_water(1)  # no more will come than that
        if self._end == len(self._store) or not self._rest:
            self._hand_on()
            self._pool.lent(self._store, self._views)
            if not self._rest:
                self._give_back()
            elif len(self._ready) >= _SLICES_AHEAD:
                self._paused = True
                self._transport.pause_reading()

    def eof_received(self) -> bool | None:
        """The sender says that it sends no more, too early."""
        self._server.eof_received()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the reader and aiohttp that the connection is gone."""
        self.set_exception(exc or ConnectionResetError("the connection was closed"))
        self._server.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass on that answers do not drain."""
        self._server.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that answers drain again."""
        self._server.resume_writing()

    # What the reader of the body calls; named as in aiohttp's StreamReader.

    async def readany(self) -> bytes | memoryview:
        """Return what came since the last call, waiting for it; empty at the end.

        Raises:
            ConnectionError: The connection is gone, and all that came was returned.
        """
        while not self._ready:
            if self._failure is None and self._rest:
                self._resume()
                await self._wait()
            self._hand_on()
            if self._ready:
                break
            if self._failure is not None:
                raise self._failure
            if not self._rest:
                return b""
        return self._ready.popleft()

    def set_exception(self, failure: BaseException) -> None:
        """End the reading with an error."""
        self._failure = self._failure or failure
        self._wake()

    def leave(self) -> None:
        """Read no more; aiohttp gets what is still to come of a body that is given up."""
        self._pool.receivers -= 1
        self._low_water(1)
        if self._rest and self._transport.get_protocol() is self:
            self._transport.set_protocol(self._server)
            self._resume()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        self._timer = self._loop.call_later(_PATIENCE, self._slow)
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._timer.cancel()

    def _slow(self) -> None:
        """Take what a slow sender has sent, and from now on whatever comes."""
        self._low_water(1)
        if self._end > self._start:
            self._wake()
        else:
            self._timer = self._loop.call_later(_PATIENCE, self._slow)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _hand_on(self) -> None:
        if self._end > self._start:
            view = self._store[self._start : self._end]
            self._views.append(view)
            self._ready.append(view)
            self._start = self._end
            self._wake()

    def _low_water(self, size: int) -> None:
        """Let the kernel wake us only when so many bytes are there (socket(7), SO_RCVLOWAT)."""
        if size != self._wanted and not self._transport.is_closing():
            self._wanted = size
            socket = self._transport.get_extra_info("socket")
            socket.setsockopt(SOL_SOCKET, SO_RCVLOWAT, size)

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _give_back(self) -> None:
        """Return the connection to aiohttp for the next request."""
        self._transport.set_protocol(self._server)
        self._server.forget_body()
        self._content.feed_eof()


def take_over(request: web.Request, pool: SlicePool) -> tuple[list[bytes], DirectReceiver | None]:
    """Put a receiver in the place of aiohttp's protocol, if that is possible and worth it.

    Returns:
        What aiohttp has read of the body already, and the receiver of the rest if there
        is one.
    """
    server, transport, content = request.protocol, request.transport, request.content
    if (
        not isinstance(server, Connection)
        or not isinstance(transport, asyncio.Transport)
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
    if rest < LEAST_REST or not server.drained or transport.is_closing():
        return head, None
    receiver = DirectReceiver(pool, content, server, transport, rest)
    transport.set_protocol(receiver)
    return head, receiver
