"""What a runtime is made of: parts of plugins, stores, threads, events; all open."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from pdfsluice.config import Loaded, Settings
from pdfsluice.core.analytics.keeper import AnalyticsKeeper
from pdfsluice.core.directories import ensure_durable
from pdfsluice.core.events.hub import EventHub
from pdfsluice.core.events.relay import EventRelay
from pdfsluice.core.plugins.loop_clock import LoopClock
from pdfsluice.core.plugins.loop_guarding import guard
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.opening import open_authenticators, open_parts
from pdfsluice.core.plugins.part_tasks import PartTasks
from pdfsluice.core.plugins.parts import Part, PartCounts
from pdfsluice.core.plugins.ports.cluster import NodeIdentity
from pdfsluice.core.plugins.ports.policy import Policy
from pdfsluice.core.plugins.registry import Registry, choose
from pdfsluice.core.threads import Workers

from .registry import build_registry
from .stores import OpenedStores, opened_stores


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeBase:
    """The base of a runtime.

    Attributes:
        settings: The settings.
        manager: The plugins.
        registry: Their parts, open and guarded.
        parts: How each part has behaved.
        clock: Measures how long parts hold the event loop.
        events: The hub through which events are published.
        workers: Threads for the bytes of uploads.
        stores: Where uploads and documents live.
        analytics: Records of ended uploads.
    """

    settings: Settings
    manager: PluginManager
    registry: Registry
    parts: Mapping[Part, PartCounts]
    clock: LoopClock
    events: EventHub
    workers: Workers
    stores: OpenedStores
    analytics: AnalyticsKeeper

    @property
    def policy(self) -> Policy:
        """The policy that the settings name."""
        return choose("policies", self.registry.policies, self.settings.policy).policy


@asynccontextmanager
async def opened_base(
    loaded: Loaded, manager: PluginManager, node: NodeIdentity
) -> AsyncIterator[RuntimeBase]:
    """Open the base of a runtime: the parts of plugins, then stores, then events.

    Raises:
        PluginError: A plugin is at fault, or a setting names a part that no plugin registered.
    """
    settings = loaded.settings
    events = EventHub()
    clock = LoopClock()
    registry, parts = guard(
        build_registry(loaded, manager, events, worker=node.number),
        clock=clock,
        timeouts=_time_limits(settings),
    )
    async with AsyncExitStack() as stack:
        if not all(part.plugin.built_in for part in parts):
            await stack.enter_async_context(PartTasks(clock).watched())
        await asyncio.to_thread(_make_folders, settings)
        registry = await stack.enter_async_context(open_parts(registry))
        workers = Workers(settings.worker_threads)
        stack.callback(workers.close)
        stores = await stack.enter_async_context(opened_stores(settings, manager, registry, node))
        registry = await stack.enter_async_context(
            open_authenticators(registry, stores.sessions, stores.cluster)
        )
        analytics = AnalyticsKeeper(stores.sessions, retention=settings.analytics_retention)
        await stack.enter_async_context(analytics.running())
        sinks = (*registry.event_sinks, *analytics.sinks)
        await stack.enter_async_context(
            events.running(sinks, partial(registry.label, "event_sinks"))
        )
        await stack.enter_async_context(EventRelay(events, stores.cluster).running())
        yield RuntimeBase(
            settings=settings,
            manager=manager,
            registry=registry,
            parts=parts,
            clock=clock,
            events=events,
            workers=workers,
            stores=stores,
            analytics=analytics,
        )


def _make_folders(settings: Settings) -> None:
    for folder in (settings.data_dir, settings.upload_dir, settings.state_dir):
        ensure_durable(folder)


def _time_limits(settings: Settings) -> Mapping[str, float]:
    """Return the limits of awaited calls in seconds; see :func:`.guarding.guard`."""
    return {
        "authenticators": settings.authenticator_timeout.total_seconds(),
        "gates": settings.gate_timeout.total_seconds(),
        "completion_stages": settings.completion_stage_timeout.total_seconds(),
        "page_renderers": settings.renderer_timeout.total_seconds(),
        "text_recognizers.obstacle": settings.renderer_timeout.total_seconds(),
        "indexes.search": settings.search_timeout.total_seconds(),
        "link_signers": settings.link_signer_timeout.total_seconds(),
    }
