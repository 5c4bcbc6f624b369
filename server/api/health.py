"""How the server is: well, alive, ready."""

import asyncio
from collections.abc import Iterator

from aiohttp import web
from pydantic import BaseModel

from pdfsluice.core.plugins.ports.stages import ReadinessCheck
from pdfsluice.core.runtime import Runtime
from pdfsluice.server.memory import used_memory_mb
from pdfsluice.server.routes import Answer, Route

from .requests import NoQuery, read_query
from .responses.views import respond

_WARNING_SHARE = 0.8
_PATIENCE_SECONDS = 3.0
_TAG = "Operations"
_OK = "ok"


class HealthView(BaseModel):
    """How the server is."""

    status: str
    memory_usage: float
    active_uploads: int
    version: str


class LiveView(BaseModel):
    """The process answers."""

    status: str


class ReadyView(BaseModel):
    """Whether the server can take uploads, and what stands in the way."""

    status: str
    checks: dict[str, str]


class Health:
    """Handlers for whoever watches over the server."""

    def __init__(self, runtime: Runtime, *, version: str) -> None:
        self._runtime = runtime
        self._settings = runtime.settings
        self._version = version

    def routes(self) -> Iterator[Route]:
        """Return the routes."""
        yield Route(
            method="GET",
            path="/health",
            handler=self.health,
            scopes=(),
            summary="Show how the server is",
            tag=_TAG,
            answers={200: Answer("How it is.", HealthView)},
        )
        yield Route(
            method="GET",
            path="/health/live",
            handler=self.live,
            scopes=(),
            summary="Tell whether the process answers",
            tag=_TAG,
            answers={200: Answer("It does.", LiveView)},
        )
        yield Route(
            method="GET",
            path="/health/ready",
            handler=self.ready,
            scopes=(),
            summary="Tell whether uploads can be taken",
            tag=_TAG,
            answers={
                200: Answer("They can.", ReadyView),
                503: Answer("They cannot; the checks say why.", ReadyView),
            },
        )

    async def health(self, request: web.Request) -> web.StreamResponse:
        """Return memory in MiB and the uploads that are sending; ``warning`` from 80 % on."""
        read_query(request, NoQuery)
        stats = await self._runtime.uploads.stats()
        usage = used_memory_mb()
        high = usage >= _WARNING_SHARE * self._settings.memory_limit_mb
        return respond(
            HealthView(
                status="warning" if high else "healthy",
                memory_usage=usage,
                active_uploads=stats.receiving_uploads,
                version=self._version,
            )
        )

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Answer, which is all there is to know."""
        read_query(request, NoQuery)
        return respond(LiveView(status="alive"))

    async def ready(self, request: web.Request) -> web.StreamResponse:
        """Ask the stores and the plugins' parts, and look whether there is room."""
        read_query(request, NoQuery)
        checks = {"stores": _OK, "disk": _OK}
        try:
            stats = await self._runtime.uploads.stats()
        except Exception as error:  # noqa: BLE001 - whatever a store raises, it is not ready
            checks["stores"] = type(error).__name__
        else:
            if stats.store.available_bytes <= 0:
                checks["disk"] = "no room is left for uploads"
        checks |= await self._parts()
        ready = all(state == _OK for state in checks.values())
        view = ReadyView(status="ready" if ready else "unavailable", checks=checks)
        return respond(view, status=200 if ready else 503)

    async def _parts(self) -> dict[str, str]:
        """Ask, all at once, the parts that can say what hinders them."""
        registry = self._runtime.registry
        asked = {
            f"{kind}:{spec.name}": spec.obstacle
            for kind, specs in (
                ("gates", registry.gates),
                ("completion_stages", registry.completion_stages),
            )
            for spec in specs
            if spec.obstacle is not None
        }
        answers = await asyncio.gather(*map(_obstacle, asked.values()))
        return dict(zip(asked, answers, strict=True))


async def _obstacle(obstacle: ReadinessCheck) -> str:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await obstacle() or _OK
    except Exception as error:  # noqa: BLE001 - whatever a plugin raises, it is not ready
        return type(error).__name__
