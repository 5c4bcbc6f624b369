"""The statements that queue, claim and report background jobs."""

from typing import Any

from sqlalchemy import bindparam, exists, insert, not_, or_, select, update

from pdfsluice.core import JobKind, JobState

from .prepared import Prepared
from .schema import documents, jobs

_OPEN = (JobState.QUEUED.value, JobState.RUNNING.value)

OPEN_JOB = select(jobs).where(
    jobs.c.document_id == bindparam("document"),
    jobs.c.kind == bindparam("kind"),
    jobs.c.importer == bindparam("importer"),
    jobs.c.state.in_(_OPEN),
)
MAKE_DUE = update(jobs).where(jobs.c.id == bindparam("job")).values(retry_at=0).returning(*jobs.c)
INSERT_JOB = Prepared(
    insert(jobs).returning(*jobs.c),
    columns=(
        *("document_id", "kind", "state", "progress", "message", "attempts"),
        *("importer", "required"),
    ),
)
_queued = jobs.alias("queued")
_imports = jobs.alias("imports")
_running = _imports.c.state == JobState.RUNNING.value
_imports_of_document = exists().where(
    _imports.c.document_id == _queued.c.document_id,
    _imports.c.kind == JobKind.IMPORT.value,
    _imports.c.state.in_(_OPEN),
)
_import_comes_later = _imports_of_document.where(
    or_(_running, (_imports.c.id < _queued.c.id) & (_imports.c.retry_at <= bindparam("now")))
)
_other_work_comes_later = _imports_of_document.where(
    or_(_running, _imports.c.attempts == 0, _imports.c.required == 1)
)
_oldest_queued = (
    select(_queued.c.id)
    .join(documents, documents.c.id == _queued.c.document_id)
    .where(
        _queued.c.state == JobState.QUEUED.value,
        _queued.c.kind.in_(bindparam("claimed_kinds", expanding=True)),
        documents.c.owner.not_in(bindparam("passed_over", expanding=True)),
        _queued.c.retry_at <= bindparam("now"),
        or_(_queued.c.kind != JobKind.IMPORT.value, not_(_import_comes_later)),
        or_(_queued.c.kind == JobKind.IMPORT.value, not_(_other_work_comes_later)),
    )
    .order_by(documents.c.owner.in_(bindparam("chosen_last", expanding=True)), _queued.c.id)
    .limit(1)
    .with_for_update(skip_locked=True, of=_queued)  # SQLite has one writer and leaves this out
    .scalar_subquery()
)
_start = (
    update(jobs)
    .values(
        state=JobState.RUNNING.value, attempts=jobs.c.attempts + 1, node=bindparam("claiming_node")
    )
    .returning(*jobs.c)
)
CLAIM = _start.where(jobs.c.id == _oldest_queued)
CLAIM_OTHERS = Prepared(
    _start.where(
        jobs.c.document_id == bindparam("document"),
        jobs.c.kind == JobKind.IMPORT.value,
        jobs.c.state == JobState.QUEUED.value,
        jobs.c.attempts == 0,
        jobs.c.retry_at <= bindparam("now"),
    )
)
_waiting_indexes = exists().where(
    jobs.c.document_id == documents.c.id,
    jobs.c.kind == JobKind.INDEX.value,
    or_(*(jobs.c.state == state for state in _OPEN)),
)
CLAIMED = Prepared(
    select(documents, _waiting_indexes.label("index_waits")).where(
        documents.c.id == bindparam("document")
    )
)
REPORT = Prepared(
    update(jobs)
    .where(jobs.c.id == bindparam("job"))
    .values(
        state=bindparam("new_state"),
        progress=bindparam("new_progress"),
        message=bindparam("new_message"),
        retry_at=bindparam("new_retry_at"),
        attempts=jobs.c.attempts - bindparam("uncounted"),
    )
)
JOBS = select(jobs).where(jobs.c.document_id == bindparam("document")).order_by(jobs.c.id)
JOBS_OF = (
    select(jobs)
    .where(jobs.c.document_id.in_(bindparam("documents", expanding=True)))
    .order_by(jobs.c.id)
)


def new_job(document_id: int, kind: JobKind, importer: str, *, required: bool) -> dict[str, Any]:
    """Return the row of a job that is queued."""
    return {
        "document_id": document_id,
        "kind": kind.value,
        "state": JobState.QUEUED.value,
        "progress": 0.0,
        "message": "",
        "attempts": 0,
        "importer": importer,
        "required": int(required),
    }
