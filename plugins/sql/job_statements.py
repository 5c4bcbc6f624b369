"""The statements about background jobs of the catalogue ``sql``."""

from sqlalchemy import bindparam, exists, insert, not_, or_, select, update

from pdfsluice.core import JobKind, JobState

from .prepared import Prepared
from .schema import documents, jobs

_OPEN = (JobState.QUEUED.value, JobState.RUNNING.value)

OPEN_JOB = select(jobs).where(
    jobs.c.document_id == bindparam("document"),
    jobs.c.kind == bindparam("kind"),
    jobs.c.state.in_(_OPEN),
)
INSERT_JOB = Prepared(
    insert(jobs).returning(*jobs.c),
    columns=("document_id", "kind", "state", "progress", "message", "attempts"),
)
_queued = jobs.alias("queued")
_imports = jobs.alias("imports")
_is_importing = exists().where(
    _imports.c.document_id == _queued.c.document_id,
    _imports.c.kind == JobKind.IMPORT.value,
    _imports.c.state.in_(_OPEN),
)
_oldest_queued = (
    select(_queued.c.id)
    .join(documents, documents.c.id == _queued.c.document_id)
    .where(
        _queued.c.state == JobState.QUEUED.value,
        _queued.c.kind.in_(bindparam("claimed_kinds", expanding=True)),
        documents.c.owner.not_in(bindparam("passed_over", expanding=True)),
        or_(_queued.c.kind != JobKind.INDEX.value, not_(_is_importing)),
    )
    .order_by(documents.c.owner.in_(bindparam("chosen_last", expanding=True)), _queued.c.id)
    .limit(1)
    .with_for_update(skip_locked=True, of=_queued)  # SQLite has one writer and leaves this out
    .scalar_subquery()
)
CLAIM = (
    update(jobs)
    .where(jobs.c.id == _oldest_queued)
    .values(
        state=JobState.RUNNING.value, attempts=jobs.c.attempts + 1, node=bindparam("claiming_node")
    )
    .returning(*jobs.c)
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
        attempts=jobs.c.attempts - bindparam("uncounted"),
    )
)
JOBS = select(jobs).where(jobs.c.document_id == bindparam("document")).order_by(jobs.c.id)
JOBS_OF = (
    select(jobs)
    .where(jobs.c.document_id.in_(bindparam("documents", expanding=True)))
    .order_by(jobs.c.id)
)
