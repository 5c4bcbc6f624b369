"""What the objects of a document do: actions, forms, attachments, triggers."""

from collections.abc import Iterator
from typing import Final

from pdfsluice.core import FindingKind, Trigger
from pdfsluice.plugins.pdf.syntax.values import Dictionary, Name, Reference, Text, Value

from .addresses import Addresses
from .attached import Attachments, Maker
from .definitions import Definitions
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
from .scripts import Scripts
from .triggers import Triggers

_TRAILER_KEYS: Final = frozenset((b"Root", b"Info", b"Encrypt"))
"""Keys of a trailer that lead to what does not run."""
_Part = tuple[Value, Trigger | None, bool]
"""A value, what runs it, and whether it formats a field."""


class Examiner:
    """The reading of objects that may be active.

    Args:
        wanted: Numbers of objects that should be read closely are added to it.
        findings: Where findings are reported.
        definitions: The objects that were seen.

    Attributes:
        has_catalogue: Whether any dictionary calls itself the document's catalogue.
        triggers: What runs which object.
        scripts: Scripts that are objects of their own.
        attachments: Embedded files.
        addresses: Addresses that the document names.
    """

    def __init__(self, wanted: set[int], findings: Ledger, definitions: Definitions) -> None:
        self.has_catalogue = False
        self.triggers = Triggers(self._trigger_known, wanted)
        self.attachments = Attachments(findings, wanted)
        self.addresses = Addresses(wanted)
        self._formats = FormatActions(findings)
        self.scripts = Scripts(wanted, self._formats)
        self._findings = findings
        self._definitions = definitions
        self._large: list[tuple[int | None, Value]] = []

    def _trigger_known(self, number: int) -> None:
        self._findings.run_by(number, self.triggers.get(number))

    def examine(self, number: int, offset: int, value: Value, container: int | None) -> None:
        """Examine an object.

        Args:
            number: Its number.
            offset: Its offset, or that of the object stream that contains it.
            value: Its value; of a stream, its dictionary.
            container: Number of the object stream that contains it, if one does.
        """
        if isinstance(value, Text):
            self.scripts.string(number, value)
        self.addresses.learn(number, value)
        if isinstance(value, Name):
            self._lone_name(number, offset, value.text, container)
        self._examine(number, offset, value, container)

    def examine_loose(self, offset: int, dictionary: Dictionary) -> None:
        """Examine a dictionary without a number, taken to run when the document is opened."""
        self._examine(None, offset, dictionary, None)

    def run_large_areas(self) -> None:
        """Let what the pointer runs in a large area run by itself, once all is seen."""
        for number, actions in self._large:
            if number is not None:
                self._findings.run_by(number, Trigger.PAGE)
            for target in pointer_actions(actions):
                self.triggers.set(target.number, Trigger.PAGE)

    def _examine(
        self, number: int | None, offset: int, value: Value, container: int | None
    ) -> None:
        """Look at every dictionary of an object; nesting is stacked, without recursion."""
        trigger = Trigger.OPEN if number is None else self.triggers.get(number)
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
                self.scripts.expect(script, finding)
        if (media := media_script(entry)) is not None:
            script, activation = media
            finding = make(FindingKind.JAVASCRIPT, trigger=activation or trigger)
            self._findings.add(finding)
            self.scripts.expect(script, finding)
        if is_media(entry):
            self._findings.add(make(FindingKind.RICH_MEDIA))

    def _containers(self, entry: Dictionary, make: Maker) -> None:
        """Report forms, attachments and actions on opening."""
        report = self._definitions.report_unless_empty
        for value in entry.every(b"OpenAction"):
            report(value, make(FindingKind.OPEN_ACTION, trigger=Trigger.OPEN))
        for value in entry.every(b"AA"):
            trigger = additional_trigger(entry, value)
            report(value, make(FindingKind.ADDITIONAL_ACTIONS, trigger=trigger))
        for value in entry.every(b"AcroForm"):
            report(value, make(FindingKind.FORMS_ACROFORM))
        for value in entry.every(b"XFA"):
            report(value, make(FindingKind.FORMS_XFA))
        self.attachments.look_at(entry, make, report)
        self.addresses.look_at(entry)

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
            if cause is not None and (number is not None or key not in _TRAILER_KEYS):
                self._refer(value, cause)
            is_format = events and key == FORMAT
            if is_format and isinstance(value, Reference):
                self._formats.refers_to(value.number)
            yield value, cause, is_format

    def _refer(self, value: Value, trigger: Trigger) -> None:
        for target in references_in(value):
            self.triggers.set(target.number, trigger)

    def _hand_down(self, number: int, value: Value) -> None:
        for target in references_in(value):
            self.triggers.inherit(number, target.number)
