"""Live nodes: the servers of this database, each with its upload store.

A node is live while its row was refreshed within ``NODE_TIMEOUT_SECONDS`` by the clock of the
database. Its id is a UUID of the process and never used again; a node without a row is dead.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import repeat

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from pdfsluice.core import JobState, LiveNode, NodeIdentity, PdfsluiceError, PluginError

from .database import Database
from .encoding import from_micros
from .live import LIVE, LIVE_IDS, MICROS, NODE_TIMEOUT_SECONDS, NOW
from .prepared import AnyRow, Prepared
from .schema import holds, jobs, nodes, stores

logger = logging.getLogger(__name__)

HEARTBEAT_INTERVAL = 3.0
_RETENTION_SECONDS = 24 * 3600
_REGISTRATION_LOCK = 0x7064666E
_POLL_SECONDS = 0.1
_REFRESH = Prepared(update(nodes).where(nodes.c.id == bindparam("node")).values(seen_at=NOW))
_OTHERS = Prepared(select(nodes).where(LIVE, nodes.c.id != bindparam("node")))


class Node:
    """This process among the nodes of a database.

    Args:
        database: The database; its ``node`` is the id of this one.
        identity: How it joins.
        interval: Seconds between two heartbeats.
        on_shared: Called when the first other node appears, before that one works.

    Attributes:
        sole_store: Whether the database never knew another store of bytes.
        first: Whether no other node was live when this one registered.
    """

    def __init__(
        self,
        database: Database,
        identity: NodeIdentity,
        *,
        interval: float = HEARTBEAT_INTERVAL,
        on_shared: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.sole_store = False
        self.first = False
        self._database = database
        database.folder = identity.folder
        database.shared = identity.shared
        self._identity = identity
        self._store = identity.store
        self._folder = identity.folder or identity.store
        self._interval = interval
        self._on_shared = on_shared
        self._host = socket.gethostname()
        self._announced = identity.shared
        self._me = {"node": database.node}

    @property
    def shared(self) -> bool:
        """Whether other nodes may work on the same uploads."""
        return self._database.shared

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Register the node and keep it registered until the context is left.

        It waits until every live node knows that it is not alone: until then such a node takes
        what it remembers for the truth.

        Raises:
            PluginError: A live node keeps its bytes in another upload store.
        """
        fence, sent_at = self._database.fence, asyncio.get_running_loop().time()
        await self._database.write(self._register)
        fence.confirm(sent_at)
        beat = asyncio.create_task(self._beat())
        try:
            if self.shared:
                await self._prepare()
            await self._others_aware()
            yield
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
            fence.remove()
            with suppress(PdfsluiceError):  # a missing heartbeat has the same effect, 15 s later
                await self._database.write(self._leave)

    def _register(self, connection: Connection) -> None:
        other = self._other(connection)
        if other is not None:
            raise self._two_stores(other)
        stale = (nodes.c.seen_at < NOW - _RETENTION_SECONDS * MICROS) | (
            nodes.c.id.in_([self._identity.replaces, self._database.node])
        )
        if self._identity.exclusive:  # the lock of its role is held: its earlier node is dead
            stale |= (nodes.c.folder == self._folder) & (nodes.c.role == self._identity.role)
        connection.execute(delete(nodes).where(stale))
        self.first = not connection.execute(LIVE_IDS).all()
        self._database.shared = self.shared or not self.first
        self._announced = self.shared
        row = {
            "id": self._database.node,
            "store": self._store,
            "folder": self._folder,
            "host": self._host,
            "shared": int(self.shared),
            "role": self._identity.role,
            "version": self._identity.version,
        }
        connection.execute(insert(nodes).values(**row, started_at=NOW, seen_at=NOW))
        identities = set(connection.execute(select(stores.c.identity)).scalars())
        if self._store not in identities:
            connection.execute(insert(stores).values(identity=self._store))
        # Earlier releases added the folder of local copies to the identity of an object store.
        self.sole_store = all(
            each == self._store or each.startswith(f"{self._store}+") for each in identities
        )

    async def _others_aware(self) -> None:
        for seconds in repeat(_POLL_SECONDS):
            if not await self._database.read(self._unaware):
                return
            await asyncio.sleep(seconds)

    def _unaware(self, connection: Connection) -> bool:
        """Return whether a live node does not know yet that it is not alone."""
        others = select(nodes.c.id).where(
            LIVE, nodes.c.id != self._database.node, nodes.c.shared == 0
        )
        return connection.execute(others.limit(1)).first() is not None

    async def _prepare(self) -> None:
        if self._on_shared is not None:
            await self._on_shared()

    def _other(self, connection: Connection) -> AnyRow | None:
        """Return a live node with another store, if there is one."""
        if connection.dialect.name == "postgresql":  # two that start together see each other
            connection.execute(select(func.pg_advisory_xact_lock(_REGISTRATION_LOCK)))
        others = select(nodes).where(LIVE, nodes.c.store != self._store)
        return connection.execute(others.limit(1)).first()

    def _two_stores(self, other: AnyRow) -> PluginError:
        return PluginError(
            f"The server on {other.host} (file store {other.store}) uses this database, and this"
            f" server on {self._host} keeps its files in another store ({self._store}): each would"
            " miss the bytes of the other's uploads.",
            hint="Give this server a database of its own, or stop the other one and wait"
            f" {NODE_TIMEOUT_SECONDS} seconds.",
            details={"store": self._store, "other_store": other.store, "other_host": other.host},
        )

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            sent_at = asyncio.get_running_loop().time()
            try:
                others = await self._database.write_heartbeat(self._refresh, is_single=True)
                if others is None:
                    others = await self._database.write_heartbeat(self._register_again)
                self._database.fence.confirm(sent_at)
                if others and not self._announced:
                    await self._share()
            except Exception as error:  # noqa: BLE001 - the next heartbeat may succeed
                logger.warning("the heartbeat of this node was not stored: %s", error)
                continue
            for other in others:
                if other.store != self._store:
                    logger.critical("%s", self._two_stores(other).message)

    async def _share(self) -> None:
        """Change to rows as the truth, then let the other nodes begin."""
        logger.info("another node has joined")
        self._database.shared = True
        await self._prepare()
        mark = update(nodes).where(nodes.c.id == self._database.node).values(shared=1)
        await self._database.write(lambda connection: connection.execute(mark))
        self._announced = True

    def _refresh(self, connection: Connection) -> Sequence[AnyRow] | None:
        """Refresh the row; return the other live nodes, or ``None`` if there is no row."""
        if not _REFRESH.run(connection, self._me).rowcount:
            return None
        return _OTHERS.run(connection, self._me).rows

    def _register_again(self, connection: Connection) -> Sequence[AnyRow]:
        """Register after the row was deleted, while the node was stopped for long."""
        self._register(connection)
        return _OTHERS.run(connection, self._me).rows

    async def live(self) -> Sequence[LiveNode]:
        """Return the live nodes, the oldest first."""

        def operation(connection: Connection) -> Sequence[LiveNode]:
            held = select(func.count()).where(holds.c.node == nodes.c.id)
            running = select(func.count()).where(
                jobs.c.node == nodes.c.id, jobs.c.state == JobState.RUNNING
            )
            statement = (
                select(
                    nodes,
                    held.scalar_subquery().label("uploads"),
                    running.scalar_subquery().label("jobs"),
                )
                .where(LIVE)
                .order_by(nodes.c.started_at)
            )
            return [
                LiveNode(
                    id=row.id,
                    role=row.role,
                    version=row.version,
                    host=row.host,
                    store=row.store,
                    started_at=from_micros(row.started_at),
                    seen_at=from_micros(row.seen_at),
                    uploads=row.uploads,
                    jobs=row.jobs,
                )
                for row in connection.execute(statement)
            ]

        return await self._database.read(operation)

    def _leave(self, connection: Connection) -> None:
        connection.execute(delete(nodes).where(nodes.c.id == bindparam("node")), self._me)
