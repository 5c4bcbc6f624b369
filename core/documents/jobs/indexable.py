"""Whether a document can be indexed: whether there is an index, and text."""

from pdfsluice.core.errors import DocumentUnreadable, NotFound
from pdfsluice.core.models.jobs import Job, JobKind, JobState
from pdfsluice.core.plugins.ports.catalogue import Catalogue

from .import_status import OPEN, ImportStatus


def no_index(hint: str) -> NotFound:
    """Return the error for a search or an index without an index.

    Args:
        hint: What the operator can do.
    """
    return NotFound("no index is configured", hint=hint)


async def text_may_follow(catalogue: Catalogue, document_id: int) -> bool:
    """Return whether the import or the OCR of a document has not ended yet."""
    return any(
        job.kind is not JobKind.INDEX and job.state in OPEN
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
    jobs = ImportStatus(tuple(await catalogue.jobs(document_id))).latest
    reasons = [reason for job in jobs if (reason := _why_no_text(job))]
    raise DocumentUnreadable(
        f"There is no text to index. {(reasons or ['No page of the document has any.'])[0]}",
        hint="Upload a copy whose text can be read.",
    )


def _why_no_text(job: Job) -> str:
    if job.kind is JobKind.OCR:
        return "OCR is still reading the pages." if job.state in OPEN else job.message
    return job.message if job.kind is JobKind.IMPORT and job.state is JobState.FAILED else ""
