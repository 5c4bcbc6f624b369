"""The open database: reads on threads of their own, writes through the one writer."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy.dialects import postgresql, sqlite

from .engine import READERS, Engines
from .errors import explained
from .migrations import migrate
from .writer import Operation, Writer

T = TypeVar("T")


class Database:
    """Runs reads at once on threads of their own, and writes through the one writer."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._writer = Writer(engines.write, engines.place)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sql-reader")
        postgres = engines.write.dialect.name == "postgresql"
        self.insert: Callable[..., Any] = postgresql.insert if postgres else sqlite.insert
        """The engine's own INSERT, which knows ON CONFLICT."""

    async def write(self, operation: Operation[T]) -> T:
        """Run an operation in a transaction; return when it is committed."""
        return await self._writer.run(operation)

    async def read(self, operation: Operation[T]) -> T:
        """Run an operation that only reads."""
        return await asyncio.get_running_loop().run_in_executor(
            self._readers, self._read, operation
        )

    def _read(self, operation: Operation[T]) -> T:
        with explained(self._engines.place), self._engines.read.connect() as connection:
            return operation(connection)

    async def close(self) -> None:
        """Commit what waits and close all connections."""
        await self._writer.close()
        self._readers.shutdown()
        await asyncio.to_thread(self._engines.dispose)


@asynccontextmanager
async def open_database(engines: Callable[[], Engines]) -> AsyncGenerator[Database]:
    """Open a database and bring its tables up to date.

    Raises:
        PdfsluiceError: It cannot be opened, is damaged, or is of a later version.
    """
    opened = await asyncio.to_thread(engines)
    database = Database(opened)
    try:
        await database.write(lambda connection: migrate(connection, opened.place))
        yield database
    finally:
        await database.close()
