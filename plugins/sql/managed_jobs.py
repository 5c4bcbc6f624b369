"""Management of the background jobs in the catalogue ``sql``."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)

from pdfsluice.core import (
    JobFilter,
    JobKind,
    JobState,
    ListedJob,
    NotFound,
    OpenJobs,
    StateConflict,
)

from .database import Database
from .encoding import clean, read_job, to_micros
from .job_statements import OPEN_JOB
from .live import LIVE_IDS, NOW
from .prepared import Prepared
from .reading import MAX_ID
from .schema import documents, jobs

_QUEUED, _RUNNING = JobState.QUEUED.value, JobState.RUNNING.value
_with_documents = jobs.join(documents, documents.c.id == jobs.c.document_id)
_listed = (
    select(jobs, documents.c.owner, documents.c.title)
    .select_from(_with_documents)
    .order_by(jobs.c.id.desc())
)
_mine = jobs.c.node == bindparam("me")
_due = and_(
    jobs.c.state == _QUEUED,
    jobs.c.retry_at <= bindparam("now"),
    or_(jobs.c.prefer == "", jobs.c.prefer == bindparam("folder"), jobs.c.prefer_until <= NOW),
)
_stopped = or_(_mine & (jobs.c.cancelled == 1), ~_mine & jobs.c.node.not_in(LIVE_IDS))
_OPEN_JOBS = Prepared(
    select(jobs.c.kind, jobs.c.state, case((_mine, jobs.c.id), else_=0).label("own"))
    .distinct()
    .where(or_(_due, (jobs.c.state == _RUNNING) & _stopped))
)


class SqlManagedJobs:
    """The management of background jobs in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_jobs(
        self, wanted: JobFilter, *, after: int | None = None, limit: int = 50
    ) -> tuple[Sequence[ListedJob], int]:
        """Return jobs with ids below ``after``, newest first, and how many there are."""
        conditions = _conditions(wanted)
        counted = _with_documents if wanted.owner else jobs
        total = select(func.count()).select_from(counted).where(*conditions)
        page = _listed.where(*conditions).limit(limit)
        if after is not None:
            page = page.where(jobs.c.id < min(after, MAX_ID))

        def operation(connection: Connection) -> tuple[Sequence[ListedJob], int]:
            rows = connection.execute(page).all()
            return [_read(row) for row in rows], connection.execute(total).scalar_one()

        return await self._database.read(operation)

    async def get_job(self, job_id: int) -> ListedJob:
        """Return a job.

        Raises:
            NotFound: There is none.
        """
        return await self._database.read(lambda connection: _find(connection, job_id))

    async def cancel_job(self, job_id: int, *, message: str) -> ListedJob:
        """Cancel a queued job; record that a running one is to be stopped.

        Raises:
            NotFound: There is none.
            StateConflict: It has ended in another way.
        """

        def operation(connection: Connection) -> ListedJob:
            state = _find(connection, job_id, locked=True).job.state
            if state is JobState.RUNNING:
                _change(connection, job_id, cancelled=1)
            elif state is JobState.QUEUED:
                cancelled = JobState.CANCELLED.value
                _change(connection, job_id, state=cancelled, message=clean(message), retry_at=0)
            elif state is not JobState.CANCELLED:
                raise StateConflict(f"The job {job_id} has ended: it is {state}.")
            return _find(connection, job_id)

        return await self._database.write(operation)

    async def retry_job(self, job_id: int) -> ListedJob:
        """Queue an ended job again, as if it had never been tried.

        Raises:
            NotFound: There is none.
            StateConflict: It is running, or another job does the same.
        """

        def operation(connection: Connection) -> ListedJob:
            job = _find(connection, job_id, locked=True).job
            if job.state is JobState.RUNNING:
                raise StateConflict(
                    f"The job {job_id} is running.", hint="Cancel it first, or wait for its end."
                )
            same = {"document": job.document_id, "kind": job.kind.value, "importer": job.importer}
            other = connection.execute(OPEN_JOB, same).one_or_none()
            if other is not None and other.id != job_id:
                raise StateConflict(
                    f"The job {other.id} does the same as {job_id} and has not ended.",
                    hint=f"Wait for its end, or retry the job {other.id}.",
                )
            fresh: dict[str, Any] = {"state": JobState.QUEUED.value, "progress": 0.0, "message": ""}
            fresh |= {"attempts": 0, "retry_at": 0, "cancelled": 0, "prefer": "", "node": ""}
            _change(connection, job_id, **fresh)
            return _find(connection, job_id)

        return await self._database.write(operation)

    async def open_jobs(self) -> OpenJobs:
        """Return what there is to do for this node, in one query."""
        values = {
            "me": self._database.node,
            "folder": self._database.folder,
            "now": to_micros(datetime.now(UTC)),
        }
        rows = await self._database.read(lambda connection: _OPEN_JOBS.run(connection, values).rows)
        running = [row for row in rows if row.state == _RUNNING]
        return OpenJobs(
            due={JobKind(row.kind) for row in rows if row.state == _QUEUED},
            abandoned={JobKind(row.kind) for row in running if not row.own},
            cancelled=[row.own for row in running if row.own],
        )


def _conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.states:
        conditions.append(jobs.c.state.in_([state.value for state in wanted.states]))
    if wanted.kinds:
        conditions.append(jobs.c.kind.in_([kind.value for kind in wanted.kinds]))
    if wanted.owner:
        conditions.append(documents.c.owner == clean(wanted.owner))
    if wanted.document_id is not None:
        conditions.append(jobs.c.document_id == max(0, min(wanted.document_id, MAX_ID)))
    return conditions


def _find(connection: Connection, job_id: int, *, locked: bool = False) -> ListedJob:
    statement: Select[Any] = _listed.where(jobs.c.id == max(0, min(job_id, MAX_ID)))
    if locked:
        statement = statement.with_for_update()  # of the document, too: its jobs exclude each other
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    return _read(row)


def _change(connection: Connection, job_id: int, **values: Any) -> None:
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(**values))


def _read(row: Any) -> ListedJob:
    job = read_job(row)
    running = job.state is JobState.RUNNING
    return ListedJob(
        job=job,
        owner=row.owner,
        title=row.title,
        node=row.node,
        stopping=running and bool(row.cancelled),
    )
