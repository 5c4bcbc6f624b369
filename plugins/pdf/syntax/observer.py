"""The events that the walker reports about a file."""

from array import array
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from .values import Dictionary, Value


class Sink(Protocol):
    """A receiver of the data of one stream."""

    def feed(self, data: bytes) -> None:
        """See the next bytes of the data."""
        ...

    def close(self) -> None:
        """The data has ended."""
        ...


@dataclass(slots=True)
class XrefSection:
    """A cross-reference table or stream (ISO 32000-2, 7.5.4 and 7.5.8).

    Attributes:
        offset: Where it begins.
        lead: Bytes of white space before it.
        numbers: Object numbers of entries in use that name an offset.
        offsets: Their offsets.
        compressed: Object numbers of entries in use that name an object stream.
        containers: The numbers of those object streams.
        indexes: The places in them, if the entries have such a field.
        freed: Object numbers of free entries.
        trailer: The trailer dictionary, if there is one.
        cut: Whether entries are left out.
    """

    offset: int
    lead: int = 0
    numbers: "array[int]" = field(default_factory=partial(array, "Q"))
    offsets: "array[int]" = field(default_factory=partial(array, "Q"))
    compressed: "array[int]" = field(default_factory=partial(array, "Q"))
    containers: "array[int]" = field(default_factory=partial(array, "Q"))
    indexes: "array[int]" = field(default_factory=partial(array, "Q"))
    freed: "array[int]" = field(default_factory=partial(array, "Q"))
    trailer: Dictionary | None = None
    cut: bool = False


@dataclass(slots=True)
class PlainObjects:
    """A run of uninteresting objects.

    Attributes:
        numbers: Their numbers.
        offsets: Their offsets, ascending.
        leads: Bytes of white space before each.
        small: Number and source of those that are so small that a filter or a length may
            be all there is to them.
    """

    numbers: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    leads: list[int] = field(default_factory=list)
    small: list[tuple[int, bytes]] = field(default_factory=list)


class Observer:
    """A receiver of all that is in a file, in file order; by default it ignores it.

    Attributes:
        wanted: Numbers of objects to be read closely even if nothing in them looks
            interesting. Always the same set, which changes.
    """

    wanted: set[int]

    @property
    def familiar(self) -> frozenset[bytes]:
        """Names that do not make an object interesting any more."""
        return frozenset()

    def version(self, offset: int, text: bytes) -> None:
        """A header ``%PDF-text`` was seen."""

    def gap(self, head: bytes, offset: int) -> None:
        """Bytes stand where no object is; ``head`` is their beginning."""

    def loose(self, dictionary: Dictionary, offset: int) -> None:
        """A dictionary stands where no object is."""

    def passed(self, offset: int) -> None:
        """Everything that begins before ``offset`` has been seen."""

    def header(self, number: int, offset: int, lead: int) -> None:
        """An interesting object begins, after ``lead`` bytes of white space."""

    def plain(self, batch: PlainObjects) -> None:
        """Uninteresting objects were seen, each directly after the other."""

    def object(self, number: int, offset: int, value: Value) -> None:
        """An interesting object was read; of a stream, its dictionary."""

    def stream(self, number: int, offset: int, dictionary: Dictionary) -> Sink | None:  # noqa: ARG002
        """A stream with an interesting dictionary begins; return what wants its data."""
        return None

    def inside(self, data: bytes, offset: int) -> None:
        """Bytes inside a stream look like objects."""

    def xref(self, section: XrefSection) -> None:
        """A cross-reference table was read."""

    def trailer(self, offset: int, dictionary: Dictionary) -> None:
        """A trailer dictionary was read."""

    def startxref(self, value: int, offset: int) -> None:
        """The offset of a cross-reference section was read."""

    def end_of_file(self, offset: int) -> None:
        """An end-of-file marker was seen; ``offset`` follows it."""

    def skipped(self, start: int, stop: int) -> None:
        """The bytes between two offsets were not read: reading them would cost too much."""

    def problem(self, code: str, offset: int, number: int | None) -> None:
        """Something breaks the rules of the format."""
