"""Events as WebSocket messages: four documented shapes, more for ``detail=full``."""

import math
import struct
from collections.abc import Mapping
from typing import Any, Protocol

import orjson

from pdfsluice.core.models.events import (
    ChunkProgress,
    Event,
    FindingsReported,
    MemoryWarning,
    ShuttingDown,
    UploadProgress,
    UploadStatus,
)
from pdfsluice.core.uploads.lifecycle import describe
from pdfsluice.core.uploads.open_upload.progress import percentage

_FINAL_TEXT = 0x81
_SIZE_16, _SIZE_64 = 126, 127
_PROCESSING = {"validating", "importing"}

Shape = dict[str, Any]
Key = tuple[str, str]
"""A newer message replaces an older one of the same key: its kind and its session."""


class Message:
    """An event on its way to subscribers, encoded once for each amount of detail.

    Attributes:
        key: A message makes earlier ones of the same key obsolete; ``None`` if each counts.
    """

    def __init__(self, event: Event) -> None:
        self._event = event
        self._frames: dict[bool, bytes | None] = {}
        self.key = _key(event)

    def frame(self, *, full: bool) -> bytes | None:
        """Return the frame, or ``None`` if subscribers of this kind do not receive it."""
        if full not in self._frames:
            shape = shape_of(self._event, full=full)
            self._frames[full] = None if shape is None else frame_of(orjson.dumps(shape))
        return self._frames[full]


def frame_of(text: bytes) -> bytes:
    """Return a text message as one frame from a server (RFC 6455, 5.2)."""
    size = len(text)
    if size < _SIZE_16:
        return bytes((_FINAL_TEXT, size)) + text
    if size < 1 << 16:
        return struct.pack("!BBH", _FINAL_TEXT, _SIZE_16, size) + text
    return struct.pack("!BBQ", _FINAL_TEXT, _SIZE_64, size) + text


def shape_of(event: Event, *, full: bool) -> Shape | None:
    """Return the message for an event; ``None`` if there is none."""
    writer = _WRITERS.get(type(event))
    return None if writer is None else writer(event, full=full)


def _progress(event: UploadProgress, *, full: bool) -> Shape:
    data: Shape = {
        "session_id": event.session_id,
        "status": event.status,
        "uploaded_bytes": event.durable_bytes,
        "total_bytes": event.total_bytes,
        "uploaded_chunks": event.uploaded_chunks,
        "total_chunks": event.total_chunks,
        "progress_percentage": percentage(event.durable_bytes, event.total_bytes),
        "upload_speed_bps": round(event.upload_speed_bps),
        "estimated_time_remaining": _seconds(event.estimated_time_remaining),
        "current_chunk": event.current_chunk,
        "message": event.message,
    }
    if full:
        data |= {
            "stage": event.stage,
            "received_bytes": event.received_bytes,
            "durable_bytes": event.durable_bytes,
            "validated_bytes": event.validated_bytes,
            "imported": event.imported,
            "client_id": event.client_id,
            "filename": event.filename,
        }
    return {"type": "upload_progress", "data": data}


def _chunk(event: ChunkProgress, *, full: bool) -> Shape:
    del full
    return {
        "type": "chunk_progress",
        "session_id": event.session_id,
        "chunk_id": event.chunk_id,
        "chunks_uploaded": event.chunks_uploaded,
        "total_chunks": event.total_chunks,
        "bytes_uploaded": event.bytes_uploaded,
        "total_bytes": event.total_bytes,
        "progress_percentage": percentage(event.bytes_uploaded, event.total_bytes),
        "upload_speed_bps": round(event.upload_speed_bps),
        "eta_seconds": _seconds(event.eta_seconds),
    }


def _status(event: UploadStatus, *, full: bool) -> Shape:
    shape: Shape = {
        "type": "upload_status",
        "session_id": event.session_id,
        "status": "processing" if event.status in _PROCESSING else event.status,
        "message": event.message,
    }
    if full:
        shape |= {
            "stage": event.stage,
            "code": event.code,
            "document_id": event.document_id,
            "progress": event.progress,
        }
    return shape


def _findings(event: FindingsReported, *, full: bool) -> Shape | None:
    if not full:
        return None
    findings = [describe(finding) for finding in event.findings]
    return {"type": "findings", "session_id": event.session_id, "findings": findings}


def _memory(event: MemoryWarning, *, full: bool) -> Shape:
    del full
    data = {
        "memory_usage_mb": round(event.memory_usage_mb, 1),
        "memory_limit_mb": event.memory_limit_mb,
        "warning": event.warning,
    }
    return {"type": "memory_warning", "data": data}


def _closing(event: ShuttingDown, *, full: bool) -> Shape | None:
    return {"type": "server_closing", "retry_after": event.retry_after} if full else None


class _Writer(Protocol):
    def __call__(self, event: Any, *, full: bool) -> Shape | None: ...


_WRITERS: Mapping[type[Event], _Writer] = {
    UploadProgress: _progress,
    ChunkProgress: _chunk,
    UploadStatus: _status,
    FindingsReported: _findings,
    MemoryWarning: _memory,
    ShuttingDown: _closing,
}
EVENTS = frozenset(_WRITERS)
"""The kinds of events that there are messages for."""


def _key(event: Event) -> Key | None:
    match event:
        case UploadProgress():
            return ("progress", event.session_id)
        case MemoryWarning():
            return ("memory", "")
        case _:
            return None


def _seconds(value: float | None) -> int | None:
    return None if value is None else math.ceil(value)
