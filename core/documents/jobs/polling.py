"""The search for jobs that no hint has announced: one query for all kinds of them.

A node wakes its own lanes when it queues jobs, and the hint of another node begins a search. The
regular search makes up for lost hints, finds what has become due, and what dead nodes have left.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from pdfsluice.core.models.jobs import JobKind
from pdfsluice.core.plugins.ports.catalogue import Catalogue
from pdfsluice.core.plugins.ports.cluster import Hint, HintKind
from pdfsluice.core.plugins.ports.managed_jobs import ManagedJobs

logger = logging.getLogger(__name__)


def due(kinds: Collection[JobKind]) -> Sequence[JobKind]:
    """Return the kinds of jobs, queued together, of which one may begin now."""
    return [kind for kind in kinds if kind is not JobKind.INDEX or JobKind.IMPORT not in kinds]


def jobs_hint(kinds: Collection[JobKind]) -> Hint:
    """Return the hint that jobs of some kinds were queued."""
    return Hint(HintKind.JOBS, text=" ".join(sorted(kind.value for kind in kinds)))


def hinted_kinds(text: str) -> Sequence[JobKind]:
    """Return the kinds in the text of such a hint."""
    return [kind for kind in JobKind if kind.value in text.split()]


class JobSearch:
    """The search for jobs, at intervals and when another node has queued some.

    Args:
        catalogue: Keeps the jobs.
        wake: Called with the kinds of which jobs are due.
        stop: Called with each job of this node that was cancelled.
        interval: Seconds between two searches.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        wake: Callable[[Collection[JobKind]], None],
        stop: Callable[[int], None],
        interval: float,
    ) -> None:
        self._catalogue = catalogue
        self._wake = wake
        self._stop = stop
        self._interval = interval
        self._announced = asyncio.Event()

    def begin(self) -> None:
        """Search now: another node has queued jobs."""
        self._announced.set()

    async def serve(self) -> None:
        """Search until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._announced.wait()
            self._announced.clear()
            try:
                await self.search()
            except Exception:  # the next search must not depend on one failure of the catalogue
                logger.exception("jobs could not be searched for")

    async def search(self) -> None:
        """Wake the lanes for which there is work, and stop jobs that were cancelled."""
        if not isinstance(self._catalogue, ManagedJobs):
            await self._catalogue.requeue_running(own=False)
            self._wake(tuple(JobKind))
            return
        open_jobs = await self._catalogue.open_jobs()
        if open_jobs.abandoned:
            await self._catalogue.requeue_running(own=False)
        self._wake({*open_jobs.due, *open_jobs.abandoned})
        for job_id in open_jobs.cancelled:
            self._stop(job_id)
