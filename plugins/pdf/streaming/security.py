"""Active content: what the objects of a document do, by their meaning."""

from collections.abc import Iterable, Iterator, Sequence

from pdfsluice.core import Finding, FindingKind, Revision, Trigger
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
from pdfsluice.plugins.pdf.vocabulary import RawFinding
from pdfsluice.plugins.pdf.wording import to_finding

from .codes import excerpt_of
from .ledger import Ledger
from .polyglot import EXECUTABLES, sniff
from .rules import (
    EVENTS,
    action_excerpt,
    action_kinds,
    additional_trigger,
    is_media,
    kind_of_name,
)
from .triggers import Triggers

STAGE = "pdf-security"
MAX_PENDING = 10_000
"""References whose target decides whether there is a finding."""
MAX_TARGETS = 10_000
"""Streams remembered as scripts or attachments before they come."""

_NOTHING_BEGINS = frozenset((b"n", b"[", b"(", b"<"))
_INHERITING = (b"Kids", b"Names", b"Next")


class Security:
    """Collects what the objects of one file do.

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
        self._attachments: dict[int, RawFinding] = {}  # stream -> file specification
        self._bare: set[int] = set()  # ids of findings of attached streams
        self._triggers = Triggers(self._trigger_known, wanted)
        self.encrypted = False

    # What the walk tells.

    def wants_stream(self, number: int) -> bool:
        """Whether a stream is a script or an attachment."""
        return number in self._scripts or number in self._attachments

    def plain(self, batch: PlainObjects) -> None:
        """See objects without anything interesting in them."""
        for number, text in batch.small:
            value = text.strip()
            if value == b"null":  # often, and quicker than the expression
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
        if isinstance(value, Name):
            self._lone_name(number, offset, value.text, container)
        self._examine(number, offset, value, container)

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

    def stream_head(self, number: int, offset: int, data: bytes, *, attachment: bool) -> None:
        """See the decoded beginning of a script or an attachment."""
        script = self._scripts.get(number)
        if script is not None and not script.excerpt:
            script.excerpt = excerpt_of(data)
        if not attachment and number not in self._attachments:
            return
        form = sniff(data)
        if form in EXECUTABLES:
            message = f"The attached file is a program of the type {form}"
            self._findings.add(
                RawFinding(
                    kind=FindingKind.EXECUTABLE,
                    offset=offset,
                    object=number,
                    hidden=True,
                    message=message,
                    details={"format": form},
                )
            )

    # What becomes of it.

    def has(self, number: int) -> bool:
        """Whether an object has been seen."""
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
        """Whether there is more than is remembered, so that something may have been missed."""
        return self._crowded or self._findings.crowded or self._triggers.full

    def new(self) -> list[Finding]:
        """Return what has been found, or has become known to be worse, since the last call."""
        return [to_finding(finding, STAGE) for finding in self._findings.take_new()]

    def settle(self, *, blind: bool) -> None:
        """Decide what waits for objects that never came.

        Args:
            blind: Some objects could not be seen, so that they may have come.
        """
        if blind:
            for waiting in self._waiting.values():
                for finding in waiting:
                    self._findings.add(finding)
        self._waiting.clear()
        if self.encrypted:  # strings are encrypted: what was read of them means nothing
            for finding in self.findings:
                finding.excerpt = ""

    def adopt(self, findings: Iterable[RawFinding]) -> None:
        """Take over what was seen elsewhere."""
        for finding in findings:
            self._findings.add(finding)

    def revision(self, finding: RawFinding, current: int | None) -> Revision:
        """Tell whether a later definition of its object replaces a finding.

        Args:
            finding: What was seen.
            current: Offset of the object according to the cross-reference table, if known.
        """
        if finding.object is None or current == finding.offset:
            return Revision.CURRENT
        offset = finding.offset or 0
        latest = self._replaced.get(finding.object, offset)
        return Revision.EARLIER if latest > offset else Revision.CURRENT

    def better(self, finding: RawFinding) -> RawFinding | None:
        """Return the file specification that names an attached stream, if it is about one."""
        if id(finding) not in self._bare or finding.object is None:
            return None
        return self._attachments.get(finding.object)

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

    def _sight_if(self, target: Value, finding: RawFinding) -> None:
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

    def _examine(self, number: int, offset: int, value: Value, container: int | None) -> None:
        """Look at every dictionary of an object; nesting is not recursed into but stacked."""
        todo: list[tuple[Value, Trigger | None]] = [(value, self._triggers.get(number))]
        while todo:
            current, trigger = todo.pop()
            if isinstance(current, list):
                todo.extend((item, trigger) for item in reversed(current))
            elif isinstance(current, Dictionary):
                sight = _Maker(number, offset, container, hidden=current.escaped)
                self._actions(current, trigger, sight)
                self._containers(current, sight)
                children = list(self._children(current, number, trigger))
                todo.extend(reversed(children))

    def _lone_name(self, number: int, offset: int, name: bytes, container: int | None) -> None:
        """Report the type of an action that is an object by itself.

        It is only there to be referred to by an action that hides its type.
        """
        kind = kind_of_name(name)
        if kind is not None:
            self._findings.add(_Maker(number, offset, container, hidden=True)(kind))

    def _actions(self, entry: Dictionary, trigger: Trigger | None, make: "_Maker") -> None:
        """Report what a dictionary does if it is an action or a media annotation."""
        kinds = action_kinds(entry)
        if b"JS" in entry and (b"S" in entry or isinstance(entry.get(b"JS"), Text)):
            kinds.add(FindingKind.JAVASCRIPT)
        for kind in sorted(kinds):
            excerpt = action_excerpt(kind, entry)
            finding = make(kind, trigger=trigger, excerpt=excerpt)
            self._findings.add(finding)
            script = entry.get(b"JS")
            if (
                kind is FindingKind.JAVASCRIPT
                and isinstance(script, Reference)
                and len(self._scripts) < MAX_TARGETS
            ):
                self._scripts.setdefault(script.number, finding)
                self.wanted.add(script.number)
        if is_media(entry):
            self._findings.add(make(FindingKind.RICH_MEDIA))

    def _containers(self, entry: Dictionary, make: "_Maker") -> None:
        """Report forms, attachments and actions on opening."""
        for value in entry.every(b"OpenAction"):
            self._sight_if(value, make(FindingKind.OPEN_ACTION, trigger=Trigger.OPEN))
        for value in entry.every(b"AA"):
            trigger = additional_trigger(entry, value)
            self._sight_if(value, make(FindingKind.ADDITIONAL_ACTIONS, trigger=trigger))
        for value in entry.every(b"AcroForm"):
            self._sight_if(value, make(FindingKind.FORMS_ACROFORM))
        for value in entry.every(b"XFA"):
            self._sight_if(value, make(FindingKind.FORMS_XFA))
        self._attached(entry, make)

    def _attached(self, entry: Dictionary, make: "_Maker") -> None:
        """Report an attachment: by the specification that names it, and by its data."""
        for value in entry.every(b"EF"):
            finding = make(FindingKind.EMBEDDED_FILES, excerpt=action_excerpt(None, entry))
            self._sight_if(value, finding)
            if isinstance(value, Dictionary):
                for _, file in value.entries:
                    if isinstance(file, Reference):
                        self._attach(file.number, finding)
        if b"EmbeddedFile" in entry.names(b"Type"):
            bare = make(FindingKind.EMBEDDED_FILES)
            if self._findings.add(bare):
                self._bare.add(id(bare))

    def _attach(self, number: int, finding: RawFinding) -> None:
        """Remember that a stream is an attachment."""
        if len(self._attachments) < MAX_TARGETS:
            self._attachments[number] = finding
            self.wanted.add(number)
        else:
            self._crowded = True

    def _children(
        self, entry: Dictionary, number: int, trigger: Trigger | None
    ) -> Iterator[tuple[Value, Trigger | None]]:
        """Yield the values of a dictionary with what runs them; follow references."""
        action = b"S" in entry
        for key, value in entry.entries:
            given: Trigger | None = None
            if key == b"OpenAction":
                given = Trigger.OPEN
            elif key == b"JavaScript":
                given = Trigger.NAMED
            elif key == b"AA":
                given = additional_trigger(entry, value)
            elif key in EVENTS and trigger is not None and not action:
                given = EVENTS[key]
            elif key in (b"A", b"PA"):
                given = Trigger.CLICK
            elif key in _INHERITING or not action:
                given = trigger
                if key in _INHERITING:
                    self._hand_down(number, value)
            if given is not None:
                self._refer(value, given)
            yield value, given

    def _refer(self, value: Value, trigger: Trigger) -> None:
        for target in _references(value):
            self._triggers.set(target.number, trigger)

    def _hand_down(self, number: int, value: Value) -> None:
        for target in _references(value):
            self._triggers.inherit(number, target.number)


def _references(value: Value) -> Iterator[Reference]:
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, Reference))


class _Maker:
    """Makes findings in one dictionary."""

    __slots__ = ("_container", "_hidden", "_number", "_offset")

    def __init__(self, number: int, offset: int, container: int | None, *, hidden: bool) -> None:
        self._number = number
        self._offset = offset
        self._container = container
        self._hidden = hidden or container is not None

    def __call__(
        self, kind: FindingKind, *, trigger: Trigger | None = None, excerpt: str = ""
    ) -> RawFinding:
        return RawFinding(
            kind=kind,
            offset=self._offset,
            object=self._number,
            container=self._container,
            hidden=self._hidden,
            trigger=trigger,
            excerpt=excerpt,
        )
