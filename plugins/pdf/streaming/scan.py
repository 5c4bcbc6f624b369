"""Scans one PDF while it arrives: passes events of the walk to the judging parts."""

from functools import partial
from typing import Final

from pdfsluice.core import Finding, StageReport
from pdfsluice.plugins.pdf.syntax.decoding import Decoder
from pdfsluice.plugins.pdf.syntax.effort import Allowance, Effort
from pdfsluice.plugins.pdf.syntax.observer import Observer, PlainObjects, Sink, XrefSection
from pdfsluice.plugins.pdf.syntax.search import make_finders
from pdfsluice.plugins.pdf.syntax.values import Dictionary, Reference, Text, Value
from pdfsluice.plugins.pdf.syntax.walker import Walker
from pdfsluice.plugins.pdf.syntax.xref_table import MAX_XREF_ENTRIES
from pdfsluice.plugins.pdf.vocabulary import READ_DIFFERENTLY, RawFinding
from pdfsluice.plugins.pdf.wording import to_finding

from .attached_documents import AttachedDocuments
from .cross_references import read_xref_stream
from .inner import InnerObjects
from .object_stream import Collector, parse
from .object_streams import MAX_DECODED, MAX_RAW, CollectedStream, ObjectStreams
from .reports import security_report, structure_report
from .security import STAGE as SECURITY_STAGE
from .security import Security
from .structure import Structure

HEAD_RAW: Final = 16 * 1024
"""Bytes kept of the data of a script or an attachment."""
HEAD_DECODED: Final = 4096
"""Bytes that such data may expand to."""
MAX_PARTLY_READ: Final = 100
"""Objects remembered that were not read to their end."""
MAX_INNER: Final = 1000
"""Findings kept of objects inside streams."""
_CUT = frozenset({"too-many-values", "too-deep"})
_UNCOUNTED = Effort(Allowance())
"""For the few small objects that may be filters; counting them would depend on the pieces."""
_SMALL_STARTS = (b"/", b"[", *(b"%d" % digit for digit in range(10)))


class Scan(Observer):
    """The scan of one file: feed it from the first byte to the last, then finish it.

    Args:
        fast: Use hyperscan if it is installed.
        allowance: What the file may cost.
    """

    def __init__(self, *, fast: bool = True, allowance: Allowance | None = None) -> None:
        self.effort = Effort(allowance or Allowance())
        self.structure = Structure()
        self.security = Security(set())
        self.wanted = self.security.wanted
        self._decoder = Decoder(self.wanted, self.effort)
        self._object_streams = ObjectStreams(
            self._decoder, self.effort, self.security, self.structure
        )
        self._walker = Walker(self, make_finders(fast=fast), self.effort)
        self._partly_read: dict[int, int | None] = {}  # offset -> object number
        self._inner: list[RawFinding] = []
        self._attached = AttachedDocuments(self.wanted)
        self.offset = 0

    def feed(self, data: memoryview) -> None:
        """Process the next bytes."""
        self.offset += len(data)
        self.structure.see(data)
        self._walker.feed(data)

    def finish(self) -> None:
        """Learn that there are no more bytes, and settle what is open."""
        self._walker.finish()
        self._object_streams.finish()
        incomplete = bool(self._object_streams.unreadable_count or self.structure.unread)
        runs, sections = self.security.run_by_themselves, self.structure.xrefs.sections
        for number in self._object_streams.misplaced(sections, runs):
            self.security.damage(number)
        self.security.settle(incomplete=incomplete)
        for finding in [*self.security.findings, *self._inner]:
            if finding.object is not None:
                self.structure.xrefs.watch(finding.object)
        self.structure.finish(
            self.offset,
            root_seen=lambda n: incomplete or self.security.has(n),
            has_catalogue=self.security.has_catalogue,
        )
        self.security.adopt(
            finding
            for finding in self._inner
            if finding.object is not None
            and self.structure.xrefs.is_current(finding.object, finding.offset, None)
        )

    def structure_report(self) -> StageReport:
        """Report on the structure of the whole file."""
        return structure_report(self.structure)

    def security_report(self) -> StageReport:
        """Report on the active content of the whole file."""
        return security_report(
            self.security,
            self.structure,
            self._object_streams,
            self._partly_read,
            self._attached,
        )

    def new_findings(self) -> list[Finding]:
        """Return what is new of the active content.

        What stands in an attached PDF that may have been read as part of the file is left out,
        and what follows one waits until its end is known.
        """
        new = self._attached.outside(self.security.take_new())
        return [to_finding(finding, SECURITY_STAGE) for finding in new]

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
                self._decoder.learn(number, parse(text, _UNCOUNTED, 0).value)

    def object(self, number: int, offset: int, value: Value) -> None:
        """See an interesting object."""
        self.security.object(number, offset, value)
        self._attached.learn(number, offset, value)
        if self._decoder.wants(number):
            self._decoder.learn(number, value)
            self._object_streams.retry()

    def stream(self, number: int, offset: int, dictionary: Dictionary) -> Sink | None:
        """Collect the data of streams that matter."""
        stream = CollectedStream(number, offset, dictionary)
        types = dictionary.names(b"Type")
        if b"XRef" in types:
            return Collector(MAX_RAW, partial(self._xref_stream, stream))
        untyped = not types and b"First" in dictionary and b"N" in dictionary
        if b"ObjStm" in types or untyped:
            add = self._object_streams.add
            return Collector(MAX_RAW, lambda raw, whole: add(stream, raw, whole=whole))
        if b"EmbeddedFile" in types or self.security.wants_stream(number):
            return Collector(HEAD_RAW, partial(self._head, stream, self._walker.offset))
        return None

    def inside(self, data: bytes, offset: int) -> None:
        """See bytes inside a stream that look like objects.

        Most often they are an attached PDF. They count only if the cross-reference table
        names them as objects of this file at the end.
        """
        if self.effort.exhausted(offset):
            self.skipped(offset, offset + len(data))
        elif len(self._inner) < MAX_INNER:
            inner = InnerObjects(data, offset, self.effort)
            self._inner += inner.findings()[: MAX_INNER - len(self._inner)]
            for start, stop in inner.unread:
                self.skipped(start, stop)

    def xref(self, section: XrefSection) -> None:
        """See a cross-reference table."""
        self.structure.xrefs.add(section)

    def trailer(self, offset: int, dictionary: Dictionary) -> None:
        """See a trailer."""
        self.structure.xrefs.trailer(dictionary)
        self._encryption(offset, None, dictionary)
        self.security.loose(offset, dictionary)

    def loose(self, dictionary: Dictionary, offset: int) -> None:
        """See a dictionary where no object is."""
        self.security.loose(offset, dictionary)

    def startxref(self, value: int, offset: int) -> None:
        """See the offset of a cross-reference section."""
        self.structure.startxref(value, offset)

    def end_of_file(self, offset: int) -> None:
        """Note an end-of-file marker."""
        self.structure.end_of_file(offset)

    def skipped(self, start: int, stop: int) -> None:
        """Note that bytes were skipped because of the limit on work."""
        self.structure.skipped(start, stop)

    def problem(self, code: str, offset: int, number: int | None) -> None:
        """See a break of the rules."""
        self.structure.problem(code, offset, number)
        if code in _CUT and len(self._partly_read) < MAX_PARTLY_READ:
            self._partly_read[offset] = number
        if code in READ_DIFFERENTLY and number is not None:
            self.security.damage(number)

    def _encryption(self, offset: int, number: int | None, dictionary: Dictionary) -> None:
        for value in dictionary.every(b"Encrypt"):
            if isinstance(value, (Dictionary, Reference)):
                self.security.encryption(offset, number, hidden=dictionary.escaped)

    def _xref_stream(self, stream: CollectedStream, raw: bytes, whole: bool) -> None:  # noqa: FBT001
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

    def _head(
        self,
        stream: CollectedStream,
        begin: int,
        raw: bytes,
        whole: bool,  # noqa: FBT001
    ) -> None:
        decoded = self._decoder.decode(raw, stream.dictionary, HEAD_DECODED, stream.offset)
        attachment = b"EmbeddedFile" in stream.dictionary.names(b"Type")
        self._attached.see(stream.offset, begin, stream.dictionary, raw)
        head = Text(decoded.data, cut=not whole or bool(decoded.problem))
        self.security.stream_head(stream.number, stream.offset, head, attachment=attachment)


def _trim(raw: bytes, dictionary: Dictionary) -> bytes:
    """Take away the line end before ``endstream``, which is no part of the data."""
    length = dictionary.get(b"Length")
    if isinstance(length, int) and 0 <= len(raw) - length <= len("\r\n"):
        return raw[:length]
    return raw
