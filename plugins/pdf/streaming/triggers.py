"""The triggers of objects, passed along references between objects."""

from collections.abc import Callable, Iterable, Iterator

from pdfsluice.core import BY_ITSELF, FindingKind, Trigger
from pdfsluice.plugins.pdf.vocabulary import RawFinding

MAX_LINKS = 20_000
"""References remembered, so that memory stays bounded."""

_RANK = {
    Trigger.OPEN: 8,
    Trigger.NAMED: 7,
    Trigger.PAGE: 6,
    Trigger.CLOSE: 5,
    Trigger.PRINT: 4,
    Trigger.SAVE: 3,
    Trigger.FIELD: 2,
    Trigger.CLICK: 1,
}


def stronger(one: Trigger | None, other: Trigger | None) -> Trigger | None:
    """Return the trigger that needs less action by the reader."""
    if one is None or other is None:
        return one or other
    return one if _RANK[one] >= _RANK[other] else other


class Triggers:
    """The propagation of triggers along references as those become known.

    Args:
        changed: Called with the number of an object whose trigger became known or stronger.
        wanted: Numbers of objects that are run by anything but a click are added to it.

    Attributes:
        full: Whether there are more references than are remembered.
    """

    def __init__(self, changed: Callable[[int], None], wanted: set[int]) -> None:
        self._changed = changed
        self._wanted = wanted
        self._known: dict[int, Trigger] = {}
        self._heirs: dict[int, list[int]] = {}
        self._links = 0
        self.full = False

    def get(self, number: int) -> Trigger | None:
        """Return the trigger of an object, if it is known."""
        return self._known.get(number)

    def items(self) -> Iterable[tuple[int, Trigger]]:
        """Return the known triggers by object number."""
        return self._known.items()

    def set(self, number: int, trigger: Trigger) -> None:
        """Set the trigger of an object and of the objects that it refers to."""
        waiting = [number]
        while waiting:
            current = waiting.pop()
            earlier = self._known.get(current)
            if stronger(earlier, trigger) is earlier:
                continue
            if earlier is None:
                self._links += 1
                if self._links > MAX_LINKS:
                    self.full = True
                    continue
            self._known[current] = trigger
            if trigger is not Trigger.CLICK:
                self._wanted.add(current)
            self._changed(current)
            waiting.extend(self._heirs.get(current, ()))

    def inherit(self, number: int, heir: int) -> None:
        """Give object ``heir`` the trigger of object ``number``, now and in future."""
        if self._links < MAX_LINKS:
            self._links += 1
            self._heirs.setdefault(number, []).append(heir)
        else:
            self.full = True
        if (trigger := self._known.get(number)) is not None:
            self.set(heir, trigger)


def unknown_runs(
    triggers: Triggers, is_unknown: Callable[[int], bool], reason: str
) -> Iterator[RawFinding]:
    """Yield a finding for each trigger that runs something unknown.

    Args:
        triggers: What runs which object.
        is_unknown: Returns whether it is not known what the object with a number is.
        reason: Why it is not known, for programs.
    """
    unknown: dict[Trigger, int] = {}
    for number, trigger in triggers.items():
        if trigger in BY_ITSELF and is_unknown(number):
            unknown.setdefault(trigger, number)
    for trigger, number in unknown.items():
        yield RawFinding(
            kind=FindingKind.UNREAD,
            object=number,
            trigger=trigger,
            hidden=True,
            message="Something runs by itself, and what it is could not be read",
            details={"reason": reason},
        )
