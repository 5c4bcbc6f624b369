"""Reports of background jobs: to subscribers of the upload, and to the job's row."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.events import ImportEnded, UploadStatus
from pdfsluice.core.models.jobs import Job, JobKind, JobState
from pdfsluice.core.plugins.ports.catalogue import Catalogue
from pdfsluice.core.plugins.thread_boundary import PartFailed

logger = logging.getLogger(__name__)

REPORT_INTERVAL_SECONDS = 0.5
DEFAULT_SILENCE_SECONDS = 3600.0
_MAX_STORE_TRIES = 12
"""How often storing the end of a job is tried before the job is queued again."""

NO_MESSAGE = "import finished"
"""What remains of an importer that reported nothing."""

_AGAIN = "to be done again"

_ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.SKIPPED, JobState.CANCELLED})
STAGES = {
    JobKind.IMPORT: "extracting",
    JobKind.INDEX: "indexing",
    JobKind.OCR: "recognizing",
}


class JobReporter:
    """The reporter of the progress of one job: publishes and stores it.

    The row of a job that ends within the interval is not written before its end. The last
    message of each part of a job is kept.

    Attributes:
        limit: The time limit of the running step; waiting for a turn does not count.
        silence: The limit for the time without progress; each report of progress renews it.

    Args:
        wait: Waits for another turn of the job.
        interval_seconds: Shortest time between two reports.
        silence_seconds: How long a step may report no progress.
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
        silence_seconds: float = DEFAULT_SILENCE_SECONDS,
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
        self.limit: asyncio.Timeout | None = None
        self.silence: asyncio.Timeout | None = None
        self.silence_seconds = silence_seconds
        self._writes: set[asyncio.Task[None]] = set()

    def __call__(self, done: float, message: str) -> None:
        """Note how far the job has come; reported at most once per interval."""
        self._word = message
        now = time.monotonic()
        if now - self._published_at < self._interval_seconds:
            return
        self._published_at = now
        self._renew_silence()
        self.publish(done, message)
        self._latest = done, message
        if self._timer is None:
            wait = max(0.0, self._store_from - now)
            self._timer = asyncio.get_running_loop().call_later(wait, self._store)

    async def wait_for_turn(self) -> float:
        """Wait for another turn of the job if its last one is over; return the seconds."""
        if self._wait is None:
            return 0.0
        if self.silence is not None:
            self.silence.reschedule(None)
        limit, end = self.limit, None if self.limit is None else self.limit.when()
        if limit is None or end is None:
            try:
                return await self._wait()
            finally:
                self._renew_silence()
        loop = asyncio.get_running_loop()
        seconds_left = end - loop.time()
        limit.reschedule(None)
        try:
            return await self._wait()
        finally:
            limit.reschedule(loop.time() + seconds_left)
            self._renew_silence()

    @asynccontextmanager
    async def timed(self, label: str, seconds: float | None = None) -> AsyncIterator[None]:
        """Limit a step of the job: its time, and the time in which it reports no progress.

        Args:
            label: The part that does the step, for the message.
            seconds: The limit of its time; ``None`` for none.

        Raises:
            PartFailed: A limit was passed.
        """
        limit, silence = asyncio.timeout(seconds), asyncio.timeout(self.silence_seconds)
        try:
            async with limit, silence:
                self.limit, self.silence = limit, silence
                yield
        except TimeoutError as error:
            if limit.expired():
                problem = f"did not finish within {seconds:g} s"
            elif silence.expired():
                problem = f"reported no progress for {self.silence_seconds:g} s"
            else:
                raise
            logger.error("%s %s", label, problem)  # noqa: TRY400 - the traceback has the limit only
            raise PartFailed(
                f"The {label} {problem}.", hint="It is repeated, if it has attempts left."
            ) from error
        finally:
            self.limit = self.silence = None

    def _renew_silence(self) -> None:
        silence = self.silence
        if silence is not None and not silence.expired():
            silence.reschedule(asyncio.get_running_loop().time() + self.silence_seconds)

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

    def publish_import_end(self, state: str) -> None:
        """Publish that the importers of the document have ended."""
        self._events.publish(
            ImportEnded(
                at=time.time(),
                session_id=self._document.session_id,
                owner=self._document.owner,
                document_id=self._document.id,
                state=state,
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
        retry_at: When a job that is queued again is due.
    """

    job: Job
    reporter: JobReporter
    state: JobState
    message: str
    code: str = ""
    counted: bool = True
    retry_at: datetime | None = None

    def again(self, seconds: float) -> None:
        """Queue the job again after some time."""
        self.state, self.retry_at = JobState.QUEUED, datetime.now(UTC) + timedelta(seconds=seconds)


@dataclass(slots=True)
class JobOutcomes:
    """How the jobs that were claimed together ended, until that is stored.

    Attributes:
        document: The document that they work on.
        ended: The outcomes in the order of the jobs.
        to_store: Those that are not stored yet.
        tries: How often storing them, or what follows from them, failed.
    """

    document: Document
    ended: Sequence[JobOutcome]
    to_store: list[JobOutcome] = field(init=False)
    tries: int = 0

    def __post_init__(self) -> None:
        """Begin with nothing stored."""
        self.to_store = list(self.ended)

    @property
    def kind(self) -> JobKind:
        """What the jobs do."""
        return self.ended[0].job.kind

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs as they are stored."""
        return tuple(replace(each.job, state=each.state) for each in self.ended)

    @property
    def are_all(self) -> bool:
        """Whether the document has no other jobs of this kind: none was tried before."""
        return all(each.job.attempts == 1 for each in self.ended)

    async def store(self, catalogue: Catalogue) -> None:
        """Store all outcomes; simultaneous writes are one transaction of the catalogue.

        Raises:
            Exception: One of them could not be stored.
        """
        outcomes = list(self.to_store)
        results = await asyncio.gather(
            *(
                catalogue.report(
                    outcome.job.id,
                    state=outcome.state,
                    progress=_done(outcome.state),
                    message=outcome.message,
                    counted=outcome.counted,
                    retry_at=outcome.retry_at,
                )
                for outcome in outcomes
            ),
            return_exceptions=True,
        )
        errors = []
        for outcome, result in zip(outcomes, results, strict=True):
            if result is None:
                self.to_store.remove(outcome)
            else:
                errors.append(result)
        if errors:
            raise errors[0]

    def not_stored(self) -> None:
        """Count a try; after too many, the jobs are to be repeated, which does no harm."""
        self.tries += 1
        if self.tries == _MAX_STORE_TRIES:
            for outcome in self.to_store:
                outcome.state, outcome.message, outcome.code = JobState.QUEUED, _AGAIN, ""

    @property
    def are_given_up(self) -> bool:
        """Whether all are stored, and what follows from them failed too often."""
        return not self.to_store and self.tries >= _MAX_STORE_TRIES

    @property
    def are_waited_for(self) -> bool:
        """Whether no job begins before they are stored; others must not wait for ever."""
        return self.tries <= _MAX_STORE_TRIES

    def publish(self, state: str) -> None:
        """Send an event about the end of the jobs.

        Args:
            state: The state of all jobs of this kind.
        """
        words = [each.message for each in self.ended if each.message != NO_MESSAGE]
        codes = [each.code for each in self.ended if each.code and state != JobState.DONE]
        self.ended[0].reporter.publish(
            _done(state),
            " ".join(words) or NO_MESSAGE,
            code=codes[0] if codes else "",
            stage=f"{STAGES[self.kind]} {state}",
        )
        if self.kind is JobKind.IMPORT and state in _ENDED:
            self.ended[0].reporter.publish_import_end(state)

    @property
    def delay_seconds(self) -> float:
        """The seconds until the first of the jobs is due again; 0 if none waits."""
        times = [each.retry_at for each in self.ended if each.retry_at is not None]
        return max(0.0, (min(times) - datetime.now(UTC)).total_seconds()) if times else 0.0


def _done(state: str) -> float:
    """Return the share of the work that is done in a state."""
    return 1.0 if state in {JobState.DONE, JobState.SKIPPED} else 0.0
