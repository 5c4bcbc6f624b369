"""Background jobs in the catalogue ``sql``."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, update

from pdfsluice.core import Document, Job, JobKind, JobState

from .database import Database
from .encoding import clean, read_document, read_job, to_micros
from .job_statements import (
    ADD_JOBS,
    CLAIM_OTHERS,
    CLAIMED,
    JOBS,
    JOBS_OF,
    MAKE_DUE,
    OPEN_JOB,
    REPORT,
    claim_next,
    insert_job,
    new_job,
)
from .live import LIVE_IDS
from .prepared import AnyRow, Prepared
from .reading import MAX_ID, require_document
from .schema import jobs

_MAX_LOOKS = 3
"""How often a job is looked for that another node claims first."""


class SqlJobs:
    """Background jobs on documents, in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert_job = insert_job(database.insert)

    def _queue(
        self,
        connection: Connection,
        document_id: int,
        kinds: Sequence[JobKind],
        importers: Mapping[str, bool],
    ) -> None:
        """Queue the first jobs of a document."""
        prefer = self._database.folder if self._database.shared else ""
        rows = []
        for kind in dict.fromkeys(kinds):
            separate = importers if kind is JobKind.IMPORT and importers else {"": True}
            for importer, required in separate.items():
                row = new_job(document_id, kind, importer, required=required)
                rows.append({**row, "prefer": prefer})
        ADD_JOBS.run(connection, rows)

    async def enqueue(
        self, document_id: int, kind: JobKind, *, importer: str = "", required: bool = True
    ) -> Job:
        """Add a job, or return the one of this kind and importer that has not ended yet.

        Raises:
            DocumentNotFound: There is no such document.
        """

        def operation(connection: Connection) -> Job:
            require_document(connection, document_id)
            values = {"document": document_id, "kind": kind.value, "importer": importer}
            new = new_job(document_id, kind, importer, required=required)
            row: AnyRow | None = None
            while row is None:  # again if another node has just queued a job that has ended
                row = connection.execute(OPEN_JOB, values).one_or_none()
                if row is None:
                    row = self._insert_job.run(connection, new).one_or_none()
                elif row.retry_at:
                    row = connection.execute(MAKE_DUE, {"job": row.id}).one()
            return read_job(row)

        return await self._database.write(operation)

    async def claim(
        self,
        *,
        kinds: Collection[JobKind] = tuple(JobKind),
        passing_over: Collection[str] = (),
        last: Collection[str] = (),
    ) -> tuple[Sequence[Job], Document] | None:
        """Claim the next job that is due, and the untried imports of the same document."""
        claiming = {
            "claiming_node": self._database.node,
            "folder": self._database.folder,
            "now": to_micros(datetime.now(UTC)),
        }
        statements, choice = claim_next(
            [kind.value for kind in kinds], passing_over, last, shared=self._database.shared
        )
        values = {**claiming, **choice}

        async def claimed(statement: Prepared) -> tuple[Sequence[Job], Document] | None:
            # While one import of a document is running, no other node claims the others.
            return await self._database.write(
                lambda connection: _claim(connection, statement, values), is_single=True
            )

        if not passing_over and not last:
            return await claimed(statements.next)
        # To find jobs of other owners, all that are queued may be looked at: 0.2 s for 100,000,
        # in which the writer commits uploads.
        for _ in range(_MAX_LOOKS):
            candidate = await self._database.read(
                lambda connection: statements.look.run(connection, values).scalar_one_or_none()
            )
            if candidate is None:
                return None
            values["found"] = candidate
            if (jobs_of_document := await claimed(statements.found)) is not None:
                return jobs_of_document
        return await claimed(statements.next)

    async def report(
        self,
        job_id: int,
        *,
        state: JobState,
        progress: float,
        message: str,
        counted: bool = True,
        retry_at: datetime | None = None,
    ) -> None:
        """Store how a job stands; nothing happens if its document is deleted."""
        values = {
            "job": job_id,
            "me": self._database.node,
            "new_state": state.value,
            "new_progress": progress,
            "new_message": clean(message),
            "uncounted": 0 if counted else 1,
            "new_retry_at": 0 if retry_at is None else to_micros(retry_at),
        }

        def operation(connection: Connection) -> None:
            REPORT.run(connection, values)

        await self._database.write(operation, is_single=True)

    async def jobs(self, document_id: int) -> Sequence[Job]:
        """Return the jobs of a document, oldest first."""
        if not 0 < document_id <= MAX_ID:
            return []
        values = {"document": document_id}
        return await self._database.read(
            lambda connection: [read_job(row) for row in JOBS.run(connection, values)]
        )

    async def jobs_of(self, document_ids: Sequence[int]) -> Mapping[int, Sequence[Job]]:
        """Return the jobs of several documents in one query, oldest first."""
        jobs_by_document: dict[int, list[Job]] = {document_id: [] for document_id in document_ids}
        values = {"documents": [key for key in jobs_by_document if 0 < key <= MAX_ID]}

        def operation(connection: Connection) -> Mapping[int, Sequence[Job]]:
            for row in connection.execute(JOBS_OF, values):
                jobs_by_document[row.document_id].append(read_job(row))
            return jobs_by_document

        return await self._database.read(operation) if values["documents"] else jobs_by_document

    async def requeue_running(self, *, own: bool = True) -> int:
        """Queue again the running jobs of dead nodes, and perhaps of this one."""

        def operation(connection: Connection) -> int:
            mine = jobs.c.node == self._database.node
            abandoned = jobs.c.node.not_in(LIVE_IDS)
            chosen = mine | abandoned if own else abandoned & ~mine
            running = update(jobs).where(jobs.c.state == JobState.RUNNING.value, chosen)
            stopped = {"state": JobState.CANCELLED.value, "message": "Its server has ended."}
            connection.execute(running.where(jobs.c.cancelled == 1).values(**stopped))
            return connection.execute(
                running.values(state=JobState.QUEUED.value, progress=0.0, node="")
            ).rowcount

        return await self._database.write(operation)


def _claim(
    connection: Connection, statement: Prepared, values: Mapping[str, Any]
) -> tuple[Sequence[Job], Document] | None:
    while True:  # again if the document was deleted meanwhile, and the job with it
        first = statement.run(connection, values).one_or_none()
        if first is None:
            return None
        rows = [first]
        if first.kind == JobKind.IMPORT.value and first.attempts == 1:
            rows += CLAIM_OTHERS.run(connection, {**values, "document": first.document_id})
        document = CLAIMED.run(connection, {"document": first.document_id}).one_or_none()
        if document is not None:
            break
    waits = bool(document.index_waits)
    claimed = [replace(read_job(row), index_waits=waits) for row in rows]
    return sorted(claimed, key=lambda job: job.id), read_document(document)
