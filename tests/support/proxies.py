"""A TCP proxy that harms what passes through it, in front of a real server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_SLICE = 16 * 1024


@dataclass
class HarmfulProxy:
    """Passes connections on to a server, and breaks those it is told to.

    Attributes:
        target: Port of the server.
        doom: Says for the number of a connection, from 0, after how many bytes from the
            client it is cut; ``None`` spares it.
        cut: How many connections were cut.
    """

    target: int
    doom: Callable[[int], int | None] = lambda _number: None
    port: int = 0
    cut: int = 0
    _accepted: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def base_url(self) -> str:
        """Address of the proxy."""
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["HarmfulProxy"]:
        """Listen for the time of the context."""
        listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            listener.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self._accepted = self._accepted, self._accepted + 1
        task = asyncio.create_task(self._serve(reader, writer, self.doom(number)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: int | None
    ) -> None:
        try:
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        answers = asyncio.create_task(_copy(back_reader, writer, None))
        try:
            if await _copy(reader, back_writer, budget):
                self.cut += 1
            else:
                await answers
        except OSError:
            pass
        finally:
            answers.cancel()
            writer.transport.abort()
            back_writer.transport.abort()


async def _copy(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, budget: int | None
) -> bool:
    """Copy until the source ends; return whether the budget ended first."""
    while data := await source.read(_SLICE):
        if budget is not None and len(data) >= budget:
            return True
        if budget is not None:
            budget -= len(data)
        target.write(data)
        await target.drain()
    return False
