"""What administrators do with background jobs: list, cancel and retry them."""

import asyncio
import logging
from collections.abc import Sequence

from pdfsluice.core.errors import NotFound
from pdfsluice.core.models.sessions import Principal, Scope
from pdfsluice.core.plugins.ports.catalogue import Catalogue
from pdfsluice.core.plugins.ports.cluster import Cluster, Hint, HintKind
from pdfsluice.core.plugins.ports.managed_jobs import JobFilter, ListedJob, ManagedJobs

from .runner import CANCELLED, JobRunner

logger = logging.getLogger(__name__)

_STOP_TIMEOUT_SECONDS = 10.0
_FIRST_POLL_SECONDS = 0.02
_MAX_POLL_SECONDS = 0.5


class JobManagement:
    """The operations on jobs; each requires an administrator.

    Args:
        catalogue: Keeps the jobs.
        runner: Runs those of this node.
        cluster: The other nodes.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        runner: JobRunner,
        cluster: Cluster,
    ) -> None:
        self._jobs = catalogue if isinstance(catalogue, ManagedJobs) else None
        self._runner = runner
        self._cluster = cluster

    async def list(
        self, principal: Principal, wanted: JobFilter, *, after: int | None = None, limit: int = 50
    ) -> tuple[Sequence[ListedJob], int]:
        """Return jobs with ids below ``after``, newest first, and how many there are.

        Raises:
            NotFound: The catalogue cannot list jobs.
            PermissionDenied: The principal is no administrator.
        """
        return await self._known(principal).list_jobs(wanted, after=after, limit=limit)

    async def get(self, principal: Principal, job_id: int) -> ListedJob:
        """Return a job.

        Raises:
            NotFound: There is none, or the catalogue cannot list jobs.
            PermissionDenied: The principal is no administrator.
        """
        return await self._known(principal).get_job(job_id)

    async def cancel(self, principal: Principal, job_id: int) -> ListedJob:
        """Cancel a job, wherever it runs, and wait until it has stopped.

        The processes that worked for it have ended then.

        Returns:
            The job. If ``stopping`` is set, it has not stopped yet, and will.

        Raises:
            NotFound: There is none, or the catalogue cannot list jobs.
            PermissionDenied: The principal is no administrator.
            StateConflict: It has ended.
        """
        jobs = self._known(principal)
        listed = await jobs.cancel_job(job_id, message=CANCELLED)
        logger.info("job %d is cancelled by %s", job_id, principal.name)
        if listed.stopping:
            self._runner.stop(job_id)
            self._cluster.notify(Hint(HintKind.STOP_JOB, start=job_id))
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + _STOP_TIMEOUT_SECONDS, _FIRST_POLL_SECONDS
        while listed.stopping and loop.time() < end:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MAX_POLL_SECONDS)
            listed = await jobs.get_job(job_id)
        return listed

    async def retry(self, principal: Principal, job_id: int) -> ListedJob:
        """Queue an ended job again, as if it had never been tried.

        One that waits for its next attempt is due immediately.

        Raises:
            NotFound: There is none, or the catalogue cannot list jobs.
            PermissionDenied: The principal is no administrator.
            StateConflict: It is running, or another job does the same.
        """
        listed = await self._known(principal).retry_job(job_id)
        logger.info("job %d is queued again by %s", job_id, principal.name)
        self._runner.queued(listed.job.document_id, [listed.job.kind], listed.owner)
        return listed

    def _known(self, principal: Principal) -> ManagedJobs:
        principal.require(Scope.ADMIN)
        if self._jobs is None:
            raise NotFound(
                "the catalogue of this server cannot list jobs",
                hint="The catalogue 'sql' can.",
            )
        return self._jobs
