"""The events of uploads and documents; no event carries file content."""

from dataclasses import dataclass, field
from typing import ClassVar

from .findings import Finding
from .upload_records import UploadRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened.

    Attributes:
        at: Seconds since the epoch.
        superseded: Whether a later event of this kind replaces it. Slow sinks miss such
            events before any other.
    """

    superseded: ClassVar[bool] = False

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent(Event):
    """Something that happened to one session.

    Attributes:
        session_id: The session.
        owner: ``Principal.id`` of the principal that may receive it.
    """

    session_id: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadProgress(SessionEvent):
    """The progress of an upload; sent at most a few times a second for each session.

    Attributes:
        status: The session's state.
        stage: The current step: the session's state, ``extracting`` or ``indexing``.
        received_bytes: Received from the network, perhaps not yet durable.
        durable_bytes: Committed and acknowledged.
        validated_bytes: Read by every stream stage.
        imported: Share of the background import that is done, 0 to 1.
        total_bytes: Size of the file; ``None`` while unknown.
        uploaded_chunks: How many chunks are committed whole.
        total_chunks: How many chunks the file has; ``None`` while unknown.
        current_chunk: The chunk that was committed last.
        upload_speed_bps: Recent speed, bytes per second.
        estimated_time_remaining: Seconds; ``None`` while unknown.
        message: The progress in a few words.
        client_id: What the client calls itself.
        filename: The client's name for the file, for display only.
    """

    superseded: ClassVar[bool] = True

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
    """A chunk was committed.

    Attributes:
        chunk_id: Its number, from 0.
        chunks_uploaded: How many chunks are committed whole.
        total_chunks: How many chunks the file has; ``None`` while unknown.
        bytes_uploaded: Bytes committed so far.
        total_bytes: Size of the file; ``None`` while unknown.
        upload_speed_bps: Recent speed, bytes per second.
        eta_seconds: Seconds left; ``None`` while unknown.
    """

    superseded: ClassVar[bool] = True

    chunk_id: int
    chunks_uploaded: int
    total_chunks: int | None
    bytes_uploaded: int
    total_bytes: int | None
    upload_speed_bps: float
    eta_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStatus(SessionEvent):
    """The session's state changed, or a step of validation or import began or ended.

    Attributes:
        status: The session's state; ``importing`` while a background job runs.
        stage: The current step: a state, or ``extracting`` or ``indexing`` while a job runs.
            When the job has ended, ``done``, ``failed`` or ``queued`` (to be tried again)
            follows the step's name.
        message: The same in words.
        code: Error code; empty if nothing failed.
        document_id: The document, once there is one.
        progress: Share of the job that is done, 0 to 1; ``None`` if this is about no job.
    """

    status: str
    stage: str
    message: str
    code: str = ""
    document_id: int | None = None
    progress: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadEnded(SessionEvent):
    """An upload ended; a released upload ends a second time.

    Attributes:
        record: What it was and what it has cost.
    """

    record: UploadRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportEnded(SessionEvent):
    """The importers of a document have ended, well or not.

    Attributes:
        document_id: The document.
        state: ``done``, ``failed`` or ``skipped``.
    """

    document_id: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsReported(SessionEvent):
    """New findings of stages, while the file arrives or after.

    Attributes:
        findings: What is new.
    """

    findings: tuple[Finding, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryWarning(Event):
    """Memory or disk is close to its limit; sent to all subscribers.

    Attributes:
        memory_usage_mb: Memory of the server, in MiB.
        memory_limit_mb: The setting, in MiB.
        warning: The resource that is short.
    """

    superseded: ClassVar[bool] = True

    memory_usage_mb: float
    memory_limit_mb: float
    warning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShuttingDown(Event):
    """The server stops; unfinished uploads can be resumed.

    Attributes:
        retry_after: Seconds after which clients should try again.
    """

    retry_after: float
