"""What handlers find in the application and in the request."""

from aiohttp import web

from pdfsluice.core.models.sessions import Principal
from pdfsluice.core.runtime.runtime import Runtime

from .connection_limits import Connections
from .metrics import Metrics

RUNTIME = web.AppKey("RUNTIME", Runtime)
"""Settings, services and events of this server."""

PRINCIPAL = web.RequestKey("PRINCIPAL", Principal)
"""The caller; set for every request that needs a key."""

REQUEST_ID = web.RequestKey("REQUEST_ID", str)
"""Names the request in answers and in log lines."""

CONNECTIONS = web.AppKey("CONNECTIONS", Connections)
"""Counts the requests of each account that are being answered."""

METRICS = web.AppKey("METRICS", Metrics)
"""Counts requests and events."""
