"""Objects that lie inside the data of a stream, where most readers would not look."""

from collections.abc import Sequence

from .effort import Effort
from .observer import PlainObjects, XrefSection
from .report import Sighting
from .search import make_finders
from .security import Security
from .values import Dictionary, Value
from .walker import Walker


class InnerObjects:
    """Walks through the data of one stream as if it were a file.

    Args:
        data: The data.
        offset: Its offset in the file.
        effort: Counts what it costs.
    """

    def __init__(self, data: bytes, offset: int, effort: Effort) -> None:
        self.unread: list[tuple[int, int]] = []
        self.wanted: set[int] = set()
        self._security = Security(self.wanted)
        walker = Walker(self, make_finders(fast=False), effort, base=offset)
        walker.feed(memoryview(data))
        walker.finish()

    def sightings(self) -> Sequence[Sighting]:
        """Return what was seen; it counts if the cross-reference table lists the object."""
        for sighting in self._security.sightings:
            sighting.hidden = True
        return self._security.sightings

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

    def stream(self, number: int, offset: int, dictionary: Dictionary) -> None:
        """Leave streams inside of streams alone."""

    def inside(self, data: bytes, offset: int) -> None:
        """Go no deeper."""

    def version(self, offset: int, text: bytes) -> None:
        """Ignore the header of an attached PDF."""

    def gap(self, head: bytes, offset: int) -> None:
        """Ignore what is no object."""

    def passed(self, offset: int) -> None:
        """Ignore how far the walk has come."""

    def header(self, number: int, offset: int, lead: int) -> None:
        """Ignore where objects begin."""

    def xref(self, section: XrefSection) -> None:
        """Ignore the cross-references of an attached PDF."""

    def trailer(self, offset: int, dictionary: Dictionary) -> None:
        """Ignore the trailer of an attached PDF."""

    def startxref(self, value: int, offset: int) -> None:
        """Ignore the trailer of an attached PDF."""

    def end_of_file(self, offset: int) -> None:
        """Ignore the end of an attached PDF."""

    def problem(self, code: str, offset: int, number: int | None) -> None:
        """Ignore damage of an attached PDF."""
