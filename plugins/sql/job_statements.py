"""The statements that queue, claim and report background jobs."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Select,
    String,
    Table,
    bindparam,
    case,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    text,
    update,
)

from pdfsluice.core import JobKind, JobState

from .live import MICROS, NOW
from .prepared import Prepared, PreparedRows
from .schema import documents, jobs

_OPEN = (JobState.QUEUED.value, JobState.RUNNING.value)

_CANCELLED = JobState.CANCELLED.value

OPEN_JOB = select(jobs).where(
    jobs.c.document_id == bindparam("document"),
    jobs.c.kind == bindparam("kind"),
    jobs.c.importer == bindparam("importer"),
    jobs.c.state.in_(_OPEN),
)
MAKE_DUE = update(jobs).where(jobs.c.id == bindparam("job")).values(retry_at=0).returning(*jobs.c)
_NEW_COLUMNS = (
    *("document_id", "kind", "state", "progress", "message", "attempts"),
    *("importer", "required", "prefer"),
)
_PREFERENCE_MICROS = 5 * MICROS
"""How long a job waits for a node that has a copy of the file."""
ADD_JOBS = PreparedRows(
    lambda rows: insert(jobs).values(
        [{**row, "prefer_until": NOW + _PREFERENCE_MICROS} for row in rows]
    ),
    _NEW_COLUMNS,
)


def insert_job(insert_into: Callable[[Table], Any]) -> Prepared:
    """Return the insertion of a job, which returns its row, or none if one is open.

    Args:
        insert_into: The INSERT of the database, which has ON CONFLICT.
    """
    insertion = (
        insert_into(jobs)
        .values(prefer_until=NOW + _PREFERENCE_MICROS)
        .on_conflict_do_nothing(
            index_elements=["document_id", "kind", "importer"],
            index_where=text("state IN ('queued', 'running')"),
        )
        .returning(*jobs.c)
    )
    return Prepared(insertion, columns=_NEW_COLUMNS)


_queued = jobs.alias("queued")
_imports = jobs.alias("imports")
_running = _imports.c.state == JobState.RUNNING.value
_imports_of_document = exists().where(
    _imports.c.document_id == _queued.c.document_id,
    _imports.c.kind == JobKind.IMPORT.value,
    or_(*(_imports.c.state == state for state in _OPEN)),
)
_import_comes_later = _imports_of_document.where(
    or_(_running, (_imports.c.id < _queued.c.id) & (_imports.c.retry_at <= bindparam("now")))
)
_other_work_comes_later = _imports_of_document.where(
    or_(_running, _imports.c.attempts == 0, _imports.c.required == 1)
)
_start = (
    update(jobs)
    .values(
        state=JobState.RUNNING.value, attempts=jobs.c.attempts + 1, node=bindparam("claiming_node")
    )
    .returning(*jobs.c)
)


def claim_next(
    kinds: Collection[str],
    passing_over: Collection[str],
    last: Collection[str],
    *,
    shared: bool = False,
) -> tuple["Claiming", Mapping[str, Any]]:
    """Return the statements that claim the next job that is due, and their parameters.

    That is the oldest one. With other nodes it is one of the owner with the fewest running,
    and no job that waits for a node with its file.

    Args:
        kinds: The kinds of jobs.
        passing_over: Owners whose jobs are left alone.
        last: Owners whose jobs are claimed if there are no others.
        shared: Whether other nodes run jobs.
    """
    lists = {"claimed": kinds, "passed_over": passing_over, "last": last}
    padded = {name: _padded(list(values)) for name, values in lists.items()}
    values = {
        f"{name}_{number}": value
        for name, members in padded.items()
        for number, value in enumerate(members)
    }
    return _claim_next(*map(len, padded.values()), shared=shared), values


def _padded(values: list[str]) -> list[str]:
    """Repeat the last value up to a power of two, so that there are few statements."""
    size = 1 << (len(values) - 1).bit_length() if values else 0
    return values + values[-1:] * (size - len(values))


@dataclass(frozen=True, slots=True)
class Claiming:
    """The statements that claim the next job that is due.

    Attributes:
        next: Claims it.
        look: Returns its id.
        found: Claims the job with this id, unless that has changed meanwhile.
    """

    next: Prepared
    look: Prepared
    found: Prepared


@lru_cache(maxsize=64)
def _claim_next(kinds: int, passed_over: int, last: int, *, shared: bool) -> Claiming:
    owner = documents.c.owner
    chosen = (
        select(_queued.c.id)
        .join(documents, documents.c.id == _queued.c.document_id)
        .where(
            _queued.c.state == JobState.QUEUED.value,
            _queued.c.kind.in_(_members("claimed", kinds)),
            _queued.c.retry_at <= bindparam("now"),
            or_(_queued.c.kind != JobKind.IMPORT.value, not_(_import_comes_later)),
            or_(_queued.c.kind == JobKind.IMPORT.value, not_(_other_work_comes_later)),
        )
        .limit(1)
    )
    if passed_over:
        chosen = chosen.where(owner.not_in(_members("passed_over", passed_over)))
    if shared:
        busy = (
            select(documents.c.owner, func.count().label("number"))
            .join(jobs, jobs.c.document_id == documents.c.id)
            .where(
                jobs.c.state == JobState.RUNNING.value, jobs.c.kind.in_(_members("claimed", kinds))
            )
            .group_by(documents.c.owner)
            .subquery("busy")
        )
        chosen = (
            chosen.outerjoin(busy, busy.c.owner == owner)
            .where(
                or_(
                    _queued.c.prefer == "",
                    _queued.c.prefer == bindparam("folder"),
                    _queued.c.prefer_until <= NOW,
                )
            )
            .order_by(func.coalesce(busy.c.number, 0))
        )
    if last:
        chosen = chosen.order_by(owner.in_(_members("last", last)))
    chosen = chosen.order_by(_queued.c.id)
    return Claiming(
        next=_claim(chosen),
        look=Prepared(chosen),
        found=_claim(chosen.where(_queued.c.id == bindparam("found"))),
    )


def _claim(chosen: Select[tuple[int]]) -> Prepared:
    # SQLite has one writer and leaves the lock out
    locked = chosen.with_for_update(skip_locked=True, of=_queued)
    return Prepared(_start.where(jobs.c.id == locked.scalar_subquery()))


def _members(name: str, size: int) -> list[BindParameter[str]]:
    return [bindparam(f"{name}_{number}", type_=String) for number in range(size)]


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
_new_state = bindparam("new_state", type_=String)
REPORT = Prepared(  # nothing of a job that another node has claimed meanwhile
    update(jobs)
    .where(jobs.c.id == bindparam("job"), or_(jobs.c.node == "", jobs.c.node == bindparam("me")))
    .values(
        state=case(
            ((jobs.c.cancelled == 1) & (_new_state == JobState.QUEUED.value), _CANCELLED),
            else_=_new_state,
        ),
        progress=bindparam("new_progress"),
        message=bindparam("new_message"),
        retry_at=bindparam("new_retry_at"),
        attempts=jobs.c.attempts - bindparam("uncounted"),
    )
)
JOBS = Prepared(select(jobs).where(jobs.c.document_id == bindparam("document")).order_by(jobs.c.id))
JOBS_OF = (
    select(jobs)
    .where(jobs.c.document_id.in_(bindparam("documents", expanding=True)))
    .order_by(jobs.c.id)
)


def new_job(document_id: int, kind: JobKind, importer: str, *, required: bool) -> dict[str, Any]:
    """Return the row of a job that is queued, and which any node may claim."""
    return {
        "document_id": document_id,
        "kind": kind.value,
        "state": JobState.QUEUED.value,
        "progress": 0.0,
        "message": "",
        "attempts": 0,
        "importer": importer,
        "required": int(required),
        "prefer": "",
    }
