"""Documents, their pages, jobs and passages, as they are shown."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Self

from pydantic import Field

from pdfsluice.core.documents.jobs.import_status import ImportStatus, Stage
from pdfsluice.core.documents.links import Link
from pdfsluice.core.documents.search.hit_places import HitPlace
from pdfsluice.core.documents.search.searching import SearchHit, SearchResult
from pdfsluice.core.models.documents import Document, PageText
from pdfsluice.core.models.jobs import JobKind
from pdfsluice.core.models.layout import Box, DamagedLayout, PageLayout

from .views import View, views_of


class FindingView(View):
    """Something that a stage found in the file."""

    kind: str
    severity: str
    stage: str
    offset: int | None
    object: int | None
    trigger: str | None
    hidden: bool
    revision: str
    message: str
    advice: str
    excerpt: str


class UnscannedView(View):
    """A part of the file that no stage could inspect."""

    stage: str
    reason: str
    message: str
    offset: int | None
    object: int | None


class LinkView(View):
    """Where the file of a document can be fetched without a key; null if nowhere."""

    url: str | None
    expires_at: datetime | None
    filename: str
    file_size: int
    sha256: str

    @classmethod
    def of(cls, document: Document, link: Link | None) -> Self:
        """Describe a link to a document."""
        return cls(
            url=link.url if link else None,
            expires_at=link.expires_at if link else None,
            filename=document.filename,
            file_size=document.file_size,
            sha256=document.sha256,
        )


class DocumentSummary(View):
    """A document in a list, with the number of its findings instead of them."""

    id: int
    title: str
    filename: str
    file_size: int
    is_file_available: bool
    created_at: datetime
    sha256: str
    page_count: int | None
    metadata: dict[str, str]
    tags: list[str]
    version: int
    replaced_by: int | None = Field(description="The next version; null for the newest.")
    decision: str
    finding_count: int
    unscanned_count: int
    import_status: str
    index_status: str
    ocr_status: str = Field(
        "none", description="The progress of OCR; `none` if every page has text of its own."
    )

    @classmethod
    def of(
        cls, document: Document, stage_of: Callable[[JobKind], Stage], *, available: bool
    ) -> Self:
        """Describe a document.

        Args:
            document: The document.
            stage_of: Returns the progress of its latest job of a kind.
            available: Whether its bytes are there.
        """
        return cls(
            **cls._of_catalogue(document),
            is_file_available=available,
            import_status=stage_of(JobKind.IMPORT).value,
            index_status=stage_of(JobKind.INDEX).value,
            ocr_status=stage_of(JobKind.OCR).value,
        )

    @classmethod
    def _of_catalogue(cls, document: Document) -> dict[str, Any]:
        return {
            "id": document.id,
            "title": document.title,
            "filename": document.filename,
            "file_size": document.file_size,
            "created_at": document.created_at,
            "sha256": document.sha256,
            "page_count": document.page_count,
            "metadata": dict(document.metadata),
            "tags": list(document.tags),
            "version": document.version,
            "replaced_by": document.replaced_by,
            "decision": document.decision.name.lower(),
            "finding_count": len(document.findings),
            "unscanned_count": len(document.unscanned),
        }


class DocumentView(DocumentSummary):
    """A document in the catalogue."""

    findings: list[FindingView]
    unscanned: list[UnscannedView]

    @classmethod
    def _of_catalogue(cls, document: Document) -> dict[str, Any]:
        return {
            **super()._of_catalogue(document),
            "findings": views_of(FindingView, document.findings),
            "unscanned": views_of(UnscannedView, document.unscanned),
        }


class DocumentsView(View):
    """A page of documents."""

    documents: list[DocumentSummary]
    total: int
    next: int | None = Field(description="The ``after`` of the next page; null at the end.")


class VersionsView(View):
    """All versions of a document."""

    versions: list[DocumentSummary]


class JobView(View):
    """A background job."""

    id: int
    kind: str
    state: str
    progress: float
    message: str
    attempts: int
    importer: str = Field(description="The importer; empty for an index and for OCR.")
    required: bool = Field(description="Whether the import has failed if this job has.")
    retry_at: datetime | None = Field(description="When it is tried again, if it waits for that.")


class ImportView(View):
    """How the import of a document stands."""

    document_id: int
    import_status: str
    index_status: str
    ocr_status: str
    jobs: list[JobView]

    @classmethod
    def of(cls, document_id: int, status: ImportStatus) -> Self:
        """Describe the jobs of a document."""
        return cls(
            document_id=document_id,
            import_status=status.of(JobKind.IMPORT).value,
            index_status=status.of(JobKind.INDEX).value,
            ocr_status=status.of(JobKind.OCR).value,
            jobs=views_of(JobView, status.jobs),
        )


class QueuedView(View):
    """Documents that were queued for indexing again."""

    queued: int = Field(description="How many of this page, those included that were queued.")
    next: int | None = Field(description="The ``after`` of the next page; null at the end.")


class PageView(View):
    """The text of a page, and its size in points and printed number if known."""

    document_id: int
    page: int
    text: str
    source: str = Field(
        "text",
        description="Where the text comes from: `text` (the file), `ocr`, or `none` if the page"
        " has no text that can be read.",
    )
    label: str = Field("", description="The page number that the document itself gives.")
    width: float | None = None
    height: float | None = None

    @classmethod
    def of(cls, document_id: int, page: PageText) -> Self:
        """Describe a page."""
        label, width, height = "", None, None
        if page.layout:
            with suppress(DamagedLayout):
                layout = PageLayout.decode(page.layout)
                label, width, height = layout.label, layout.width, layout.height
        return cls(
            document_id=document_id,
            page=page.number,
            text=page.text,
            source=page.source.value,
            label=label,
            width=width,
            height=height,
        )


class SegmentView(View):
    """A part of a snippet; ``marked`` if words of the query match it."""

    text: str
    marked: bool


Rectangle = tuple[float, float, float, float]


class PlaceView(View):
    """Where a passage stands on its page.

    Rectangles are left, top, right and bottom, in points from the upper left corner of the
    page as it is displayed.
    """

    label: str = Field(description="The page number that the document itself gives.")
    width: float
    height: float
    rectangles: list[Rectangle] = Field(description="Of the passage, line by line.")
    marks: list[Rectangle] = Field(description="Of the words of the query.")

    @classmethod
    def of(cls, place: HitPlace) -> Self:
        """Describe a place."""
        return cls(
            label=place.label,
            width=round(place.width, 2),
            height=round(place.height, 2),
            rectangles=[_rectangle(box) for box in place.rectangles],
            marks=[_rectangle(box) for box in place.marks],
        )


def _rectangle(box: Box) -> Rectangle:
    return (round(box.left, 2), round(box.top, 2), round(box.right, 2), round(box.bottom, 2))


class HitView(View):
    """A passage that matches a search.

    ``match`` is ``words`` or ``meaning``. ``stage`` is how far the document is indexed:
    ``reading`` (words of some pages), ``words``, or ``meaning`` (all of it).
    """

    document_id: int
    title: str
    page: int
    text: str
    score: float
    match: str = ""
    stage: str = ""
    source: str = Field("text", description="`ocr` if the text was read from a picture.")
    snippet: list[SegmentView] = Field(
        default_factory=list, description="The part of the text that shows why it was found."
    )
    place: PlaceView | None = None

    @classmethod
    def of(cls, hit: SearchHit) -> Self:
        """Describe a hit."""
        return cls(
            document_id=hit.document.id,
            title=hit.document.title,
            page=hit.passage.page,
            text=hit.passage.text,
            score=hit.passage.score,
            match=hit.passage.match,
            stage=hit.passage.stage,
            source=hit.source.value,
            snippet=views_of(SegmentView, hit.snippet),
            place=None if hit.place is None else PlaceView.of(hit.place),
        )


class FoundDocumentView(View):
    """A document with passages that match a search."""

    document_id: int
    title: str
    results: list[int] = Field(description="Positions of its passages in ``results``, from 0.")


class SearchView(View):
    """What a search found, best first, and the same grouped by document."""

    results: list[HitView]
    documents: list[FoundDocumentView] = Field(
        default_factory=list, description="The documents, that of the best passage first."
    )
    next: int | None = Field(
        None, description="The ``offset`` of the passages that follow; null at the end."
    )
    note: str = Field(
        "",
        description="Why the passages were not ranked again, or why there are none, in a sentence.",
    )

    @classmethod
    def of(cls, result: SearchResult) -> Self:
        """Describe the result of a search."""
        documents: dict[int, FoundDocumentView] = {}
        for number, hit in enumerate(result.hits):
            view = documents.setdefault(
                hit.document.id,
                FoundDocumentView(
                    document_id=hit.document.id, title=hit.document.title, results=[]
                ),
            )
            view.results.append(number)
        return cls(
            results=[HitView.of(hit) for hit in result.hits],
            documents=list(documents.values()),
            next=result.next,
            note=result.note,
        )
