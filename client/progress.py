"""How far a transfer has come, as the sending side sees it."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from .errors import ClientError

_WINDOW_SECONDS = 5.0
_SAMPLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferProgress:
    """A snapshot of an upload.

    Attributes:
        session_id: The session; empty until the server has opened one.
        stage: What is being done: ``reading``, ``uploading``, ``validating``, ``importing``,
            ``completed`` or a stage that the server names.
        total_bytes: Size of the file.
        sent_bytes: Handed to the network, the bytes of earlier runs included.
        acknowledged_bytes: Committed by the server.
        validated_bytes: Seen by every stage of the server.
        imported: Share of the import that is done, 0 to 1.
        speed_bps: Bytes per second over the last seconds.
        eta_seconds: Seconds until all bytes are sent; ``None`` while unknown.
        message: Why the upload waits; if it does not wait, the server's message.
    """

    session_id: str = ""
    stage: str = "reading"
    total_bytes: int = 0
    sent_bytes: int = 0
    acknowledged_bytes: int = 0
    validated_bytes: int = 0
    imported: float = 0.0
    speed_bps: float = 0.0
    eta_seconds: float | None = None
    message: str = ""


_PAUSE = "; trying again in "


def why_waiting(error: ClientError, pause: float) -> str:
    """Return what a client waits for, and how long."""
    return f"{error.message.rstrip('.')}{_PAUSE}{pause:.1f} s"


def without_pause(reason: str) -> str:
    """Return for what alone a client waits, without how long."""
    return reason.rpartition(_PAUSE)[0] or reason


class ProgressTracker:
    """A count of what is sent and acknowledged, published to a listener."""

    def __init__(self, total: int, listener: Callable[[TransferProgress], None] | None) -> None:
        self._now = TransferProgress(total_bytes=total)
        self._listener = listener
        self._in_flight: dict[int, int] = {}
        self._samples: deque[tuple[float, int]] = deque()

    def stage(self, stage: str, *, message: str = "") -> None:
        """Note what is being done."""
        self._tell(replace(self._now, stage=stage, message=message))

    def waiting(self, error: ClientError, pause: float) -> None:
        """Note that the upload waits before it tries again."""
        self.stage("waiting", message=why_waiting(error, pause))

    def opened(self, session_id: str, acknowledged: int) -> None:
        """Note the session and what the server already has of it."""
        self._samples.clear()
        self._tell(
            replace(self._now, session_id=session_id, stage="uploading"), acknowledged=acknowledged
        )

    def sent(self, start: int, size: int) -> None:
        """Note that bytes of the piece that starts there were handed to the network."""
        self._in_flight[start] = self._in_flight.get(start, 0) + size
        self._tell(self._now)

    def dropped(self, start: int) -> None:
        """Note that a piece's bytes were lost on the way."""
        self._in_flight.pop(start, None)

    def acknowledged(self, start: int, size: int) -> None:
        """Note that the server has committed so many bytes of a piece."""
        self._in_flight.pop(start, None)
        position = min(self._now.total_bytes, self._now.acknowledged_bytes + size)
        stage = "uploading" if self._now.stage == "waiting" else self._now.stage
        self._tell(replace(self._now, stage=stage, message=""), acknowledged=position)

    def server(self, *, stage: str, validated: int, imported: float) -> None:
        """Note the progress of the server."""
        if stage in {"", "created", "completed"}:  # less than is known here
            stage = self._now.stage
        validated = max(validated, self._now.validated_bytes)
        self._tell(replace(self._now, stage=stage, validated_bytes=validated, imported=imported))

    def _tell(self, progress: TransferProgress, *, acknowledged: int | None = None) -> None:
        if acknowledged is None:
            acknowledged = progress.acknowledged_bytes
        position = min(progress.total_bytes, acknowledged + sum(self._in_flight.values()))
        speed = self._speed(position)
        remaining = progress.total_bytes - position
        self._now = replace(
            progress,
            acknowledged_bytes=acknowledged,
            sent_bytes=position,
            speed_bps=speed,
            eta_seconds=remaining / speed if speed else None,
        )
        if self._listener is not None:
            self._listener(self._now)

    def _speed(self, position: int) -> float:
        now = time.monotonic()
        if not self._samples or now - self._samples[-1][0] >= _SAMPLE_SECONDS:
            self._samples.append((now, position))
        while len(self._samples) > 1 and now - self._samples[0][0] > _WINDOW_SECONDS:
            self._samples.popleft()
        start, before = self._samples[0]
        return max(0.0, (position - before) / (now - start)) if now > start else 0.0
