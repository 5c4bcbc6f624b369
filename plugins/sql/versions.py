"""Versions of documents, in the transactions that add and delete them.

All versions of a document have the id of the first as their ``lineage``; a document that was never
replaced has none. The newest is the one with no ``replaced_by``. On PostgreSQL a lock on the
lineage makes the look-up of the newest and what follows from it one step, as the one writer of
SQLite does.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, or_, select, update

from pdfsluice.core import Document, JobKind, JobState, NewDocument

from .database import Database
from .encoding import read_document
from .prepared import AnyRow, Prepared
from .schema import documents, jobs

_LOCK = 0x7064666C  # seed of the hash, so that no other lock has the same key
_RETIRED_PER_READ = 100

_lock = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("key"), _LOCK)))
_newest = Prepared(
    select(documents)
    .where(
        or_(documents.c.lineage == bindparam("lineage"), documents.c.id == bindparam("lineage")),
        documents.c.replaced_by.is_(None),
    )
    .order_by(documents.c.version.desc())
    .limit(1)
)
_replace = Prepared(
    update(documents)
    .where(documents.c.id == bindparam("document"))
    .values(replaced_by=bindparam("successor"), lineage=bindparam("family"))
)
_relink = Prepared(
    update(documents)
    .where(
        documents.c.lineage == bindparam("family"), documents.c.replaced_by == bindparam("document")
    )
    .values(replaced_by=bindparam("successor"))
)
_of_lineage = Prepared(
    select(documents)
    .where(documents.c.lineage == bindparam("family"))
    .order_by(documents.c.version.desc())
)
_retired = Prepared(
    select(documents)
    .distinct()
    .join(jobs, jobs.c.document_id == documents.c.id)
    .where(
        documents.c.lineage.is_not(None),
        documents.c.replaced_by.is_not(None),
        jobs.c.kind == JobKind.INDEX.value,
    )
    .order_by(documents.c.id)
    .limit(_RETIRED_PER_READ)
)
_forget_index = delete(jobs).where(
    jobs.c.document_id == bindparam("document"),
    jobs.c.kind == JobKind.INDEX.value,
    jobs.c.state != JobState.RUNNING.value,
)


def lock_lineage(connection: Connection, lineage: int | None, *, postgresql: bool) -> None:
    """Let no other transaction change the versions of a document until this one ends."""
    if postgresql and lineage is not None:
        connection.execute(_lock, {"key": f"lineage {lineage}"})


def newest_version(connection: Connection, lineage: int) -> AnyRow | None:
    """Return the newest version of a document; ``None`` if all were deleted."""
    return _newest.run(connection, {"lineage": lineage}).one_or_none()


def continue_lineage(newest: AnyRow | None, row: dict[str, Any]) -> None:
    """Make the row of a new document that of the version after the newest."""
    if newest is None:
        row.update(lineage=None, version=1)
    else:
        row.update(lineage=newest.lineage or newest.id, version=newest.version + 1)


def supersede(connection: Connection, newest: AnyRow, successor: int) -> None:
    """Record that a version is no longer the newest."""
    family = newest.lineage or newest.id
    values = {"document": newest.id, "successor": successor, "family": family}
    _replace.run(connection, values)


def unlink(connection: Connection, row: AnyRow) -> None:
    """Let the version before one that is being deleted continue with the one after it."""
    if row.lineage is not None:
        values = {"family": row.lineage, "document": row.id, "successor": row.replaced_by}
        _relink.run(connection, values)


def is_same_file(newest: AnyRow | None, document: NewDocument) -> bool:
    """Return whether a new version has the same bytes as the newest."""
    return newest is not None and bool(document.sha256) and newest.sha256 == document.sha256


class SqlVersions:
    """The operations of a catalogue on the versions of documents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def versions(self, lineage: int, *, owner: str | None) -> Sequence[Document]:
        """Return all versions of a document, the newest first."""
        rows = await self._database.read(
            lambda connection: _of_lineage.run(connection, {"family": lineage}).rows
        )
        return [read_document(row) for row in rows if owner in {None, row.owner}]

    async def lineages(self, more_than: int) -> Sequence[int]:
        """Return the lineages with more than a number of versions."""
        statement = (
            select(documents.c.lineage)
            .where(documents.c.lineage.is_not(None))
            .group_by(documents.c.lineage)
            .having(func.count() > more_than)
        )
        return await self._database.read(
            lambda connection: [row.lineage for row in connection.execute(statement)]
        )

    async def retired(self) -> Sequence[Document]:
        """Return some replaced documents that have index jobs."""
        rows = await self._database.read(lambda connection: _retired.run(connection, {}).rows)
        return [read_document(row) for row in rows]

    async def forget_index(self, document_id: int) -> None:
        """Delete the index jobs of a document, except a running one."""

        def operation(connection: Connection) -> None:
            connection.execute(_forget_index, {"document": document_id})

        await self._database.write(operation)
