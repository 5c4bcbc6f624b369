"""Information for operators: limits, plugins, memory and metrics."""

from collections import defaultdict
from collections.abc import Callable, Iterator

from aiohttp import web
from pydantic import BaseModel, Field

from pdfsluice.core.models.sessions import Scope
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.server.metrics import Metrics, read_metrics
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.parsing import NoQuery, read_query

from .memory import peak_memory_mb, used_memory_mb
from .responses.views import respond
from .uploads import PREFIX

_MIB = 1024 * 1024
_TAG = "Operations"


class StatsView(BaseModel):
    """Memory, temporary files and uploads."""

    active_sessions: int
    memory_usage_mb: float
    peak_memory_mb: float
    temp_files_count: int
    temp_files_size_mb: float
    concurrent_uploads: int
    memory_limit_mb: float
    disk_space_available_mb: float


class LimitsView(BaseModel):
    """Limits that clients need to know."""

    max_file_size: int
    chunk_size: int
    max_chunk_size: int
    max_concurrent_uploads: int


class InfoView(BaseModel):
    """What this server is."""

    name: str
    version: str
    authentication_required: bool
    limits: LimitsView
    policy: str = Field(description="Its name, and its preset if it has one.")


class PluginView(BaseModel):
    """A loaded plugin."""

    name: str
    distribution: str
    version: str
    module: str


class PluginsView(BaseModel):
    """What is loaded, and in which order the parts act."""

    plugins: list[PluginView]
    parts: dict[str, list[str]]


class Operations:
    """Handlers for operators.

    Args:
        runtime: The running server.
        metrics: The metrics of this server.
        watchers: Returns the number of open WebSockets.
        version: Version of the distribution.
    """

    def __init__(
        self, runtime: Runtime, metrics: Metrics, watchers: Callable[[], int], *, version: str
    ) -> None:
        self._runtime = runtime
        self._settings = runtime.settings
        self._metrics = metrics
        self._watchers = watchers
        self._version = version

    def routes(self) -> Iterator[Route]:
        """Return the routes for operators."""
        yield Route(
            method="GET",
            path="/api/info",
            handler=self.info,
            scopes=(),
            summary="Show what this server is",
            tag=_TAG,
            answers={200: Answer("What it is.", InfoView)},
        )
        yield Route(
            method="GET",
            path="/api/plugins",
            handler=self.plugins,
            scopes=(Scope.READ,),
            summary="List plugins and their parts",
            tag=_TAG,
            answers={200: Answer("What is loaded.", PluginsView)},
        )
        yield Route(
            method="GET",
            path=f"{PREFIX}/memory-stats",
            handler=self.stats,
            scopes=(Scope.READ, Scope.UPLOAD),
            summary="Show memory use",
            tag=_TAG,
            answers={200: Answer("The numbers.", StatsView)},
        )
        yield Route(
            method="GET",
            path="/metrics",
            handler=self.metrics,
            scopes=(Scope.METRICS,),
            summary="Return metrics for Prometheus",
            tag=_TAG,
            answers={200: Answer("In the text format.", media="text/plain")},
        )

    async def info(self, request: web.Request) -> web.StreamResponse:
        """Return the limits, and whether a key is needed."""
        read_query(request, NoQuery)
        settings = self._settings
        limits = LimitsView(
            max_file_size=settings.max_file_size,
            chunk_size=settings.chunk_size,
            max_chunk_size=settings.max_chunk_size,
            max_concurrent_uploads=settings.max_concurrent_uploads,
        )
        return respond(
            InfoView(
                name="pdfsluice",
                version=self._version,
                authentication_required=self._runtime.authentication_required,
                limits=limits,
                policy=self._runtime.policy.title,
            )
        )

    async def plugins(self, request: web.Request) -> web.StreamResponse:
        """Return the plugins in loading order and their parts in the order of work."""
        read_query(request, NoQuery)
        parts: defaultdict[str, list[str]] = defaultdict(list)
        for part in self._runtime.registry.parts:
            parts[part.kind].append(part.name)
        plugins = [
            PluginView(
                name=info.name,
                distribution=info.distribution,
                version=info.version,
                module=info.module,
            )
            for info in self._runtime.manager.plugins
        ]
        return respond(PluginsView(plugins=plugins, parts=dict(parts)))

    async def stats(self, request: web.Request) -> web.StreamResponse:
        """Return memory, temporary files and free space, in MiB."""
        read_query(request, NoQuery)
        stats = await self._runtime.uploads.stats()
        used = used_memory_mb()
        return respond(
            StatsView(
                active_sessions=stats.active_sessions,
                memory_usage_mb=used,
                peak_memory_mb=max(used, peak_memory_mb()),  # the system counts late
                temp_files_count=stats.store.partial_count,
                temp_files_size_mb=round(stats.store.partial_bytes / _MIB, 1),
                concurrent_uploads=stats.receiving_uploads,
                memory_limit_mb=self._settings.memory_limit_mb,
                disk_space_available_mb=round(stats.store.available_bytes / _MIB, 1),
            )
        )

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """Return the metrics that ``docs/reference/metrics.md`` lists."""
        read_query(request, NoQuery)
        return await read_metrics(self._metrics, self._runtime, watchers=self._watchers())
