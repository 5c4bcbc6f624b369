"""Scans one PDF while it arrives: the walk, what is inside its streams, and what it all means."""

from dataclasses import dataclass
from functools import partial

from pdfsluice.core.findings import (
    Finding,
    Revision,
    StageReport,
    Unscanned,
)

from .decoding import Decoder
from .effort import OBJECT, Allowance, Effort
from .inner import InnerObjects
from .observer import PlainObjects, Sink, XrefSection
from .plain import plain_patterns
from .report import UNSCANNED, Sighting, Unread
from .search import make_finders
from .security import STAGE as SECURITY_STAGE
from .security import Security
from .streams import Collector, ObjectStream, parse_value
from .structure import STAGE as STRUCTURE_STAGE
from .structure import Structure
from .table import MAX_XREF_ENTRIES
from .values import Dictionary, Reference, Value
from .walker import Walker
from .xref import read_xref_stream

MAX_RAW = 4 * 1024 * 1024
"""Bytes kept of the data of one object or cross-reference stream."""
MAX_DECODED = 8 * 1024 * 1024
"""Bytes that such data may become."""
HEAD_RAW = 16 * 1024
HEAD_DECODED = 4096
MAX_UNSCANNED = 100
_CUT = frozenset({"too-many-values", "too-deep"})
MAX_INNER = 1000
"""Findings kept of objects inside streams."""
MAX_DEFERRED = 500
"""Object streams kept until their filters are known."""
_UNCOUNTED = Effort(Allowance())
"""For the few small objects that may be filters; counting them would depend on the pieces."""
_SMALL_STARTS = (b"/", b"[", *(b"%d" % digit for digit in range(10)))


@dataclass(slots=True)
class _Stream:
    """A stream whose data is being collected."""

    number: int
    offset: int
    dictionary: Dictionary


class Scan:
    """Looks at one file; feed it from the first byte to the last, then finish it.

    Args:
        fast: Use hyperscan where it is installed.
        allowance: What the file may cost.
    """

    def __init__(self, *, fast: bool = True, allowance: Allowance | None = None) -> None:
        self.effort = Effort(allowance or Allowance())
        self._unread = Unread()
        self.structure = Structure()
        self.wanted: set[int] = set()
        self.security = Security(self.wanted)
        self._decoder = Decoder(self.wanted, self.effort)
        self._walker = Walker(self, make_finders(fast=fast), self.effort)
        self._unreadable: list[tuple[_Stream, str]] = []
        self._unreadable_count = 0
        self._partly_read: dict[int, int | None] = {}  # offset -> object number
        self._deferred: list[tuple[_Stream, bytes]] = []
        self._deferred_size = 0
        self._inner: list[Sighting] = []
        self.offset = 0

    def feed(self, data: memoryview) -> None:
        """See the next bytes."""
        self.offset += len(data)
        self.structure.see(data)
        self._walker.feed(data)

    def finish(self) -> None:
        """Say that there are no more bytes, and settle what is open."""
        self._walker.finish()
        for stream, raw in self._deferred:
            self._object_stream_data(stream, raw, last_chance=True)
        self._deferred.clear()
        self._judge_unreadable()
        blind = bool(self._unreadable_count or self._unread)
        self.security.settle(blind=blind)
        for sighting in [*self.security.sightings, *self._inner]:
            if sighting.object is not None:
                self.structure.xrefs.watch(sighting.object)
        self.structure.finish(self.offset, root_seen=lambda n: blind or self.security.has(n))
        self.security.adopt(
            sighting
            for sighting in self._inner
            if sighting.object is not None
            and self.structure.xrefs.current(sighting.object) == sighting.offset
        )

    def structure_report(self) -> StageReport:
        """Report on the structure of the whole file."""
        return StageReport(
            findings=tuple(s.finding(STRUCTURE_STAGE) for s in self.structure.sightings),
            unscanned=tuple(self.structure.unscanned()),
            facts={"pdf_version": self.structure.version_text},
            supersedes=frozenset({STRUCTURE_STAGE}),
        )

    def security_report(self) -> StageReport:
        """Report on the active content of the whole file, each finding with its revision."""
        return StageReport(
            findings=tuple(self._security_findings()),
            unscanned=tuple(self._unscanned()),
            supersedes=frozenset({SECURITY_STAGE}),
        )

    def _security_findings(self) -> list[Finding]:
        """Return all findings; an attachment is one, though its name and its data both tell."""
        sightings = self.security.sightings
        revisions = {id(sighting): self._revision(sighting) for sighting in sightings}
        found: list[Finding] = []
        for sighting in sightings:
            revision = revisions[id(sighting)]
            better = self.security.better(sighting)
            if better is None or revisions.get(id(better)) is not revision:
                found.append(sighting.finding(SECURITY_STAGE, revision=revision))
        return found

    def _revision(self, sighting: Sighting) -> Revision:
        xrefs = self.structure.xrefs
        number = sighting.object
        if number is not None and xrefs.is_freed(number):
            return Revision.EARLIER
        current = xrefs.current(number) if number is not None else None
        return self.security.revision(sighting, current)

    # The observer of the walk.

    @property
    def familiar(self) -> frozenset[bytes]:
        """Names that do not make an object interesting any more."""
        return self.security.familiar

    def version(self, offset: int, text: bytes) -> None:
        """See a header."""
        self.structure.version(offset, text)

    def gap(self, head: bytes, offset: int) -> None:
        """See bytes between objects."""
        self.structure.gap(head, offset)

    def passed(self, offset: int) -> None:
        """See how far the walk has come."""
        self.structure.passed(offset)

    def header(self, number: int, offset: int, lead: int) -> None:
        """See where an object begins."""
        self.structure.xrefs.object_at(number, offset, lead)

    def plain(self, batch: PlainObjects) -> None:
        """See uninteresting objects."""
        self.structure.xrefs.objects_at(batch)
        self.security.plain(batch)
        for number, text in self._decoder.of_use(batch.small):
            if text.strip().isdigit():  # a filter that waits for it would have made it wanted
                continue
            if text.lstrip()[:1] not in _SMALL_STARTS and b"/Predictor" not in text:
                continue
            if self._decoder.may_learn(number):
                self._decoder.learn(number, parse_value(text, _UNCOUNTED, 0))

    def object(self, number: int, offset: int, value: Value) -> None:
        """See an interesting object."""
        self.security.object(number, offset, value)
        if self._decoder.wants(number):
            self._decoder.learn(number, value)
            self._retry()

    def stream(self, number: int, offset: int, dictionary: Dictionary) -> Sink | None:
        """Collect the data of streams that matter."""
        stream = _Stream(number, offset, dictionary)
        types = dictionary.names(b"Type")
        if b"XRef" in types:
            return Collector(MAX_RAW, partial(self._xref_stream, stream))
        untyped = not types and b"First" in dictionary and b"N" in dictionary
        if b"ObjStm" in types or untyped:
            return Collector(MAX_RAW, partial(self._object_stream, stream))
        if b"EmbeddedFile" in types or self.security.wants_stream(number):
            return Collector(HEAD_RAW, partial(self._head, stream))
        return None

    def inside(self, data: bytes, offset: int) -> None:
        """See bytes inside a stream that look like objects.

        Most often they are an attached PDF. They count only if the cross-reference table
        says at the end that they are objects of this file.
        """
        if self.effort.exhausted(offset):
            self.skipped(offset, offset + len(data))
        elif len(self._inner) < MAX_INNER:
            inner = InnerObjects(data, offset, self.effort)
            self._inner += inner.sightings()[: MAX_INNER - len(self._inner)]
            for start, stop in inner.unread:
                self.skipped(start, stop)

    def xref(self, section: XrefSection) -> None:
        """See a cross-reference table."""
        self.structure.xrefs.add(section)

    def trailer(self, offset: int, dictionary: Dictionary) -> None:
        """See a trailer."""
        self.structure.xrefs.trailer(dictionary)
        self._encryption(offset, None, dictionary)

    def startxref(self, value: int, offset: int) -> None:
        """See the offset of a cross-reference section."""
        self.structure.startxref(value, offset)

    def end_of_file(self, offset: int) -> None:
        """See an end-of-file marker."""
        self.structure.end_of_file(offset)

    def skipped(self, start: int, stop: int) -> None:
        """See that bytes were not read, because reading them would cost too much."""
        self._unread.add(start, stop)
        self.structure.problem("flood", start, None)
        self.structure.xrefs.incomplete()

    def problem(self, code: str, offset: int, number: int | None) -> None:
        """See a break of the rules."""
        self.structure.problem(code, offset, number)
        if code in _CUT and len(self._partly_read) < MAX_UNSCANNED:
            self._partly_read[offset] = number

    # Streams.

    def _encryption(self, offset: int, number: int | None, dictionary: Dictionary) -> None:
        for value in dictionary.every(b"Encrypt"):
            if isinstance(value, (Dictionary, Reference)):
                self.security.encryption(offset, number, hidden=dictionary.escaped)

    def _xref_stream(self, stream: _Stream, raw: bytes, whole: bool) -> None:  # noqa: FBT001
        lead = self.structure.xrefs.lead_of_latest()
        section = XrefSection(stream.offset, lead, trailer=stream.dictionary)
        raw = _trim(raw, stream.dictionary)
        decoded = self._decoder.decode(raw, stream.dictionary, MAX_DECODED, stream.offset)
        problem = decoded.problem if whole else "limit"
        section.cut = bool(problem)
        if problem not in ("limit", "flood"):
            self.effort.spend(min(len(decoded.data), MAX_XREF_ENTRIES) // 2)
            code = read_xref_stream(section, stream.dictionary, decoded.data, MAX_XREF_ENTRIES)
            if problem and not decoded.data:
                code = "xref-stream-damaged"
            if code:
                section.cut = True
                self.structure.problem(code, stream.offset, stream.number)
        self.structure.xrefs.add(section)
        self.structure.xrefs.trailer(stream.dictionary)
        self._encryption(stream.offset, stream.number, stream.dictionary)

    def _object_stream(self, stream: _Stream, raw: bytes, whole: bool) -> None:  # noqa: FBT001
        if not whole:
            self._cannot_read(stream, "limit")
        if self._decoder.learn_from(stream.dictionary):
            self._object_stream_data(stream, raw, last_chance=False)
        elif self._deferred_size + len(raw) <= MAX_RAW and len(self._deferred) < MAX_DEFERRED:
            self._deferred.append((stream, raw))
            self._deferred_size += len(raw)
        else:
            self._object_stream_data(stream, raw, last_chance=True)

    def _retry(self) -> None:
        """Read the object streams whose filters have become known."""
        self.effort.spend(len(self._deferred))
        waiting, self._deferred = self._deferred, []
        for stream, raw in waiting:
            if self._decoder.learn_from(stream.dictionary):
                self._deferred_size -= len(raw)
                self._object_stream_data(stream, raw, last_chance=False)
            else:
                self._deferred.append((stream, raw))

    def _object_stream_data(self, stream: _Stream, raw: bytes, *, last_chance: bool) -> None:
        decoded = self._decoder.decode(
            raw, stream.dictionary, MAX_DECODED, stream.offset, guess=last_chance
        )
        if decoded.problem == "flood":
            self.skipped(stream.offset, stream.offset)
            return
        if decoded.problem == "limit":
            self.structure.problem("inflates", stream.offset, stream.number)
        objects = ObjectStream(decoded.data, stream.dictionary.get(b"First"))
        if not objects.whole:
            self._cannot_read(stream, "limit")
        elif decoded.problem or not objects.valid:
            self._cannot_read(stream, decoded.problem or "damaged")
        if stream.number in objects.numbers:
            self.structure.problem("object-stream-self", stream.offset, stream.number)
        self._objects_in(stream, objects)

    def _objects_in(self, stream: _Stream, objects: ObjectStream) -> None:
        read: set[int] = set()
        self.effort.spend(len(objects.numbers) // 2)
        for index in objects.interesting(self.wanted, plain_patterns(self.familiar)):
            if self.effort.exhausted(stream.offset):
                self.skipped(stream.offset, stream.offset)
                break
            self.effort.spend(OBJECT)
            number, value = objects.read(index, self.effort, stream.offset)
            if number is not None:
                read.add(number)
                self.security.object(number, stream.offset, value, hidden=True)
            else:
                self.security.object(stream.number, stream.offset, value, hidden=True)
        for number in objects.numbers:
            if number not in read:
                self.security.contained(number, stream.offset)

    def _head(self, stream: _Stream, raw: bytes, _whole: bool) -> None:  # noqa: FBT001
        decoded = self._decoder.decode(raw, stream.dictionary, HEAD_DECODED, stream.offset)
        attachment = b"EmbeddedFile" in stream.dictionary.names(b"Type")
        self.security.stream_head(stream.number, stream.offset, decoded.data, attachment=attachment)

    # What could not be read.

    def _cannot_read(self, stream: _Stream, reason: str) -> None:
        self._unreadable_count += 1
        if len(self._unreadable) < MAX_UNSCANNED:
            self._unreadable.append((stream, reason))

    def _judge_unreadable(self) -> None:
        if self.security.encrypted:
            return
        for stream, reason in self._unreadable:
            if reason == "damaged":
                self.structure.problem("object-stream-damaged", stream.offset, stream.number)

    def _unscanned(self) -> list[Unscanned]:
        crowd = Unscanned(stage=SECURITY_STAGE, reason="crowd", message=UNSCANNED["crowd"])
        return [
            *([crowd] if self.security.crowded else []),
            *self._unread.entries(SECURITY_STAGE),
            *(
                Unscanned(
                    stage=SECURITY_STAGE,
                    reason="values",
                    message=UNSCANNED["values"],
                    offset=offset,
                    object=number,
                )
                for offset, number in self._partly_read.items()
            ),
            *(
                Unscanned(
                    stage=SECURITY_STAGE,
                    reason=self._reason(reason),
                    message=UNSCANNED[self._reason(reason)],
                    offset=stream.offset,
                    object=stream.number,
                )
                for stream, reason in self._unreadable
            ),
        ]

    def _reason(self, reason: str) -> str:
        return "encrypted" if self.security.encrypted and reason == "damaged" else reason


def _trim(raw: bytes, dictionary: Dictionary) -> bytes:
    """Take away the line end before ``endstream``, which is no part of the data."""
    length = dictionary.get(b"Length")
    if isinstance(length, int) and 0 <= len(raw) - length <= len("\r\n"):
        return raw[:length]
    return raw
