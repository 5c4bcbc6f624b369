"""Events of an upload, as subscribers receive them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from .decoding import decode_value
from .errors import UnexpectedAnswer
from .findings import Finding
from .models import ENDED, UploadSession


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """The progress of an upload.

    Attributes:
        session_id: Names the session.
        status: State of its life cycle.
        stage: What is being done.
        uploaded_bytes: Bytes that are committed.
        total_bytes: Bytes of the file; ``None`` while unknown.
        uploaded_chunks: How many chunks are committed.
        total_chunks: How many chunks the file has; ``None`` while unknown.
        progress_percentage: Share of the bytes that is committed, in per cent.
        upload_speed_bps: Bytes per second.
        estimated_time_remaining: Seconds; ``None`` while unknown.
        validated_bytes: Bytes that every stage has seen.
        imported: Share of the import that is done, 0 to 1.
        message: What is being done, in words.
    """

    session_id: str
    status: str
    stage: str = ""
    uploaded_bytes: int = 0
    total_bytes: int | None = None
    uploaded_chunks: int = 0
    total_chunks: int | None = None
    progress_percentage: float = 0.0
    upload_speed_bps: float = 0.0
    estimated_time_remaining: float | None = None
    validated_bytes: int = 0
    imported: float = 0.0
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEvent:
    """The upload's state or stage changed.

    Attributes:
        session_id: Names the session.
        status: State of its life cycle.
        stage: What is being done.
        message: The same in words.
        code: The stable name of the reason of a failure; else empty.
        document_id: The document, once there is one.
        progress: Share that is done, 0 to 1; ``None`` if it is not known.
    """

    session_id: str
    status: str
    stage: str = ""
    message: str = ""
    code: str = ""
    document_id: int | None = None
    progress: float | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsEvent:
    """The report of stages that found something.

    Attributes:
        session_id: Names the session.
        findings: What was found since the last such event.
    """

    session_id: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerClosing:
    """The server stops.

    Attributes:
        retry_after: Seconds after which the server asks to be tried again.
    """

    retry_after: float = 0.0


UploadEvent = ProgressEvent | StatusEvent | FindingsEvent | ServerClosing

_KINDS: Mapping[str, type[UploadEvent]] = {
    "upload_progress": ProgressEvent,
    "upload_status": StatusEvent,
    "findings": FindingsEvent,
    "server_closing": ServerClosing,
}


def read_event(text: str) -> UploadEvent | None:
    """Read a WebSocket message; ``None`` for one of another kind.

    Raises:
        UnexpectedAnswer: It is not JSON, or an event without its fields.
    """
    try:
        message: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UnexpectedAnswer("the server sent an event that is not JSON") from error
    kind = _KINDS.get(message.get("type", "")) if isinstance(message, dict) else None
    if kind is None:
        return None
    return decode_value(kind, message.get("data", message))


def events_of(session: UploadSession) -> tuple[ProgressEvent, StatusEvent]:
    """Return the state of a session as events, for polling without a WebSocket."""
    total = session.total_size
    progress = ProgressEvent(
        session_id=session.session_id,
        status=session.status,
        stage=session.stage,
        uploaded_bytes=session.durable_bytes,
        total_bytes=total,
        uploaded_chunks=session.uploaded_chunks,
        total_chunks=session.total_chunks,
        progress_percentage=100.0 * session.durable_bytes / total if total else 0.0,
        validated_bytes=session.validated_bytes,
        imported=session.imported,
    )
    status = StatusEvent(
        session_id=session.session_id,
        status=session.status,
        stage=session.stage,
        message=session.error.message if session.error else "",
        code=session.error.code if session.error else "",
        document_id=session.document_id,
    )
    return progress, status
