"""What the framework asks of its surroundings: who calls, who listens, who decides, who imports."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .events import Event
from .findings import Decision, Finding
from .models import Document, PageText, Passage, Principal, Session
from .stores import Catalogue, Opener

if TYPE_CHECKING:  # pydantic takes 80 ms to import; only whoever reads settings needs it
    from pydantic import BaseModel

OptionsT = TypeVar("OptionsT", bound="BaseModel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a request shows of its sender.

    Attributes:
        headers: Header fields, names in lower case.
        query: Query parameters.
        remote: Address of the peer.
    """

    headers: Mapping[str, str]
    query: Mapping[str, str]
    remote: str


class Authenticator(Protocol):
    """Tells who calls."""

    @property
    def enforced(self) -> bool:
        """Whether callers without credentials are turned away.

        While no authenticator enforces anything, the server listens on loopback only.
        """
        ...

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        """Return the principal, or ``None`` to leave the question to the next authenticator.

        Raises:
            AuthenticationError: Credentials of this authenticator's kind are there and wrong.
        """
        ...


class EventSink(Protocol):
    """Hears of everything that happens. Called by one task; may take its time."""

    async def handle(self, event: Event) -> None:
        """Take one event. Raising is logged and does not disturb anybody else."""
        ...


class Policy(Protocol):
    """Decides what a finding means for the upload."""

    def decide(self, finding: Finding, session: Session) -> Decision:
        """Judge one finding. Pure and quick: it runs on the event loop."""
        ...

    def keeps_rejected(self) -> bool:
        """Whether the bytes of rejected uploads go to quarantine instead of being deleted."""
        ...


class TextExtractor(Protocol):
    """Reads the text of a PDF page by page."""

    def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        """Yield pages from number ``first`` on, in bounded memory.

        Raises:
            StageFailed: The file cannot be read (any further); the next extractor is tried.
        """
        ...


class PageRenderer(Protocol):
    """Draws a page."""

    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        """Return page number ``page`` (1-based) as a JPEG ``width`` pixels wide.

        Raises:
            NotFound: There is no such page.
            StageFailed: The page cannot be drawn.
        """
        ...


class Progress(Protocol):
    """Tells how far an import has come."""

    def __call__(self, done: float, message: str) -> None:
        """``done`` is the share done, 0 to 1; ``message`` says what is being done."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportContext:
    """What an importer works with.

    Attributes:
        document: The document; its entry is already in the catalogue.
        path: The whole file, to be read only.
        catalogue: Where pages and metadata are kept. What ``document`` says is as old as the
            job; ``catalogue.get`` tells what importers before this one have changed.
        extractors: Text extractors in order of preference.
        progress: Tells watchers how far it has come; may be called as often as one likes. The
            last word of each importer stays as the message of the finished job.
        preview: Draws a page, given its 1-based number and the width in pixels, and keeps
            the picture where requests will find it; ``None`` where nothing draws pages.
            Raises :class:`~pdfsluice.core.errors.NotFound` where there is no such page, and
            :class:`~pdfsluice.core.errors.DocumentUnreadable` where it cannot be drawn.
    """

    document: Document
    path: Path
    catalogue: Catalogue
    extractors: Sequence[TextExtractor]
    progress: Progress
    preview: Callable[[int, int], Awaitable[bytes]] | None = None


class Importer(Protocol):
    """Does something with a finished document, as a background job that may be repeated."""

    async def run(self, context: ImportContext) -> None:
        """Import one document. Repeating it after a crash must do no harm.

        Raises:
            PdfsluiceError: The import failed. If the error is ``retryable``, or any other
                exception, the job is tried again, three times in all; otherwise it has failed.
                After :class:`~pdfsluice.core.errors.StorageFull` it waits until there is room.
        """
        ...

    async def forget(self, document_id: int) -> None:
        """Delete what was derived from a document that is being deleted."""
        ...


class Index(Protocol):
    """Makes documents searchable."""

    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        """Index a document, replacing what was there of it.

        Args:
            document: The document.
            pages: The text of its pages, in order.
            progress: Tells watchers how far it has come; the last word stays as the message
                of the finished job.

        Returns:
            The number of passages.
        """
        ...

    async def remove(self, document_id: int) -> None:
        """Forget a document."""
        ...

    async def search(self, query: str, *, top_k: int, owner: str | None) -> Sequence[Passage]:
        """Return the best passages, best first.

        Args:
            query: What to look for, as the user wrote it.
            top_k: How many passages to return at most.
            owner: Whose documents to search; ``None`` for everybody's.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorSpec:
    """Registers an authenticator.

    Attributes:
        authenticator: The authenticator; asked for every request.
    """

    name: str
    authenticator: Authenticator
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSinkSpec:
    """Registers an event sink.

    Attributes:
        sink: The sink; told of every event.
        capacity: How many events may wait for the sink; past it the oldest are dropped.
    """

    name: str
    sink: EventSink
    capacity: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySpec:
    """Registers a policy; of several the settings choose one by name.

    Attributes:
        policy: The policy; asked about every finding.
        variant: What tells operators, beside the name, how it decides; a preset, perhaps.
    """

    name: str
    policy: Policy
    variant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImporterSpec:
    """Registers an importer.

    Attributes:
        importer: The importer; given every document.
    """

    name: str
    importer: Importer
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextExtractorSpec:
    """Registers a text extractor; earlier ones are tried first.

    Attributes:
        extractor: The extractor; asked for every document.
    """

    name: str
    extractor: TextExtractor
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRendererSpec:
    """Registers a page renderer; earlier ones are tried first.

    Attributes:
        renderer: The renderer; asked for every picture.
    """

    name: str
    renderer: PageRenderer
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSpec:
    """Registers an index.

    Attributes:
        open: Opens the index; called once, if the settings choose it.
    """

    name: str
    open: Opener[Index]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsSpec:
    """Registers a plugin's section of the settings.

    Attributes:
        name: Section name; ``[plugins.NAME]`` in the TOML file and
            ``PDFSLUICE_PLUGINS__NAME__FIELD`` in the environment.
        model: Typed fields with defaults; units belong into the field's description.
    """

    name: str
    model: "type[BaseModel]"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """Registers a command of the ``pdfsluice`` program.

    Attributes:
        name: What the user types.
        help: One line for the list of commands.
        target: ``module:attribute`` of a function with typer annotations, or of a
            ``typer.Typer`` for a command with sub-commands; imported on use.
    """

    name: str
    help: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginContext:
    """What a plugin may know while it registers its parts.

    Attributes:
        data_dir: Where the server keeps what it must not lose.
        upload_dir: Where partial uploads are kept (``STREAMING_UPLOAD_DIR``).
        state_dir: Where session state is kept (``STREAMING_STATE_DIR``).
        settings: The final settings, read-only, by their names: ``settings.chunk_size``.
        section: Looks up a plugin's own section; use :meth:`options`.
        publish: Tells all sinks of an event; usable once the server runs, and not by stream
            stages, which run in processes of their own.
        shared: What the parts of one plugin share, such as a connection pool; the key is
            the plugin's module name.
    """

    data_dir: Path
    upload_dir: Path
    state_dir: Path
    settings: Any
    section: "Callable[[str], BaseModel]"
    publish: Callable[[Event], None]
    shared: dict[str, Any] = field(default_factory=dict)

    def options(self, name: str, model: type[OptionsT]) -> OptionsT:
        """Return the plugin's own section, typed."""
        options = self.section(name)
        if not isinstance(options, model):
            raise TypeError(f"section {name!r} holds {type(options).__name__}")
        return options
