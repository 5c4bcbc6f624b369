"""The event sink ``progress-log``."""

import logging
from collections.abc import Mapping

from pdfsluice.core import (
    Event,
    FindingsReported,
    MemoryWarning,
    SessionEvent,
    Severity,
    ShuttingDown,
    UploadProgress,
    UploadStatus,
)

logger = logging.getLogger(__name__)

_ENDS: Mapping[str, int] = {
    "completed": logging.INFO,
    "cancelled": logging.INFO,
    "expired": logging.INFO,
    "rejected": logging.WARNING,
    "failed": logging.ERROR,
}
EVENTS = frozenset({UploadProgress, UploadStatus, FindingsReported, MemoryWarning, ShuttingDown})
"""The kinds of events that are logged."""
_LOUD = frozenset({Severity.HIGH, Severity.CRITICAL})
_MAX_SESSIONS = 10_000


class ProgressLog:
    """A log of ends and findings of uploads, and of the progress of long ones.

    The steps in between are logged at the level ``DEBUG``.

    Args:
        interval: Minimum of seconds between two lines about the progress of one session.
    """

    def __init__(self, interval: float = 5.0) -> None:
        self._interval = interval
        self._last: dict[str, float] = {}

    async def handle(self, event: Event) -> None:
        """Log one event, if it is due."""
        match event:
            case UploadProgress():
                self._progress(event)
            case UploadStatus():
                self._status(event)
            case FindingsReported() if event.findings:
                self._findings(event)
            case MemoryWarning():
                logger.warning(
                    "%s: %.1f of %.1f MB",
                    event.warning,
                    event.memory_usage_mb,
                    event.memory_limit_mb,
                )
            case ShuttingDown():
                logger.info("shutting down; unfinished uploads can be resumed")

    def _due(self, event: SessionEvent) -> bool:
        """Return whether the last line about a session is older than the interval."""
        if event.session_id not in self._last and len(self._last) >= _MAX_SESSIONS:
            self._last.clear()  # sessions whose end was never published
        if event.at - self._last.setdefault(event.session_id, event.at) < self._interval:
            return False
        self._last[event.session_id] = event.at
        return True

    def _progress(self, event: UploadProgress) -> None:
        if not self._due(event):
            return
        logger.info(
            "%s: %s of %s bytes are durable, %.1f MB/s",
            event.stage,
            event.durable_bytes,
            "unknown" if event.total_bytes is None else event.total_bytes,
            event.upload_speed_bps / 1e6,
            extra={
                "session_id": event.session_id,
                "stage": event.stage,
                "received_bytes": event.received_bytes,
                "durable_bytes": event.durable_bytes,
                "validated_bytes": event.validated_bytes,
                "imported": event.imported,
            },
        )

    def _status(self, event: UploadStatus) -> None:
        level = _ENDS.get(event.status)
        if level is None:
            level = logging.INFO if self._due(event) else logging.DEBUG
        else:
            self._last.pop(event.session_id, None)
        logger.log(
            level,
            "%s: %s",
            event.status,
            event.message,
            extra={
                "session_id": event.session_id,
                "stage": event.stage,
                "code": event.code,
                "document_id": event.document_id,
            },
        )

    def _findings(self, event: FindingsReported) -> None:
        worst = any(finding.severity in _LOUD for finding in event.findings)
        kinds = sorted({finding.kind for finding in event.findings})
        logger.log(
            logging.WARNING if worst else logging.INFO,
            "found %s",
            ", ".join(kinds),
            extra={"session_id": event.session_id, "findings": len(event.findings)},
        )
