"""The document catalogue ``sql``."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from pdfsluice.core.errors import DocumentNotFound
from pdfsluice.core.models import (
    Document,
    Job,
    JobKind,
    JobState,
    NewDocument,
    PageText,
)

from .database import Database
from .encoding import (
    AnyRow,
    clean,
    document_row,
    read_document,
    read_job,
    to_json,
)
from .schema import documents, jobs, pages

_CHANGEABLE = frozenset({"title", "page_count", "metadata"})
_LARGEST_ID = 2**63 - 1
_PAGES_AT_ONCE = 10  # each may have a million characters
_OPEN = (JobState.QUEUED.value, JobState.RUNNING.value)

_by_id = select(documents).where(documents.c.id == bindparam("document"))
_by_session = select(documents).where(documents.c.session_id == bindparam("session"))
_by_digest = (
    select(documents)
    .where(documents.c.owner == bindparam("owner"), documents.c.sha256 == bindparam("sha256"))
    .order_by(documents.c.id)
    .limit(1)
)
_delete = delete(documents).where(documents.c.id == bindparam("document"))
_next_pages = (
    select(pages.c.number, pages.c.text)
    .where(pages.c.document_id == bindparam("document"), pages.c.number > bindparam("after"))
    .order_by(pages.c.number)
    .limit(_PAGES_AT_ONCE)
)
_open_job = select(jobs).where(
    jobs.c.document_id == bindparam("document"),
    jobs.c.kind == bindparam("kind"),
    jobs.c.state.in_(_OPEN),
)
_insert_job = insert(jobs).returning(*jobs.c)
_oldest_queued = (
    select(jobs.c.id)
    .where(jobs.c.state == JobState.QUEUED.value)
    .order_by(jobs.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)  # SQLite has one writer and leaves this out
    .scalar_subquery()
)
_claim = (
    update(jobs)
    .where(jobs.c.id == _oldest_queued)
    .values(state=JobState.RUNNING.value, attempts=jobs.c.attempts + 1)
    .returning(*jobs.c)
)
_report = (
    update(jobs)
    .where(jobs.c.id == bindparam("job"))
    .values(
        state=bindparam("new_state"),
        progress=bindparam("new_progress"),
        message=bindparam("new_message"),
    )
)
_jobs = select(jobs).where(jobs.c.document_id == bindparam("document")).order_by(jobs.c.id)
_requeue = (
    update(jobs)
    .where(jobs.c.state == JobState.RUNNING.value)
    .values(state=JobState.QUEUED.value, progress=0.0)
)


class SqlCatalogue:
    """Keeps documents, the text of their pages, and jobs in an SQL database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._add = (
            database.insert(documents)
            .on_conflict_do_nothing(index_elements=["session_id"])
            .returning(*documents.c)
        )
        statement = database.insert(pages)
        self._save_page = statement.on_conflict_do_update(
            index_elements=["document_id", "number"], set_={"text": statement.excluded.text}
        )

    async def add(self, document: NewDocument, jobs: Sequence[JobKind]) -> Document:
        """Add a document and its first jobs; the same ``session_id`` again changes nothing."""
        row = document_row(document)

        def operation(connection: Connection) -> Document:
            added = connection.execute(self._add, row).one_or_none()
            if added is None:
                known = connection.execute(_by_session, {"session": document.session_id})
                return read_document(known.one())
            for kind in dict.fromkeys(jobs):
                connection.execute(_insert_job, _new_job(added.id, kind))
            return read_document(added)

        return await self._database.write(operation)

    async def get(self, document_id: int, *, owner: str | None) -> Document:
        """Return a document; ``owner`` is ``None`` for administrators."""
        row = await self._database.read(lambda connection: _find(connection, document_id))
        if row is None or owner not in {None, row.owner}:
            raise _not_found(document_id)
        return read_document(row)

    async def find_by_digest(self, sha256: str, *, owner: str) -> Document | None:
        """Return the owner's oldest document with this digest, if there is one."""
        values = {"owner": owner, "sha256": sha256}
        row = await self._database.read(
            lambda connection: connection.execute(_by_digest, values).one_or_none()
        )
        return None if row is None else read_document(row)

    async def list(
        self, *, owner: str | None, after: int | None = None, limit: int = 50
    ) -> tuple[Sequence[Document], int]:
        """Return documents with ids below ``after``, newest first, and how many there are."""
        total = select(func.count()).select_from(documents)
        page = select(documents).order_by(documents.c.id.desc()).limit(limit)
        if owner is not None:
            total = total.where(documents.c.owner == owner)
            page = page.where(documents.c.owner == owner)
        if after is not None:
            page = page.where(documents.c.id < min(after, _LARGEST_ID))

        def operation(connection: Connection) -> tuple[Sequence[Document], int]:
            rows = connection.execute(page).all()
            return [read_document(row) for row in rows], connection.execute(total).scalar_one()

        return await self._database.read(operation)

    async def update(self, document_id: int, **changes: Any) -> Document:
        """Change ``title`` or ``page_count``; add to ``metadata``.

        Raises:
            DocumentNotFound: There is no such document.
        """
        if forbidden := changes.keys() - _CHANGEABLE:
            raise TypeError(f"not changeable: {', '.join(sorted(forbidden))}")
        if "title" in changes:
            changes["title"] = clean(changes["title"])
        added = changes.pop("metadata", None)
        statement = update(documents).where(documents.c.id == document_id)

        def operation(connection: Connection) -> Document:
            row = _find(connection, document_id)
            if row is None:
                raise _not_found(document_id)
            values = dict(changes)
            if added:
                values["metadata"] = to_json({**read_document(row).metadata, **added})
            if values:
                connection.execute(statement.values(values))
            return read_document(connection.execute(_by_id, {"document": document_id}).one())

        return await self._database.write(operation)

    async def delete(self, document_id: int) -> None:
        """Delete a document with its pages and jobs."""

        def operation(connection: Connection) -> None:
            if _find(connection, document_id) is not None:
                connection.execute(_delete, {"document": document_id})

        await self._database.write(operation)

    async def save_pages(self, document_id: int, pages: Sequence[PageText]) -> None:
        """Store the text of pages, replacing earlier text of the same pages.

        Raises:
            DocumentNotFound: There is no such document (any more).
        """
        rows = [
            {"document_id": document_id, "number": page.number, "text": clean(page.text)}
            for page in pages
        ]

        def operation(connection: Connection) -> None:
            if _find(connection, document_id) is None:
                raise _not_found(document_id)
            if rows:
                connection.execute(self._save_page, rows)

        await self._database.write(operation)

    async def pages(self, document_id: int) -> AsyncIterator[PageText]:
        """Yield the text of all pages, in order, a few of them in memory at a time."""
        values = {"document": document_id, "after": -1}
        if not 0 < document_id <= _LARGEST_ID:
            return

        def operation(connection: Connection) -> Sequence[AnyRow]:
            return connection.execute(_next_pages, values).all()

        while rows := await self._database.read(operation):
            for row in rows:
                yield PageText(row.number, row.text)
            values["after"] = rows[-1].number

    async def enqueue(self, document_id: int, kind: JobKind) -> Job:
        """Add a job, or return the one of this kind that has not ended yet.

        Raises:
            DocumentNotFound: There is no such document.
        """

        def operation(connection: Connection) -> Job:
            if _find(connection, document_id) is None:
                raise _not_found(document_id)
            values = {"document": document_id, "kind": kind.value}
            row = connection.execute(_open_job, values).one_or_none()
            if row is None:
                row = connection.execute(_insert_job, _new_job(document_id, kind)).one()
            return read_job(row)

        return await self._database.write(operation)

    async def claim(self) -> tuple[Job, Document] | None:
        """Mark the oldest queued job as running and return it with its document."""

        def operation(connection: Connection) -> tuple[Job, Document] | None:
            row = connection.execute(_claim).one_or_none()
            if row is None:
                return None
            document = connection.execute(_by_id, {"document": row.document_id})
            return read_job(row), read_document(document.one())

        return await self._database.write(operation)

    async def report(self, job_id: int, *, state: JobState, progress: float, message: str) -> None:
        """Store how a job stands; nothing happens where its document is deleted."""
        values = {
            "job": job_id,
            "new_state": state.value,
            "new_progress": progress,
            "new_message": clean(message),
        }

        def operation(connection: Connection) -> None:
            connection.execute(_report, values)

        await self._database.write(operation)

    async def jobs(self, document_id: int) -> Sequence[Job]:
        """Return the jobs of a document, oldest first."""
        if not 0 < document_id <= _LARGEST_ID:
            return []
        values = {"document": document_id}
        return await self._database.read(
            lambda connection: [read_job(row) for row in connection.execute(_jobs, values)]
        )

    async def requeue_running(self) -> int:
        """Queue again what a dead process left running; returns how many."""
        return await self._database.write(lambda connection: connection.execute(_requeue).rowcount)


def _find(connection: Connection, document_id: int) -> AnyRow | None:
    if not 0 < document_id <= _LARGEST_ID:  # from an address; the driver takes no larger number
        return None
    return connection.execute(_by_id, {"document": document_id}).one_or_none()


def _new_job(document_id: int, kind: JobKind) -> dict[str, Any]:
    return {
        "document_id": document_id,
        "kind": kind.value,
        "state": JobState.QUEUED.value,
        "progress": 0.0,
        "message": "",
        "attempts": 0,
    }


def _not_found(document_id: int) -> DocumentNotFound:
    return DocumentNotFound(f"There is no document {document_id}.")
