"""The open database: reads on threads of their own, writes through the one writer."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from pdfsluice.core.threads import Workers

from .engine import READERS, Engines
from .errors import MAX_ATTEMPTS, RETRY_SECONDS, is_damage, located, meaning
from .fence import Fence
from .migrations import migrate
from .writer import LAST, Operation, Writer

T = TypeVar("T")


class Database:
    """Concurrent reads on threads of their own, and one writer for all changes.

    Attributes:
        node: The id of this process among the nodes of the database, never used again.
        folder: The identity of the folder in which it keeps copies of files; empty if all nodes
            read the files themselves.
        shared: Whether other nodes use the database.
        postgresql: Whether the engine is PostgreSQL.
        insert: The engine's own INSERT, which has ON CONFLICT.
        fence: Refuses work while this node, one of several, is cut off from the database.
    """

    def __init__(self, engines: Engines, fence: Fence | None = None) -> None:
        self._engines = engines
        self._writer = Writer(engines)
        self._readers = Workers(READERS, "sql-reader")
        self._idle: list[Connection] = []  # that SQLite's readers keep
        self.node = str(uuid4())
        self.folder = ""
        self.shared = False
        self.postgresql = engines.write.dialect.name == "postgresql"
        self.insert: Callable[..., Any] = postgresql.insert if self.postgresql else sqlite.insert
        self.fence = fence or Fence()
        self._heart = Writer(engines) if self.postgresql else self._writer

    async def write(
        self,
        operation: Operation[T],
        *,
        durable: bool = False,
        is_single: bool = False,
        order: str = LAST,
    ) -> T:
        """Run an operation in a transaction; return when it is committed.

        Args:
            operation: The operation.
            durable: Whether it survives a power cut whatever the durability setting is.
            is_single: Whether each of its statements may be committed by itself.
            order: Its place among operations that are committed together.

        Raises:
            StorageFailed: This node is cut off from the database.
        """
        begin = partial(
            self._writer.begin, operation, durable=durable, is_single=is_single, order=order
        )
        return await self.fence.passed(begin) if self.shared else await begin()

    async def write_heartbeat(self, operation: Operation[T], *, is_single: bool = False) -> T:
        """Run an operation of the heartbeat in a transaction, as :meth:`write` does.

        It passes the fence, and waits for no other transaction of this node: PostgreSQL has a
        connection of its own for it.
        """
        return await self._heart.begin(operation, is_single=is_single)

    async def read(self, operation: Operation[T]) -> T:
        """Run an operation that only reads.

        Raises:
            StorageFailed: This node is cut off from the database.
        """

        def begin() -> asyncio.Future[T]:
            return self._readers.run(self._read, operation)

        return await self.fence.passed(begin) if self.shared else await begin()

    def _read(self, operation: Operation[T]) -> T:
        attempt = 1
        while True:
            try:
                with self._reading() as connection:
                    return operation(connection)
            except DBAPIError as error:
                # SQLite reports a read error of the disk as damage; a second look decides.
                if not is_damage(error) or attempt == MAX_ATTEMPTS:
                    raise meaning(error, self._engines.location) from error
                time.sleep(attempt * RETRY_SECONDS)
                attempt += 1

    @contextmanager
    def _reading(self) -> Generator[Connection]:
        """Provide a connection; those of SQLite are kept until they fail.

        The pool takes longer to lend a connection and to take it back than most readings take.
        """
        if not self._engines.keeps_connections:
            with self._engines.read.connect() as connection:
                yield connection
            return
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._engines.read.connect()
        try:
            yield connection
            if connection.in_transaction():
                connection.rollback()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    async def close(self) -> None:
        """Commit what waits and close all connections."""
        await self._writer.close()
        if self._heart is not self._writer:
            await self._heart.close()
        await self._readers.aclose()
        for connection in self._idle:
            connection.close()
        await asyncio.to_thread(self._engines.dispose)


@asynccontextmanager
async def open_database(
    engines: Callable[[], Engines], *, fence: Fence | None = None
) -> AsyncGenerator[Database]:
    """Open a database and migrate its tables.

    Raises:
        PdfsluiceError: It cannot be opened, is damaged, or is of a later version.
    """
    handles = await asyncio.to_thread(engines)
    database = Database(handles, fence)
    try:
        with located(handles.location):
            await database.write(
                lambda connection: migrate(connection, handles.location), durable=True
            )
        yield database
    finally:
        await database.close()
