"""What the server answers. All frozen; sizes are bytes, shares are 0 to 1."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from .findings import Finding, Unscanned


class SessionState(StrEnum):
    """The state of an upload session."""

    CREATED = "created"
    UPLOADING = "uploading"
    VALIDATING = "validating"
    IMPORTING = "importing"
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    FAILED = "failed"
    EXPIRED = "expired"


ENDED = frozenset(
    {
        SessionState.COMPLETED,
        SessionState.REJECTED,
        SessionState.CANCELLED,
        SessionState.FAILED,
        SessionState.EXPIRED,
    }
)
"""States in which nothing can be sent any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What the server takes.

    Attributes:
        max_file_size: Bytes of the largest file that is accepted.
        chunk_size: Bytes of a chunk, if the client asks for no other size.
        max_chunk_size: Bytes of the largest chunk that a client may ask for.
        max_concurrent_uploads: How many uploads are received at the same time.
    """

    max_file_size: int
    chunk_size: int
    max_chunk_size: int
    max_concurrent_uploads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    """What the server publishes about itself without a key.

    Attributes:
        name: The name of the program: ``pdfsluice``.
        version: The version of the server.
        authentication_required: Whether requests need an API key.
        limits: What the server takes.
        policy: The policy that judges findings, with its variant.
    """

    name: str
    version: str
    authentication_required: bool
    limits: ServerLimits
    policy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document in the catalogue.

    Attributes:
        id: The number of the document.
        title: The title, for people.
        filename: The sender's name for the file.
        file_size: Bytes of the file.
        created_at: When it was uploaded.
        is_file_available: Whether the file can be downloaded.
        sha256: SHA-256 of the file, in hexadecimal.
        page_count: How many pages it has; ``None`` if that is not known.
        metadata: The file's own description of itself, and what importers add.
        tags: Words by which its owner finds it again.
        decision: What the policy made of it: ``note`` or ``flag``.
        findings: What the stages saw in it.
        unscanned: What no stage could look into.
        import_status: ``queued``, ``running``, ``done`` or ``failed``.
        index_status: The same; ``none`` if no index was asked for, ``skipped`` without text.
        ocr_status: The same; ``none`` if every page has text, ``skipped`` if OCR is not there.
        version: Number of this version, from 1.
        replaced_by: The next version; ``None`` for the newest.
        duplicate: In the answer to an upload: the server already had this file.
    """

    id: int
    title: str
    filename: str
    file_size: int
    created_at: datetime
    is_file_available: bool = True
    sha256: str = ""
    page_count: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    decision: str = "note"
    findings: tuple[Finding, ...] = ()
    unscanned: tuple[Unscanned, ...] = ()
    import_status: str = "done"
    index_status: str = "none"
    ocr_status: str = "none"
    version: int = 1
    replaced_by: int | None = None
    duplicate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPage:
    """One page of the list of documents; ``next`` leads to the following one."""

    documents: tuple[Document, ...]
    total: int
    next: str | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionList:
    """All versions of a document, the newest first."""

    versions: tuple[Document, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentUnits:
    """What of a document a new version can be compared with.

    Attributes:
        file_size: Bytes of the file.
        block_size: Bytes of a block; the last one may be shorter.
        blocks: Digests of the blocks from the beginning of the file.
        units: Offset, length and digest of the bodies of its streams.
        next: The number of the first unit of the next page; ``None`` at the end.
    """

    file_size: int
    block_size: int
    blocks: tuple[str, ...] = ()
    units: tuple[tuple[int, int, str], ...] = ()
    next: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFailure:
    """Why a session ended badly.

    Attributes:
        code: The stable name of the reason; see the list of error codes.
        message: What happened, as a sentence.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSession:
    """One resumable upload, as the server sees it.

    Attributes:
        session_id: Names the session in every request.
        status: State of its life cycle.
        filename: The sender's name for the file.
        chunk_size: Bytes of a chunk.
        client_id: What the client called itself.
        title: The title that the document will have.
        stage: What is being done at the moment.
        total_size: Bytes of the file; ``None`` while unknown.
        total_chunks: How many chunks the file has; ``None`` while unknown.
        uploaded_chunks: How many chunks are committed.
        received_bytes: Bytes that arrived, committed or not.
        durable_bytes: Committed and acknowledged.
        validated_bytes: Seen by every stage.
        imported: Share of the import that is done.
        missing_ranges: Half-open byte ranges that are not committed.
        chunk_codings: Content codings in which chunks are accepted, preferred ones first.
        expires_at: When the session ends if nothing is sent.
        metadata: What the client that began it sent about the file.
        quarantined: Whether the bytes of a refused file are kept for an administrator.
        expected_hash: SHA-256 that the file must have, in hexadecimal.
        replaces: The document of which the file is a new version.
        auto_build_index: Whether the document is indexed.
        findings: What the stages saw so far.
        unscanned: What no stage could look into.
        document_id: The document, once there is one.
        document: The same with all its fields.
        error: Why it ended badly; ``None`` if it did not.
    """

    session_id: str
    status: SessionState
    filename: str
    chunk_size: int
    client_id: str = ""
    title: str | None = ""
    stage: str = ""
    total_size: int | None = None
    total_chunks: int | None = None
    uploaded_chunks: int = 0
    received_bytes: int = 0
    durable_bytes: int = 0
    validated_bytes: int = 0
    imported: float = 0.0
    missing_ranges: tuple[tuple[int, int], ...] = ()
    chunk_codings: tuple[str, ...] = ()
    expires_at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    quarantined: bool = False
    expected_hash: str | None = None
    replaces: int | None = None
    auto_build_index: bool = False
    findings: tuple[Finding, ...] = ()
    unscanned: tuple[Unscanned, ...] = ()
    document_id: int | None = None
    document: Document | None = None
    error: SessionFailure | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """The answer to a request for an upload.

    Attributes:
        chunk_codings: Content codings in which the server accepts chunks, preferred ones first.
    """

    session_id: str
    chunk_size: int
    total_chunks: int | None
    expires_at: datetime
    websocket_room: str
    chunk_codings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumableUpload:
    """An unfinished upload in the list of those that can be resumed.

    Attributes:
        session_id: Names the session.
        filename: The sender's name for the file.
        total_size: Bytes of the file; ``None`` while unknown.
        uploaded_chunks: How many chunks are committed.
        total_chunks: How many chunks the file has; ``None`` while unknown.
        progress_percentage: Share of the bytes that is committed, in per cent.
        created_at: When it began.
        age_hours: Hours since then.
        status: State of its life cycle.
    """

    session_id: str
    filename: str
    total_size: int | None
    uploaded_chunks: int
    total_chunks: int | None
    progress_percentage: float
    created_at: datetime
    age_hours: float
    status: SessionState = SessionState.UPLOADING


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedUpload:
    """A refused upload whose bytes are kept, for an administrator to release.

    Attributes:
        session_id: Names the session.
        filename: The sender's name for the file.
        total_size: Bytes of the file; ``None`` if unknown.
        durable_bytes: What had arrived when it was refused.
        refused_at: When that was.
        decision: What the policy made of it: ``quarantine`` or ``reject``.
        findings: Why it was refused.
    """

    session_id: str
    filename: str
    total_size: int | None
    durable_bytes: int
    refused_at: datetime
    decision: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineList:
    """The uploads in quarantine, newest first."""

    uploads: tuple[QuarantinedUpload, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkAnswer:
    """The answer to a chunk."""

    success: bool
    chunk_id: int | None
    next_chunk_id: int | None
    upload_complete: bool
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The answer to the completion of an upload."""

    document: Document
    duplicate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A background job on a document.

    Attributes:
        id: The number of the job.
        kind: ``import``, ``index`` or ``ocr``.
        state: ``queued``, ``running``, ``done``, ``skipped``, ``failed`` or ``cancelled``.
        progress: Share done.
        message: What it is doing, or why it failed.
        attempts: How often it was begun.
        importer: The importer; empty for an index and for OCR.
        required: Whether the import has failed if this job has.
        retry_at: When it is tried again, if it waits for that.
    """

    id: int
    kind: str
    state: str
    progress: float = 0.0
    message: str = ""
    attempts: int = 0
    importer: str = ""
    required: bool = True
    retry_at: datetime | None = None

    @property
    def name(self) -> str:
        """The importer, or what the job does."""
        return self.importer or self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedDocuments:
    """Documents that were queued for indexing again.

    Attributes:
        queued: How many.
        next: Where the next page of documents begins; ``None`` at the end.
    """

    queued: int
    next: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStatus:
    """How far the import, the index and the OCR of a document are.

    Attributes:
        document_id: The document.
        import_status: ``queued``, ``running``, ``done`` or ``failed``.
        index_status: The same; ``none`` if no index was asked for, ``skipped`` without text.
        ocr_status: The same; ``none`` if every page has text, ``skipped`` if OCR is not there.
        jobs: All jobs, oldest first.
    """

    document_id: int
    import_status: str
    index_status: str
    ocr_status: str = "none"
    jobs: tuple[Job, ...] = ()

    @property
    def latest(self) -> tuple[Job, ...]:
        """The latest job of each importer, of the index and of OCR."""
        return tuple({(job.kind, job.importer): job for job in self.jobs}.values())

    @property
    def running(self) -> bool:
        """Whether an import or an index is running or queued; OCR follows them."""
        return bool({self.import_status, self.index_status} & {"queued", "running"})
