"""The port of job management: lists background jobs, cancels and retries them.

A catalogue whose jobs can be managed has the methods of :class:`ManagedJobs` in addition to
those of a catalogue.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pdfsluice.core.models.jobs import Job, JobKind, JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs are listed; an empty field selects all.

    Attributes:
        states: Their states.
        kinds: What they do.
        owner: The owner of their documents.
        document_id: Their document.
    """

    states: Collection[JobState] = ()
    kinds: Collection[JobKind] = ()
    owner: str = ""
    document_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedJob:
    """A job, with what an administrator needs to recognize it.

    Attributes:
        job: The job.
        owner: The owner of its document.
        title: The title of its document.
        node: The node that runs it, or ran it last; empty if none did.
        stopping: Whether it is running and is to be stopped.
    """

    job: Job
    owner: str
    title: str
    node: str = ""
    stopping: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenJobs:
    """What there is to do for a node.

    Attributes:
        due: Kinds of which queued jobs are due that this node may claim.
        abandoned: Kinds of which dead nodes were running jobs.
        cancelled: Jobs that run at this node and are to be stopped.
    """

    due: Collection[JobKind] = ()
    abandoned: Collection[JobKind] = ()
    cancelled: Collection[int] = ()


@runtime_checkable
class ManagedJobs(Protocol):
    """The management of all documents' background jobs. Every method is atomic."""

    async def list_jobs(
        self, wanted: JobFilter, *, after: int | None = None, limit: int = 50
    ) -> tuple[Sequence[ListedJob], int]:
        """Return jobs with ids below ``after``, newest first, and the number of all.

        Args:
            wanted: Which jobs.
            after: The id of the last job of the page before.
            limit: How many to return at most.
        """
        ...

    async def get_job(self, job_id: int) -> ListedJob:
        """Return a job.

        Raises:
            NotFound: There is none.
        """
        ...

    async def cancel_job(self, job_id: int, *, message: str) -> ListedJob:
        """Cancel a queued job; record that a running one is to be stopped.

        From then on no node starts it. The node that runs it stops it, and reports that it is
        cancelled; if the node dies, :meth:`Catalogue.requeue_running` does. Cancelling a
        cancelled job again changes nothing.

        Args:
            job_id: The job.
            message: What remains of it.

        Raises:
            NotFound: There is none.
            StateConflict: It has ended in another way.
        """
        ...

    async def retry_job(self, job_id: int) -> ListedJob:
        """Queue an ended job again, as if it had never been tried.

        One that waits for its next attempt is due immediately.

        Raises:
            NotFound: There is none.
            StateConflict: It is running, or another job does the same.
        """
        ...

    async def open_jobs(self) -> OpenJobs:
        """Return what there is to do for this node."""
        ...
