"""Keeps what is seen in a file: only so much of a kind is told, but nothing worse is lost by it."""

from collections import Counter
from typing import Final

from pdfsluice.core.findings import FindingKind, Trigger

from .report import Sighting
from .rules import ACTIONS
from .triggers import stronger

MAX_EACH: Final = 100
"""Findings of one kind and trigger; more are only counted."""
MAX_UNTOLD: Final = 10_000
"""Actions beyond those that are remembered, because what runs them may be worse and come later."""

FAMILIAR: Final = {
    FindingKind.EXTERNAL_REFERENCES_URI: frozenset((b"URI",)),
    FindingKind.GOTO_REMOTE: frozenset((b"GoToR", b"GoToE")),
}
"""Names of links. A file may hold a million of them, which all mean the same: once so many are
reported as there may be, they are passed like any other object."""
_RUN = frozenset(ACTIONS.values())


class Sightings:
    """What was seen in the objects of one file.

    Attributes:
        told: What is reported.
        familiar: Names that do not make an object interesting any more.
        crowded: Whether there was more than is remembered.
    """

    def __init__(self) -> None:
        self.told: list[Sighting] = []
        self.familiar: frozenset[bytes] = frozenset()
        self.crowded = False
        self._new: list[Sighting] = []
        self._counts: Counter[tuple[FindingKind, Trigger | None]] = Counter()
        self._by_object: dict[int, list[Sighting]] = {}
        self._untold = 0

    def __bool__(self) -> bool:
        return bool(self._by_object)

    def __contains__(self, number: int) -> bool:
        """Whether anything was seen in an object."""
        return number in self._by_object

    def add(self, sighting: Sighting) -> bool:
        """Tell a sighting, unless there are too many like it; return whether it is told."""
        told = self._tell(sighting)
        if sighting.object is not None and (told or self._may_become_worse(sighting)):
            self._by_object.setdefault(sighting.object, []).append(sighting)
        return told

    def take_new(self) -> list[Sighting]:
        """Return what has been told, or has become worse, since the last call."""
        new, self._new = self._new, []
        return new

    def run_by(self, number: int, trigger: Trigger | None) -> None:
        """Learn what runs the actions of an object."""
        for sighting in self._by_object.get(number, ()):
            if sighting.kind in _RUN and stronger(sighting.trigger, trigger) != sighting.trigger:
                sighting.trigger = trigger
                if sighting.told:
                    self._new.append(sighting)
                else:
                    self._tell(sighting)

    def _tell(self, sighting: Sighting) -> bool:
        key = (sighting.kind, sighting.trigger)
        self._counts[key] += 1
        if self._counts[key] > MAX_EACH:
            return False
        if self._counts[key] == MAX_EACH and sighting.trigger in (Trigger.CLICK, None):
            self.familiar |= FAMILIAR.get(sighting.kind, frozenset())
        sighting.told = True
        self.told.append(sighting)
        self._new.append(sighting)
        return True

    def _may_become_worse(self, sighting: Sighting) -> bool:
        """Whether to remember what is not told: others must not hide what runs by itself."""
        if sighting.kind not in _RUN:
            return False
        if self._untold == MAX_UNTOLD:
            self.crowded = True
            return False
        self._untold += 1
        return True
