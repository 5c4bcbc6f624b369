"""Active content: what the objects of a document do, by their meaning."""

from collections.abc import Iterable, Iterator, Sequence

from pdfsluice.core import (
    FindingKind,
    Revision,
    Severity,
    Trigger,
)
from pdfsluice.plugins.pdf.syntax.numbers import NumberSet
from pdfsluice.plugins.pdf.syntax.observer import PlainObjects
from pdfsluice.plugins.pdf.syntax.plain import NOTHING
from pdfsluice.plugins.pdf.syntax.values import (
    Dictionary,
    Name,
    Reference,
    Text,
    Value,
    is_empty,
)
from pdfsluice.plugins.pdf.text_scripts import is_harmless_text
from pdfsluice.plugins.pdf.vocabulary import RawFinding

from .addresses import Addresses
from .attached import Attachments, Maker
from .codes import excerpt_of
from .events import (
    FORMAT,
    MAX_LARGE,
    FormatActions,
    is_large,
    looks_like_events,
    pointer_actions,
    reacts_to_pointer,
)
from .ledger import Ledger
from .polyglot import EXECUTABLES, sniff
from .rules import (
    EVENTS,
    INHERITING,
    action_excerpt,
    action_kinds,
    action_subject,
    additional_trigger,
    is_media,
    kind_of_name,
    media_script,
    references_in,
    trigger_of_entry,
)
from .triggers import Triggers, unknown_runs

STAGE = "pdf-security"
MAX_PENDING = 10_000
"""References whose target decides whether there is a finding."""
MAX_TARGETS = 10_000
"""Streams remembered as scripts before they come."""

_Part = tuple[Value, Trigger | None, bool]
"""A value, what runs it, and whether it formats a field."""
_NOTHING_BEGINS = frozenset((b"n", b"[", b"(", b"<"))


class Security:
    """The active content of one file: what its objects do.

    Args:
        wanted: Numbers of objects that should be read closely are added to it.
    """

    def __init__(self, wanted: set[int]) -> None:
        self.wanted = wanted
        self._findings = Ledger()
        self._crowded = False
        self._waiting: dict[int, list[RawFinding]] = {}
        self._waiting_count = 0
        self._seen = NumberSet()
        self._empty = NumberSet()
        self._null = NumberSet()
        self._replaced: dict[int, int] = {}  # object number -> offset of its latest definition
        self._scripts: dict[int, RawFinding] = {}
        self._attachments = Attachments(self._findings, wanted)
        self._triggers = Triggers(self._trigger_known, wanted)
        self._formats = FormatActions(self._findings)
        self._addresses = Addresses(wanted)
        self._large: list[tuple[int | None, Value]] = []
        self.encrypted = False
        self.has_catalogue = False

    def wants_stream(self, number: int) -> bool:
        """Return whether a stream is a script or an attachment."""
        return number in self._scripts or number in self._attachments

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
        self._seen.update(batch.numbers)
        if self._findings or self._waiting:
            for number, offset in zip(batch.numbers, batch.offsets, strict=True):
                self._arrived(number, offset)

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
        self._defined(number, offset, value)
        if isinstance(value, Text) and number in self._scripts:
            self._scripts[number].excerpt = excerpt_of(value.head)
            self._formats.script(self._scripts[number], value)
        self._addresses.learn(number, value)
        if isinstance(value, Name):
            self._lone_name(number, offset, value.text, container)
        self._examine(number, offset, value, container)

    def loose(self, offset: int, dictionary: Dictionary) -> None:
        """See a dictionary outside of objects: a trailer, or one without number.

        Readers that repair a file differ about what becomes of it. An action directly in it is
        therefore taken to run when the document is opened.
        """
        self._examine(None, offset, dictionary, None)

    def contained(self, number: int, offset: int) -> None:
        """See that an object stream holds an uninteresting object."""
        self._seen.add(number)
        self._arrived(number, offset)

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
        script = self._scripts.get(number)
        if script is not None and not script.excerpt:
            script.excerpt = excerpt_of(data)
            self._formats.script(script, head)
        if not attachment and number not in self._attachments:
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
        return number in self._seen

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
            self._crowded
            or self._findings.crowded
            or self._triggers.full
            or self._attachments.crowded
        )

    def take_new(self) -> Sequence[RawFinding]:
        """Return the findings that are new or have become worse since the last call."""
        return self._findings.take_new()

    def settle(self, *, incomplete: bool) -> None:
        """Decide what waits for objects that never came.

        Args:
            incomplete: Whether some objects could not be read, so that they may have come.
        """
        self._run_large_areas()
        if not self.encrypted:  # otherwise the strings mean nothing
            self._addresses.judge(self.findings)
        if incomplete:
            for waiting in self._waiting.values():
                for finding in waiting:
                    self._findings.add(finding)
            if not self.encrypted:  # without the password nothing of it runs either
                self.adopt(unknown_runs(self._triggers, self._seen))
        self._waiting.clear()
        if self.encrypted:  # strings are encrypted: what was read of them means nothing
            for finding in self.findings:
                finding.excerpt = ""

    def adopt(self, findings: Iterable[RawFinding]) -> None:
        """Take over what was seen elsewhere."""
        for finding in findings:
            self._findings.add(finding)

    def revision(self, finding: RawFinding) -> Revision:
        """Return whether a later definition of its object replaces a raw finding."""
        if finding.object is None:
            return Revision.CURRENT
        offset = finding.offset or 0
        latest = self._replaced.get(finding.object, offset)
        return Revision.EARLIER if latest > offset else Revision.CURRENT

    def specification_of(self, finding: RawFinding) -> RawFinding | None:
        """Return the file specification that names the stream of a finding."""
        return self._attachments.specification_of(finding)

    # How it is worked out.

    def _defined(self, number: int, offset: int, value: Value) -> None:
        self._seen.add(number)
        if is_empty(value):
            self._empty.add(number)
        if value is None:
            self._null.add(number)
        self._arrived(number, offset)

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

    def _report_unless_empty(self, target: Value, finding: RawFinding) -> None:
        """Report a finding unless what it is about turns out to be empty."""
        if not isinstance(target, Reference):
            form = finding.kind is FindingKind.FORMS_ACROFORM
            if target is not None and (form or not is_empty(target)):
                self._findings.add(finding)
        elif target.number in self._seen:
            if target.number not in self._nothing(finding):
                self._findings.add(finding)
        elif self._waiting_count < MAX_PENDING:
            self._waiting_count += 1
            self._waiting.setdefault(target.number, []).append(finding)
        else:
            self._crowded = True

    def _trigger_known(self, number: int) -> None:
        self._findings.run_by(number, self._triggers.get(number))

    def _examine(
        self, number: int | None, offset: int, value: Value, container: int | None
    ) -> None:
        """Look at every dictionary of an object; nesting is not recursed into but stacked."""
        trigger = Trigger.OPEN if number is None else self._triggers.get(number)
        todo: list[_Part] = [(value, trigger, self._formats.has(number))]
        while todo:
            current, trigger, is_format = todo.pop()
            if isinstance(current, list):
                todo.extend((item, trigger, is_format) for item in reversed(current))
            elif isinstance(current, Dictionary):
                self.has_catalogue |= b"Catalog" in current.names(b"Type")
                make = Maker(number, offset, container, hidden=current.escaped)
                self._actions(current, trigger, make, is_format=is_format)
                self._containers(current, make)
                children = list(self._children(current, number, trigger))
                todo.extend(reversed(children))

    def _lone_name(self, number: int, offset: int, name: bytes, container: int | None) -> None:
        """Report the type of an action that is an object by itself.

        It is only there to be referred to by an action that hides its type.
        """
        kind = kind_of_name(name)
        if kind is not None:
            self._findings.add(Maker(number, offset, container, hidden=True)(kind))

    def _run_large_areas(self) -> None:
        """Let what the pointer runs in a large area run by itself, once all is seen."""
        for number, actions in self._large:
            if number is not None:
                self._findings.run_by(number, Trigger.PAGE)
            for target in pointer_actions(actions):
                self._triggers.set(target.number, Trigger.PAGE)

    def _actions(
        self, entry: Dictionary, trigger: Trigger | None, make: Maker, *, is_format: bool
    ) -> None:
        """Report what a dictionary does if it is an action or a media annotation."""
        kinds = action_kinds(entry)
        if b"JS" in entry and (b"S" in entry or isinstance(entry.get(b"JS"), Text)):
            kinds.add(FindingKind.JAVASCRIPT)
        for kind in sorted(kinds):
            excerpt = action_excerpt(kind, entry)
            finding = make(kind, trigger=trigger, excerpt=excerpt)
            finding.subject = action_subject(kind, entry)
            script = entry.get(b"JS")
            if self._findings.add(finding):
                self._formats.action(finding, script, is_format=is_format)
            if kind is FindingKind.JAVASCRIPT:
                self._expect_script(script, finding)
        if (media := media_script(entry)) is not None:
            script, activation = media
            finding = make(FindingKind.JAVASCRIPT, trigger=activation or trigger)
            self._findings.add(finding)
            self._expect_script(script, finding)
        if is_media(entry):
            self._findings.add(make(FindingKind.RICH_MEDIA))

    def _expect_script(self, script: Value, finding: RawFinding) -> None:
        """Ask for the script of a finding if it is an object of its own."""
        if isinstance(script, Reference) and len(self._scripts) < MAX_TARGETS:
            self._scripts.setdefault(script.number, finding)
            self.wanted.add(script.number)

    def _containers(self, entry: Dictionary, make: Maker) -> None:
        """Report forms, attachments and actions on opening."""
        for value in entry.every(b"OpenAction"):
            self._report_unless_empty(value, make(FindingKind.OPEN_ACTION, trigger=Trigger.OPEN))
        for value in entry.every(b"AA"):
            trigger = additional_trigger(entry, value)
            self._report_unless_empty(value, make(FindingKind.ADDITIONAL_ACTIONS, trigger=trigger))
        for value in entry.every(b"AcroForm"):
            self._report_unless_empty(value, make(FindingKind.FORMS_ACROFORM))
        for value in entry.every(b"XFA"):
            self._report_unless_empty(value, make(FindingKind.FORMS_XFA))
        self._attachments.look_at(entry, make, self._report_unless_empty)
        self._addresses.look_at(entry)

    def _children(
        self, entry: Dictionary, number: int | None, trigger: Trigger | None
    ) -> Iterator[_Part]:
        """Yield the values of a dictionary with what runs them; follow references."""
        events = b"S" not in entry and looks_like_events(entry)
        large = b"AA" in entry and is_large(entry)
        if large and len(self._large) < MAX_LARGE:
            self._large += ((number, v) for v in entry.every(b"AA") if reacts_to_pointer(v))
        for key, value in entry.entries:
            cause = trigger_of_entry(entry, key, value, trigger)
            if large and number is None and key == b"AA" and reacts_to_pointer(value):
                cause = Trigger.PAGE  # in a trailer, of which no honest page is a part
            if (key in INHERITING or (events and key not in EVENTS)) and number is not None:
                self._hand_down(number, value)
            if cause is not None:
                self._refer(value, cause)
            is_format = events and key == FORMAT
            if is_format and isinstance(value, Reference):
                self._formats.refers_to(value.number)
            yield value, cause, is_format

    def _refer(self, value: Value, trigger: Trigger) -> None:
        for target in references_in(value):
            self._triggers.set(target.number, trigger)

    def _hand_down(self, number: int, value: Value) -> None:
        for target in references_in(value):
            self._triggers.inherit(number, target.number)
