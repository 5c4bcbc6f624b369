"""The ports for finished documents: extractors, renderers, importers, indexes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from pdfsluice.core.models.documents import Document, PageText
from pdfsluice.core.models.findings import Decision, Finding
from pdfsluice.core.models.passages import Match, Passage

from .opening import UNOPENED, Opener

if TYPE_CHECKING:  # child processes that read files do without stores
    from .stores import Catalogue

_MAX_GROWTH = 50  # doublings and the like; a float has room for more


class TextExtractor(Protocol):
    """A reader of the text of a PDF, page by page."""

    def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        """Yield pages from number ``first`` on, in bounded memory.

        Raises:
            StageFailed: The file, or the rest of it, cannot be read; the next extractor is tried.
        """
        ...


class PageRenderer(Protocol):
    """A renderer of single pages."""

    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        """Return page number ``page`` (1-based) as a JPEG ``width`` pixels wide.

        Raises:
            NotFound: There is no such page.
            StageFailed: The page cannot be drawn.
        """
        ...


class Progress(Protocol):
    """A callback for the progress of an import."""

    def __call__(self, done: float, message: str) -> None:
        """Publish the share done, 0 to 1, and a message that names the current step."""
        ...


@runtime_checkable
class TurnTaking(Protocol):
    """A :class:`Progress` of a job that takes turns with others; every job has one."""

    async def wait_for_turn(self) -> float:
        """Wait while other jobs have their turn; return the seconds waited.

        Long work awaits it between its steps, while it holds nothing that other jobs need. It
        returns immediately if no turn is due.
        """
        ...


class _Alone:
    """The turns of a job that runs alone."""

    async def __call__(self) -> float:
        return 0.0

    def __repr__(self) -> str:
        return "returns 0"


def _noted(findings: Sequence[Finding]) -> Decision:  # noqa: ARG001 - of the type of a policy
    return Decision.NOTE


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportContext:
    """The surroundings of one import.

    Attributes:
        document: The document as it was when the job began; it is in the catalogue.
        path: The whole file, to be read only.
        catalogue: The store of pages and metadata. ``catalogue.get`` returns the document with
            the changes of earlier importers.
        extractors: Text extractors in order of preference.
        progress: Publishes progress to subscribers; may be called any number of times. The last
            message of each importer becomes part of the message of the finished job.
        preview: Draws a page, given its 1-based number and the width in pixels, and stores
            the picture for later requests; ``None`` if no plugin draws pages. It raises
            :class:`~pdfsluice.core.errors.NotFound` if there is no such page, and
            :class:`~pdfsluice.core.errors.DocumentUnreadable` if it cannot be drawn.
        wait_for_turn: Await it between steps (pages) of long work. It returns the seconds
            waited: 0 if no turn of another job is due.
        publish_words: Makes pages searchable by their words while others are still being
            read; ``None`` if the document is not to be indexed or the index cannot do that.
        attempt: Number of this attempt at the job, from 1; an importer may try something
            simpler after a failure.
        renderers: Page renderers in order of preference, for pictures that are not kept
            (a fingerprint); ``preview`` keeps what it draws.
        queue_recognition: Queues OCR of the stored pages whose source is ``none``; it begins
            after the import. ``None`` if no plugin recognizes text.
        decide: Returns what findings mean for the document; see :meth:`report`.
    """

    document: Document
    path: Path
    catalogue: "Catalogue"
    extractors: Sequence[TextExtractor]
    progress: Progress
    preview: Callable[[int, int], Awaitable[bytes]] | None = None
    wait_for_turn: Callable[[], Awaitable[float]] = _Alone()  # noqa: RUF009 - it has no state
    publish_words: Callable[[Sequence[PageText]], Awaitable[None]] | None = None
    attempt: int = 1
    renderers: Sequence[PageRenderer] = ()
    queue_recognition: Callable[[], Awaitable[None]] | None = None
    decide: Callable[[Sequence[Finding]], Decision] = _noted

    async def report(self, findings: Sequence[Finding]) -> None:
        """Add findings to the document; it is flagged if the policy flags or refuses one.

        They replace those of the same kind and stage.
        """
        decision = self.decide(findings)
        await self.catalogue.update(self.document.id, findings=findings, decision=decision)


class Importer(Protocol):
    """A step for finished documents, in a background job that may be repeated."""

    async def run(self, context: ImportContext) -> None:
        """Import one document. Repeating it after a crash must do no harm.

        Raises:
            PdfsluiceError: The import failed. After a ``retryable`` error, or any other
                exception, this importer is tried again as its spec defines, and those that name
                it in ``after`` wait for it; otherwise its job has failed, and the others run.
                After :class:`~pdfsluice.core.errors.StorageFull` it waits for free space.
        """
        ...

    async def forget(self, document_id: int) -> None:
        """Delete what was derived from a document that is being deleted."""
        ...


class Index(Protocol):
    """A search index over documents."""

    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        """Index a document, replacing its earlier entries.

        Args:
            document: The document.
            pages: The text of its pages, in order.
            progress: Publishes progress to subscribers; the last message becomes the message
                of the finished job.

        Returns:
            The number of passages.
        """
        ...

    async def remove(self, document_id: int) -> None:
        """Remove a document from the index."""
        ...

    async def search(
        self,
        query: str,
        *,
        top_k: int,
        owner: str | None,
        documents: Sequence[int] | None = None,
        match: Match | None = None,
    ) -> Sequence[Passage]:
        """Return the best passages, best first.

        Args:
            query: The query, as the user wrote it.
            top_k: How many passages to return at most.
            owner: The owner of the documents to search; ``None`` for all owners.
            documents: Ids of the documents to search; ``None`` for all of them.
            match: By what alone passages are found; ``None`` for all ways that the index has.
                The argument is left out if it is ``None``.
        """
        ...


@runtime_checkable
class WarmsUp(Protocol):
    """A :class:`TextExtractor` whose process can start before there is a document."""

    async def warm_up(self) -> None:
        """Start what the next document needs; a file is complete and is being checked.

        It is called often, and does nothing if a process is there. A failure is of no
        consequence: the document starts what it needs then.
        """
        ...


@runtime_checkable
class PageIndex(Protocol):
    """An :class:`Index` that can publish pages before the whole document is read."""

    async def add_pages(self, document: Document, pages: Sequence[PageText]) -> None:
        """Make pages searchable by words; :meth:`Index.add` follows with all pages.

        Args:
            document: The document.
            pages: Some of its pages; they replace what is indexed of the same pages.
        """
        ...


@runtime_checkable
class CountsContent(Protocol):
    """An :class:`Index` that can report that it has nothing, for example after a loss."""

    async def is_empty(self) -> bool:
        """Return whether no passage of any document is indexed.

        It is asked when the program starts, and after searches that found nothing.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often an importer that failed is repeated, and after which delays.

    Attributes:
        attempts: Maximum number of attempts, the first included.
        delay_seconds: The delay before the second attempt.
        factor: How much longer each further delay is.
        max_delay_seconds: The longest delay.
    """

    attempts: int = 3
    delay_seconds: float = 1.0
    factor: float = 4.0
    max_delay_seconds: float = 3600.0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: One is out of range.
        """
        if self.attempts < 1 or self.delay_seconds < 0 or self.factor < 1:
            raise ValueError("a retry policy has at least 1 attempt, no delay < 0, no factor < 1")

    def delay(self, attempts: int) -> float:
        """Return the seconds to wait after a number of attempts."""
        growth = self.factor ** min(max(attempts - 1, 0), _MAX_GROWTH)
        return min(self.delay_seconds * growth, self.max_delay_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImporterSpec:
    """Descriptor of an importer.

    Attributes:
        importer: The importer; given every document.
        required: Whether the import of a document has failed if this importer has. An index
            does not wait for one that is not required and has failed once.
        retry: When a failed attempt is repeated.
        timeout_seconds: Limit of one attempt; the time in which it waits for its turn does not
            count. ``None`` for no limit.
        open: Opens the importer when the program starts and closes it when the program ends;
            given in place of ``importer`` if the importer holds processes or connections.
    """

    name: str
    importer: Importer = UNOPENED
    open: Opener[Importer] | None = None
    required: bool = True
    retry: RetryPolicy = RetryPolicy()
    timeout_seconds: float | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextExtractorSpec:
    """Descriptor of a text extractor; earlier ones are tried first.

    Attributes:
        extractor: The extractor; called for every document.
        open: Opens the extractor when the program starts and closes it when the program ends;
            given in place of ``extractor`` if the extractor holds processes or connections.
        markdown: Whether its pages are Markdown, with tables and headings. It is asked when a
            client wants that; the text that is stored and searched comes from the others.
    """

    name: str
    extractor: TextExtractor = UNOPENED
    open: Opener[TextExtractor] | None = None
    markdown: bool = False
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRendererSpec:
    """Descriptor of a page renderer; earlier ones are tried first.

    Attributes:
        renderer: The renderer; called for every picture.
        version: Another one draws other pictures. Nodes share the pictures of one version;
            after a change pages are drawn again.
        open: Opens the renderer when the program starts and closes it when the program ends;
            given in place of ``renderer`` if the renderer holds processes or connections.
    """

    name: str
    renderer: PageRenderer = UNOPENED
    open: Opener[PageRenderer] | None = None
    version: str = "1"
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSpec:
    """Descriptor of an index.

    Attributes:
        open: Opens the index; called once, if the settings choose it.
    """

    name: str
    open: Opener[Index]
