"""The state of the background work on a document, from the rows of its jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pdfsluice.core.models.jobs import Job, JobKind, JobState

OPEN = frozenset({JobState.QUEUED, JobState.RUNNING})


class Stage(StrEnum):
    """The progress of one kind of job for a document."""

    NONE = "none"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ImportStatus:
    """The progress of the background work on a document.

    Attributes:
        jobs: All jobs, oldest first.
    """

    jobs: tuple[Job, ...]

    @property
    def latest(self) -> Sequence[Job]:
        """The latest job of each importer, and that of the index."""
        return tuple({(job.kind, job.importer): job for job in self.jobs}.values())

    @property
    def share(self) -> float:
        """The share of the work that is done, 0 to 1; work that has failed counts as done."""
        parts = [job.progress if job.state in OPEN else 1.0 for job in self.latest]
        return sum(parts) / len(parts) if parts else 1.0

    def of(self, kind: JobKind) -> Stage:
        """Return the progress of the latest jobs of a kind.

        An importer that is not required counts until its first attempt has ended.
        """
        jobs = [job for job in self.latest if job.kind is kind]
        states = {job.state for job in jobs if job.required or _is_first_attempt(job)}
        for state in (JobState.RUNNING, JobState.QUEUED, JobState.FAILED, JobState.DONE):
            if state in states:
                return Stage(state.value)
            if state is JobState.FAILED and JobState.CANCELLED in states:
                return Stage.FAILED  # the work is not done, and nothing continues it
        if states:
            return Stage.SKIPPED
        return Stage.DONE if jobs else Stage.NONE


def _is_first_attempt(job: Job) -> bool:
    if job.state is JobState.RUNNING:
        return job.attempts <= 1
    return job.state is JobState.QUEUED and job.attempts == 0
