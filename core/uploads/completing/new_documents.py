"""What an upload becomes: its document, and what is done with it."""

from collections.abc import Mapping, Sequence

from pdfsluice.core.models.documents import Document, NewDocument
from pdfsluice.core.models.jobs import JobKind
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.ports.stores import (
    Catalogue,
    CompletingCatalogue,
    SessionChanges,
    SessionStore,
)
from pdfsluice.core.uploads.open_upload.state import UploadState


class NewDocuments:
    """The documents that uploads become, added with the end of the upload if possible.

    Args:
        catalogue: Where they are added.
        sessions: Where the uploads are.
        importers: The importers for which jobs are queued, and whether each is required.
    """

    def __init__(
        self, catalogue: Catalogue, sessions: SessionStore, importers: Mapping[str, bool]
    ) -> None:
        self._catalogue = catalogue
        self._completing: CompletingCatalogue | None = None
        if isinstance(catalogue, CompletingCatalogue) and catalogue.shares(sessions):
            self._completing = catalogue
        self._importers = importers

    async def add(self, upload: UploadState, new: NewDocument, jobs: Sequence[JobKind]) -> Document:
        """Add the document of an upload, and complete the upload; part of a unit.

        The upload is not completed if the document is that of another one. If one transaction
        cannot do both, the document comes first; after a crash in between it is found again.

        Raises:
            StateConflict: Another node has ended the upload.
        """
        unique, importers = upload.session.check_duplicates, self._importers
        catalogue = self._completing
        if catalogue is None:
            document = await self._catalogue.add(new, jobs, unique=unique, importers=importers)
            if document.session_id == upload.session.id:
                await upload.change(state=SessionState.COMPLETED, document_id=document.id)
            return document
        added: list[Document] = []

        async def store(session: Session, changes: SessionChanges) -> Session:
            document, current = await catalogue.complete(
                session, new, jobs, changes=changes, unique=unique, importers=importers
            )
            added.append(document)
            return current

        await upload.change(store, state=SessionState.COMPLETED)
        return added[-1]


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
