"""Objects that lie inside the data of a stream, where most readers would not look."""

from collections.abc import Sequence

from pdfsluice.plugins.pdf.syntax.effort import Effort
from pdfsluice.plugins.pdf.syntax.observer import Observer, PlainObjects
from pdfsluice.plugins.pdf.syntax.search import make_finders
from pdfsluice.plugins.pdf.syntax.values import Value
from pdfsluice.plugins.pdf.syntax.walker import Walker
from pdfsluice.plugins.pdf.vocabulary import RawFinding

from .security import Security


class InnerObjects(Observer):
    """A walk through the data of one stream as if it were a file.

    Headers, trailers and tables in it are ignored: they are those of an attached PDF.

    Args:
        data: The data.
        offset: Its offset in the file.
        effort: Counts what it costs.
    """

    def __init__(self, data: bytes, offset: int, effort: Effort) -> None:
        self.unread: list[tuple[int, int]] = []
        self._security = Security(set())
        self.wanted = self._security.wanted
        walker = Walker(self, make_finders(fast=False), effort, base=offset)
        walker.feed(memoryview(data))
        walker.finish()

    def findings(self) -> Sequence[RawFinding]:
        """Return what was seen; it counts if the cross-reference table lists the object."""
        for finding in self._security.findings:
            finding.hidden = True
        return self._security.findings

    @property
    def familiar(self) -> frozenset[bytes]:
        """Names that do not make an object interesting any more."""
        return self._security.familiar

    def skipped(self, start: int, stop: int) -> None:
        """Remember what was not read."""
        self.unread.append((start, stop))

    def plain(self, batch: PlainObjects) -> None:
        """See uninteresting objects."""
        self._security.plain(batch)

    def object(self, number: int, offset: int, value: Value) -> None:
        """See an interesting object."""
        self._security.object(number, offset, value)
