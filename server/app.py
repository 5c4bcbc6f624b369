"""The application: all routes, on one runtime."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Final

from aiohttp import web

from pdfsluice.config import Loaded
from pdfsluice.core import errors
from pdfsluice.core.models.jobs import JobKind
from pdfsluice.core.plugins.manager import PluginManager
from pdfsluice.core.plugins.parts import DISTRIBUTION
from pdfsluice.core.plugins.ports.cluster import NodeIdentity
from pdfsluice.core.runtime.runtime import Runtime, open_runtime
from pdfsluice.core.uploads.service import UploadStats

from . import problems, routes
from .api.analytics import AnalyticsHandlers
from .api.cached import Cached
from .api.chunks import Chunks
from .api.direct import DirectChunks
from .api.documents import Documents
from .api.health import Health
from .api.jobs import JobHandlers
from .api.nodes import NodeHandlers
from .api.pages import Pages
from .api.quarantine import QuarantineList
from .api.quotas import QuotaHandlers
from .api.rates import RateHandlers
from .api.reference_page import Manual, kinds_of_errors
from .api.stats import Operations
from .api.uploads import Uploads
from .api.versions import Versions
from .app_keys import CONNECTIONS, METRICS, RUNTIME
from .connection_limits import Connections
from .mcp.endpoint import ModelContext
from .middleware import (
    ORIGINS,
    REQUEST_RATES,
    add_headers,
    answer_errors,
    control_access,
    identify,
    measure,
)
from .page import assets
from .protocols.resumable import handlers as ietf
from .protocols.resumable import responses as ietf_responses
from .protocols.tus import dispatch as tus_dispatch
from .protocols.tus import handlers as tus
from .request_rates import RequestRates
from .transport.mounting import with_prefix
from .transport.origins import Origins
from .transport.receiver import BUFFERS, Buffers
from .websocket.endpoint import Endpoint
from .websocket.sinks import SUBSCRIBERS, LiveSinks

_SINGLE = NodeIdentity()

HEALTH = web.AppKey("HEALTH", Health)
"""Knows whether uploads can be received."""

ERRORS: Final = kinds_of_errors((errors, problems, tus, tus_dispatch, ietf_responses))
"""The class of every error code that an answer may have."""


def create_app(runtime: Runtime, sinks: LiveSinks) -> web.Application:
    """Return the application for a runtime that is open.

    Args:
        runtime: Everything except the protocols.
        sinks: Receive its events; registered before the runtime was opened.
    """
    own_version = version(DISTRIBUTION)
    root_path = runtime.settings.root_path
    app = web.Application(middlewares=[identify, measure, answer_errors, control_access])
    app[RUNTIME] = runtime
    app[BUFFERS] = Buffers(int(runtime.settings.slice_size))
    app[METRICS] = sinks.metrics
    app[SUBSCRIBERS] = sinks.subscribers
    sinks.metrics.watch(runtime.parts, runtime.events)
    app[REQUEST_RATES] = RequestRates(
        runtime.settings.request_rate,
        runtime.settings.request_burst,
        time.monotonic,
        lambda: runtime.node_rates.clocks,
    )
    app[CONNECTIONS] = Connections(runtime.quotas.max_connections)
    app[ORIGINS] = Origins(
        allowed=runtime.settings.cors_origins,
        keys_required=runtime.authentication_required,
        host=runtime.settings.host,
        public=runtime.settings.public_url.removesuffix(root_path),
    )
    app.on_response_prepare.append(add_headers)
    if root_path:
        app.on_response_prepare.append(with_prefix(root_path))
    documents = Documents(runtime)

    async def read_stats() -> UploadStats:
        return await runtime.uploads.stats()

    stats = Cached(read_stats)
    routes.prepare(app)
    subscribers = sinks.subscribers
    operations = Operations(
        runtime, sinks.metrics, watchers=lambda: len(subscribers), version=own_version
    )
    routes.add(app, operations.routes())
    health = Health(runtime, stats, version=own_version)
    app[HEALTH] = health
    routes.add(app, health.routes())
    routes.add(app, Chunks(runtime).routes())
    routes.add(app, DirectChunks(runtime).routes())
    routes.add(app, Pages(runtime).routes())
    routes.add(app, Versions(runtime, documents).routes())
    routes.add(app, QuarantineList(runtime).routes())
    routes.add(app, QuotaHandlers(runtime, app[CONNECTIONS]).routes())
    routes.add(app, JobHandlers(runtime).routes())
    routes.add(app, NodeHandlers(runtime).routes())
    routes.add(app, RateHandlers(runtime).routes())
    routes.add(app, AnalyticsHandlers(runtime).routes())
    uploads = Uploads(runtime, documents, subscribers.follow)
    routes.add(app, uploads.routes())
    routes.add(app, documents.routes())
    routes.add(app, ModelContext(runtime).routes())
    routes.add(app, Endpoint(runtime, subscribers).routes())
    tus.add_routes(app)
    ietf.add_routes(app, uploads)
    table = app[routes.TABLE]
    routes.add(app, Manual(table, ERRORS, version=own_version, root_path=root_path).routes())
    routes.add_public(app, partial(assets.add_routes, root_path=root_path))
    return app


@asynccontextmanager
async def open_app(
    loaded: Loaded, manager: PluginManager, node: NodeIdentity = _SINGLE
) -> AsyncIterator[web.Application]:
    """Open a runtime and its application; on leaving, the runtime is closed.

    Raises:
        PluginError: A plugin is at fault, or a setting names a part that no plugin registered.
    """
    sinks = LiveSinks.register(manager)
    kinds = tuple(JobKind) if loaded.settings.server_jobs else ()
    async with open_runtime(loaded, manager, node=node, job_kinds=kinds) as runtime:
        yield create_app(runtime, sinks)
