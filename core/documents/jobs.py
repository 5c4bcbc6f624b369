"""Background jobs on finished documents: import and index; rows, so that none is lost."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from pdfsluice.core.background import background
from pdfsluice.core.errors import (
    DocumentNotFound,
    DocumentUnreadable,
    NotFound,
    PdfsluiceError,
    StorageFull,
)
from pdfsluice.core.event_hub import EventHub
from pdfsluice.core.events import UploadStatus
from pdfsluice.core.models import (
    Document,
    Job,
    JobKind,
    JobState,
)
from pdfsluice.core.plugins.boundary import PartFailed
from pdfsluice.core.plugins.ports.documents import ImportContext, Index
from pdfsluice.core.plugins.ports.stores import Catalogue, UploadStore
from pdfsluice.core.plugins.registry import Registry

from .previews import Previews

logger = logging.getLogger(__name__)

_MAX_ATTEMPTS = 3
_REPORT_SECONDS = 0.5
_POLL_SECONDS = 5.0
_MOST_TRIES = 12
"""How often the end of a job is tried to be stored before the job is queued again."""

STAGES = {JobKind.IMPORT: "extracting", JobKind.INDEX: "indexing"}


class _Reporter:
    """Tells how far a job has come: to whoever watches the upload, and to the job's row.

    The row of a job that ends within half a second is left alone: nobody could have asked.
    The last word of each part of a job stays with it.
    """

    def __init__(
        self, job: Job, document: Document, catalogue: Catalogue, events: EventHub
    ) -> None:
        self._job = job
        self._document = document
        self._catalogue = catalogue
        self._events = events
        self._told_at = 0.0
        self._store_from = time.monotonic() + _REPORT_SECONDS
        self._latest = (0.0, "")
        self._word = ""
        self._timer: asyncio.TimerHandle | None = None
        self._writes: set[asyncio.Task[None]] = set()

    def __call__(self, done: float, message: str) -> None:
        self._word = message
        now = time.monotonic()
        if now - self._told_at < _REPORT_SECONDS:
            return
        self._told_at = now
        self.publish(done, message)
        self._latest = done, message
        if self._timer is None:
            wait = max(0.0, self._store_from - now)
            self._timer = asyncio.get_running_loop().call_later(wait, self._store)

    def last_word(self) -> str:
        """Return what was told last, once."""
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


class _NothingToDo(Exception):
    """A job is as good as done; the message says why."""


@dataclass(slots=True, kw_only=True)
class _Outcome:
    """How a job ended, until that is stored.

    Attributes:
        reporter: Tells it to whoever watches.
        tries: How often it could not be stored.
    """

    job: Job
    reporter: _Reporter
    state: JobState
    message: str
    code: str = ""
    tries: int = 0

    @property
    def done(self) -> float:
        return 1.0 if self.state in {JobState.DONE, JobState.SKIPPED} else 0.0

    def tell(self) -> None:
        stage = f"{STAGES[self.job.kind]} {self.state}"
        self.reporter.publish(self.done, self.message, code=self.code, stage=stage)

    def could_not_be_stored(self) -> None:
        """Count a try; after too many the job is to be done again, which does no harm."""
        self.tries += 1
        if self.tries == _MOST_TRIES:
            self.state, self.message, self.code = JobState.QUEUED, "to be done again", ""


class JobRunner:
    """Runs queued jobs, a few at a time.

    How a job ended is stored before the next is begun. Where the catalogue does not take it,
    it is offered again every few seconds: no job stays ``running`` that nobody runs.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        uploads: UploadStore,
        registry: Registry,
        index: Index | None,
        previews: Previews,
        events: EventHub,
        workers: int,
    ) -> None:
        self._catalogue = catalogue
        self._uploads = uploads
        self._registry = registry
        self._index = index
        self._previews = previews
        self._events = events
        self._workers = workers
        self._wake = asyncio.Event()
        self._outcomes: deque[_Outcome] = deque()

    def wake(self) -> None:
        """Say that a job was queued."""
        self._wake.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run jobs in the background; what is unfinished on leaving is queued again."""
        await self._catalogue.requeue_running()
        self._wake.set()
        works = {f"job worker {number}": self._serve for number in range(self._workers)}
        try:
            async with background(works):
                yield
        finally:
            await self._catalogue.requeue_running()

    async def _serve(self) -> None:
        while True:
            try:
                await self._store_outcomes()
                claimed = await self._catalogue.claim()
                if claimed is not None and await self._run(*claimed) is JobState.QUEUED:
                    await asyncio.sleep(_POLL_SECONDS)  # what was in its way may pass
            except Exception:  # a catalogue in trouble must not end the import of all that follow
                logger.exception("a job could not be claimed, or its end not stored")
                claimed = None
            if claimed is None:
                await self._sleep()

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _store_outcomes(self) -> None:
        """Store how jobs ended, and tell it; what cannot be stored is kept for the next time."""
        while self._outcomes:
            outcome = self._outcomes.popleft()
            try:
                await self._catalogue.report(
                    outcome.job.id,
                    state=outcome.state,
                    progress=outcome.done,
                    message=outcome.message,
                )
            except Exception:
                outcome.could_not_be_stored()
                self._outcomes.append(outcome)
                raise
            outcome.tell()
            if outcome.state is JobState.QUEUED:
                self._wake.set()

    async def _run(self, job: Job, document: Document) -> JobState:
        reporter = _Reporter(job, document, self._catalogue, self._events)
        state, message, code = JobState.DONE, "", ""
        try:
            message = await self._work(job, document, reporter)
        except _NothingToDo as reason:
            state, message = JobState.SKIPPED, str(reason)
        except DocumentNotFound:  # deleted in the meantime, and the job with it
            return state
        except StorageFull as error:  # others need the same room: wait for it
            state, message, code = JobState.QUEUED, error.message, error.code
            logger.warning(
                "job put off: %s", error.message, extra={"session_id": document.session_id}
            )
        except PdfsluiceError as error:
            again = error.retryable or isinstance(error, PartFailed)
            state = self._after(job) if again else JobState.FAILED
            message, code = error.message, error.code
            logger.warning(
                "job failed: %s", error.message, extra={"session_id": document.session_id}
            )
        except Exception:
            state, message, code = self._after(job), "The job failed.", "job-failed"
            logger.exception("job failed", extra={"session_id": document.session_id})
        finally:
            reporter.stop()
        await reporter.settled()
        self._outcomes.append(
            _Outcome(job=job, reporter=reporter, state=state, message=message, code=code)
        )
        await self._store_outcomes()
        return state

    @staticmethod
    def _after(job: Job) -> JobState:
        return JobState.QUEUED if job.attempts < _MAX_ATTEMPTS else JobState.FAILED

    async def _work(self, job: Job, document: Document, reporter: _Reporter) -> str:
        """Do a job; return what stays to be said of it."""
        if job.kind is JobKind.INDEX:
            await self._add_to_index(document, reporter)
            return reporter.last_word() or "index finished"
        words: list[str] = []
        async with self._uploads.local_path(document.blob_id) as path:
            for spec in self._registry.importers:
                context = ImportContext(
                    document=document,
                    path=path,
                    catalogue=self._catalogue,
                    extractors=[item.extractor for item in self._registry.text_extractors],
                    progress=reporter,
                    preview=partial(self._previews.draw, document, source=path),
                )
                await spec.importer.run(context)
                words.append(reporter.last_word())
        return " ".join(filter(None, words)) or "import finished"

    async def _add_to_index(self, document: Document, reporter: _Reporter) -> None:
        if self._index is None:
            raise no_index()
        reporter(0.0, "Indexing...")
        # Another worker imports it; it knows nothing of this one, only the catalogue does.
        while await import_under_way(self._catalogue, document.id):  # noqa: ASYNC110
            await asyncio.sleep(_REPORT_SECONDS)
        try:
            await require_text(self._catalogue, document.id)
        except DocumentUnreadable as reason:  # as of every scan that nobody has read with OCR
            raise _NothingToDo(reason.message) from None
        pages = self._catalogue.pages(document.id)
        await self._index.add(document, pages, reporter)


def no_index() -> NotFound:
    """Return the error for whoever wants to search or index where nothing does."""
    return NotFound("no index is configured", hint="Set 'index' in the settings.")


async def import_under_way(catalogue: Catalogue, document_id: int) -> bool:
    """Whether the import of a document has not ended yet."""
    open_states = {JobState.QUEUED, JobState.RUNNING}
    return any(
        job.kind is JobKind.IMPORT and job.state in open_states
        for job in await catalogue.jobs(document_id)
    )


async def require_text(catalogue: Catalogue, document_id: int) -> None:
    """Make sure that there is something to index.

    Raises:
        DocumentUnreadable: No page has text.
    """
    async for page in catalogue.pages(document_id):
        if page.text.strip():
            return
    imports = [job for job in await catalogue.jobs(document_id) if job.kind is JobKind.IMPORT]
    failed = bool(imports) and imports[-1].state is JobState.FAILED
    reason = imports[-1].message if failed else "No page of the document has any."
    raise DocumentUnreadable(
        f"There is no text to index. {reason}",
        hint="Upload a copy whose text can be read; pages that are pictures have none.",
    )
