"""One writer that commits together what is requested at the same time.

A commit costs far more than the statements in it, so each transaction takes all the operations
that were queued while the one before it ran. Callers are answered after the commit.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pdfsluice.core import PdfsluiceError, StorageFailed
from pdfsluice.core.threads import Workers

from .engine import Engines
from .errors import MAX_ATTEMPTS, RETRY_SECONDS, is_damage, is_deadlock, meaning, unreadable

T = TypeVar("T")
Operation = Callable[[Connection], T]
"""Reads and writes within a transaction.

May run twice, and raises a PdfsluiceError only before it has written anything.
"""

_MAX_BATCH = 256
LAST = "2"
"""The order of operations that lock other rows than those of sessions and accounts."""


def order_of_session(session_id: str) -> str:
    """Return the order of an operation that locks the row of a session alone."""
    return f"0 {session_id}"


def order_of_account(account: str, session_id: str) -> str:
    """Return the order of an operation that locks a session, then an account."""
    return f"1 {account} {session_id}"


@dataclass(frozen=True, slots=True)
class _Request:
    operation: Operation[Any]
    future: asyncio.Future[Any]
    durable: bool
    is_single: bool
    order: str


_order = attrgetter("order")


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


class _UnavailableError(Exception):
    """The database is out of reach or locked; no operation has run."""

    def __init__(self, meaning: PdfsluiceError) -> None:
        super().__init__(meaning)
        self.meaning = meaning


class Writer:
    """One thread that runs operations in transactions, in the order of their arrival.

    Operations that are committed together run in the order of the rows that they lock. If two nodes
    locked the rows of the same uploads in different orders, each would wait for the other for a
    second, until PostgreSQL ends one of both.

    Args:
        engines: The database; one connection of ``write`` is used at a time.
    """

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._thread = Workers(1, "sql-writer")
        self._waiting: list[_Request] = []
        self._drain: asyncio.Task[None] | None = None
        self._closed = False
        self._connection: Connection | None = None

    def begin(
        self,
        operation: Operation[T],
        *,
        durable: bool = False,
        is_single: bool = False,
        order: str = LAST,
    ) -> "asyncio.Future[T]":
        """Queue an operation; return the future of its result.

        It is set after the commit.

        Args:
            operation: The operation.
            durable: Whether the commit survives a power cut whatever the setting is; the
                operations that are committed with it then do, too.
            is_single: Whether each of its statements may be committed by itself, as if it
                were the only one that writes.
            order: Its place among operations that are committed together; see
                :func:`order_of_session` and :func:`order_of_account`.

        Raises:
            StorageFailed: The database is closed.
        """
        if self._closed:
            raise StorageFailed("The database is closed.", hint="The server is shutting down.")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request(operation, future, durable, is_single, order))
        if self._drain is None:
            self._drain = asyncio.create_task(self._commit_waiting())
        return future

    async def close(self) -> None:
        """Commit what waits, and end the thread."""
        self._closed = True
        if self._drain is not None:
            await self._drain
        self._thread.close()
        if self._connection is not None:
            self._connection.close()

    async def _commit_waiting(self) -> None:
        try:
            while self._waiting:
                batch = [r for r in self._waiting[:_MAX_BATCH] if not r.future.done()]
                del self._waiting[:_MAX_BATCH]
                batch.sort(key=_order)
                try:
                    await self._commit(batch)
                except _UnavailableError as error:
                    for request in batch:
                        _settle(request.future, _Failure(error.meaning))
        finally:
            self._drain = None

    async def _commit(self, batch: Sequence[_Request]) -> None:
        """Commit a batch and answer; if one operation makes it fail, each by itself.

        Raises:
            _UnavailableError: Another attempt would fail in the same way; some callers have no
                answer yet.
        """
        outcomes: Sequence[Any]
        try:
            outcomes = await self._thread.run(self._transact, batch)
        except _UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - the caller gets it, the writer continues
            if len(batch) > 1:
                for request in batch:
                    await self._commit([request])
                return
            outcomes = [_Failure(error)]
        for request, outcome in zip(batch, outcomes, strict=True):
            _settle(request.future, outcome)

    def _transact(self, batch: Sequence[_Request]) -> Sequence[Any]:
        attempt = 1
        while True:
            has_begun = False
            try:
                with (
                    self._connected() as connection,
                    self._syncing(connection, batch),
                    self._transaction(connection, batch),
                ):
                    has_begun = True
                    return [_outcome(each.operation, connection) for each in batch]
            except sqlite3.Error as error:
                raise unreadable(self._engines.location, str(error)) from error
            except DBAPIError as error:
                # SQLite reports a read error of the disk as damage; a second look decides.
                if (is_damage(error) or is_deadlock(error)) and attempt < MAX_ATTEMPTS:
                    time.sleep(attempt * RETRY_SECONDS)
                    attempt += 1
                    continue
                explanation = meaning(error, self._engines.location)
                if not has_begun or error.connection_invalidated:
                    raise _UnavailableError(explanation) from error
                raise explanation from error

    @contextmanager
    def _connected(self) -> Generator[Connection]:
        """Provide a connection; that of SQLite is kept until it fails.

        The pool takes as long to lend a connection and to take it back as a transaction of an
        upload takes.
        """
        connection = self._connection or self._engines.write.connect()
        self._connection = None
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if self._engines.keeps_connections:
            self._connection = connection
        else:
            connection.close()

    def _transaction(
        self, connection: Connection, batch: Sequence[_Request]
    ) -> AbstractContextManager[object]:
        if self._engines.commits_alone and len(batch) == 1 and batch[0].is_single:
            return _each_statement_committed(connection)
        return connection.begin()

    def _syncing(
        self, connection: Connection, batch: Sequence[_Request]
    ) -> AbstractContextManager[None]:
        durable = any(request.durable for request in batch)
        return self._engines.syncing(connection) if durable else nullcontext()


@contextmanager
def _each_statement_committed(connection: Connection) -> Generator[None]:
    """Let PostgreSQL commit each statement by itself within the context.

    SQLAlchemy's own way does more at each change: it restores the level of isolation.
    """
    driver: Any = connection.connection.driver_connection
    driver.autocommit = True
    try:
        yield
    finally:
        if not driver.closed:
            driver.autocommit = False


def _outcome(operation: Operation[Any], connection: Connection) -> Any:
    try:
        return operation(connection)
    except PdfsluiceError as error:  # raised before anything was written
        return _Failure(error)


def _settle(future: asyncio.Future[Any], outcome: Any) -> None:
    if future.done():  # cancelled, or answered already
        return
    if isinstance(outcome, _Failure):
        future.set_exception(outcome.error)
    else:
        future.set_result(outcome)
