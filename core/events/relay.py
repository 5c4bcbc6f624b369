"""Passes the events of uploads to the clients that watch at other nodes."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields, replace

import orjson

from pdfsluice.core.background import background
from pdfsluice.core.models.encoding import read_findings, to_json
from pdfsluice.core.models.events import (
    ChunkProgress,
    Event,
    FindingsReported,
    UploadProgress,
    UploadStatus,
)
from pdfsluice.core.plugins.ports.cluster import Cluster, Hint, HintKind

from .hub import EventHub

logger = logging.getLogger(__name__)

_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind for kind in (UploadProgress, ChunkProgress, UploadStatus, FindingsReported)
}
_MAX_FINDINGS = 4
"""Findings in one message: those of PostgreSQL have less than 8,000 bytes."""
_WATCH_SECONDS = 60.0
_WATCH_INTERVAL = 20.0
_LOOK_INTERVAL = 0.5
"""Seconds between two looks at whether clients watch here."""
_RECENT_SECONDS = 1.5
"""More than passes until this node is notified that clients watch at another one."""
_MAX_RECENT = 1000


class EventRelay:
    """The exchange of events between this node and the others.

    Events are sent only while a client watches anything at another node. States of uploads and
    findings of the last moments are sent when a client begins to: it has read how its uploads
    stood, and misses nothing that happened since.

    Args:
        events: The hub of this node.
        cluster: The other nodes.
        recent_seconds: Age of the oldest event that is sent when clients begin to watch.
    """

    def __init__(
        self, events: EventHub, cluster: Cluster, *, recent_seconds: float = _RECENT_SECONDS
    ) -> None:
        self._events = events
        self._cluster = cluster
        self._recent_seconds = recent_seconds
        self._watched_until = 0.0
        self._recent: deque[tuple[float, Event]] = deque(maxlen=_MAX_RECENT)
        events.forward = self._forward
        cluster.subscribe(self._received)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Report to other nodes whether clients watch here, until the context is left."""
        async with background({"report of watching clients": self._report}):
            yield

    async def _report(self) -> None:
        reported = -_WATCH_INTERVAL
        while True:
            await asyncio.sleep(_LOOK_INTERVAL)
            if not self._cluster.shared or not self._events.wants_remote:
                reported = -_WATCH_INTERVAL
            elif time.monotonic() - reported >= _WATCH_INTERVAL:
                reported = time.monotonic()
                self._cluster.notify(Hint(HintKind.WATCHED))

    def _forward(self, event: Event) -> None:
        if not self._cluster.shared or type(event).__name__ not in _KINDS:
            return
        now = time.monotonic()
        if now <= self._watched_until:
            self._relay(event)
        elif not event.superseded:
            self._recent.append((now, event))

    def _relay(self, event: Event) -> None:
        if isinstance(event, FindingsReported):
            for start in range(0, len(event.findings), _MAX_FINDINGS):
                self._send(replace(event, findings=event.findings[start : start + _MAX_FINDINGS]))
        else:
            self._send(event)

    def _send(self, event: Event) -> None:
        text = to_json({"kind": type(event).__name__, "event": event}).decode()
        self._cluster.notify(Hint(HintKind.EVENT, text=text))

    def _received(self, hint: Hint) -> None:
        if hint.kind is HintKind.WATCHED:
            self._note_watching(time.monotonic())
        elif hint.kind is HintKind.EVENT and self._events.wants_remote:
            event = read_event(hint.text)
            if event is not None:
                self._events.deliver(event)

    def _note_watching(self, now: float) -> None:
        self._watched_until = now + _WATCH_SECONDS
        while self._recent:
            happened_at, event = self._recent.popleft()
            if now - happened_at <= self._recent_seconds:
                self._relay(event)


def read_event(text: str) -> Event | None:
    """Return an event of another node; ``None`` if this version does not know it."""
    try:
        message = orjson.loads(text)
        kind, values = _KINDS[message["kind"]], message["event"]
        if kind is FindingsReported:
            values["findings"] = read_findings(values["findings"])
        names = {field.name for field in fields(kind)}
        return kind(**{name: value for name, value in values.items() if name in names})
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError, AttributeError) as error:
        logger.warning("an event of another node cannot be read: %s", error)
        return None
