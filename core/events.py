"""What happens to uploads and documents, told to sinks; no event carries file content."""

from dataclasses import dataclass, field

from .findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened.

    Attributes:
        at: Seconds since the epoch.
    """

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent(Event):
    """Something that happened to one session; ``owner`` is the principal that may hear of it."""

    session_id: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadProgress(SessionEvent):
    """How an upload stands; told at most a few times a second for each session.

    Attributes:
        received_bytes: Came over the wire, perhaps not yet durable.
        durable_bytes: Committed and acknowledged.
        validated_bytes: Seen by every stream stage.
        imported: Share of the background import that is done, 0 to 1.
        upload_speed_bps: Recent speed, bytes per second.
        estimated_time_remaining: Seconds; ``None`` while unknown.
    """

    status: str
    stage: str
    received_bytes: int
    durable_bytes: int
    validated_bytes: int
    imported: float
    total_bytes: int | None
    uploaded_chunks: int
    total_chunks: int | None
    current_chunk: int
    upload_speed_bps: float
    estimated_time_remaining: float | None
    message: str
    client_id: str = ""
    filename: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkProgress(SessionEvent):
    """A chunk was committed."""

    chunk_id: int
    chunks_uploaded: int
    total_chunks: int | None
    bytes_uploaded: int
    total_bytes: int | None
    upload_speed_bps: float
    eta_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStatus(SessionEvent):
    """The session's state changed, or a step of validation or import began."""

    status: str
    stage: str
    message: str
    code: str = ""
    document_id: int | None = None
    progress: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsReported(SessionEvent):
    """Stages found something, while the file arrives or after."""

    findings: tuple[Finding, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryWarning(Event):
    """Memory or disk is close to its limit; told to everybody."""

    memory_usage_mb: float
    memory_limit_mb: float
    warning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShuttingDown(Event):
    """The server stops; unfinished uploads can be resumed after ``retry_after`` seconds."""

    retry_after: float
