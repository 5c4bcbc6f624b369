"""Hands events to sinks; a slow sink delays no other sink and no upload."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from pdfsluice.core.background import background
from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.models.events import Event
from pdfsluice.core.plugins.ports.sinks import EventSinkSpec

logger = logging.getLogger(__name__)

_FLUSH_TIMEOUT_SECONDS = 2.0
"""How long sinks may take for their queued events when the hub stops."""


class _Queue:
    """The events that wait for one sink.

    A full queue drops the oldest event that a later one supersedes. Only if it holds none
    does it drop the oldest of the others.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._size = 0
        self._number = 0
        self._superseded: deque[tuple[int, Event]] = deque()
        self._lasting: deque[tuple[int, Event]] = deque()

    def put(self, event: Event) -> bool:
        """Append an event; return whether another one was dropped for it."""
        self._number += 1
        queue = self._superseded if event.superseded else self._lasting
        queue.append((self._number, event))
        if self._size < self._capacity:
            self._size += 1
            return False
        (self._superseded or self._lasting).popleft()
        return True

    def get(self) -> Event | None:
        """Remove and return the oldest event; ``None`` if there is none."""
        if not self._size:
            return None
        self._size -= 1
        superseded, lasting = self._superseded, self._lasting
        is_lasting = not superseded or (lasting and lasting[0][0] < superseded[0][0])
        return (lasting if is_lasting else superseded).popleft()[1]


class _Outlet:
    """One sink with its queue.

    Args:
        label: The sink and its distribution, for logs.

    Attributes:
        kinds: The kinds of events that the sink receives; ``None`` for all.
        dropped: How many events were dropped because the sink was too slow.
    """

    def __init__(self, spec: EventSinkSpec, label: str) -> None:
        self.spec = spec
        self.kinds = spec.events
        self.label = label
        self.dropped = 0
        self.idle = asyncio.Event()
        self.idle.set()
        self._queue = _Queue(spec.capacity)
        self._ready = asyncio.Event()
        self._is_behind = False

    def put(self, event: Event) -> None:
        if self._queue.put(event):
            self.dropped += 1
            if not self._is_behind:
                self._is_behind = True
                logger.warning("%s is too slow; events are dropped", self.label)
        if not self._ready.is_set():
            self.idle.clear()
            self._ready.set()

    async def run(self) -> None:
        while True:
            while (event := self._queue.get()) is not None:
                await self._handle(event)
            self._is_behind = False
            self.idle.set()
            await self._ready.wait()
            self._ready.clear()

    async def _handle(self, event: Event) -> None:
        try:
            await self.spec.sink.handle(event)
        except PdfsluiceError as error:
            logger.warning("%s did not handle an event: %s", self.label, error.message)
        except Exception:
            logger.exception("%s failed on %s", self.label, type(event).__name__)


class EventHub:
    """A fan-out of events; ``publish`` never waits and runs on the event loop only.

    Attributes:
        forward: Called with each event that happened here, if there are other nodes.
    """

    def __init__(self) -> None:
        self._outlets: list[_Outlet] = []
        self.forward: Callable[[Event], None] | None = None

    def publish(self, event: Event) -> None:
        """Send an event to all sinks that receive its kind."""
        kind = type(event)
        for outlet in self._outlets:
            if outlet.kinds is None or kind in outlet.kinds:
                outlet.put(event)
        if self.forward is not None:
            self.forward(event)

    def deliver(self, event: Event) -> None:
        """Send an event that happened at another node to the sinks that want it."""
        for outlet in self._outlets:
            wanted = outlet.kinds is None or type(event) in outlet.kinds
            if wanted and outlet.spec.remote is not None and outlet.spec.remote():
                outlet.put(event)

    @property
    def wants_remote(self) -> bool:
        """Whether a sink wants the events of other nodes now."""
        specs = (outlet.spec for outlet in self._outlets)
        return any(spec.remote is not None and spec.remote() for spec in specs)

    @property
    def dropped(self) -> Mapping[str, int]:
        """How many events each sink has missed, by the sink's name."""
        return {outlet.spec.name: outlet.dropped for outlet in self._outlets}

    @asynccontextmanager
    async def running(
        self, specs: Sequence[EventSinkSpec], label: Callable[[str], str] = "event sink {!r}".format
    ) -> AsyncIterator[None]:
        """Serve the sinks; on leaving, they receive what is still queued.

        Args:
            specs: The sinks.
            label: Returns a sink and its distribution, for logs, given the sink's name.
        """
        self._outlets = [_Outlet(spec, label(spec.name)) for spec in specs]
        works = {outlet.label: outlet.run for outlet in self._outlets}
        async with background(works, restart_seconds=0.1):
            try:
                yield
            finally:
                await self._flush()
                self._outlets = []

    async def _flush(self) -> None:
        try:
            async with asyncio.timeout(_FLUSH_TIMEOUT_SECONDS):
                await asyncio.gather(*(outlet.idle.wait() for outlet in self._outlets))
        except TimeoutError:
            for outlet in self._outlets:
                if not outlet.idle.is_set():
                    logger.warning("%s is too slow; its last events are dropped", outlet.label)
