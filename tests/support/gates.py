"""A proxy before a service of a node, which can be cut at any time."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.fault_proxy import Fault, Link, fault_proxy


@dataclass
class Gate:
    """Passes everything on until it is closed; runs on a thread of its own.

    Attributes:
        port: Where the node finds its service.
        faults: What happens on the next connections, one for each.
        sent: Bytes that passed to the service, on connections that have ended.
        received: Bytes that came from it, on these.
    """

    port: int = 0
    faults: list[Fault] = field(default_factory=list)
    sent: int = 0
    received: int = 0
    _links: list[Link] = field(default_factory=list)
    _closed: bool = False
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    @classmethod
    @contextmanager
    def before(cls, port: int) -> Iterator["Gate"]:
        """Run a gate before the service on a port until the context is left."""
        gate = cls()
        gate._open.set()
        ready, ended = threading.Event(), asyncio.Event()

        async def run() -> None:
            async with fault_proxy(port, lambda _: _Passing(gate)) as proxy:
                gate.port = proxy.port
                ready.set()
                await ended.wait()

        thread = threading.Thread(target=lambda: gate._loop.run_until_complete(run()))
        thread.start()
        assert ready.wait(10)
        try:
            yield gate
        finally:
            gate._loop.call_soon_threadsafe(ended.set)
            thread.join()
            gate._loop.close()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Break all connections, and each new one, until the context is left."""
        self._closed = True
        self.interrupt()
        try:
            yield
        finally:
            self._closed = False

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Keep all bytes back until the context is left; no connection breaks."""
        self._loop.call_soon_threadsafe(self._open.clear)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._open.set)

    def interrupt(self) -> None:
        """Break the connections that are open now."""
        self._loop.call_soon_threadsafe(self._break_all)

    def _break_all(self) -> None:
        for link in self._links:
            link.close(reset=True)

    async def carry(self, link: Link, fault: Fault) -> None:
        """Carry the bytes of a connection while the gate is open."""
        if self._closed:
            link.close(reset=True)
            return
        self._links.append(link)
        link.passable = self._open
        try:
            await fault.pump(link)
        finally:
            self._links = [each for each in self._links if each is not link]
            self.sent += link.sent
            self.received += link.received


class _Passing(Fault):
    """Takes the next fault of a gate, or passes everything on."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def pump(self, link: Link) -> None:
        """Carry bytes."""
        faults = self._gate.faults
        await self._gate.carry(link, faults.pop(0) if faults else Fault())
