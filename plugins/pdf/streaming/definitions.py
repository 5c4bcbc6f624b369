"""The objects that a file defines, and findings that wait for some of them."""

from collections.abc import Sequence

from pdfsluice.core import FindingKind, Revision
from pdfsluice.plugins.pdf.syntax.numbers import NumberSet
from pdfsluice.plugins.pdf.syntax.observer import PlainObjects
from pdfsluice.plugins.pdf.syntax.plain import NOTHING
from pdfsluice.plugins.pdf.syntax.values import Reference, Value, is_empty
from pdfsluice.plugins.pdf.vocabulary import RawFinding

from .ledger import Ledger

MAX_PENDING = 10_000
"""References whose target decides whether there is a finding."""
_NOTHING_BEGINS = frozenset((b"n", b"[", b"(", b"<"))


class Definitions:
    """The objects that were seen: their numbers, which are empty, which were replaced.

    Args:
        findings: Where findings are reported.

    Attributes:
        seen: The numbers of all objects that were seen.
        crowded: Whether more findings would wait than are remembered.
    """

    def __init__(self, findings: Ledger) -> None:
        self.seen = NumberSet()
        self.crowded = False
        self._findings = findings
        self._waiting: dict[int, list[RawFinding]] = {}
        self._waiting_count = 0
        self._empty = NumberSet()
        self._null = NumberSet()
        self._replaced: dict[int, int] = {}  # object number -> offset of its latest definition

    def plain(self, batch: PlainObjects) -> None:
        """See objects without anything interesting in them."""
        for number, text in batch.small:
            value = text.strip()
            if value == b"null":  # quicker than the expression
                self._empty.add(number)
                self._null.add(number)
            elif value[:1] in _NOTHING_BEGINS and (match := NOTHING.fullmatch(text)) is not None:
                self._empty.add(number)
                if match[1]:
                    self._null.add(number)
        self.seen.update(batch.numbers)
        if self._findings or self._waiting:
            for number, offset in zip(batch.numbers, batch.offsets, strict=True):
                self._arrived(number, offset)

    def object(self, number: int, offset: int, value: Value) -> None:
        """See an object and its value."""
        if is_empty(value):
            self._empty.add(number)
        if value is None:
            self._null.add(number)
        self.contained(number, offset)

    def contained(self, number: int, offset: int) -> None:
        """See an object that is not empty."""
        self.seen.add(number)
        self._arrived(number, offset)

    def report_unless_empty(self, target: Value, finding: RawFinding) -> None:
        """Report a finding unless what it is about turns out to be empty."""
        if not isinstance(target, Reference):
            form = finding.kind is FindingKind.FORMS_ACROFORM
            if target is not None and (form or not is_empty(target)):
                self._findings.add(finding)
        elif target.number in self.seen:
            if target.number not in self._nothing(finding):
                self._findings.add(finding)
        elif self._waiting_count < MAX_PENDING:
            self._waiting_count += 1
            self._waiting.setdefault(target.number, []).append(finding)
        else:
            self.crowded = True

    def take_waiting(self) -> Sequence[RawFinding]:
        """Return the findings whose objects never came; they wait no longer."""
        waiting = [finding for findings in self._waiting.values() for finding in findings]
        self._waiting.clear()
        return waiting

    def revision(self, finding: RawFinding) -> Revision:
        """Return whether a later definition of its object replaces a raw finding."""
        if finding.object is None:
            return Revision.CURRENT
        offset = finding.offset or 0
        latest = self._replaced.get(finding.object, offset)
        return Revision.EARLIER if latest > offset else Revision.CURRENT

    def _arrived(self, number: int, offset: int) -> None:
        if number in self._findings:
            self._replaced[number] = offset
        if number in self._waiting:
            waiting = self._waiting.pop(number)
            self._waiting_count -= len(waiting)
            for finding in waiting:
                if number not in self._nothing(finding):
                    self._findings.add(finding)

    def _nothing(self, finding: RawFinding) -> NumberSet:
        """Return which objects are as good as absent; a form without fields still is one."""
        return self._null if finding.kind is FindingKind.FORMS_ACROFORM else self._empty
