"""One open database for the two stores that use it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from pdfsluice.core import PluginContext

from .catalogue import SqlCatalogue
from .database import Database, open_database
from .engine import Engines, open_engines
from .hints import Channel, LocalChannel, NotifyChannel
from .options import DatabaseOptions
from .sessions import SqlSessionStore


class SharedDatabase:
    """The database of both stores: opened for the first, closed after the last."""

    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._users = 0
        self._turn = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._database: Database | None = None

    @asynccontextmanager
    async def sessions(self) -> AsyncGenerator[SqlSessionStore]:
        """Open the session store."""
        async with self._open() as database:
            yield SqlSessionStore(database, self._channel(database))

    @asynccontextmanager
    async def catalogue(self) -> AsyncGenerator[SqlCatalogue]:
        """Open the catalogue."""
        async with self._open() as database:
            yield SqlCatalogue(database)

    @asynccontextmanager
    async def _open(self) -> AsyncGenerator[Database]:
        async with self._turn:
            if self._database is None:
                self._database = await self._stack.enter_async_context(open_database(self._engines))
            database = self._database
            self._users += 1
        try:
            yield database
        finally:
            async with self._turn:
                self._users -= 1
                if not self._users:
                    self._database = None
                    await self._stack.aclose()

    def _channel(self, database: Database) -> Channel:
        """Return how hints reach other nodes."""
        options = self._context.options("database", DatabaseOptions)
        if not database.postgresql:
            return LocalChannel(self._context.state_dir / "nodes")
        return NotifyChannel(
            options.listen_url.get_secret_value() or options.url.get_secret_value(), database
        )

    def _engines(self) -> Engines:
        options = self._context.options("database", DatabaseOptions)
        return open_engines(
            options.url.get_secret_value(),
            state_dir=self._context.state_dir,
            durability=self._context.settings.durability,
            check=self._context.worker == 0,
            pooled=bool(options.listen_url.get_secret_value()),
        )
