"""Upload sessions, as they are shown."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Self

from pydantic import Field

from pdfsluice.config import Settings
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.plugins.ports.checksums import ChecksumSpec
from pdfsluice.core.uploads.lifecycle import OPEN, expiry
from pdfsluice.core.uploads.open_upload.progress import Counters, percentage

from .documents import DocumentView, FindingView, UnscannedView
from .views import View, views_of

_MAX_MISSING = 10_000
CODINGS = Field(
    description="Content codings in which chunks may be compressed, preferred ones first."
)


class Failure(View):
    """Why an upload ended badly."""

    code: str
    message: str


class InitiatedView(View):
    """A session that was just opened."""

    session_id: str
    upload_url: str
    chunk_size: int
    total_chunks: int | None
    expires_at: datetime
    websocket_room: str
    client_id: str
    filename: str
    file_size: int | None
    status: str
    checksum_algorithms: list[str] = Field(
        description="What `checksum` of a chunk may name, the preferred first."
    )
    chunk_codings: list[str] = CODINGS

    @classmethod
    def of(cls, session: Session, settings: Settings, algorithms: Iterable[ChecksumSpec]) -> Self:
        """Describe a new session.

        Args:
            session: The session.
            settings: The server's settings.
            algorithms: The registered checksum algorithms.
        """
        return cls(
            checksum_algorithms=[spec.name for spec in algorithms],
            session_id=session.id,
            upload_url=upload_url(session, settings),
            chunk_size=session.chunk_size,
            total_chunks=session.total_chunks,
            expires_at=session.expires_at,
            websocket_room=session.room,
            client_id=session.client_id,
            filename=session.filename,
            file_size=session.total_size,
            status=session.state.value,
            chunk_codings=list(settings.chunk_codings),
        )


class ChunkView(View):
    """The result of a chunk."""

    success: bool
    chunk_id: int
    next_chunk_id: int | None = Field(
        description="The lowest chunk that is not committed whole; null when all are."
    )
    upload_complete: bool
    message: str


class TicketView(View):
    """How a chunk, or the rest of one, is sent to the store."""

    method: str = Field("PUT", description="The method of the request.")
    url: str = Field(description="The address of that request, without a key of this server.")
    headers: Mapping[str, str] = Field(description="Header fields that the request must have.")
    chunk_id: int
    offset: int = Field(description="Offset of the first byte in the file.")
    length: int = Field(description="How many bytes have to be sent.")
    expires_at: datetime = Field(description="When the request has to have begun.")


class SessionView(View):
    """Everything about a session."""

    session_id: str
    client_id: str
    protocol: str
    filename: str
    title: str
    status: str
    stage: str
    total_size: int | None
    chunk_size: int
    total_chunks: int | None
    uploaded_chunks: int
    uploaded_bytes: int
    received_bytes: int
    durable_bytes: int
    validated_bytes: int
    imported: float
    progress_percentage: float
    upload_speed_bps: float
    estimated_time_remaining: float | None
    missing_ranges: list[tuple[int, int]] = Field(
        description="Half-open ranges of bytes; at most 10,000 of them."
    )
    missing_chunks: list[int] = Field(description="At most 10,000 of them.")
    next_chunk_id: int | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    upload_url: str
    chunk_codings: list[str] = CODINGS
    websocket_room: str
    metadata: dict[str, str]
    expected_hash: str | None
    replaces: int | None = Field(description="The document of which this is a new version.")
    check_duplicates: bool
    auto_build_index: bool
    decision: str
    quarantined: bool
    released: bool
    findings: list[FindingView]
    unscanned: list[UnscannedView]
    document_id: int | None
    document: DocumentView | None
    error: Failure | None

    @classmethod
    def of(
        cls,
        session: Session,
        counters: Counters,
        settings: Settings,
        document: DocumentView | None = None,
    ) -> Self:
        """Describe a session and its progress."""
        total = session.total_size
        gaps = [] if total is None else list(session.committed.missing(0, total))
        failed = session.failure_code or session.failure_message
        return cls(
            session_id=session.id,
            client_id=session.client_id,
            protocol=session.protocol.value,
            filename=session.filename,
            title=session.title,
            status=session.state.value,
            stage=counters.stage,
            total_size=total,
            chunk_size=session.chunk_size,
            total_chunks=session.total_chunks,
            uploaded_chunks=session.complete_chunks,
            uploaded_bytes=counters.durable,
            received_bytes=counters.received,
            durable_bytes=counters.durable,
            validated_bytes=counters.validated,
            imported=counters.imported,
            progress_percentage=percentage(counters.durable, total),
            upload_speed_bps=round(counters.speed, 1),
            estimated_time_remaining=counters.eta,
            missing_ranges=gaps[:_MAX_MISSING],
            missing_chunks=session.missing_chunks[:_MAX_MISSING],
            next_chunk_id=session.next_chunk_id,
            created_at=session.created_at,
            updated_at=session.updated_at,
            # the stored time is not updated with every chunk
            expires_at=expiry(session, settings) if session.state in OPEN else session.expires_at,
            upload_url=upload_url(session, settings),
            chunk_codings=list(settings.chunk_codings),
            websocket_room=session.room,
            metadata=dict(session.metadata),
            expected_hash=session.expected_digest,
            replaces=session.replaces,
            check_duplicates=session.check_duplicates,
            auto_build_index=session.auto_build_index,
            decision=session.decision.name.lower(),
            quarantined=session.quarantined,
            released=session.released,
            findings=views_of(FindingView, session.findings),
            unscanned=views_of(UnscannedView, session.unscanned),
            document_id=session.document_id,
            document=document,
            error=Failure(code=session.failure_code, message=session.failure_message)
            if failed
            else None,
        )


class CompletedView(View):
    """An upload that became a document."""

    document: DocumentView
    duplicate: bool = Field(description="Whether the document was there before.")


class AcceptedView(View):
    """A completion that continues without the client."""

    session_id: str
    status: str
    status_url: str


class CancelledView(View):
    """The state of an upload whose bytes were deleted."""

    success: bool
    session_id: str
    status: str
    message: str

    @classmethod
    def of(cls, session: Session) -> Self:
        """Describe a session that was cancelled, or refused and taken out of quarantine."""
        cancelled = session.state is SessionState.CANCELLED
        return cls(
            success=True,
            session_id=session.id,
            status=session.state.value,
            message="The upload is cancelled."
            if cancelled
            else "The file in quarantine is deleted; the upload stays refused.",
        )


class ResumableView(View):
    """An upload that can be resumed."""

    session_id: str
    filename: str
    total_size: int | None
    uploaded_chunks: int
    total_chunks: int | None
    progress_percentage: float
    created_at: datetime
    age_hours: float
    status: str
    chunk_size: int
    client_id: str
    metadata: dict[str, str]
    replaces: int | None = Field(description="The document of which this is a new version.")

    @classmethod
    def of(cls, session: Session, now: datetime) -> Self:
        """Describe an unfinished session."""
        return cls(
            session_id=session.id,
            filename=session.filename,
            total_size=session.total_size,
            uploaded_chunks=session.complete_chunks,
            total_chunks=session.total_chunks,
            progress_percentage=percentage(session.committed.size, session.total_size),
            created_at=session.created_at,
            age_hours=max(0.0, round((now - session.created_at).total_seconds() / 3600, 2)),
            status=session.state.value,
            chunk_size=session.chunk_size,
            client_id=session.client_id,
            metadata=dict(session.metadata),
            replaces=session.replaces,
        )


def upload_url(session: Session, settings: Settings) -> str:
    """Return where the chunks of a session go."""
    return f"{settings.root_path}/api/documents/streaming/chunk/{session.id}"
