"""One writer that commits together what is asked for at the same time.

A commit costs far more than the statements in it, so each transaction takes in all the
operations that came while the one before it ran. Whoever asked is answered after the commit.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from pdfsluice.core.errors import PdfsluiceError, StorageFailed

from .errors import meaning

T = TypeVar("T")
Operation = Callable[[Connection], T]
"""Reads and writes within a transaction.

May run twice, and raises a PdfsluiceError only before it has written anything.
"""

_LARGEST_BATCH = 256


@dataclass(frozen=True, slots=True)
class _Request:
    operation: Operation[Any]
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


class _AwayError(Exception):
    """The database cannot be reached or is held by another; no operation is at fault."""

    def __init__(self, what: PdfsluiceError) -> None:
        super().__init__(what)
        self.meaning = what


class Writer:
    """Runs operations in transactions on one thread, in the order in which they came.

    Args:
        engine: For the transactions; one connection is used.
        place: The database, for error messages.
    """

    def __init__(self, engine: Engine, place: str) -> None:
        self._engine = engine
        self._place = place
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sql-writer")
        self._waiting: list[_Request] = []
        self._drain: asyncio.Task[None] | None = None
        self._closed = False

    async def run(self, operation: Operation[T]) -> T:
        """Run an operation; return its result when it is committed.

        Raises:
            PdfsluiceError: What the operation raised, or what the database failed with.
        """
        if self._closed:
            raise StorageFailed("The database is closed.", hint="The server is shutting down.")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request(operation, future))
        if self._drain is None:
            self._drain = asyncio.create_task(self._commit_waiting())
        return await future

    async def close(self) -> None:
        """Commit what waits, and end the thread."""
        self._closed = True
        if self._drain is not None:
            await self._drain
        self._thread.shutdown()

    async def _commit_waiting(self) -> None:
        try:
            while self._waiting:
                batch = [r for r in self._waiting[:_LARGEST_BATCH] if not r.future.cancelled()]
                del self._waiting[:_LARGEST_BATCH]
                try:
                    await self._commit(batch)
                except _AwayError as away:
                    for request in batch:
                        _settle(request.future, _Failure(away.meaning))
        finally:
            self._drain = None

    async def _commit(self, batch: Sequence[_Request]) -> None:
        """Commit a batch and answer; where one operation spoils it, each by itself.

        Raises:
            _AwayError: Another attempt would wait as long for the same; some have no answer yet.
        """
        operations = [request.operation for request in batch]
        loop = asyncio.get_running_loop()
        outcomes: Sequence[Any]
        try:
            outcomes = await loop.run_in_executor(self._thread, self._transact, operations)
        except _AwayError:
            raise
        except Exception as error:  # noqa: BLE001 - whoever asked is told, the writer goes on
            if len(batch) > 1:
                for request in batch:
                    await self._commit([request])
                return
            outcomes = [_Failure(error)]
        for request, outcome in zip(batch, outcomes, strict=True):
            _settle(request.future, outcome)

    def _transact(self, operations: Sequence[Operation[Any]]) -> Sequence[Any]:
        outcomes: list[Any] = []
        begun = False
        try:
            with self._engine.begin() as connection:
                begun = True
                for operation in operations:
                    try:
                        outcomes.append(operation(connection))
                    except PdfsluiceError as error:  # raised before anything was written
                        outcomes.append(_Failure(error))
        except DBAPIError as error:
            what = meaning(error, self._place)
            if not begun or error.connection_invalidated:
                raise _AwayError(what) from error
            raise what from error
        return outcomes


def _settle(future: asyncio.Future[Any], outcome: Any) -> None:
    if future.done():  # cancelled, or answered already
        return
    if isinstance(outcome, _Failure):
        future.set_exception(outcome.error)
    else:
        future.set_result(outcome)
