"""Documents, their pages, jobs and passages, as they are shown."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Self

from pydantic import Field

from pdfsluice.core.documents.import_status import ImportStatus, Stage
from pdfsluice.core.models import Document, JobKind, Passage

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
    decision: str
    finding_count: int
    unscanned_count: int
    import_status: str
    index_status: str

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


class JobView(View):
    """A background job."""

    id: int
    kind: str
    state: str
    progress: float
    message: str
    attempts: int
    importer: str = Field(description="The importer; empty for an index.")
    required: bool = Field(description="Whether the import has failed if this job has.")
    retry_at: datetime | None = Field(description="When it is tried again, if it waits for that.")


class ImportView(View):
    """How the import of a document stands."""

    document_id: int
    import_status: str
    index_status: str
    jobs: list[JobView]

    @classmethod
    def of(cls, document_id: int, status: ImportStatus) -> Self:
        """Describe the jobs of a document."""
        return cls(
            document_id=document_id,
            import_status=status.of(JobKind.IMPORT).value,
            index_status=status.of(JobKind.INDEX).value,
            jobs=views_of(JobView, status.jobs),
        )


class PageView(View):
    """The text of a page."""

    document_id: int
    page: int
    text: str


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

    @classmethod
    def of(cls, document: Document, passage: Passage) -> Self:
        """Describe a hit."""
        return cls(
            document_id=document.id,
            title=document.title,
            page=passage.page,
            text=passage.text,
            score=passage.score,
            match=passage.match,
            stage=passage.stage,
        )


class SearchView(View):
    """What a search found, best first."""

    results: list[HitView]
