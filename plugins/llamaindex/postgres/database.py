"""The connections of the index ``postgres``, and what their errors mean."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnection

from pdfsluice.core import DocumentNotFound, Overloaded, PluginError, StorageFailed, StorageFull

from .schema import set_up

T = TypeVar("T")

_CONNECTIONS = 4
_HOST_TIMEOUTS = {
    "connect_timeout": "5",  # seconds
    "tcp_user_timeout": "15000",  # milliseconds without a confirmation of what was sent
    "keepalives_idle": "5",  # seconds without an answer before the first probe
    "keepalives_interval": "5",
}
"""When a connection to a lost host is dropped, unless the URL has other values."""
_DISK_FULL = "53100"
_HINT = "Set plugins.database.url to postgresql://user:password@host/name, or index to another."


class IndexDatabase:
    """A database whose functions run in threads, each in a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._snapshots = engine.execution_options(isolation_level="REPEATABLE READ")

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run a function with a connection, and commit what it did.

        Raises:
            DocumentNotFound: It wrote about a document that is not in the catalogue.
            Overloaded: No connection became free.
            StorageFull: The disk of the database is full.
            StorageFailed: The database cannot be reached, or failed.
        """
        return await asyncio.to_thread(_run, self._engine, work)

    async def look(self, work: Callable[[Connection], T]) -> T:
        """Run a function that sees one state of the database in all that it reads.

        Raises:
            StorageFailed: The database cannot be reached, or failed.
        """
        return await asyncio.to_thread(_run, self._snapshots, work)


def _run(engine: Engine, work: Callable[[Connection], T]) -> T:
    with _explained(), engine.begin() as connection:
        return work(connection)


@contextmanager
def _explained() -> Generator[None]:
    try:
        yield
    except NoConnection as error:
        raise Overloaded(
            "All connections of the index to its database are in use.", retry_after=5
        ) from error
    except IntegrityError as error:
        raise DocumentNotFound("The document was deleted while it was indexed.") from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") == _DISK_FULL:
            raise StorageFull(
                "There is no space left for the index.", hint="Free space for the database."
            ) from error
        raise StorageFailed(
            f"The database of the index failed: {error.orig}.",
            hint="Check that it is there and can be written.",
        ) from error


@asynccontextmanager
async def open_database(url: str) -> AsyncGenerator[IndexDatabase]:
    """Connect and make the tables of the index.

    Args:
        url: The database of the catalogue, whose tables are there already.

    Raises:
        PluginError: It is not PostgreSQL with pgvector.
        StorageFailed: It cannot be reached.
    """
    engine = _engine(url)
    database = IndexDatabase(engine)
    try:
        await database.run(set_up)
        yield database
    finally:
        await asyncio.to_thread(engine.dispose)


def _engine(url: str) -> Engine:
    if not url.startswith("postgresql"):
        raise PluginError("The index 'postgres' needs the catalogue in PostgreSQL.", hint=_HINT)
    address = make_url(url)
    try:
        return create_engine(
            address.set(drivername="postgresql+psycopg", query={**_HOST_TIMEOUTS, **address.query}),
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=True,
            # a pooler gives each transaction another connection, without what was prepared
            connect_args={"prepare_threshold": None},
        )
    except ModuleNotFoundError as error:
        raise PluginError(
            f"PostgreSQL needs the package {error.name!r}.",
            hint="Install it with: pip install 'pdfsluice[postgres]'",
        ) from error
