"""Keeps a bounded number of findings of each kind, the worst ones always."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from pdfsluice.core import FindingKind, Trigger
from pdfsluice.plugins.pdf.actions import ACTIONS
from pdfsluice.plugins.pdf.vocabulary import RawFinding

from .triggers import stronger

MAX_EACH: Final = 100
"""Findings of one kind and trigger; more are only counted."""
MAX_UNREPORTED: Final = 10_000
"""Actions beyond those that are remembered, because what runs them may be worse and come later."""

FAMILIAR: Final = {
    FindingKind.EXTERNAL_REFERENCES_URI: frozenset((b"URI",)),
    FindingKind.GOTO_REMOTE: frozenset((b"GoToR", b"GoToE")),
}
"""Names of links. A file may hold a million of them, which all mean the same: once so many are
reported as there may be, they are passed like any other object."""
_RUN = frozenset(action.kind for action in ACTIONS.values())


class Ledger:
    """What was seen in the objects of one file.

    Attributes:
        reported: What is reported.
        familiar: Names that do not make an object interesting any more.
        crowded: Whether there was more than is remembered.
    """

    def __init__(self) -> None:
        self.reported: list[RawFinding] = []
        self.familiar: frozenset[bytes] = frozenset()
        self.crowded = False
        self._new: list[RawFinding] = []
        self._counts: Counter[tuple[FindingKind, Trigger | None]] = Counter()
        self._by_object: dict[int, list[RawFinding]] = {}
        self._unreported = 0

    def __bool__(self) -> bool:
        return bool(self._by_object)

    def __contains__(self, number: int) -> bool:
        """Return whether anything was seen in an object."""
        return number in self._by_object

    def add(self, finding: RawFinding) -> bool:
        """Report a finding, unless there are too many; return whether it is reported."""
        is_new = self._report(finding)
        if finding.object is not None and (is_new or self._may_become_worse(finding)):
            self._by_object.setdefault(finding.object, []).append(finding)
        return is_new

    def take_new(self) -> list[RawFinding]:
        """Return what has been reported, or has become worse, since the last call."""
        new, self._new = self._new, []
        return new

    def of(self, number: int) -> Sequence[RawFinding]:
        """Return what was seen in an object."""
        return self._by_object.get(number, ())

    def run_by(self, number: int, trigger: Trigger | None) -> None:
        """Learn what runs the actions of an object."""
        for finding in self.of(number):
            self.run(finding, trigger)

    def run(self, finding: RawFinding, trigger: Trigger | None) -> None:
        """Learn what runs an action; the stronger trigger counts."""
        if finding.kind in _RUN and stronger(finding.trigger, trigger) != finding.trigger:
            finding.trigger = trigger
            if finding.reported:
                self._new.append(finding)
            else:
                self._report(finding)

    def _report(self, finding: RawFinding) -> bool:
        key = (finding.kind, finding.trigger)
        self._counts[key] += 1
        if self._counts[key] > MAX_EACH:
            return False
        if self._counts[key] == MAX_EACH and finding.trigger in (Trigger.CLICK, None):
            self.familiar |= FAMILIAR.get(finding.kind, frozenset())
        finding.reported = True
        self.reported.append(finding)
        self._new.append(finding)
        return True

    def _may_become_worse(self, finding: RawFinding) -> bool:
        """Return whether an unreported action may run by itself and is to be remembered."""
        if finding.kind not in _RUN:
            return False
        if self._unreported == MAX_UNREPORTED:
            self.crowded = True
            return False
        self._unreported += 1
        return True
