"""Live nodes: the servers of this database, each with its upload store.

A node is live while its row was refreshed within ``NODE_TIMEOUT_SECONDS`` by the clock of the
database. Its id is a UUID of the process and never used again; a node without a row is dead.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from pdfsluice.core import PdfsluiceError, PluginError

from .database import Database
from .encoding import AnyRow
from .schema import nodes, stores

logger = logging.getLogger(__name__)

NODE_TIMEOUT_SECONDS = 15
HEARTBEAT_INTERVAL = 3.0
_MICROS = 1_000_000
_RETENTION_SECONDS = 24 * 3600


def database_now(connection: Connection) -> ColumnElement[int]:
    """Return the database's clock as SQL, in microseconds since the epoch."""
    if connection.dialect.name == "postgresql":
        sql = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
    else:
        sql = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"
    return literal_column(sql, BigInteger)


def live_nodes(connection: Connection) -> ColumnElement[bool]:
    """Return the condition under which a row of ``nodes`` is a live node's.

    A row from the future is dead, too: the database's clock was set back, and a live node
    refreshes its row within seconds.
    """
    now, timeout = database_now(connection), NODE_TIMEOUT_SECONDS * _MICROS
    return and_(nodes.c.seen_at > now - timeout, nodes.c.seen_at < now + timeout)


class Node:
    """This process among the nodes of a database.

    Args:
        database: The database; its ``node`` is the id of this one.
        store: The identity of the upload store that holds this node's bytes.
        interval: Seconds between two heartbeats.
    """

    def __init__(
        self, database: Database, store: str, *, interval: float = HEARTBEAT_INTERVAL
    ) -> None:
        self._database = database
        self._store = store
        self._interval = interval
        self._host = socket.gethostname()
        self._me = {"node": database.node}

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[bool]:
        """Register the node and keep it registered until the context is left.

        It yields whether the database never knew another store of bytes.

        Raises:
            PluginError: A live node keeps its bytes in another upload store.
        """
        sole = await self._database.write(self._register)
        beat = asyncio.create_task(self._beat())
        try:
            yield sole
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
            with suppress(PdfsluiceError):  # a missing heartbeat has the same effect, 15 s later
                await self._database.write(self._leave)

    def _register(self, connection: Connection) -> bool:
        other = self._other(connection)
        if other is not None:
            raise self._two_stores(other)
        now = database_now(connection)
        # The folders of a store are locked: its earlier node is dead. Old rows are of no use.
        stale = (nodes.c.store == self._store) | (
            nodes.c.seen_at < now - _RETENTION_SECONDS * _MICROS
        )
        connection.execute(delete(nodes).where(stale))
        row = {"id": self._database.node, "store": self._store, "host": self._host}
        connection.execute(insert(nodes).values(**row, started_at=now, seen_at=now))
        identities = set(connection.execute(select(stores.c.identity)).scalars())
        if self._store not in identities:
            connection.execute(insert(stores).values(identity=self._store))
        return not identities - {self._store}

    def _other(self, connection: Connection) -> AnyRow | None:
        """Return a live node with another store, if there is one."""
        if connection.dialect.name == "postgresql":  # two that start together see each other
            connection.execute(select(func.pg_advisory_xact_lock(_REGISTRATION_LOCK)))
        others = select(nodes).where(live_nodes(connection), nodes.c.store != self._store)
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
            try:
                other = await self._database.write(self._refresh)
            except Exception as error:  # noqa: BLE001 - the next heartbeat may succeed
                logger.warning("the heartbeat of this node was not stored: %s", error)
                continue
            if other is not None:
                logger.critical("%s", self._two_stores(other).message)

    def _refresh(self, connection: Connection) -> AnyRow | None:
        outcome = connection.execute(
            update(nodes)
            .where(nodes.c.id == bindparam("node"))
            .values(seen_at=database_now(connection)),
            self._me,
        )
        if not outcome.rowcount:  # deleted while this process was stopped for long
            self._register(connection)
        others = select(nodes).where(live_nodes(connection), nodes.c.store != self._store)
        return connection.execute(others.limit(1)).first()

    def _leave(self, connection: Connection) -> None:
        connection.execute(delete(nodes).where(nodes.c.id == bindparam("node")), self._me)


_REGISTRATION_LOCK = 0x7064666E
