"""Messages between nodes: datagrams on one machine, or NOTIFY of PostgreSQL.

A channel may lose messages. It sends at most one batch in an interval, so that nodes which
are busy send larger batches, and not more of them.
"""

import asyncio
import logging
import os
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from pathlib import Path
from typing import Protocol

import orjson
from sqlalchemy import bindparam, func, make_url, select

from pdfsluice.core import Hint, HintKind
from pdfsluice.core.background import background

from .database import Database
from .engine import with_timeouts

logger = logging.getLogger(__name__)

_MAX_DATAGRAM_BYTES = 60_000
_MAX_NOTIFY_BYTES = 7_900  # PostgreSQL takes less than 8,000
_LOCAL_INTERVAL = 0.005
_NOTIFY_INTERVAL = 0.05
_RECONNECT_SECONDS = 1.0
_MAX_WAITING = 10_000
_CHANNEL = "pdfsluice"
_SUFFIX = ".sock"
_SETTLED_NANOSECONDS = 1_000_000_000
"""A folder may change again at the same time of its file system."""
_KINDS = frozenset(HintKind)
_NOTIFY = select(func.pg_notify(bindparam("channel"), bindparam("batch")))


class Channel(Protocol):
    """A carrier of batches of hints to all other nodes."""

    max_bytes: int
    interval: float

    def running(
        self, node: str, receive: Callable[[bytes], None]
    ) -> AbstractAsyncContextManager[None]:
        """Receive batches until the context is left."""
        ...

    async def send(self, batch: bytes) -> None:
        """Send a batch; a failure loses it."""
        ...


class Hints:
    """The hints of one node, sent in batches, and those of the others.

    Args:
        channel: Carries the batches.
        node: The id of this node.
        listener: Receives the hints of other nodes, on the event loop.
    """

    def __init__(self, channel: Channel, node: str, listener: Callable[[Hint], None]) -> None:
        self._channel = channel
        self._node = node
        self._listener = listener
        self._waiting: dict[bytes, None] = {}  # in order, and each hint once
        self._ready = asyncio.Event()

    def notify(self, hint: Hint) -> None:
        """Queue a hint; one that waits already is not sent twice."""
        if len(self._waiting) >= _MAX_WAITING:
            return
        self._waiting[_encode(hint)] = None
        self._ready.set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Send and receive until the context is left; then send what waits."""
        async with self._channel.running(self._node, self._received):
            async with background({"hints": self._serve}, restart_seconds=_RECONNECT_SECONDS):
                yield
            await self._flush()

    async def _serve(self) -> None:
        while True:
            await self._ready.wait()
            self._ready.clear()
            await self._flush()
            await asyncio.sleep(self._channel.interval)

    async def _flush(self) -> None:
        hints, self._waiting = self._waiting, {}
        for batch in batches(self._node, list(hints), self._channel.max_bytes):
            try:
                await self._channel.send(batch)
            except Exception as error:  # noqa: BLE001 - rows are polled, too
                logger.debug("hints were lost: %s", error)

    def _received(self, batch: bytes) -> None:
        for hint in read_batch(batch, self._node):
            self._listener(hint)


async def announce(channel: Channel, node: str, hint: Hint) -> None:
    """Send a hint, also from a process that is no node; a failure loses it."""
    with suppress(Exception):  # rows are polled, too
        for batch in batches(node, [_encode(hint)], channel.max_bytes):
            await channel.send(batch)


def _encode(hint: Hint) -> bytes:
    return orjson.dumps([hint.kind.value, hint.session_id, hint.start, hint.end, hint.text])


def batches(node: str, hints: Sequence[bytes], max_bytes: int) -> Iterator[bytes]:
    """Yield hints in batches of a size; one that is larger than a batch is left out."""
    head = b'{"node":"' + node.encode() + b'","hints":['
    parts: list[bytes] = []
    size = len(head) + 2
    for hint in hints:
        if len(head) + len(hint) + 2 > max_bytes:
            continue
        if parts and size + len(hint) + 1 > max_bytes:
            yield head + b",".join(parts) + b"]}"
            parts, size = [], len(head) + 2
        parts.append(hint)
        size += len(hint) + 1
    if parts:
        yield head + b",".join(parts) + b"]}"


def read_batch(batch: bytes, me: str) -> Iterator[Hint]:
    """Yield the hints of a batch of another node; what is malformed is left out."""
    try:
        message = orjson.loads(batch)
        if message["node"] == me:
            return
        for kind, session_id, start, end, text in message["hints"]:
            if kind in _KINDS:  # others are of a later version
                yield Hint(HintKind(kind), str(session_id), int(start), int(end), str(text))
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError) as error:
        logger.warning("a hint of another node is malformed: %s", error)


class NoChannel:
    """A channel that loses every hint; rows are polled."""

    max_bytes = 0
    interval = _LOCAL_INTERVAL

    def running(
        self,
        node: str,  # noqa: ARG002
        receive: Callable[[bytes], None],  # noqa: ARG002
    ) -> AbstractAsyncContextManager[None]:
        """Receive nothing."""
        return nullcontext()

    async def send(self, batch: bytes) -> None:
        """Lose a batch."""


class LocalChannel:
    """Datagrams between the processes of one machine, through sockets in a folder.

    Args:
        folder: Where each node has its socket; only the owner may enter it.
    """

    max_bytes = _MAX_DATAGRAM_BYTES
    interval = _LOCAL_INTERVAL

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = ""
        self._socket: socket.socket | None = None
        self._others: Sequence[str] = ()
        self._listed_at = -1  # when the folder had changed last, in nanoseconds

    @asynccontextmanager
    async def running(self, node: str, receive: Callable[[bytes], None]) -> AsyncGenerator[None]:
        """Receive batches until the context is left."""
        self._name = f"{node}{_SUFFIX}"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.setblocking(False)
            with _reachable(self._folder) as folder:
                own.bind(f"{folder}/{self._name}")
            self._socket = own
            loop.add_reader(own, self._read, own, receive)
            try:
                yield
            finally:
                loop.remove_reader(own)
                self._socket = None
                (self._folder / self._name).unlink(missing_ok=True)

    @staticmethod
    def _read(own: socket.socket, receive: Callable[[bytes], None]) -> None:
        with suppress(BlockingIOError):
            receive(own.recv(_MAX_DATAGRAM_BYTES + 1))

    async def send(self, batch: bytes) -> None:
        """Send a batch to every other socket of the folder; full ones lose it."""
        if self._socket is not None:
            self._send(self._socket, batch)
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
            own.setblocking(False)
            self._send(own, batch)

    def _send(self, own: socket.socket, batch: bytes) -> None:
        with _reachable(self._folder) as folder:
            for name in self._names():
                try:
                    own.sendto(batch, f"{folder}/{name}")
                except ConnectionRefusedError:  # its process is dead
                    (self._folder / name).unlink(missing_ok=True)
                except OSError as error:
                    logger.debug("a hint to %s was lost: %s", name, error)

    def _names(self) -> Sequence[str]:
        """Return the sockets of other nodes; the folder is listed when it has changed."""
        changed_at = self._folder.stat().st_mtime_ns
        is_recent = time.time_ns() - changed_at < _SETTLED_NANOSECONDS
        if is_recent or changed_at != self._listed_at:
            names = (path.name for path in self._folder.glob(f"*{_SUFFIX}"))
            self._others = [name for name in names if name != self._name]
            self._listed_at = changed_at
        return self._others


@contextmanager
def _reachable(folder: Path) -> Iterator[str]:
    """Provide a short path of a folder: the path of a socket has at most 107 bytes."""
    if sys.platform != "linux":
        yield str(folder)
        return
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


class NotifyChannel:
    """NOTIFY and LISTEN of PostgreSQL, on a connection of its own.

    A transaction with a NOTIFY takes a lock of the whole server at its commit. So each batch is a
    transaction by itself, and there are few of them.

    Args:
        url: The database. The connection must not pass through a pooler in
            transaction mode.
    """

    max_bytes = _MAX_NOTIFY_BYTES
    interval = _NOTIFY_INTERVAL

    def __init__(self, url: str, database: Database) -> None:
        libpq = with_timeouts(make_url(url)).set(drivername="postgresql")
        self._url = libpq.render_as_string(hide_password=False)
        self._database = database

    @asynccontextmanager
    async def running(self, node: str, receive: Callable[[bytes], None]) -> AsyncGenerator[None]:  # noqa: ARG002
        """Receive batches until the context is left; reconnect if need be."""

        async def listen() -> None:
            await self._listen(receive)

        async with background({"LISTEN": listen}, restart_seconds=_RECONNECT_SECONDS):
            yield

    async def _listen(self, receive: Callable[[bytes], None]) -> None:
        from psycopg import AsyncConnection, OperationalError  # noqa: PLC0415 - optional

        while True:
            try:
                async with await AsyncConnection.connect(self._url, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {_CHANNEL}")
                    async for notification in connection.notifies():
                        receive(notification.payload.encode())
            except OperationalError as error:
                logger.warning("no hints of other nodes: %s", str(error).strip().split("\n")[0])
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def send(self, batch: bytes) -> None:
        """Send a batch, in a transaction of its own."""
        values = {"channel": _CHANNEL, "batch": batch.decode()}
        await self._database.read(lambda connection: connection.execute(_NOTIFY, values))
