"""Measures what an upload costs while it is open."""

import time
from collections.abc import Callable

from pdfsluice.core.models.sessions import Session, SessionState
from pdfsluice.core.models.upload_records import Measures


class Meter:
    """A sum of what an upload costs. Used on the event loop.

    Args:
        session: The session when it was opened; its measures are continued.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, session: Session, clock: Callable[[], float] = time.monotonic) -> None:
        measures = session.measures
        self._clock = clock
        self._requests = measures.requests
        self._received_bytes = measures.received_bytes
        self._saved_bytes = measures.saved_bytes
        self._resumes = measures.resumes
        self._receiving_seconds = measures.receiving_seconds
        self._validating_seconds = measures.validating_seconds
        self._open_requests = 0
        self._busy_since = 0.0
        self._validating_since: float | None = None
        self._interrupted = bool(session.committed)

    @property
    def measures(self) -> Measures:
        """What the upload has cost so far; requests that are open count in part."""
        now, validating_since = self._clock(), self._validating_since
        receiving = now - self._busy_since if self._open_requests else 0.0
        validating = 0.0 if validating_since is None else now - validating_since
        return Measures(
            requests=self._requests,
            received_bytes=self._received_bytes,
            resumes=self._resumes,
            receiving_seconds=self._receiving_seconds + receiving,
            validating_seconds=self._validating_seconds + validating,
            saved_bytes=self._saved_bytes,
        )

    def begin_request(self) -> None:
        """Count a request that is about to send bytes."""
        if not self._open_requests:
            self._busy_since = self._clock()
        self._open_requests += 1

    def end_request(self, received_bytes: int, coded_bytes: int | None = None) -> None:
        """Count what a request sent.

        Args:
            received_bytes: Bytes of its body, decoded.
            coded_bytes: Bytes of its body as it was sent; ``None`` if these are the same.
        """
        self._open_requests -= 1
        self._requests += 1
        self._received_bytes += received_bytes
        if coded_bytes is not None:
            self._saved_bytes += received_bytes - coded_bytes
        if not self._open_requests:
            self._receiving_seconds += self._clock() - self._busy_since
        if self._interrupted and received_bytes > 0:
            self._interrupted = False
            self._resumes += 1

    def interrupt(self) -> None:
        """Note that the next bytes resume the upload."""
        self._interrupted = True

    def enter(self, state: SessionState) -> None:
        """Count the time in validation."""
        if state is SessionState.VALIDATING:
            if self._validating_since is None:
                self._validating_since = self._clock()
        elif self._validating_since is not None:
            self._validating_seconds += self._clock() - self._validating_since
            self._validating_since = None
