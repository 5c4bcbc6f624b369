"""What an upload becomes: its document, and what is done with it."""

from pdfsluice.core.document_models import Document, JobKind, NewDocument
from pdfsluice.core.models import Session


def jobs_of(session: Session, *, indexed: bool = False) -> list[JobKind]:
    """Return the jobs of a new document; none if it cannot be read.

    Args:
        session: The upload.
        indexed: Whether the version that it replaces can be searched.
    """
    if session.encryption:
        return []
    index = session.auto_build_index or indexed
    return [JobKind.IMPORT, JobKind.INDEX] if index else [JobKind.IMPORT]


def new_document(session: Session, earlier: Document | None = None) -> NewDocument:
    """Return the document of an upload, as it goes into the catalogue.

    Args:
        session: The upload.
        earlier: The version that it replaces; title and tags that people gave it stay.
    """
    facts = session.facts
    title = session.title or _stem(session.filename)
    if earlier is not None and not session.title and earlier.title != _stem(earlier.filename):
        title = earlier.title
    return NewDocument(
        session_id=session.id,
        blob_id=session.id,
        owner=session.owner,
        title=title,
        filename=session.filename,
        file_size=session.total_size or 0,
        sha256=facts.get("sha256", ""),
        created_at=session.updated_at,
        page_count=facts.get("page_count"),
        metadata=facts.get("metadata", {}),
        findings=session.findings,
        unscanned=session.unscanned,
        decision=session.decision,
        tags=() if earlier is None else earlier.tags,
        lineage=session.lineage,
    )


def _stem(filename: str) -> str:
    return filename.rsplit(".", 1)[0] or filename
