"""Members of a cluster: nodes that share a database, without a server."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from pdfsluice.core import Cluster, Hint, NodeIdentity, alone
from pdfsluice.plugins.sql.database import Database, open_database
from pdfsluice.plugins.sql.engine import open_engines
from pdfsluice.plugins.sql.hints import Channel, LocalChannel, NotifyChannel
from pdfsluice.plugins.sql.live import NODE_TIMEOUT_SECONDS
from pdfsluice.plugins.sql.sessions import SqlSessionStore

Join = Callable[..., AbstractAsyncContextManager["Member"]]


class Member:
    """A node with its store and the hints that it received."""

    def __init__(self, database: Database, store: SqlSessionStore, cluster: Cluster) -> None:
        self.database = database
        self.store = store
        self.cluster = cluster
        self.heard: list[Hint] = []
        self._dead = False
        cluster.subscribe(self.heard.append)

    async def die(self) -> None:
        """Let the node look as if it had sent no heartbeat for long."""
        await self._move_heartbeat(-(NODE_TIMEOUT_SECONDS + 1))

    async def revive(self) -> None:
        """Undo its death, if it has died."""
        if self._dead:
            await self._move_heartbeat(NODE_TIMEOUT_SECONDS + 1)

    async def _move_heartbeat(self, seconds: int) -> None:
        self._dead = seconds < 0
        micros = seconds * 1_000_000
        statement = text(f"UPDATE nodes SET seen_at = seen_at + {micros} WHERE id = :me")
        values = {"me": self.cluster.node}
        await self.database.write(lambda connection: connection.execute(statement, values))


def joining(tmp_path: Path, url: str) -> Join:
    """Return what lets a node join the nodes of one database, or a command use it.

    Args:
        tmp_path: The folder of an SQLite database, and of the sockets for hints.
        url: A PostgreSQL database in place of it.
    """

    @asynccontextmanager
    async def joined(
        *, heartbeat: float = 3600.0, joins: bool = True, **identity: Any
    ) -> AsyncIterator[Member]:
        async with open_database(
            lambda: open_engines(url, state_dir=tmp_path, durability="process")
        ) as database:
            channel: Channel = (
                NotifyChannel(url, database) if url else LocalChannel(tmp_path / "nodes")
            )
            store = SqlSessionStore(database, channel, heartbeat_interval=heartbeat)
            values: dict[str, Any] = {
                "store": "store",
                "exclusive": False,
                "shared": True,
            } | identity
            membership = store.joined(NodeIdentity(**values)) if joins else alone()
            async with membership as cluster:
                yield Member(database, store, cluster)

    return joined
