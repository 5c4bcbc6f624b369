"""Who listens: receivers of the events of uploads and documents."""

from dataclasses import dataclass
from typing import Protocol

from pdfsluice.core.events import Event

from .opening import UNOPENED, Opener


class EventSink(Protocol):
    """Hears of everything that happens. Called by one task; may take its time."""

    async def handle(self, event: Event) -> None:
        """Take one event. Raising is logged and does not disturb anybody else."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSinkSpec:
    """Registers an event sink.

    Attributes:
        sink: The sink; told of every event.
        capacity: How many events may wait for the sink; past it the oldest are dropped.
        open: Opens the sink when the program starts and closes it when the program ends;
            given in place of ``sink`` if the sink holds processes or connections.
    """

    name: str
    sink: EventSink = UNOPENED
    open: Opener[EventSink] | None = None
    capacity: int = 1000
