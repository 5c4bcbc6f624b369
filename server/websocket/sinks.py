"""The event sinks of a server, as a plugin that it registers with itself."""

from collections.abc import Sequence
from importlib.metadata import version

from aiohttp import web

from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.parts import DISTRIBUTION, PluginInfo
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.sinks import EventSinkSpec
from pdfsluice.server.metrics import COUNTED_EVENTS, Metrics

from .subscribers import Subscribers

SUBSCRIBERS = web.AppKey("SUBSCRIBERS", Subscribers)
"""The open WebSockets of an application."""

_MAX_QUEUED_EVENTS = 10_000


class LiveSinks:
    """The event sinks ``websocket`` and ``metrics``.

    Attributes:
        subscribers: Send events to WebSockets.
        metrics: Count them.
    """

    def __init__(self) -> None:
        self.subscribers = Subscribers()
        self.metrics = Metrics()

    @classmethod
    def register(cls, manager: PluginManager) -> "LiveSinks":
        """Make the sinks and register them, before the runtime is opened."""
        sinks = cls()
        info = PluginInfo("live", __name__, DISTRIBUTION, version(DISTRIBUTION))
        manager.register(sinks, info)
        return sinks

    @hookimpl
    def pdfsluice_register_event_sinks(self, context: PluginContext) -> Sequence[EventSinkSpec]:
        """Register both sinks."""
        del context
        return (
            EventSinkSpec(
                name="websocket",
                sink=self.subscribers,
                events=self.subscribers.events,
                capacity=_MAX_QUEUED_EVENTS,
                remote=lambda: len(self.subscribers) > 0,
            ),
            EventSinkSpec(
                name="metrics",
                sink=self.metrics,
                events=COUNTED_EVENTS,
                capacity=_MAX_QUEUED_EVENTS,
            ),
        )
