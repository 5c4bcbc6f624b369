"""Background jobs on finished documents: import, index and OCR, stored as rows."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from pdfsluice.core.background import background
from pdfsluice.core.documents.previews import Previews
from pdfsluice.core.errors import (
    DocumentNotFound,
    DocumentUnreadable,
    PdfsluiceError,
)
from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.jobs import Job, JobKind, JobState
from pdfsluice.core.plugins.ports.blobs import UploadStore
from pdfsluice.core.plugins.ports.catalogue import Catalogue
from pdfsluice.core.plugins.ports.cluster import Alone, Cluster
from pdfsluice.core.plugins.ports.documents import Index
from pdfsluice.core.plugins.ports.policy import Policy
from pdfsluice.core.plugins.registry import Registry

from .import_status import ImportStatus
from .importing import Importers, NothingToDo
from .indexable import no_index, require_text
from .judging import judge, repeat
from .polling import JobSearch, due, hinted_kinds, jobs_hint
from .progress import DEFAULT_SILENCE_SECONDS, JobOutcome, JobOutcomes, JobReporter
from .recognition import IndexRunning, Recognition
from .stopping import JobStopped, Stop
from .turns import DEFAULT_LIMITS, Lane, Turn, TurnLimits
from .warming_up import WarmUp

logger = logging.getLogger(__name__)

_INDEX_SLOTS = 1
_INDEX_SECONDS = 60.0
CANCELLED = "Cancelled by an administrator."


class JobRunner:
    """The lanes of queued jobs: no import waits for an index, and nothing for OCR.

    How a job ended is stored before its lane begins another. If the catalogue cannot store
    it, that is tried again every few seconds: no job stays ``running`` that nothing runs.

    Args:
        admit_page: Counts a page that OCR reads for the quota of its document's account.
        index_hint: What the operator can do if there is no index.
        index_label: The index and its distribution, for messages.
        workers: How many imports run at a time.
        silence_seconds: How long a job may report no progress before it is stopped.
        readers: How many documents OCR reads at a time.
        limits: How jobs of a lane take turns, and when they are tried again.
        cluster: The other nodes, which run queued jobs as well.
        kinds: The jobs that this node runs.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        uploads: UploadStore,
        registry: Registry,
        admit_page: Callable[[int], Awaitable[None]],
        index: Index | None,
        index_hint: str = "",
        policy: Policy,
        previews: Previews,
        events: EventHub,
        index_label: str = "index",
        workers: int,
        silence_seconds: float = DEFAULT_SILENCE_SECONDS,
        readers: int = 1,
        limits: TurnLimits = DEFAULT_LIMITS,
        cluster: Cluster | None = None,
        kinds: Collection[JobKind] = tuple(JobKind),
    ) -> None:
        self._catalogue = catalogue
        self._recognition = Recognition(
            recognizers=registry.text_recognizers,
            admit_page=admit_page,
            label=partial(registry.label, "text_recognizers"),
            previews=previews,
            catalogue=catalogue,
            uploads=uploads,
            index=index,
        )
        recognizes = self._recognition.is_available
        self._importers = Importers(
            registry=registry,
            catalogue=catalogue,
            uploads=uploads,
            previews=previews,
            index=index,
            policy=policy,
            retry=limits.retry,
            queue_recognition=self._queue_recognition if recognizes else None,
        )
        self._index = index
        self._index_hint = index_hint
        self._index_label = index_label
        self._silence_seconds = silence_seconds
        self._events = events
        self._limits = limits
        self._cluster = cluster or Alone()
        self._outcomes: deque[JobOutcomes] = deque()
        self._does_index = False  # whether this node had that duty when it last asked
        self._awaited: dict[int, bool] = {}  # documents being imported: whether an index waits
        self._stops: dict[int, Stop] = {}  # by the number of a job that runs here
        self._to_recognize: set[int] = set()  # documents being imported for which OCR waits
        self._warm_up = WarmUp(self._importers, limits.warm_seconds)
        self._search = JobSearch(
            catalogue, wake=self._wake, stop=self.stop, interval=limits.poll_seconds
        )
        slots = {JobKind.IMPORT: workers, JobKind.INDEX: _INDEX_SLOTS}
        if recognizes:
            slots[JobKind.OCR] = readers
        self._lanes = {
            kind: Lane(
                kind.value,
                number,
                partial(self._claim, kind),
                self._run,
                settle=self._store_outcomes,
                limits=limits,
            )
            for kind, number in slots.items()
            if kind in kinds
        }

    def queued(
        self, document_id: int, kinds: Collection[JobKind], owner: str | None = None
    ) -> None:
        """Report that jobs were queued; other nodes are notified if one waits here.

        Args:
            document_id: Their document.
            kinds: What they do.
            owner: The owner of the document, if that is known.
        """
        if not all(self._begins(kind) for kind in due(kinds)):
            self._cluster.notify(jobs_hint(kinds))
        self._wake(kinds, owner)
        if JobKind.INDEX in kinds and document_id in self._awaited:
            self._awaited[document_id] = True

    def expect(self) -> None:
        """Start the process that the next import needs, while its file is checked."""
        if JobKind.IMPORT in self._lanes:
            self._warm_up.begin()

    def _begins(self, kind: JobKind) -> bool:
        """Return whether a queued job begins here now."""
        lane = self._lanes.get(kind)
        is_mine = kind is not JobKind.INDEX or self._does_index
        return is_mine and lane is not None and lane.begins_any

    def _wake(self, kinds: Collection[JobKind], owner: str | None = None) -> None:
        for kind in kinds:
            if kind in self._lanes:
                self._lanes[kind].wake(owner)

    def announced(self, text: str = "") -> None:
        """Look for jobs of another node, of the kinds in the text of its hint."""
        if not text:  # they may be of any kind
            self._search.begin()
        for kind in hinted_kinds(text):
            if kind in self._lanes and (kind is not JobKind.INDEX or self._does_index):
                self._lanes[kind].wake_if_free()

    def stop(self, job_id: int) -> None:
        """Stop a job that was cancelled, if it runs here."""
        if job_id in self._stops:
            self._stops[job_id].request()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run jobs in the background; on leaving, unfinished ones are queued again."""
        await self._catalogue.requeue_running()
        works = {f"{kind} jobs": lane.serve for kind, lane in self._lanes.items()}
        works["search for jobs"] = self._search.serve
        try:
            async with background(works):
                yield
        finally:
            await self._warm_up.ended()

    async def _claim(
        self, kind: JobKind, passing_over: Collection[str], last: Collection[str]
    ) -> tuple[Sequence[Job], Document] | None:
        if kind is JobKind.INDEX:  # one node at a time changes the index
            self._does_index = await self._cluster.duty("index", _INDEX_SECONDS)
            if not self._does_index:
                return None
        claimed = await self._catalogue.claim(kinds=(kind,), passing_over=passing_over, last=last)
        if claimed is not None and kind is JobKind.IMPORT:
            jobs, document = claimed
            self._awaited[document.id] = jobs[0].index_waits
        return claimed

    async def _store_outcomes(self) -> None:
        """Store and publish how jobs ended; retry later what cannot be stored.

        Raises:
            Exception: The last failure, but for ends that have failed too often to be waited for.
        """
        failure: Exception | None = None
        for _ in range(len(self._outcomes)):
            if not self._outcomes:  # another lane stores the rest
                break
            outcomes = self._outcomes.popleft()
            try:
                status = await self._stored(outcomes)
            except Exception as error:  # noqa: BLE001 - any catalogue
                outcomes.not_stored()
                if not outcomes.are_given_up:
                    self._outcomes.append(outcomes)
                if outcomes.are_waited_for:
                    failure = error
                continue
            outcomes.publish(status.of(outcomes.kind))
            if delay := outcomes.delay_seconds:
                asyncio.get_running_loop().call_later(delay, self._lanes[outcomes.kind].wake)
            if outcomes.kind is JobKind.IMPORT:
                self._after_import(outcomes.document)
        if failure is not None:
            raise failure

    async def _stored(self, outcomes: JobOutcomes) -> ImportStatus:
        """Store how jobs ended, and queue what follows; repeating it is harmless."""
        await outcomes.store(self._catalogue)
        document, jobs = outcomes.document, outcomes.jobs
        if not outcomes.are_all:
            jobs = tuple(await self._catalogue.jobs(document.id)) or jobs
        if outcomes.kind is JobKind.INDEX:
            await self._after_index(document)
        return ImportStatus(jobs)

    def _after_import(self, document: Document) -> None:
        """Begin what waits for the import of a document."""
        if self._awaited.pop(document.id, True):
            self._wake([JobKind.INDEX], document.owner)
            if not self._does_index:
                self._cluster.notify(jobs_hint([JobKind.INDEX]))
        if document.id in self._to_recognize:
            self._to_recognize.remove(document.id)
            self._wake([JobKind.OCR], document.owner)

    async def _after_index(self, document: Document) -> None:
        """Index a document again that was renamed meanwhile; begin OCR that waited."""
        with suppress(DocumentNotFound):
            if (await self._catalogue.get(document.id, owner=None)).title != document.title:
                await self._catalogue.enqueue(document.id, JobKind.INDEX)
                self.queued(document.id, [JobKind.INDEX], document.owner)
        if await self._recognition.resume(document.id):
            self.queued(document.id, [JobKind.OCR], document.owner)

    async def _run(self, jobs: Sequence[Job], document: Document, turn: Turn) -> None:
        """Do the jobs of one document, one after the other."""
        outcomes = [
            JobOutcome(
                job=job,
                reporter=JobReporter(
                    job,
                    document,
                    self._catalogue,
                    self._events,
                    turn.wait,
                    silence_seconds=self._silence_seconds,
                ),
                state=JobState.QUEUED,
                message="to be continued",
                counted=False,
            )
            for job in jobs
        ]
        self._stops |= {job.id: Stop() for job in jobs}
        try:
            for number, outcome in enumerate(outcomes):
                if not self._waits(outcome, outcomes[:number]):
                    await self._attempt(outcome, document)
        except DocumentNotFound:  # deleted in the meantime, and its jobs with it
            for outcome in outcomes:
                outcome.reporter.stop()
            self._awaited.pop(document.id, None)
            self._to_recognize.discard(document.id)
            return
        except BaseException:  # the server stops, which is no failure of a job
            await self._end(document, outcomes)
            raise
        finally:
            for job in jobs:
                del self._stops[job.id]
        await self._end(document, outcomes)

    def _waits(self, outcome: JobOutcome, earlier: Sequence[JobOutcome]) -> bool:
        """Return whether an importer waits for an earlier one that is to be repeated."""
        predecessors = self._importers.predecessors(outcome.job) if earlier else frozenset()
        for other in earlier:
            if other.job.importer in predecessors and other.state is JobState.QUEUED:
                outcome.message = f"waits for the importer {other.job.importer!r}"
                outcome.retry_at = other.retry_at
                return True
        return False

    async def _attempt(self, outcome: JobOutcome, document: Document) -> None:
        """Do one job; whatever it raises becomes its outcome.

        Raises:
            DocumentNotFound: The document was deleted.
        """
        about = {"session_id": document.session_id}
        try:
            work = self._work(outcome.job, document, outcome.reporter)
            outcome.message = await self._stops[outcome.job.id].run(work)
            outcome.state, outcome.counted = JobState.DONE, True
        except JobStopped:
            outcome.state, outcome.message = JobState.CANCELLED, CANCELLED
            outcome.code, outcome.counted = "cancelled", True
        except PdfsluiceError as error:
            if isinstance(error, DocumentNotFound) and await self._is_deleted(document):
                raise
            outcome.counted = True
            judge(error, outcome, self._importers.retry_of(outcome.job), self._limits)
            logger.warning("job %s: %s", outcome.state, error.message, extra=about)
        except NothingToDo as reason:
            outcome.state, outcome.message = JobState.SKIPPED, str(reason)
            outcome.counted = True
        except IndexRunning:
            outcome.message = "OCR has ended; its text is indexed after an index that is running."
            outcome.again(self._limits.index_seconds)
        except Exception:
            outcome.message, outcome.code = "The job failed.", "job-failed"
            outcome.counted = True
            repeat(outcome, self._importers.retry_of(outcome.job))
            logger.exception("job failed", extra=about)
        outcome.reporter.stop()

    async def _is_deleted(self, document: Document) -> bool:
        try:
            await self._catalogue.get(document.id, owner=None)
        except DocumentNotFound:
            return True
        return False

    async def _end(self, document: Document, outcomes: Sequence[JobOutcome]) -> None:
        for outcome in outcomes:
            outcome.reporter.stop()
            await outcome.reporter.settled()
        self._outcomes.append(JobOutcomes(document, outcomes))
        try:
            await self._store_outcomes()
        except Exception:
            logger.exception("the end of a job could not be stored; it is tried again")

    async def _work(self, job: Job, document: Document, reporter: JobReporter) -> str:
        """Do a job; return the message that remains."""
        attempts = self._importers.retry_of(job).attempts
        if job.attempts > attempts:
            raise DocumentUnreadable(
                f"The server ended {attempts} times while it worked on the document.",
                hint="The operator finds the reason in the log of the server or of the system.",
            )
        if job.kind is JobKind.INDEX:
            await self._add_to_index(document, reporter)
            return reporter.last_word() or "index finished"
        if job.kind is JobKind.OCR:
            return await self._recognize(document, reporter)
        return await self._importers.run(
            job, document, reporter, index_waits=self._awaited.get(document.id, False)
        )

    async def _queue_recognition(self, document_id: int) -> None:
        """Queue OCR of a document; it begins after the running import."""
        await self._catalogue.enqueue(document_id, JobKind.OCR)
        self._to_recognize.add(document_id)

    async def _recognize(self, document: Document, reporter: JobReporter) -> str:
        """Read the pages without text, and have them indexed if the document is."""
        message = await self._recognition.run(document, reporter)
        if self._index is not None and await self._recognition.wants_index(document):
            await self._catalogue.enqueue(document.id, JobKind.INDEX)
            self.queued(document.id, [JobKind.INDEX], document.owner)
        return message

    async def _add_to_index(self, document: Document, reporter: JobReporter) -> None:
        if self._index is None:
            raise no_index(self._index_hint)
        reporter(0.0, "Indexing...")
        try:
            await require_text(self._catalogue, document.id)
        except DocumentUnreadable as reason:  # as of every scan that was not read with OCR
            raise NothingToDo(reason.message) from None
        async with reporter.timed(self._index_label):
            await self._index.add(document, self._catalogue.pages(document.id), reporter)
