"""Numbers for Prometheus, fed by events and by the requests themselves."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Final

from aiohttp import web
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.models.events import (
    ChunkProgress,
    Event,
    FindingsReported,
    ImportEnded,
    MemoryWarning,
    UploadStatus,
)
from pdfsluice.core.plugins.parts import Part, PartCounts
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.core.uploads.service import UploadStats

from .transport.event_loop import FairEventLoop

COUNTED_EVENTS: Final = frozenset(
    {ChunkProgress, UploadStatus, FindingsReported, ImportEnded, MemoryWarning}
)
_ENDED: Final = frozenset({"completed", "rejected", "cancelled", "failed", "expired"})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)


class Metrics:
    """All metrics of one server, in a registry of its own; an event sink."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_TurnsOfTheLoop())
        self._counted_bytes = 0
        self._bytes = Counter(
            "pdfsluice_committed_bytes_total", "Bytes committed.", registry=registry
        )
        self._chunks = Counter("pdfsluice_chunks_total", "Chunks committed.", registry=registry)
        self._uploads = Counter(
            "pdfsluice_uploads_total",
            "Uploads that ended, by how.",
            ["status"],
            registry=registry,
        )
        self._findings = Counter(
            "pdfsluice_findings_total",
            "Findings, by kind and severity.",
            ["kind", "severity"],
            registry=registry,
        )
        self._imports = Counter(
            "pdfsluice_imports_total",
            "Imports of documents that ended, by how.",
            ["status"],
            registry=registry,
        )
        self._warnings = Counter(
            "pdfsluice_memory_warnings_total", "Memory warnings.", registry=registry
        )
        self._requests = Histogram(
            "pdfsluice_request_seconds",
            "Time to answer a request, its body included.",
            ["method", "route", "status"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._sessions = Gauge(
            "pdfsluice_sessions", "Unfinished upload sessions.", registry=registry
        )
        self._receiving = Gauge(
            "pdfsluice_receiving_uploads", "Uploads that receive bytes now.", registry=registry
        )
        self._watchers = Gauge("pdfsluice_watchers", "Open WebSockets.", registry=registry)
        self._partial = Gauge(
            "pdfsluice_partial_bytes", "Bytes of unfinished uploads.", registry=registry
        )
        self._available = Gauge(
            "pdfsluice_available_bytes", "Bytes that still fit.", registry=registry
        )
        self._damaged = Gauge(
            "pdfsluice_damaged_documents",
            "Documents whose file was found missing or damaged.",
            registry=registry,
        )
        self._strays = Gauge(
            "pdfsluice_files_without_document",
            "Stored files that belong to no document, at the last check.",
            registry=registry,
        )

    async def handle(self, event: Event) -> None:
        """Count an event."""
        match event:
            case ChunkProgress():
                self._chunks.inc()
            case UploadStatus(status=status, stage=stage) if status in _ENDED and stage == status:
                self._uploads.labels(status).inc()
            case FindingsReported(findings=findings):
                for finding in findings:
                    self._findings.labels(finding.kind, finding.severity.value).inc()
            case ImportEnded(state=state):
                self._imports.labels(state).inc()
            case MemoryWarning():
                self._warnings.inc()
            case _:
                pass

    def watch(self, parts: Mapping[Part, PartCounts], events: EventHub) -> None:
        """Include how parts of plugins behave, and what event sinks have missed."""
        self._registry.register(_Parts(parts, events))

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        label = method if method in _METHODS else "other"
        self._requests.labels(label, route, status).observe(seconds)

    def render(
        self, stats: UploadStats, *, watchers: int, damaged: int, strays: int
    ) -> tuple[bytes, str]:
        """Return all metrics in the text format, and its media type."""
        self._bytes.inc(stats.committed_bytes - self._counted_bytes)
        self._counted_bytes = stats.committed_bytes
        self._sessions.set(stats.active_sessions)
        self._receiving.set(stats.receiving_uploads)
        self._partial.set(stats.store.partial_bytes)
        self._available.set(stats.store.available_bytes)
        self._watchers.set(watchers)
        self._damaged.set(damaged)
        self._strays.set(strays)
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4


async def read_metrics(
    metrics: Metrics, runtime: Runtime, *, watchers: int = 0
) -> web.StreamResponse:
    """Return the answer to a request for the metrics of this process."""
    scrubber = runtime.scrubber
    body, content_type = metrics.render(
        await runtime.uploads.stats(),
        watchers=watchers,
        damaged=scrubber.damaged_documents,
        strays=scrubber.report.files_without_document,
    )
    return web.Response(body=body, headers={"Content-Type": content_type})


class _TurnsOfTheLoop(Collector):
    """How long the event loop took from one look at its sockets to the next."""

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the histogram, if the loop counts its turns."""
        loop = asyncio.get_running_loop()
        if isinstance(loop, FairEventLoop):
            turns = loop.turns
            bounds = (*map(str, turns.BOUNDS), "+Inf")
            yield HistogramMetricFamily(
                "pdfsluice_event_loop_turn_seconds",
                "Time from one look at the sockets to the next.",
                buckets=list(zip(bounds, accumulate(turns.counts), strict=True)),
                sum_value=turns.seconds,
            )


class _Parts(Collector):
    """Failures, holds of the event loop, tasks and missed events of each plugin part."""

    def __init__(self, parts: Mapping[Part, PartCounts], events: EventHub) -> None:
        self._parts = parts
        self._events = events

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yield a number for each kind of misbehaviour."""
        labels = ["kind", "part", "distribution"]
        failures = CounterMetricFamily(
            "pdfsluice_part_failures",
            "Exceptions of a plugin's part that are not pdfsluice's, and time limits it passed.",
            labels=labels,
        )
        holds = CounterMetricFamily(
            "pdfsluice_part_loop_holds",
            "Times a plugin's part held the event loop for over 100 ms.",
            labels=labels,
        )
        seconds = CounterMetricFamily(
            "pdfsluice_part_loop_held_seconds",
            "Time for which a plugin's part held the event loop in these times.",
            labels=labels,
        )
        tasks = GaugeMetricFamily(
            "pdfsluice_part_tasks",
            "Running tasks that a plugin's part has started.",
            labels=labels,
        )
        waiting = GaugeMetricFamily(
            "pdfsluice_part_calls_overdue",
            "Calls into a plugin's part without a time limit that have not returned for a minute.",
            labels=labels,
        )
        now = time.perf_counter()
        for part, counts in self._parts.items():
            names = [part.kind, part.name, part.plugin.distribution]
            failures.add_metric(names, counts.failures)
            holds.add_metric(names, counts.holds)
            seconds.add_metric(names, counts.held_seconds)
            tasks.add_metric(names, counts.tasks)
            waiting.add_metric(names, len(counts.overdue(now)))
        dropped = CounterMetricFamily(
            "pdfsluice_events_dropped",
            "Events that a slow event sink has missed.",
            labels=["sink"],
        )
        for sink, number in self._events.dropped.items():
            dropped.add_metric([sink], number)
        yield from (failures, holds, seconds, tasks, waiting, dropped)
