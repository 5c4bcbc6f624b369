"""An event sink that remembers, for tests."""

import asyncio
from typing import TypeVar

from pdfsluice.core.models.events import Event

EventT = TypeVar("EventT", bound=Event)


class RecordingSink:
    """A sink that keeps all events it receives.

    Attributes:
        events: The events so far, oldest first.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._came = asyncio.Condition()

    async def handle(self, event: Event) -> None:
        """Keep an event."""
        async with self._came:
            self.events.append(event)
            self._came.notify_all()

    def of(self, kind: type[EventT]) -> list[EventT]:
        """Return the events of one type so far."""
        return [event for event in self.events if isinstance(event, kind)]

    async def wait_for(self, kind: type[EventT], count: int = 1) -> list[EventT]:
        """Return the events of one type as soon as there are so many; never times out."""
        async with self._came:
            await self._came.wait_for(lambda: len(self.of(kind)) >= count)
            return self.of(kind)
