"""``POST /mcp``: the streamable HTTP transport of the Model Context Protocol.

Requests do not depend on each other: there are no sessions, so any node answers any request,
and the answer is one JSON object. The library is large; the first request imports it.
"""

import asyncio
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING

from aiohttp import web

from pdfsluice.core.models.sessions import Scope
from pdfsluice.core.plugins.extras import first_missing
from pdfsluice.core.plugins.parts import DISTRIBUTION
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.server.routes import JSON, Answer, Content, Route
from pdfsluice.server.transport.body import BodyLimits
from pdfsluice.server.transport.parsing import MAX_JSON_SIZE
from pdfsluice.server.transport.reading import read_small

if TYPE_CHECKING:
    from .service import Service

PATH = "/mcp"


class ModelContext:
    """The endpoint of language models."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._limits = BodyLimits.of(runtime.settings)
        self._service: Service | None = None

    def routes(self) -> Iterator[Route]:
        """Return the only route: streams from the server and sessions are not offered."""
        yield Route(
            method="POST",
            path=PATH,
            handler=self.answer,
            scopes=(Scope.READ,),
            summary="Answer a message of the Model Context Protocol",
            tag="Search",
            body=(Content(JSON),),
            answers={200: Answer("The answer.", media=JSON)},
            listed=False,
        )

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one message.

        Raises:
            ExtraMissing: The library of the protocol is not installed.
        """
        missing = first_missing(["mcp"])
        if missing is not None:
            raise missing
        body = await read_small(request, self._limits, max_size=MAX_JSON_SIZE)
        if self._service is None:
            self._service = await asyncio.to_thread(self._load)
        return await self._service.answer(request, body)

    def _load(self) -> "Service":
        from .service import Service  # noqa: PLC0415 - takes a second, in a worker thread

        return Service(self._runtime, version=version(DISTRIBUTION))
