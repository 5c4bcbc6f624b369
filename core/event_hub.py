"""Hands events to sinks; a slow sink loses its oldest events and slows nobody."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from .events import Event
from .plugins.ports.sinks import EventSinkSpec

logger = logging.getLogger(__name__)


class _Outlet:
    """One sink with its queue."""

    def __init__(self, spec: EventSinkSpec) -> None:
        self.spec = spec
        self.waiting: deque[Event] = deque(maxlen=spec.capacity)
        self.ready = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()

    def put(self, event: Event) -> None:
        self.waiting.append(event)
        self.idle.clear()
        self.ready.set()

    async def run(self) -> None:
        while True:
            await self.ready.wait()
            self.ready.clear()
            while self.waiting:
                await self._handle(self.waiting.popleft())
            self.idle.set()

    async def _handle(self, event: Event) -> None:
        try:
            await self.spec.sink.handle(event)
        except Exception:
            logger.exception("event sink %r failed on %s", self.spec.name, type(event).__name__)


class EventHub:
    """Fans events out; ``publish`` never waits and is called on the event loop only."""

    def __init__(self) -> None:
        self._outlets: list[_Outlet] = []

    def publish(self, event: Event) -> None:
        """Tell all sinks of an event."""
        for outlet in self._outlets:
            outlet.put(event)

    @asynccontextmanager
    async def running(self, specs: Sequence[EventSinkSpec]) -> AsyncIterator[None]:
        """Serve the sinks; on leaving, what is still queued is handed over first."""
        self._outlets = [_Outlet(spec) for spec in specs]
        tasks = [asyncio.create_task(outlet.run()) for outlet in self._outlets]
        try:
            yield
        finally:
            await self._flush()
            self._outlets = []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _flush(self, patience: float = 2.0) -> None:
        try:
            async with asyncio.timeout(patience):
                await asyncio.gather(*(outlet.idle.wait() for outlet in self._outlets))
        except TimeoutError:
            logger.warning("an event sink is too slow; its last events are dropped")
