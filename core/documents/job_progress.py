"""Reports of background jobs: to subscribers of the upload, and to the job's row."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pdfsluice.core.event_hub import EventHub
from pdfsluice.core.events import UploadStatus
from pdfsluice.core.models import Document, Job, JobKind, JobState
from pdfsluice.core.plugins.ports.catalogue import Catalogue

logger = logging.getLogger(__name__)

REPORT_INTERVAL_SECONDS = 0.5
_MAX_STORE_TRIES = 12
"""How often storing the end of a job is tried before the job is queued again."""

STAGES = {JobKind.IMPORT: "extracting", JobKind.INDEX: "indexing"}


class JobReporter:
    """Publishes and stores the progress of one job.

    The row of a job that ends within the interval is not written before its end. The last
    message of each part of a job is kept.

    Args:
        wait: Waits for another turn of the job.
        interval_seconds: Shortest time between two reports.
    """

    def __init__(
        self,
        job: Job,
        document: Document,
        catalogue: Catalogue,
        events: EventHub,
        wait: Callable[[], Awaitable[float]] | None = None,
        *,
        interval_seconds: float = REPORT_INTERVAL_SECONDS,
    ) -> None:
        self._job = job
        self._document = document
        self._catalogue = catalogue
        self._events = events
        self._wait = wait
        self._interval_seconds = interval_seconds
        self._published_at = 0.0
        self._store_from = time.monotonic() + interval_seconds
        self._latest = (0.0, "")
        self._word = ""
        self._timer: asyncio.TimerHandle | None = None
        self._writes: set[asyncio.Task[None]] = set()

    def __call__(self, done: float, message: str) -> None:
        """Note how far the job has come; reported at most once per interval."""
        self._word = message
        now = time.monotonic()
        if now - self._published_at < self._interval_seconds:
            return
        self._published_at = now
        self.publish(done, message)
        self._latest = done, message
        if self._timer is None:
            wait = max(0.0, self._store_from - now)
            self._timer = asyncio.get_running_loop().call_later(wait, self._store)

    async def wait_for_turn(self) -> float:
        """Wait for another turn of the job if its last one is over; return the seconds."""
        return 0.0 if self._wait is None else await self._wait()

    def last_word(self) -> str:
        """Return the latest message and forget it."""
        word, self._word = self._word, ""
        return word

    def stop(self) -> None:
        """Store nothing more: the job has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _store(self) -> None:
        self._timer = None
        done, message = self._latest
        task = asyncio.create_task(
            self._catalogue.report(
                self._job.id, state=JobState.RUNNING, progress=done, message=message
            )
        )
        self._writes.add(task)
        task.add_done_callback(self._written)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writes.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("the progress of a job could not be stored: %s", error)

    def publish(self, done: float, message: str, *, code: str = "", stage: str = "") -> None:
        """Send an event about the job to all sinks."""
        self._events.publish(
            UploadStatus(
                at=time.time(),
                session_id=self._document.session_id,
                owner=self._document.owner,
                status="completed" if stage else "importing",
                stage=stage or STAGES[self._job.kind],
                message=message,
                code=code,
                document_id=self._document.id,
                progress=done,
            )
        )

    async def settled(self) -> None:
        """Wait until the reports written so far are stored."""
        await asyncio.gather(*self._writes, return_exceptions=True)


@dataclass(slots=True, kw_only=True)
class JobOutcome:
    """How a job ended, until that is stored.

    Attributes:
        reporter: Publishes the outcome.
        counted: Whether the attempt counts.
        tries: How often storing it failed.
    """

    job: Job
    reporter: JobReporter
    state: JobState
    message: str
    code: str = ""
    counted: bool = True
    tries: int = 0

    @property
    def done(self) -> float:
        """The share of the work that is done."""
        return 1.0 if self.state in {JobState.DONE, JobState.SKIPPED} else 0.0

    def publish(self) -> None:
        """Send an event about the end of the job."""
        stage = f"{STAGES[self.job.kind]} {self.state}"
        self.reporter.publish(self.done, self.message, code=self.code, stage=stage)

    def not_stored(self) -> None:
        """Count a try; after too many, the job is to be repeated, which does no harm."""
        self.tries += 1
        if self.tries == _MAX_STORE_TRIES:
            self.state, self.message, self.code = JobState.QUEUED, "to be done again", ""
