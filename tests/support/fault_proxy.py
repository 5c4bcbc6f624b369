"""A TCP proxy between client and server, with one fault for each connection."""

import asyncio
import math
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_READ = 64 * 1024
_BROKEN = (ConnectionError, asyncio.IncompleteReadError, OSError)


def _passable() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class Link:
    """A client's connection and the proxy's own to the server.

    Attributes:
        sent: Bytes that went from the client to the server so far.
        received: Bytes that came from the server so far.
        deaf: Whether the client is cut off when the server begins to answer.
        audible: Bytes of answers after which the client is cut off.
        passable: Whether bytes pass, in either direction.
    """

    client: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    server: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    sent: int = 0
    received: int = 0
    deaf: bool = False
    audible: float = math.inf
    passable: asyncio.Event = field(default_factory=_passable)

    async def upstream(self, data: bytes) -> None:
        """Pass bytes on to the server."""
        await self.passable.wait()
        self.sent += len(data)
        writer = self.server[1]
        writer.write(data)
        await writer.drain()

    def close(self, *, reset: bool) -> None:
        """Close both sides, with a reset as a crashed machine or a firewall would."""
        for _, writer in (self.client, self.server):
            raw = writer.get_extra_info("socket")
            if reset and raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.close()


class Fault:
    """What happens on one connection: by itself nothing, everything is passed on."""

    async def pump(self, link: Link) -> None:
        """Carry bytes from the client to the server until the client ends."""
        while data := await link.client[0].read(_READ):
            await link.upstream(data)

    async def afterwards(self, port: int) -> None:
        """Do something when the connection is over; ``port`` is the server's."""


@dataclass
class Cut(Fault):
    """Closes the connection when the client has sent ``after`` bytes."""

    after: int
    reset: bool = False

    async def pump(self, link: Link) -> None:
        """Carry so many bytes, then close."""
        while link.sent < self.after:
            data = await link.client[0].read(min(_READ, self.after - link.sent))
            if not data:
                return
            await link.upstream(data)
        link.close(reset=self.reset)


@dataclass
class Stall(Fault):
    """Becomes silent after ``after`` bytes of the client, and leaves both sides open."""

    after: int
    stalled: asyncio.Event = field(default_factory=asyncio.Event)

    async def pump(self, link: Link) -> None:
        """Carry so many bytes, then none."""
        while link.sent < self.after:
            data = await link.client[0].read(min(_READ, self.after - link.sent))
            if not data:
                return
            await link.upstream(data)
        self.stalled.set()
        await asyncio.Event().wait()


@dataclass
class Trickle(Fault):
    """Passes ``size`` bytes on every ``pause`` seconds: a slow-loris."""

    after: int
    size: int = 1
    pause: float = 0.05

    async def pump(self, link: Link) -> None:
        """Carry bytes ever so slowly."""
        while data := await link.client[0].read(_READ if link.sent < self.after else self.size):
            await link.upstream(data)
            if link.sent >= self.after:
                await asyncio.sleep(self.pause)


class LoseAnswer(Fault):
    """Lets the server do its work and keeps the answer from the client."""

    async def pump(self, link: Link) -> None:
        """Carry everything one way."""
        link.deaf = True
        await super().pump(link)


@dataclass
class CutAnswer(Fault):
    """Closes the connection when the server has answered ``after`` bytes."""

    after: int

    async def pump(self, link: Link) -> None:
        """Carry everything one way, and so much the other."""
        link.audible = self.after
        await super().pump(link)


@dataclass
class Duplicate(Fault):
    """Sends what the client sent a second time, on a connection of its own.

    So do proxies that retry, and clients whose answer was lost.
    """

    repeated: asyncio.Event = field(default_factory=asyncio.Event)
    answer: bytes = b""
    _copy: bytearray = field(default_factory=bytearray)

    async def pump(self, link: Link) -> None:
        """Carry bytes and keep a copy."""
        while data := await link.client[0].read(_READ):
            self._copy += data
            await link.upstream(data)

    async def afterwards(self, port: int) -> None:
        """Repeat the request."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(self._copy)
            self.answer = await reader.read(_READ)
        finally:
            writer.close()
        self.repeated.set()


@dataclass
class HoldBack(Fault):
    """Keeps what the client sends until ``release`` is set."""

    release: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def pump(self, link: Link) -> None:
        """Take the first bytes in, wait, and then carry everything."""
        first = await link.client[0].read(_READ)
        self.held.set()
        await self.release.wait()
        await link.upstream(first)
        await super().pump(link)


@dataclass
class FaultProxy:
    """A running proxy.

    Attributes:
        port: Where it listens.
        plan: Chooses the fault of each connection, by its number.
        connections: How many there were.
    """

    port: int
    plan: Callable[[int], Fault]
    connections: int = 0

    @property
    def base_url(self) -> str:
        """Address of the proxy, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def fault_proxy(server_port: int, plan: Callable[[int], Fault]) -> AsyncIterator[FaultProxy]:
    """Run a proxy in front of a server on the loopback interface."""
    tasks: set[asyncio.Task[None]] = set()
    proxy = FaultProxy(0, plan)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, proxy.connections = proxy.connections, proxy.connections + 1
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        with suppress(*_BROKEN, asyncio.CancelledError):
            server = await asyncio.open_connection("127.0.0.1", server_port)
            fault = proxy.plan(number)
            await _carry(Link((reader, writer), server), fault)
            writer.close()
            await fault.afterwards(server_port)
        writer.close()

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy.port = listener.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _carry(link: Link, fault: Fault) -> None:
    """Run the fault one way and pass the answers on the other way."""
    up = asyncio.create_task(fault.pump(link))
    down = asyncio.create_task(_answers(link))
    try:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        link.server[1].close()  # first: a cancellation may end the waiting below
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)


async def _answers(link: Link) -> None:
    while data := await link.server[0].read(_READ):
        await link.passable.wait()
        link.received += len(data)
        if link.deaf:
            link.close(reset=False)
            return
        link.client[1].write(data[: int(min(len(data), link.audible))])
        await link.client[1].drain()
        link.audible -= len(data)
        if link.audible <= 0:
            link.close(reset=False)
            return
