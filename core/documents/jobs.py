"""Background jobs on finished documents: import and index, stored as rows."""

import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
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
from pdfsluice.core.models import Document, Job, JobKind, JobState, PageText
from pdfsluice.core.plugins.boundary import PartFailed
from pdfsluice.core.plugins.ports.blobs import UploadStore
from pdfsluice.core.plugins.ports.catalogue import Catalogue
from pdfsluice.core.plugins.ports.documents import ImportContext, Index, PageIndex
from pdfsluice.core.plugins.registry import Registry

from .job_progress import JobOutcome, JobReporter
from .previews import Previews
from .turns import DEFAULT_LIMITS, Lane, Turn, TurnLimits

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
_INDEX_SLOTS = 1


class _NothingToDo(Exception):
    """There is no work in a job; the message gives the reason."""


class JobRunner:
    """Runs queued jobs in two lanes, so that no import waits for an index.

    How a job ended is stored before its lane begins another. If the catalogue cannot store
    it, that is tried again every few seconds: no job stays ``running`` that nothing runs.

    Args:
        index_hint: What the operator can do if there is no index.
        workers: How many imports run at a time.
        limits: How jobs of a lane take turns.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        uploads: UploadStore,
        registry: Registry,
        index: Index | None,
        index_hint: str = "",
        previews: Previews,
        events: EventHub,
        workers: int,
        limits: TurnLimits = DEFAULT_LIMITS,
    ) -> None:
        self._catalogue = catalogue
        self._uploads = uploads
        self._registry = registry
        self._index = index
        self._index_hint = index_hint
        self._previews = previews
        self._events = events
        self._limits = limits
        self._outcomes: deque[JobOutcome] = deque()
        self._awaited: dict[int, bool] = {}  # documents being imported: whether an index waits
        self._lanes = {
            kind: Lane(
                kind.value,
                slots,
                partial(self._claim, kind),
                self._run,
                settle=self._store_outcomes,
                limits=limits,
            )
            for kind, slots in ((JobKind.IMPORT, workers), (JobKind.INDEX, _INDEX_SLOTS))
        }

    def queued(self, document_id: int, kinds: Collection[JobKind]) -> None:
        """Report that jobs of a document were queued."""
        for kind in kinds:
            self._lanes[kind].wake()
        if JobKind.INDEX in kinds and document_id in self._awaited:
            self._awaited[document_id] = True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run jobs in the background; on leaving, unfinished ones are queued again."""
        await self._catalogue.requeue_running()
        works = {f"{kind} jobs": lane.serve for kind, lane in self._lanes.items()}
        async with background(works):
            yield

    async def _claim(
        self, kind: JobKind, passing_over: Collection[str], last: Collection[str]
    ) -> tuple[Job, Document] | None:
        claimed = await self._catalogue.claim(kinds=(kind,), passing_over=passing_over, last=last)
        if claimed is not None and kind is JobKind.IMPORT:
            self._awaited[claimed[0].document_id] = claimed[0].index_waits
        return claimed

    async def _store_outcomes(self) -> None:
        """Store and publish how jobs ended; retry later what cannot be stored."""
        while self._outcomes:
            outcome = self._outcomes.popleft()
            try:
                await self._catalogue.report(
                    outcome.job.id,
                    state=outcome.state,
                    progress=outcome.done,
                    message=outcome.message,
                    counted=outcome.counted,
                )
            except Exception:
                outcome.not_stored()
                self._outcomes.append(outcome)
                raise
            outcome.publish()
            imported = outcome.job.kind is JobKind.IMPORT
            if imported and self._awaited.pop(outcome.job.document_id, True):
                self._lanes[JobKind.INDEX].wake()

    async def _run(self, job: Job, document: Document, turn: Turn) -> None:
        reporter = JobReporter(job, document, self._catalogue, self._events, turn.wait)
        outcome = JobOutcome(job=job, reporter=reporter, state=JobState.QUEUED, message="")
        try:
            outcome.message = await self._work(job, document, reporter)
            outcome.state = JobState.DONE
        except DocumentNotFound:  # deleted in the meantime, and the job with it
            reporter.stop()
            self._awaited.pop(document.id, None)
            return
        except PdfsluiceError as error:
            _judge(error, outcome)
            about = {"session_id": document.session_id}
            logger.warning("job %s: %s", outcome.state, error.message, extra=about)
        except _NothingToDo as reason:
            outcome.state, outcome.message = JobState.SKIPPED, str(reason)
        except Exception:
            outcome.state, outcome.message = _again(job), "The job failed."
            outcome.code = "job-failed"
            logger.exception("job failed", extra={"session_id": document.session_id})
        except BaseException:  # the server stops, which is no failure of the job
            outcome.counted, outcome.message = False, "to be continued"
            await self._end(outcome)
            raise
        await self._end(outcome)

    async def _end(self, outcome: JobOutcome) -> None:
        outcome.reporter.stop()
        await outcome.reporter.settled()
        self._outcomes.append(outcome)
        try:
            await self._store_outcomes()
        except Exception:
            logger.exception("the end of a job could not be stored; it is tried again")

    async def _work(self, job: Job, document: Document, reporter: JobReporter) -> str:
        """Do a job; return the message that remains."""
        if job.attempts > MAX_ATTEMPTS:
            raise DocumentUnreadable(
                f"The server ended {MAX_ATTEMPTS} times while it worked on the document.",
                hint="The operator finds the reason in the log of the server or of the system.",
            )
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
                    wait_for_turn=reporter.wait_for_turn,
                    publish_words=self._publisher(document),
                    attempt=job.attempts,
                    renderers=[item.renderer for item in self._registry.page_renderers],
                )
                await spec.importer.run(context)
                words.append(reporter.last_word())
        return " ".join(filter(None, words)) or "import finished"

    def _publisher(
        self, document: Document
    ) -> Callable[[Sequence[PageText]], Awaitable[None]] | None:
        """Return the function that publishes pages by their words, if an index waits."""
        index: object = self._index
        if isinstance(index, PageIndex) and self._awaited.get(document.id, False):
            return partial(index.add_pages, document)
        return None

    async def _add_to_index(self, document: Document, reporter: JobReporter) -> None:
        if self._index is None:
            raise no_index(self._index_hint)
        reporter(0.0, "Indexing...")
        try:
            await require_text(self._catalogue, document.id)
        except DocumentUnreadable as reason:  # as of every scan that was not read with OCR
            raise _NothingToDo(reason.message) from None
        await self._index.add(document, self._catalogue.pages(document.id), reporter)


def _again(job: Job) -> JobState:
    return JobState.QUEUED if job.attempts < MAX_ATTEMPTS else JobState.FAILED


def _judge(error: PdfsluiceError, outcome: JobOutcome) -> None:
    """Decide what an error means for its job."""
    outcome.message, outcome.code = error.message, error.code
    if isinstance(error, StorageFull):  # other jobs need the same space: wait for it
        outcome.state, outcome.counted = JobState.QUEUED, False
    elif error.retryable or isinstance(error, PartFailed):
        outcome.state = _again(outcome.job)
    else:
        outcome.state = JobState.FAILED


def no_index(hint: str) -> NotFound:
    """Return the error for a search or an index without an index.

    Args:
        hint: What the operator can do.
    """
    return NotFound("no index is configured", hint=hint)


async def import_under_way(catalogue: Catalogue, document_id: int) -> bool:
    """Whether the import of a document has not ended yet."""
    open_states = {JobState.QUEUED, JobState.RUNNING}
    return any(
        job.kind is JobKind.IMPORT and job.state in open_states
        for job in await catalogue.jobs(document_id)
    )


async def require_text(catalogue: Catalogue, document_id: int) -> None:
    """Check that there is text to index.

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
