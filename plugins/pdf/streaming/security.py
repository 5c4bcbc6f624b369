"""Active content of a document, as the scan sees it: what its objects do."""

from collections.abc import Iterable, Sequence

from pdfsluice.core import BY_ITSELF, FindingKind, Revision, Severity, Trigger
from pdfsluice.plugins.pdf.syntax.numbers import NumberSet
from pdfsluice.plugins.pdf.syntax.observer import PlainObjects
from pdfsluice.plugins.pdf.syntax.values import Dictionary, Text, Value
from pdfsluice.plugins.pdf.text_scripts import is_harmless_text
from pdfsluice.plugins.pdf.vocabulary import DAMAGED_ACTION, RawFinding

from .definitions import Definitions
from .examining import Examiner
from .ledger import Ledger
from .polyglot import EXECUTABLES, sniff
from .triggers import unknown_runs

STAGE = "pdf-security"


class Security:
    """The active content of one file: what its objects do.

    Args:
        wanted: Numbers of objects that should be read closely are added to it.

    Attributes:
        encrypted: Whether the trailer names an encryption dictionary.
    """

    def __init__(self, wanted: set[int]) -> None:
        self.wanted = wanted
        self.encrypted = False
        self._damaged = NumberSet()
        self._any_damaged = False
        self._findings = Ledger()
        self._definitions = Definitions(self._findings)
        self._examiner = Examiner(wanted, self._findings, self._definitions)

    @property
    def has_catalogue(self) -> bool:
        """Whether any dictionary calls itself the document's catalogue."""
        return self._examiner.has_catalogue

    def wants_stream(self, number: int) -> bool:
        """Return whether a stream is a script or an attachment."""
        return number in self._examiner.scripts or number in self._examiner.attachments

    def plain(self, batch: PlainObjects) -> None:
        """See objects without anything interesting in them."""
        self._definitions.plain(batch)

    def object(
        self, number: int, offset: int, value: Value, *, container: int | None = None
    ) -> None:
        """See an object that may be active.

        Args:
            number: Its number.
            offset: Its offset, or that of the object stream that contains it.
            value: Its value; of a stream, its dictionary.
            container: Number of the object stream that contains it, if one does.
        """
        self._definitions.object(number, offset, value)
        self._examiner.examine(number, offset, value, container)

    def damage(self, number: int) -> None:
        """See that the syntax of an object is broken, so that readers differ about it."""
        self._damaged.add(number)
        self._any_damaged = True

    def is_damaged(self, number: int) -> bool:
        """Return whether the syntax of an object is broken, in any revision."""
        return number in self._damaged

    def loose(self, offset: int, dictionary: Dictionary) -> None:
        """See a dictionary outside of objects: a trailer, or one without number.

        Readers that repair a file differ about what becomes of it. An action directly in it is
        therefore taken to run when the document is opened.
        """
        self._examiner.examine_loose(offset, dictionary)

    def contained(self, number: int, offset: int) -> None:
        """See that an object stream holds an uninteresting object."""
        self._definitions.contained(number, offset)

    def encryption(self, offset: int, number: int | None, *, hidden: bool) -> None:
        """See that the trailer names an encryption dictionary."""
        if not self.encrypted:
            self.encrypted = True
            self._findings.add(
                RawFinding(kind=FindingKind.ENCRYPTED, offset=offset, object=number, hidden=hidden)
            )

    def stream_head(self, number: int, offset: int, head: Text, *, attachment: bool) -> None:
        """See the decoded beginning of a script or an attachment."""
        data = head.head
        self._examiner.scripts.stream(number, head)
        if not attachment and number not in self._examiner.attachments:
            return
        form = sniff(data)
        if form in EXECUTABLES:
            harmless = form == "script" and is_harmless_text(data)
            severity = Severity.MEDIUM if harmless else None
            message = f"The attached file is a program of the type {form}"
            self._findings.add(
                RawFinding(
                    kind=FindingKind.EXECUTABLE,
                    offset=offset,
                    object=number,
                    hidden=True,
                    message=message,
                    severity=severity,
                    details={"format": form},
                )
            )

    def has(self, number: int) -> bool:
        """Return whether an object has been seen."""
        return number in self._definitions.seen

    @property
    def run_by_themselves(self) -> set[int]:
        """The numbers of objects that something runs by itself."""
        return {
            number for number, trigger in self._examiner.triggers.items() if trigger in BY_ITSELF
        }

    @property
    def findings(self) -> Sequence[RawFinding]:
        """What was seen and is reported."""
        return self._findings.reported

    @property
    def familiar(self) -> frozenset[bytes]:
        """Names that do not make an object interesting any more."""
        return self._findings.familiar

    @property
    def crowded(self) -> bool:
        """Whether there were more actions than are remembered."""
        return (
            self._definitions.crowded
            or self._findings.crowded
            or self._examiner.triggers.full
            or self._examiner.attachments.crowded
        )

    def take_new(self) -> Sequence[RawFinding]:
        """Return the findings that are new or have become worse since the last call."""
        return self._findings.take_new()

    def settle(self, *, incomplete: bool) -> None:
        """Decide what waits for objects that never came.

        Args:
            incomplete: Whether some objects could not be read, so that they may have come.
        """
        self._examiner.run_large_areas()
        if not self.encrypted:  # otherwise the strings mean nothing
            self._examiner.addresses.judge(self.findings)
        waiting = self._definitions.take_waiting()
        triggers = self._examiner.triggers
        self.adopt(unknown_runs(triggers, self._is_damaged_run, DAMAGED_ACTION))
        if incomplete:
            self.adopt(waiting)
            if not self.encrypted:  # without the password nothing of it runs either
                self.adopt(unknown_runs(triggers, lambda number: not self.has(number), "unseen"))
        if self.encrypted:  # strings are encrypted: what was read of them means nothing
            for finding in self.findings:
                finding.excerpt = ""

    def _is_damaged_run(self, number: int) -> bool:
        """Return whether broken syntax leaves it open what runs with an object.

        That is its own, or, if no script of a document with named ones was seen, any.
        """
        named = self._examiner.triggers.get(number) is Trigger.NAMED
        return number in self._damaged or (named and self._any_damaged and not self._names_script)

    @property
    def _names_script(self) -> bool:
        return any(
            each.kind is FindingKind.JAVASCRIPT and each.trigger is Trigger.NAMED
            for each in self.findings
        )

    def adopt(self, findings: Iterable[RawFinding]) -> None:
        """Take over what was seen elsewhere."""
        for finding in findings:
            self._findings.add(finding)

    def revision(self, finding: RawFinding) -> Revision:
        """Return whether a later definition of its object replaces a raw finding."""
        return self._definitions.revision(finding)

    def specification_of(self, finding: RawFinding) -> RawFinding | None:
        """Return the file specification that names the stream of a finding."""
        return self._examiner.attachments.specification_of(finding)
