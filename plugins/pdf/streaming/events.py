"""Events of fields and annotations without user action (ISO 32000-2, 12.6.3)."""

from collections.abc import Iterator
from typing import Final

from pdfsluice.core import FindingKind, Trigger
from pdfsluice.plugins.pdf.actions import (
    DOCUMENT_EVENTS,
    FIELD_EVENTS,
    PAGE_EVENTS,
    POINTER_EVENTS,
)
from pdfsluice.plugins.pdf.field_scripts import is_standard_call
from pdfsluice.plugins.pdf.syntax.values import Dictionary, Reference, Text, Value
from pdfsluice.plugins.pdf.vocabulary import RawFinding

from .codes import text_of
from .ledger import Ledger

LARGE_AREA: Final = 50_000
"""Square points of an annotation that the pointer gets into without being aimed at it.

The size of its page is not known here; the deep pass knows it, and its judgement replaces this.
"""
MAX_LARGE: Final = 1000
"""Such annotations that are remembered."""
FORMAT: Final = b"F"
_POINTER: Final = frozenset(event.encode() for event in POINTER_EVENTS)
_EVENTS: Final = frozenset(
    event.encode()
    for event in (*DOCUMENT_EVENTS, *PAGE_EVENTS, *POINTER_EVENTS, *FIELD_EVENTS, "O", "C")
)


def looks_like_events(entry: Dictionary) -> bool:
    """Return whether a dictionary has no other keys than those of additional actions."""
    return bool(entry.entries) and all(key in _EVENTS for key, _ in entry.entries)


def is_large(entry: Dictionary) -> bool:
    """Return whether an annotation is so large that the pointer enters it by chance."""
    area = entry.get(b"Rect")
    if not isinstance(area, list) or len(area) < 4:  # noqa: PLR2004 - two corners
        return False
    numbers = [float(each) for each in area[:4] if isinstance(each, (int, float))]
    if len(numbers) < 4:  # noqa: PLR2004
        return False
    left, bottom, right, top = numbers
    return abs(right - left) * abs(top - bottom) >= LARGE_AREA


def pointer_actions(actions: Value) -> Iterator[Reference]:
    """Yield references to pointer actions, or to all additional actions."""
    if isinstance(actions, Reference):
        yield actions
    elif isinstance(actions, Dictionary):
        for key, value in actions.entries:
            if key in _POINTER and isinstance(value, Reference):
                yield value


def reacts_to_pointer(actions: Value) -> bool:
    """Return whether there are additional actions for the pointer, or there may be."""
    return isinstance(actions, Reference) or (
        isinstance(actions, Dictionary) and any(key in _POINTER for key, _ in actions.entries)
    )


class FormatActions:
    """Actions that format a field, which readers run when they open the document.

    Args:
        ledger: Where the findings are.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._numbers: set[int] = set()  # objects that are such actions
        self._standard: set[int] = set()  # ids of findings that are one standard call
        self._unknown: set[int] = set()  # ids of findings whose script has not come
        self._formats: set[int] = set()  # ids of findings that format, whose script has not come

    def refers_to(self, number: int) -> None:
        """Learn that an object is such an action."""
        self._numbers.add(number)
        for finding in self._ledger.of(number):
            self._judge(finding)

    def has(self, number: int | None) -> bool:
        """Return whether an object is known to be such an action."""
        return number in self._numbers

    def action(self, finding: RawFinding, script: Value, *, is_format: bool) -> None:
        """See an action and its script."""
        if isinstance(script, Reference):
            self._unknown.add(id(finding))
        elif isinstance(script, Text) and _is_standard(script):
            self._standard.add(id(finding))
        if is_format:
            self._judge(finding)

    def script(self, finding: RawFinding, source: Text) -> None:
        """See the script of an action, which is an object of its own."""
        self._unknown.discard(id(finding))
        if _is_standard(source):
            self._standard.add(id(finding))
        elif id(finding) in self._formats:
            self._ledger.run(finding, Trigger.OPEN)

    def _judge(self, finding: RawFinding) -> None:
        if finding.kind is FindingKind.JAVASCRIPT and id(finding) in self._unknown:
            self._formats.add(id(finding))
        elif id(finding) not in self._standard:
            self._ledger.run(finding, Trigger.OPEN)


def _is_standard(script: Text) -> bool:
    """Return whether a script is known to its end, and is one standard call."""
    return not script.cut and is_standard_call(text_of(script.head))
