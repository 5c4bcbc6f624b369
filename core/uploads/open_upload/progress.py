"""Upload progress: four counters, speed, time left, and the events about them."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pdfsluice.core.analytics.records import record_of
from pdfsluice.core.models.events import (
    ChunkProgress,
    Event,
    FindingsReported,
    UploadEnded,
    UploadProgress,
    UploadStatus,
)
from pdfsluice.core.models.findings import Finding
from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.uploads.lifecycle import ENDED

_WINDOW_SECONDS = 5.0
_WINDOW_SAMPLES = 64

MESSAGES: dict[SessionState, str] = {
    SessionState.CREATED: "Waiting for the first chunk",
    SessionState.VALIDATING: "Validating uploaded file...",
    SessionState.IMPORTING: "Importing document...",
    SessionState.COMPLETED: "Upload complete",
    SessionState.REJECTED: "The file was refused",
    SessionState.CANCELLED: "Upload cancelled",
    SessionState.FAILED: "Upload failed",
    SessionState.EXPIRED: "Upload expired",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Live numbers of one upload.

    Attributes:
        received: Bytes that came over the wire and belong to the file.
        durable: Bytes committed and acknowledged.
        validated: Bytes that every stream stage has seen.
        imported: Share of the background import that is done, 0 to 1.
        speed: Recent speed in bytes per second.
        eta: Seconds left; ``None`` while unknown.
        stage: The current step: a session state, ``extracting`` or ``indexing``.
    """

    received: int
    durable: int
    validated: int
    imported: float
    speed: float
    eta: float | None
    stage: str


def percentage(part: int, whole: int | None) -> float:
    """Return a share in per cent, with one decimal; 0 while the whole is unknown."""
    return round(100 * part / whole, 1) if whole else 0.0


class SpeedMeter:
    """Bytes per second over the last few seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._total = 0
        self._samples: deque[tuple[float, int]] = deque(maxlen=_WINDOW_SAMPLES)

    def add(self, size: int) -> None:
        """Count bytes that just came in."""
        now = self._clock()
        if not self._samples:
            self._samples.append((now, 0))
        self._total += size
        # One sample for each slot of the window, so that many small slices do not shorten it.
        if now - self._samples[-1][0] >= _WINDOW_SECONDS / _WINDOW_SAMPLES:
            self._samples.append((now, self._total))

    @property
    def speed(self) -> float:
        """Recent speed; 0 when nothing came for a whole window."""
        now = self._clock()
        while len(self._samples) > 1 and self._samples[0][0] < now - _WINDOW_SECONDS:
            self._samples.popleft()
        if not self._samples:
            return 0.0
        since, total = self._samples[0]
        elapsed = now - since
        return (self._total - total) / elapsed if elapsed > 0 else 0.0


class ProgressPublisher:
    """The publisher of one session's progress, at most once per interval.

    Attributes:
        validated: Bytes that every stream stage has seen.
        silent: Whether another node publishes the progress; only status and findings are
            published here then.
    """

    def __init__(
        self,
        sink: Callable[[Event], None],
        interval: float,
        *,
        snapshot: Callable[[], Session],
        pending: Callable[[], int],
    ) -> None:
        self._sink = sink
        self._interval = interval
        self._snapshot = snapshot
        self._pending = pending
        self._meter = SpeedMeter()
        self._published_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._last_chunk = 0
        self.validated = 0
        self.silent = False

    def received(self, size: int) -> None:
        """Count bytes that came in; they may not be committed yet."""
        self._meter.add(size)
        self.touch()

    def counters(self) -> Counters:
        """Return the live numbers."""
        session = self._snapshot()
        durable = session.committed.size
        speed = self._meter.speed
        remaining = None if session.total_size is None else session.total_size - durable
        received = durable + self._pending()
        return Counters(
            received=received if session.total_size is None else min(received, session.total_size),
            durable=durable,
            validated=self.validated,
            imported=0.0,  # it begins when the upload is closed; see Library.import_status
            speed=speed,
            eta=remaining / speed
            if remaining is not None and speed > 0
            else (0.0 if remaining == 0 else None),
            stage=session.state.value,
        )

    def chunk_committed(self, chunk_id: int) -> None:
        """Publish that a chunk is durable."""
        self._last_chunk = chunk_id
        if self.silent:
            return
        session, counters = self._snapshot(), self.counters()
        self._sink(
            ChunkProgress(
                at=time.time(),
                session_id=session.id,
                owner=session.owner,
                chunk_id=chunk_id,
                chunks_uploaded=session.complete_chunks,
                total_chunks=session.total_chunks,
                bytes_uploaded=counters.durable,
                total_bytes=session.total_size,
                upload_speed_bps=counters.speed,
                eta_seconds=counters.eta,
            )
        )
        self.touch()

    def touch(self) -> None:
        """Publish the progress now, or when the interval has passed."""
        if self._timer is not None or self.silent:
            return
        wait = self._published_at + self._interval - time.monotonic()
        if wait <= 0:
            self.publish()
        else:
            self._timer = asyncio.get_running_loop().call_later(wait, self.publish)

    def publish(self) -> None:
        """Publish the progress now."""
        self._cancel_timer()
        self._published_at = time.monotonic()
        self._sink(progress_event(self._snapshot(), self.counters(), self._last_chunk))

    def publish_status(self, *, message: str = "") -> None:
        """Publish that the state changed, and the progress with it; of an end, its record."""
        session = self._snapshot()
        self._sink(status_event(session, message=message))
        if session.state in ENDED and not session.partial:
            self._sink(ended_event(session))
        if not self.silent:
            self.publish()

    def publish_findings(self, findings: Sequence[Finding]) -> None:
        """Publish new findings, if there are any."""
        if findings:
            session = self._snapshot()
            self._sink(
                FindingsReported(
                    at=time.time(),
                    session_id=session.id,
                    owner=session.owner,
                    findings=tuple(findings),
                )
            )

    def close(self) -> None:
        """Publish nothing more."""
        self._cancel_timer()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def progress_event(session: Session, counters: Counters, chunk_id: int = 0) -> UploadProgress:
    """Return the progress of an upload as an event."""
    chunks = session.complete_chunks
    return UploadProgress(
        at=time.time(),
        session_id=session.id,
        owner=session.owner,
        status=session.state.value,
        stage=counters.stage,
        received_bytes=counters.received,
        durable_bytes=counters.durable,
        validated_bytes=counters.validated,
        imported=counters.imported,
        total_bytes=session.total_size,
        uploaded_chunks=chunks,
        total_chunks=session.total_chunks,
        current_chunk=chunk_id,
        upload_speed_bps=counters.speed,
        estimated_time_remaining=counters.eta,
        message=MESSAGES.get(session.state)
        or f"Uploading... {chunks}/{session.total_chunks or '?'} chunks",
        client_id=session.client_id,
        filename=session.filename,
    )


def status_event(session: Session, *, message: str = "") -> UploadStatus:
    """Return the state of a session as an event."""
    return UploadStatus(
        at=time.time(),
        session_id=session.id,
        owner=session.owner,
        status=session.state.value,
        stage=session.state.value,
        message=message or session.failure_message or MESSAGES.get(session.state, "Uploading..."),
        code=session.failure_code,
        document_id=session.document_id,
    )


def ended_event(session: Session) -> UploadEnded:
    """Return the end of an upload as an event."""
    now = datetime.now(UTC)
    return UploadEnded(
        at=now.timestamp(),
        session_id=session.id,
        owner=session.owner,
        record=record_of(session, now),
    )
