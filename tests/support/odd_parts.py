"""A plugin with a part of every kind, of which one misbehaves until it is mended."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pdfsluice.core import (
    AuthenticatorSpec,
    Blob,
    CatalogueSpec,
    Checksum,
    ChecksumSpec,
    ChunkIntent,
    ChunkStageSpec,
    CompletionContext,
    CompletionStageSpec,
    Credentials,
    Decision,
    Document,
    Event,
    EventSinkSpec,
    Finding,
    GateSpec,
    ImportContext,
    ImporterSpec,
    IndexSpec,
    PageRendererSpec,
    PageText,
    PluginContext,
    PolicySpec,
    Principal,
    Progress,
    RecognizedPage,
    RetryPolicy,
    Session,
    SessionStoreSpec,
    StageContext,
    StageReport,
    StreamStageSpec,
    TextExtractorSpec,
    TextRecognizerSpec,
    TextSource,
    UploadStatus,
    UploadStoreSpec,
    hookimpl,
)
from pdfsluice.core.testing import (
    MemoryCatalogue,
    MemoryIndex,
    MemorySessionStore,
    MemoryUploadStore,
)
from pdfsluice.core.testing.misdeeds import Misdeed
from tests.support.misbehaviour import Misbehaviour, OddLinks

SOON = RetryPolicy(delay_seconds=0.01, factor=1.0)


class OddHasher:
    """A hasher whose ``digest`` misbehaves."""

    def __init__(self, odd: Misbehaviour) -> None:
        self._odd = odd
        self._hash = hashlib.sha1(usedforsecurity=False)

    def update(self, data: memoryview, /) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        digest: bytes = self._odd.threaded("checksums", self._hash.digest())
        return digest


class OddCheck:
    """A check of a chunk that misbehaves."""

    def __init__(self, odd: Misbehaviour) -> None:
        self._odd = odd

    def update(self, data: memoryview) -> None:
        del data

    def finish(self, checksum: Checksum | None) -> None:
        del checksum
        self._odd.threaded("chunk_stages")


class OddStage:
    """A stream stage that misbehaves at its first bytes."""

    def __init__(self, odd: Misbehaviour) -> None:
        self._odd = odd

    def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
        del data, offset
        findings: Sequence[Finding] = self._odd.threaded("stream_stages", ())
        return findings

    def finish(self) -> StageReport:
        return StageReport()

    def checkpoint(self) -> bytes | None:
        return None

    def close(self) -> None:
        return


class OddUploads(MemoryUploadStore):
    """An upload store that misbehaves when an upload begins."""

    def __init__(self, odd: Misbehaviour) -> None:
        super().__init__()
        self._odd = odd

    async def create(self, blob_id: str, size: int | None) -> Blob:
        blob: Blob = await self._odd.awaited("upload_stores", await super().create(blob_id, size))
        return blob


class OddSessions(MemorySessionStore):
    """A session store that misbehaves when a session is made."""

    def __init__(self, odd: Misbehaviour) -> None:
        super().__init__()
        self._odd = odd

    async def create(self, session: Session, *args: Any, **options: Any) -> None:
        if self._odd.misdeed is not Misdeed.RUBBISH:
            await self._odd.awaited("session_stores")
        await super().create(session, *args, **options)

    async def update(self, session: Session, **changes: Any) -> Session:
        session = await super().update(session, **changes)
        if self._odd.misdeed is Misdeed.RUBBISH:
            session = await self._odd.awaited("session_stores", session)
        return session


class OddCatalogue(MemoryCatalogue):
    """A catalogue that misbehaves when a document is read."""

    def __init__(self, odd: Misbehaviour) -> None:
        super().__init__()
        self._odd = odd

    async def get(self, document_id: int, *, owner: str | None) -> Document:
        document = await super().get(document_id, owner=owner)
        answer: Document = await self._odd.awaited("catalogues", document)
        return answer


class OddIndex(MemoryIndex):
    """An index that misbehaves when a document is added."""

    def __init__(self, odd: Misbehaviour) -> None:
        super().__init__()
        self._odd = odd

    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        count: int = await super().add(document, pages, progress)
        answer: int = await self._odd.awaited("indexes", count)
        return answer


class OddParts(OddLinks):
    """The plugin; the other parts of each kind work."""

    def __init__(self, odd: Misbehaviour) -> None:
        self.odd = odd

    enforced = False

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        del credentials
        principal: Principal | None = await self.odd.awaited("authenticators")
        return principal

    @asynccontextmanager
    async def admit(self, session: Session, chunk: ChunkIntent) -> AsyncIterator[Any]:
        del session, chunk
        yield await self.odd.awaited("gates")

    def begin(self, session: Session, chunk: ChunkIntent) -> OddCheck:
        del chunk
        self.odd.sessions.append(session.id)
        return OddCheck(self.odd)

    async def inspect(self, context: CompletionContext) -> StageReport:
        del context
        report: StageReport = await self.odd.awaited("completion_stages", StageReport())
        return report

    def decide(self, finding: Finding, session: Session) -> Decision:
        del finding, session
        decision: Decision = self.odd.plain("policies", Decision.NOTE)
        return decision

    def keeps_rejected(self) -> bool:
        return False

    async def handle(self, event: Event) -> None:
        await self.odd.awaited("event_sinks")
        if isinstance(event, UploadStatus):
            self.odd.seen.append(event.stage)

    async def run(self, context: ImportContext) -> None:
        await self.odd.awaited("importers")
        (extractor,) = context.extractors
        pages = [page async for page in extractor.pages(context.path)]
        await context.catalogue.save_pages(context.document.id, pages)
        if context.queue_recognition is not None and not any(page.text for page in pages):
            await context.queue_recognition()

    async def forget(self, document_id: int) -> None:
        del document_id

    async def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        del path
        page = PageText(first, "words")
        if self.odd.kind == "text_recognizers":
            page = PageText(first, "", source=TextSource.NONE)
        yield await self.odd.awaited("text_extractors", page)

    async def obstacle(self) -> str:
        return ""

    async def recognize(self, picture: bytes) -> RecognizedPage:
        del picture
        page = RecognizedPage(width=10, height=10)
        recognized: RecognizedPage = await self.odd.awaited("text_recognizers", page)
        return recognized

    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        del path, page, width
        picture: bytes = await self.odd.awaited("page_renderers", b"a picture")
        return picture

    @hookimpl
    def pdfsluice_register_authenticators(self, context: PluginContext) -> list[AuthenticatorSpec]:
        del context
        return [AuthenticatorSpec(name="odd", open_with=lambda *_: opened(self))]

    @hookimpl
    def pdfsluice_register_gates(self, context: PluginContext) -> list[GateSpec]:
        del context
        return [GateSpec(name="odd", gate=self)]

    @hookimpl
    def pdfsluice_register_checksums(self, context: PluginContext) -> list[ChecksumSpec]:
        del context
        return [ChecksumSpec(name="odd", new=lambda: OddHasher(self.odd))]

    @hookimpl
    def pdfsluice_register_chunk_stages(self, context: PluginContext) -> list[ChunkStageSpec]:
        del context
        return [ChunkStageSpec(name="odd", stage=self)]

    @hookimpl
    def pdfsluice_register_stream_stages(self, context: PluginContext) -> list[StreamStageSpec]:
        del context

        def opened(_: StageContext) -> OddStage:
            return OddStage(self.odd)

        return [StreamStageSpec(name="odd", open=opened)]

    @hookimpl
    def pdfsluice_register_completion_stages(
        self, context: PluginContext
    ) -> list[CompletionStageSpec]:
        del context
        return [CompletionStageSpec(name="odd", stage=self)]

    @hookimpl
    def pdfsluice_register_policies(self, context: PluginContext) -> list[PolicySpec]:
        del context
        return [PolicySpec(name="odd", policy=self)]

    @hookimpl
    def pdfsluice_register_upload_stores(self, context: PluginContext) -> list[UploadStoreSpec]:
        del context
        return [UploadStoreSpec(name="odd", open=lambda: opened(OddUploads(self.odd)))]

    @hookimpl
    def pdfsluice_register_session_stores(self, context: PluginContext) -> list[SessionStoreSpec]:
        del context
        return [SessionStoreSpec(name="odd", open=lambda: opened(OddSessions(self.odd)))]

    @hookimpl
    def pdfsluice_register_catalogues(self, context: PluginContext) -> list[CatalogueSpec]:
        del context
        return [CatalogueSpec(name="odd", open=lambda: opened(OddCatalogue(self.odd)))]

    @hookimpl
    def pdfsluice_register_event_sinks(self, context: PluginContext) -> list[EventSinkSpec]:
        del context
        return [EventSinkSpec(name="odd", sink=self, capacity=3)]

    @hookimpl
    def pdfsluice_register_importers(self, context: PluginContext) -> list[ImporterSpec]:
        del context
        return [ImporterSpec(name="odd", importer=self, retry=SOON)]

    @hookimpl
    def pdfsluice_register_text_extractors(self, context: PluginContext) -> list[TextExtractorSpec]:
        del context
        return [TextExtractorSpec(name="odd", extractor=self)]

    @hookimpl
    def pdfsluice_register_text_recognizers(
        self, context: PluginContext
    ) -> list[TextRecognizerSpec]:
        del context
        return [TextRecognizerSpec(name="odd", recognizer=self)]

    @hookimpl
    def pdfsluice_register_page_renderers(self, context: PluginContext) -> list[PageRendererSpec]:
        del context
        return [PageRendererSpec(name="odd", renderer=self)]

    @hookimpl
    def pdfsluice_register_indexes(self, context: PluginContext) -> list[IndexSpec]:
        del context
        return [IndexSpec(name="odd", open=lambda: opened(OddIndex(self.odd)))]


@asynccontextmanager
async def opened(part: Any) -> AsyncIterator[Any]:
    """Open a part that holds nothing."""
    yield part
