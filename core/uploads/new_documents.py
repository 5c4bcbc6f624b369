"""What an upload becomes: its document, and what is done with it."""

from pdfsluice.core.document_models import JobKind, NewDocument
from pdfsluice.core.models import Session


def jobs_of(session: Session) -> list[JobKind]:
    """Return what is to be done with a new document; nothing if it cannot be read."""
    if session.encryption:
        return []
    return [JobKind.IMPORT, JobKind.INDEX] if session.auto_build_index else [JobKind.IMPORT]


def new_document(session: Session) -> NewDocument:
    """Return the document of an upload, as it goes into the catalogue."""
    facts = session.facts
    stem = session.filename.rsplit(".", 1)[0] or session.filename
    return NewDocument(
        session_id=session.id,
        blob_id=session.id,
        owner=session.owner,
        title=session.title or stem,
        filename=session.filename,
        file_size=session.total_size or 0,
        sha256=facts.get("sha256", ""),
        created_at=session.updated_at,
        page_count=facts.get("page_count"),
        metadata=facts.get("metadata", {}),
        findings=session.findings,
        unscanned=session.unscanned,
        decision=session.decision,
    )
