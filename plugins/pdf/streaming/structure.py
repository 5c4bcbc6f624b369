"""The structure of a file: header, cross-references, trailers, foreign data."""

import re
from collections import Counter
from collections.abc import Callable

from pdfsluice.core import Finding, FindingKind, Severity, Unscanned
from pdfsluice.plugins.pdf.syntax.values import Dictionary, Reference
from pdfsluice.plugins.pdf.vocabulary import RawFinding
from pdfsluice.plugins.pdf.wording import to_finding

from .codes import (
    GRAVE,
    LIMITS,
    PROBLEMS,
    UNSCANNED,
    Unread,
)
from .cross_references import CrossReferences
from .polyglot import INERT, ends_as_zip, find_foreign, lead_of, sniff

STAGE = "pdf-structure"
HEADER_WITHIN = 1024
"""Readers look for the header in this many bytes."""
OBJECT_WITHIN = 64 * 1024
"""A file with neither a header at its place nor an object in so many bytes is no PDF."""
STARTXREF_WITHIN = 1054
"""Readers look for ``startxref`` in this many bytes before the end."""
HEAD = 33 * 1024
TAIL = 65536 + 22 + 64


_VERSION = re.compile(rb"\d{1,2}\.\d{1,2}")


class Structure:
    """The structure of one file, and its violations of the format."""

    def __init__(self) -> None:
        self._new: list[RawFinding] = []
        self.findings: list[RawFinding] = []
        self._problems: dict[str, RawFinding] = {}
        self._counts: Counter[str] = Counter()
        self._foreign: set[str] = set()
        self._gaps: list[tuple[str, int]] = []
        self._foreign_texts: list[tuple[str, int]] = []
        self._lead = ""
        self._head = bytearray()
        self._tail = b""
        self._header: int | None = None
        self._startxref: tuple[int, int] | None = None
        self._last_eof = 0
        self.version_text = ""
        self.xrefs = CrossReferences()
        self.unread = Unread()

    def see(self, data: memoryview) -> None:
        """Process the bytes of the file, in order."""
        if len(self._head) < HEAD:
            self._head += data[: HEAD - len(self._head)]
        self._tail = (self._tail + data if len(data) < TAIL else bytes(data[-TAIL:]))[-TAIL:]

    def version(self, offset: int, text: bytes) -> None:
        """Note a header (ISO 32000-2, 7.5.2)."""
        if self._header is None:
            self._header = offset
            match = _VERSION.match(text)
            if match is None:
                self.problem("header-damaged", offset, None)
            else:
                self.version_text = match[0].decode()
            self._report_foreign_head()
            if self._lead and offset:
                self._malformed(
                    "leading-text",
                    0,
                    f"{self._lead} stands before the document, which begins at byte {offset:,}",
                )

    def gap(self, head: bytes, offset: int) -> None:
        """Note bytes that are no part of the document."""
        if self._header is None and offset == 0:
            self._lead = lead_of(head)
        name, position = find_foreign(head)
        if not name:
            return
        if self._header is None:
            self._gaps.append((name, offset + position))
        elif name in INERT and self._last_eof:
            self._foreign_texts.append((name, offset + position))
        else:
            self._polyglot(name, offset + position)

    def passed(self, offset: int) -> None:
        """Note that everything before an offset was processed."""
        if offset > OBJECT_WITHIN and not self._is_pdf():
            self._no_pdf()

    def startxref(self, value: int, offset: int) -> None:
        """Note the offset given for a cross-reference section."""
        self._startxref = (value, offset)

    def end_of_file(self, offset: int) -> None:
        """Note an end-of-file marker."""
        self._last_eof = offset
        for name, position in self._foreign_texts:  # between two revisions, not after the document
            self._polyglot(name, position)
        self._foreign_texts.clear()

    def skipped(self, start: int, stop: int) -> None:
        """Note that bytes were skipped because of the limit on work."""
        self.unread.add(start, stop)
        self.problem("flood", start, None)
        self.xrefs.incomplete()

    def problem(self, code: str, offset: int, number: int | None) -> None:
        """Note a violation of the format; each kind is reported once, with a count."""
        self._counts[code] += 1
        if code in self._problems:
            return
        if code in LIMITS:
            kind, message, severity = FindingKind.RESOURCE_LIMIT, LIMITS[code], None
        else:
            kind, message, severity = FindingKind.MALFORMED, PROBLEMS[code], GRAVE.get(code)
        finding = RawFinding(
            kind=kind,
            offset=offset,
            object=number,
            message=message,
            details={"code": code},
            severity=severity,
        )
        self._problems[code] = finding
        self._report(finding)

    def _malformed(self, code: str, offset: int, message: str) -> None:
        """Report a violation once, with the position of the valid part."""
        if code not in self._problems:
            self.problem(code, offset, None)
            self._problems[code].message = message

    def new(self) -> list[Finding]:
        """Return what has been found since the last call."""
        new, self._new = self._new, []
        return [to_finding(finding, STAGE) for finding in new]

    def finish(self, size: int, *, root_seen: Callable[[int], bool], has_catalogue: bool) -> None:
        """Judge the file as a whole."""
        if self._is_pdf():
            if not self._has_header():
                self.problem("header-missing", 0, None)
            self._judge_references(size, root_seen, has_catalogue=has_catalogue)
        else:
            self._no_pdf()
        for name, offset in self._foreign_texts[:1]:
            self._malformed(
                "foreign-tail",
                offset,
                f"Text of the format {name} follows the document,"
                f" which ends at byte {self._last_eof:,}",
            )
        if self._header is not None:
            distance = ends_as_zip(self._tail)
            if distance:
                self._polyglot("zip", size - distance)
        for code, finding in self._problems.items():
            finding.details = {"code": code, "count": self._counts[code]}

    def unscanned(self) -> list[Unscanned]:
        """Return positions to which the cross-references may lead, and which were skipped."""
        if not self._is_pdf():
            return []
        regions = [
            Unscanned(
                stage=STAGE,
                reason="hidden-object",
                message=UNSCANNED["hidden-object"],
                offset=offset,
                object=number,
            )
            for number, offset in self.xrefs.unseen
        ]
        if self.xrefs.lost:
            regions.append(Unscanned(stage=STAGE, reason="table", message=UNSCANNED["table"]))
        return regions

    def _has_header(self) -> bool:
        return self._header is not None and self._header <= HEADER_WITHIN

    def _is_pdf(self) -> bool:
        first = self.xrefs.first_object
        return self._has_header() or (first is not None and first <= OBJECT_WITHIN)

    def _no_pdf(self) -> None:
        """Report once that this is no PDF, as soon as it is certain."""
        if "not-a-pdf" not in self._problems:
            self.problem("not-a-pdf", 0, None)

    def _report_foreign_head(self) -> None:
        """Report a foreign format before the header, now that there is one."""
        name = sniff(bytes(self._head))
        if name:
            self._polyglot(name, 0)
        for gap, position in self._gaps:
            self._polyglot(gap, position)

    def _polyglot(self, name: str, offset: int) -> None:
        if name in self._foreign:
            return
        self._foreign.add(name)
        self._report(
            RawFinding(
                kind=FindingKind.POLYGLOT,
                offset=offset,
                message=f"The file is also of the format {name}",
                details={"format": name},
                severity=Severity.HIGH,
            )
        )

    def _judge_references(
        self, size: int, root_seen: Callable[[int], bool], *, has_catalogue: bool
    ) -> None:
        if self._startxref is None:
            self.problem("startxref-missing", size, None)
            return
        value, offset = self._startxref
        if size - offset > STARTXREF_WITHIN:
            self.problem("trailing-data", self._last_eof or offset, None)
        for code, position in self.xrefs.judge(value, offset, self._header or 0):
            self.problem(code, position, None)
        if not self._has_root(root_seen, has_catalogue=has_catalogue):
            self.problem("root-missing", offset, None)

    def _has_root(self, root_seen: Callable[[int], bool], *, has_catalogue: bool) -> bool:
        """Return whether a reader finds the catalogue, after a repair if need be."""
        root = self.xrefs.root
        if isinstance(root, Reference):
            return root_seen(root.number) and not self.xrefs.points_nowhere(root.number)
        roots = [root, *self.xrefs.roots]
        return has_catalogue or any(
            isinstance(each, Dictionary) or (isinstance(each, Reference) and root_seen(each.number))
            for each in roots
        )

    def _report(self, finding: RawFinding) -> None:
        self.findings.append(finding)
        self._new.append(finding)
