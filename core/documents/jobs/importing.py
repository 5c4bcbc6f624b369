"""Runs importers on a document, each within its time limits."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from pdfsluice.core.documents.previews import Previews
from pdfsluice.core.models.documents import Document, PageText
from pdfsluice.core.models.jobs import Job
from pdfsluice.core.plugins.ports.blobs import UploadStore
from pdfsluice.core.plugins.ports.catalogue import Catalogue
from pdfsluice.core.plugins.ports.documents import (
    ImportContext,
    ImporterSpec,
    Index,
    PageIndex,
    RetryPolicy,
    WarmsUp,
)
from pdfsluice.core.plugins.ports.policy import Policy
from pdfsluice.core.plugins.registry import Registry

from .late_findings import late_decision
from .progress import NO_MESSAGE, JobReporter


class NothingToDo(Exception):
    """There is no work in a job; the message gives the reason."""


class Importers:
    """The importers of all plugins.

    Args:
        retry: When a job is repeated that belongs to no importer.
        queue_recognition: Queues OCR of a document; ``None`` if no plugin recognizes text.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        catalogue: Catalogue,
        uploads: UploadStore,
        previews: Previews,
        index: Index | None,
        policy: Policy,
        retry: RetryPolicy,
        queue_recognition: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:
        self._registry = registry
        self._queue_recognition = queue_recognition
        self._catalogue = catalogue
        self._uploads = uploads
        self._previews = previews
        self._index = index
        self._policy = policy
        self._retry = retry
        self._specs = {spec.name: spec for spec in registry.importers}
        self._extractors = [
            spec.extractor for spec in registry.text_extractors if not spec.markdown
        ]

    async def warm_up(self) -> None:
        """Start the process that reads the next document."""
        extractors: Sequence[object] = self._extractors[:1]
        for extractor in extractors:
            if isinstance(extractor, WarmsUp):
                await extractor.warm_up()

    def retry_of(self, job: Job) -> RetryPolicy:
        """Return how a job is repeated."""
        spec = self._specs.get(job.importer)
        return self._retry if spec is None else spec.retry

    def predecessors(self, job: Job) -> frozenset[str]:
        """Return the importers that have to come before that of a job, directly or not."""
        names: set[str] = set()
        names_to_visit = [job.importer]
        while names_to_visit:
            name = names_to_visit.pop()
            spec = self._specs.get(name)
            before = () if spec is None else spec.after
            before += tuple(each.name for each in self._specs.values() if name in each.before)
            names_to_visit += [each for each in before if each not in names]
            names.update(before)
        return frozenset(names)

    async def run(
        self, job: Job, document: Document, reporter: JobReporter, *, index_waits: bool
    ) -> str:
        """Do an import job; return the message that remains.

        Args:
            job: The job; one without an importer is of an earlier version, and runs all.
            document: The document.
            reporter: Publishes progress.
            index_waits: Whether the document is to be indexed.

        Raises:
            NothingToDo: No plugin registers the importer any more.
        """
        specs: Sequence[ImporterSpec] = self._registry.importers
        if job.importer:
            specs = [spec for spec in specs if spec.name == job.importer]
            if not specs:
                raise NothingToDo(f"No plugin registers the importer {job.importer!r} any more.")
        words: list[str] = []
        async with self._uploads.local_path(document.blob_id) as path:
            for spec in specs:
                context = ImportContext(
                    document=document,
                    path=path,
                    catalogue=self._catalogue,
                    extractors=self._extractors,
                    progress=reporter,
                    preview=partial(self._previews.draw, document, source=path),
                    wait_for_turn=reporter.wait_for_turn,
                    publish_words=self._publisher(document) if index_waits else None,
                    attempt=job.attempts,
                    decide=partial(late_decision, self._policy, document),
                    renderers=[item.renderer for item in self._registry.page_renderers],
                    queue_recognition=self._recognition_of(document),
                )
                label = self._registry.label("importers", spec.name)
                async with reporter.timed(label, spec.timeout_seconds):
                    await spec.importer.run(context)
                words.append(reporter.last_word())
        return " ".join(filter(None, words)) or NO_MESSAGE

    def _recognition_of(self, document: Document) -> Callable[[], Awaitable[None]] | None:
        if self._queue_recognition is None:
            return None
        return partial(self._queue_recognition, document.id)

    def _publisher(
        self, document: Document
    ) -> Callable[[Sequence[PageText]], Awaitable[None]] | None:
        """Return the function that publishes pages by words, if the index has one."""
        index: object = self._index
        return partial(index.add_pages, document) if isinstance(index, PageIndex) else None
