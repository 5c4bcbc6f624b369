"""The port of event sinks: receivers of the events of uploads and documents."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from pdfsluice.core.models.events import Event

from .opening import UNOPENED, Opener


class EventSink(Protocol):
    """A receiver of events in a task of its own; a slow one delays nothing else."""

    async def handle(self, event: Event) -> None:
        """Handle one event. An exception is logged and affects no other sink."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSinkSpec:
    """Descriptor of an event sink.

    Attributes:
        sink: The sink.
        events: The kinds of events that it receives; all kinds without it. Others cost nothing.
            A set that the sink changes counts from the next event on.
        capacity: How many events may wait for the sink; beyond it the oldest are dropped.
        remote: Returns whether the sink wants to receive events of uploads that happened at other
            nodes now. Without it, a sink receives the events of its own node only, so that each
            event is handled once by all nodes together.
        open: Opens the sink when the program starts and closes it when the program ends;
            given in place of ``sink`` if the sink holds processes or connections.
    """

    name: str
    sink: EventSink = UNOPENED
    open: Opener[EventSink] | None = None
    events: Collection[type[Event]] | None = None
    capacity: int = 1000
    remote: Callable[[], bool] | None = None
