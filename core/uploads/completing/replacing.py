"""Uploads of new versions: which document they replace, and what stays of it."""

from pdfsluice.core.errors import DocumentNotFound, DocumentReplaced, ProtocolError
from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.jobs import JobKind, JobState
from pdfsluice.core.models.sessions import Principal, Scope, Session
from pdfsluice.core.plugins.ports.stores import Catalogue, VersionedCatalogue

_NOT_INDEXED = frozenset({JobState.FAILED, JobState.CANCELLED, JobState.SKIPPED})


async def document_to_replace(
    catalogue: Catalogue, principal: Principal, document_id: int, digest: str | None
) -> Document:
    """Return the document of which a principal announces a new version.

    Raises:
        PermissionDenied: The principal may not read documents.
        ProtocolError: The file's digest was not announced, or there are no versions here.
        DocumentNotFound: There is no such document of the principal's own.
        DocumentReplaced: It has a newer version already.
    """
    principal.require(Scope.READ)
    if digest is None:
        raise ProtocolError(
            "a new version needs expected_hash, the SHA-256 of the whole file",
            hint="Compute it before the upload. It shows that every copied byte is right.",
        )
    if not isinstance(catalogue, VersionedCatalogue):
        raise ProtocolError("the catalogue of this server keeps no versions of documents")
    document = await catalogue.get(document_id, owner=principal.id)
    if document.replaced_by is not None:
        lineage = document.lineage or document.id
        newest = (await catalogue.versions(lineage, owner=principal.id))[0]
        raise DocumentReplaced(
            f"document {document_id} was replaced by document {newest.id}, version"
            f" {newest.version}",
            hint=f"Look at that version. To replace it, name document {newest.id}.",
            details={"document_id": newest.id, "version": newest.version},
        )
    return document


async def newest_version(catalogue: Catalogue, session: Session) -> Document | None:
    """Return the version after which that of an upload will come, if one is left."""
    if session.lineage is None or not isinstance(catalogue, VersionedCatalogue):
        return None
    versions = await catalogue.versions(session.lineage, owner=session.owner)
    if versions:
        return versions[0]
    try:
        return await catalogue.get(session.lineage, owner=session.owner)
    except DocumentNotFound:
        return None


async def is_indexed(catalogue: Catalogue, document: Document) -> bool:
    """Return whether a document is in the index, or will be."""
    jobs = await catalogue.jobs(document.id)
    return any(job.kind is JobKind.INDEX and job.state not in _NOT_INDEXED for job in jobs)
