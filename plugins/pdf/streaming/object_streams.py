"""Object streams, decoded and searched as soon as their filters are known."""

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pdfsluice.plugins.pdf.syntax.decoding import Decoder
from pdfsluice.plugins.pdf.syntax.effort import OBJECT, Effort
from pdfsluice.plugins.pdf.syntax.observer import XrefSection
from pdfsluice.plugins.pdf.syntax.plain import plain_patterns
from pdfsluice.plugins.pdf.syntax.values import Dictionary
from pdfsluice.plugins.pdf.vocabulary import READ_DIFFERENTLY

from .object_stream import ObjectStream
from .security import Security
from .structure import Structure

MAX_RAW: Final = 4 * 1024 * 1024
"""Bytes kept of the data of one object or cross-reference stream."""
MAX_DECODED: Final = 8 * 1024 * 1024
"""Bytes that such data may expand to."""
MAX_UNREADABLE: Final = 100
"""Object streams remembered because they could not be read."""
MAX_REMEMBERED: Final = 400_000
"""Numbers remembered of the objects in all object streams."""
MAX_DEFERRED: Final = 500
"""Object streams kept until their filters are known."""


@dataclass(frozen=True, slots=True)
class CollectedStream:
    """A stream whose data is collected."""

    number: int
    offset: int
    dictionary: Dictionary


class ObjectStreams:
    """The object streams of one file.

    Args:
        decoder: Decodes their data.
        effort: Counts what reading them costs.
        security: Receives the objects in them.
        structure: Receives what is wrong with them, and what was not read.

    Attributes:
        unreadable: Streams that could not be read, each with a reason; of many, the first.
        unreadable_count: How many streams could not be read.
    """

    def __init__(
        self, decoder: Decoder, effort: Effort, security: Security, structure: Structure
    ) -> None:
        self._decoder = decoder
        self._effort = effort
        self._security = security
        self._structure = structure
        self._deferred: list[tuple[CollectedStream, bytes]] = []
        self._deferred_size = 0
        self._numbers: defaultdict[int, list[array[int]]] = defaultdict(list)
        self._remembered = 0
        self.unreadable: list[tuple[CollectedStream, str]] = []
        self.unreadable_count = 0

    def add(self, stream: CollectedStream, raw: bytes, *, whole: bool) -> None:
        """Read an object stream, or keep it until its filters are known.

        Args:
            stream: The stream.
            raw: Its data, or the beginning of it.
            whole: Whether that is all of its data.
        """
        if not whole:
            self._cannot_read(stream, "limit")
        if self._decoder.learn_from(stream.dictionary):
            self._read(stream, raw, last_chance=False)
        elif self._deferred_size + len(raw) <= MAX_RAW and len(self._deferred) < MAX_DEFERRED:
            self._deferred.append((stream, raw))
            self._deferred_size += len(raw)
        else:
            self._read(stream, raw, last_chance=True)

    def retry(self) -> None:
        """Read the object streams whose filters have become known."""
        self._effort.spend(len(self._deferred))
        waiting, self._deferred = self._deferred, []
        for stream, raw in waiting:
            if self._decoder.learn_from(stream.dictionary):
                self._deferred_size -= len(raw)
                self._read(stream, raw, last_chance=False)
            else:
                self._deferred.append((stream, raw))

    def finish(self) -> None:
        """Read what still waits for its filters, as far as its data shows what they are."""
        for stream, raw in self._deferred:
            self._read(stream, raw, last_chance=True)
        self._deferred.clear()
        for stream, reason in self.unreadable:
            if reason == "damaged" and not self._security.encrypted:
                self._structure.problem("object-stream-damaged", stream.offset, stream.number)

    def reasons(self) -> Iterator[tuple[CollectedStream, str]]:
        """Yield what could not be read and why; garbage in an encrypted file is encrypted."""
        for stream, reason in self.unreadable:
            encrypted = self._security.encrypted and reason == "damaged"
            yield stream, "encrypted" if encrypted else reason

    def _read(self, stream: CollectedStream, raw: bytes, *, last_chance: bool) -> None:
        decoded = self._decoder.decode(
            raw,
            stream.dictionary,
            MAX_DECODED,
            stream.offset,
            guess=last_chance,
            drop_padding=True,
        )
        if decoded.problem == "flood":
            self._structure.skipped(stream.offset, stream.offset)
            return
        if decoded.problem == "limit":
            self._structure.problem("inflates", stream.offset, stream.number)
        objects = ObjectStream(decoded, stream.dictionary.get(b"First"))
        if not objects.whole:
            self._cannot_read(stream, "limit")
        elif decoded.problem or not objects.valid:
            self._cannot_read(stream, decoded.problem or "damaged")
        if stream.number in objects.numbers:
            self._structure.problem("object-stream-self", stream.offset, stream.number)
        if self._remembered < MAX_REMEMBERED:
            self._remembered += len(objects.numbers)
            self._numbers[stream.number].append(array("Q", objects.numbers))
        self._objects_in(stream, objects)

    def misplaced(self, sections: Iterable[XrefSection], numbers: Collection[int]) -> Iterator[int]:
        """Yield objects that stand under another number where a table has them.

        Some readers go by the place in the object stream, others by the number there.

        Args:
            sections: The cross-reference sections.
            numbers: The numbers of the objects that matter.
        """
        for section in sections if numbers else ():
            entries = zip(section.compressed, section.containers, section.indexes, strict=False)
            for number, container, index in entries:
                if number in numbers and container in self._numbers:
                    streams = self._numbers[container]
                    if not any(number in each[index : index + 1] for each in streams):
                        yield number

    def _objects_in(self, stream: CollectedStream, objects: ObjectStream) -> None:
        security, effort = self._security, self._effort
        numbers: set[int] = set()
        visited: set[int] = set()
        count = -1
        pending = objects.interesting(security.wanted, plain_patterns(security.familiar))
        while pending:  # what has been read may refer to other objects of the stream
            for index in pending:
                if effort.exhausted(stream.offset):
                    self._structure.skipped(stream.offset, stream.offset)
                    break
                effort.spend(OBJECT)
                number, parsed = objects.read(index, effort, stream.offset)
                if number is not None:
                    numbers.add(number)
                    if not READ_DIFFERENTLY.isdisjoint(parsed.problems):
                        security.damage(number)
                security.object(
                    stream.number if number is None else number,
                    stream.offset,
                    parsed.value,
                    container=stream.number,
                )
            visited.update(pending)
            pending = []
            if count != len(security.wanted) and not effort.exhausted(stream.offset):
                count = len(security.wanted)
                effort.spend(len(objects.numbers) // 2)
                pending = sorted(objects.wanted(security.wanted) - visited)
        for number in objects.numbers:
            if number not in numbers:
                security.contained(number, stream.offset)

    def _cannot_read(self, stream: CollectedStream, reason: str) -> None:
        self.unreadable_count += 1
        if len(self.unreadable) < MAX_UNREADABLE:
            self.unreadable.append((stream, reason))
