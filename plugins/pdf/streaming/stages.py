"""The stream stages ``pdf-structure`` and ``pdf-security``: two views of one scan."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from pdfsluice.core import Finding, StageContext, StageReport, StreamStage, StreamStageSpec
from pdfsluice.plugins.pdf.explanations import EXPLANATIONS

from .scan import Scan
from .security import STAGE as SECURITY
from .structure import STAGE as STRUCTURE


@dataclass(frozen=True, slots=True)
class View:
    """The part of a scan that belongs to one stage."""

    new: Callable[[Scan], list[Finding]]
    report: Callable[[Scan], StageReport]


VIEWS: dict[str, View] = {
    STRUCTURE: View(lambda scan: scan.structure.new(), Scan.structure_report),
    SECURITY: View(Scan.new_findings, Scan.security_report),
}


class SharedScan:
    """One scan shared by several stages, so that each byte is scanned once."""

    def __init__(self, *, fast: bool) -> None:
        self.scan = Scan(fast=fast)
        self.views: set[str] = set()
        self._lock = threading.Lock()
        self._finished = False

    def feed(self, data: memoryview, offset: int) -> None:
        """Process bytes at an offset, unless that was done already."""
        with self._lock:
            overlap = self.scan.offset - offset
            if overlap < len(data):
                self.scan.feed(data[overlap:])

    def finish(self) -> None:
        """Settle what is open, once."""
        with self._lock:
            if not self._finished:
                self._finished = True
                self.scan.finish()


class SharedScans:
    """The scans under way, by session."""

    def __init__(self, *, fast: bool) -> None:
        self._fast = fast
        self._lock = threading.Lock()
        self._scans: dict[str, SharedScan] = {}

    def join(self, session_id: str, view: str) -> SharedScan:
        """Return the session's scan, or a new one if it is too late to join."""
        with self._lock:
            scan = self._scans.get(session_id)
            if scan is None or scan.scan.offset or view in scan.views:
                scan = self._scans[session_id] = SharedScan(fast=self._fast)
            scan.views.add(view)
            return scan

    def leave(self, session_id: str, scan: SharedScan, view: str) -> None:
        """Forget a scan when its last stage leaves."""
        with self._lock:
            scan.views.discard(view)
            if not scan.views and self._scans.get(session_id) is scan:
                del self._scans[session_id]


class ScanStage:
    """A stream stage that takes its view of a session's scan.

    ``feed`` returns what is new, and again what has become known to be worse. The report of
    ``finish`` is the whole and final list, which supersedes what ``feed`` returned: only at
    the end is it known which findings belong to an earlier revision.
    """

    def __init__(self, name: str, scans: SharedScans, context: StageContext) -> None:
        self._name = name
        self._view = VIEWS[name]
        self._scans = scans
        self._session_id = context.session_id
        self._shared = scans.join(context.session_id, name)

    def feed(self, data: memoryview, offset: int) -> Sequence[Finding]:
        """Process the next bytes."""
        self._shared.feed(data, offset)
        return self._view.new(self._shared.scan)

    def finish(self) -> StageReport:
        """Return everything that was found."""
        self._shared.finish()
        return self._view.report(self._shared.scan)

    def checkpoint(self) -> bytes | None:
        """Return nothing: after a restart the stored bytes are scanned again."""
        return None

    def close(self) -> None:
        """Release the scan."""
        self._scans.leave(self._session_id, self._shared, self._name)


def make_stages(*, fast: bool) -> Sequence[StreamStageSpec]:
    """Return both stages; they share their scans.

    Args:
        fast: Use hyperscan if it is installed.
    """
    scans = SharedScans(fast=fast)

    def opener(name: str) -> Callable[[StageContext], StreamStage]:
        return partial(ScanStage, name, scans)

    return [
        StreamStageSpec(name=name, open=opener(name), explanations=EXPLANATIONS) for name in VIEWS
    ]
