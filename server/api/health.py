"""Health, liveness and readiness of the server."""

import asyncio
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from aiohttp import web
from pydantic import BaseModel

from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.plugins.ports.stages import ReadinessCheck
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.core.uploads.service import UploadStats
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.parsing import NoQuery, read_query

from .cached import Cached
from .memory import MIB, used_memory_mb
from .responses.views import respond

logger = logging.getLogger(__name__)

_WARNING_SHARE = 0.8
_CHECK_TIMEOUT = 3.0
_MIN_STATE_SPACE = 1024 * 1024
"""Bytes that the disks of the stores need for a few transactions."""
_TAG = "Operations"
_OK = "ok"

Stats = Cached[UploadStats]


class HealthView(BaseModel):
    """Memory and uploads at a glance."""

    status: str
    memory_usage: float
    stage_memory: list[float]
    active_uploads: int
    version: str


class LiveView(BaseModel):
    """The process answers."""

    status: str


class ReadyView(BaseModel):
    """Whether the server can receive uploads, and what prevents it."""

    status: str
    checks: dict[str, str]


class Health:
    """Handlers for monitoring.

    Args:
        runtime: The running server.
        stats: Its numbers, cached.
        version: Version of the distribution.
    """

    def __init__(
        self,
        runtime: Runtime,
        stats: Stats,
        *,
        version: str,
    ) -> None:
        self._runtime = runtime
        self._settings = runtime.settings
        self._stats = stats
        self._version = version
        self._checks = Cached(self._run_checks)

    def routes(self) -> Iterator[Route]:
        """Return the routes."""
        yield Route(
            method="GET",
            path="/health",
            handler=self.health,
            scopes=(),
            summary="Show memory and uploads at a glance",
            tag=_TAG,
            answers={200: Answer("The numbers.", HealthView)},
        )
        yield Route(
            method="GET",
            path="/health/live",
            handler=self.live,
            scopes=(),
            summary="Report whether the process answers",
            tag=_TAG,
            answers={200: Answer("It does.", LiveView)},
        )
        yield Route(
            method="GET",
            path="/health/ready",
            handler=self.ready,
            scopes=(),
            summary="Report whether uploads can be received",
            tag=_TAG,
            answers={
                200: Answer("They can.", ReadyView),
                503: Answer("They cannot; the checks give the reason.", ReadyView),
            },
        )

    async def health(self, request: web.Request) -> web.StreamResponse:
        """Return memory in MiB and the receiving uploads; ``warning`` from 80 % on.

        ``stage_memory`` has the memory of each stage process.
        """
        read_query(request, NoQuery)
        stats = await self._stats.get()
        usage = used_memory_mb()
        high = usage >= _WARNING_SHARE * self._settings.memory_limit_mb
        return respond(
            HealthView(
                status="warning" if high else "healthy",
                memory_usage=usage,
                stage_memory=[
                    round(used / MIB, 1) for used in self._runtime.stages.memory_bytes().values()
                ],
                active_uploads=stats.receiving_uploads,
                version=self._version,
            )
        )

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Answer, which is the whole check."""
        read_query(request, NoQuery)
        return respond(LiveView(status="alive"))

    async def ready(self, request: web.Request) -> web.StreamResponse:
        """Check the stores, the disks and the parts of plugins; answers are a second old."""
        read_query(request, NoQuery)
        checks = await self._checks.get()
        ready = all(state == _OK for state in checks.values())
        view = ReadyView(status="ready" if ready else "unavailable", checks=dict(checks))
        return respond(view, status=200 if ready else 503)

    async def report(self) -> None:
        """Log what prevents the server from receiving uploads; nothing if it is ready."""
        for name, state in (await self._checks.get()).items():
            if state != _OK:
                logger.warning("uploads cannot be received yet: %s: %s", name, state)

    async def _run_checks(self) -> Mapping[str, str]:
        checks = {"stores": _OK, "disk": _OK}
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT):
                stats = await self._stats.get()
                checks["stores"] = await asyncio.to_thread(self._state_space)
        except Exception as error:  # noqa: BLE001 - a store that raises is not ready
            checks["stores"] = type(error).__name__
        else:
            checks["stores"] = stats.store.obstacle or checks["stores"]
            if stats.store.available_bytes <= 0:
                checks["disk"] = "no space is left for uploads"
        if self._runtime.cluster.cut_off:
            checks["stores"] = "this server is cut off from its database"
        return checks | await self._parts()

    def _state_space(self) -> str:
        """Return what prevents the stores from writing, or ``ok``."""
        for folder in dict.fromkeys((self._settings.state_dir, self._settings.data_dir)):
            if _free_bytes(folder) < _MIN_STATE_SPACE:
                return "no space is left for sessions and documents"
        return _OK

    async def _parts(self) -> dict[str, str]:
        """Run the readiness checks of all parts at the same time."""
        registry = self._runtime.registry
        checks = {
            f"{kind}:{spec.name}": spec.obstacle
            for kind, specs in (
                ("gates", registry.gates),
                ("completion_stages", registry.completion_stages),
            )
            for spec in specs
            if spec.obstacle is not None
        }
        answers = await asyncio.gather(*map(_obstacle, checks.values()))
        return dict(zip(checks, answers, strict=True))


async def _obstacle(check: ReadinessCheck) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT):
            return await check() or _OK
    except Exception as error:  # noqa: BLE001 - a plugin that raises is not ready
        return error.message if isinstance(error, PdfsluiceError) else type(error).__name__


def _free_bytes(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize
