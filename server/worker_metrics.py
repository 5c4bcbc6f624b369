"""The metrics of a worker, for a Prometheus or an agent on the same machine."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from aiohttp import web

from pdfsluice.core import EventSinkSpec, PluginContext, hookimpl
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.parts import DISTRIBUTION, PluginInfo
from pdfsluice.core.runtime.runtime import Runtime

from .metrics import COUNTED_EVENTS, Metrics, read_metrics
from .process import listening

_HOST = "127.0.0.1"


class WorkerMetrics:
    """The event sink ``metrics`` of a process that serves nothing else."""

    def __init__(self) -> None:
        self._metrics = Metrics()

    @classmethod
    def register(cls, manager: PluginManager) -> "WorkerMetrics":
        """Make the sink and register it, before the runtime is opened."""
        metrics = cls()
        info = PluginInfo("metrics", __name__, DISTRIBUTION, version(DISTRIBUTION))
        manager.register(metrics, info)
        return metrics

    @hookimpl
    def pdfsluice_register_event_sinks(self, context: PluginContext) -> Sequence[EventSinkSpec]:
        """Register the sink."""
        del context
        return [EventSinkSpec(name="metrics", sink=self._metrics, events=COUNTED_EVENTS)]

    @asynccontextmanager
    async def served(self, runtime: Runtime, port: int) -> AsyncIterator[None]:
        """Answer ``GET /metrics`` on the loopback address until the context is left.

        No key is asked for: only programs on this machine reach it.

        Raises:
            CannotServe: The port is taken.
        """
        self._metrics.watch(runtime.parts, runtime.events)

        async def answer(_request: web.Request) -> web.StreamResponse:
            return await read_metrics(self._metrics, runtime)

        app = web.Application()
        app.router.add_get("/metrics", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            with listening(_HOST, port):
                await web.TCPSite(runner, _HOST, port).start()
            yield
        finally:
            await runner.cleanup()
