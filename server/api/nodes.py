"""The live servers and workers over HTTP, for administrators."""

from collections.abc import Iterator
from datetime import datetime

from aiohttp import web
from pydantic import Field

from pdfsluice.core.models.sessions import Scope
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.parsing import NoQuery, read_query

from .responses.views import View, respond, views_of

TAG = "Operations"


class NodeView(View):
    """A server or a worker that is live."""

    id: str = Field(description="The id of the process, never used again.")
    role: str = Field(description="`server`, or `worker` without HTTP.")
    version: str = Field(description="The version of its program.")
    host: str = Field(description="The name of its machine.")
    started_at: datetime = Field(description="When it joined the others.")
    seen_at: datetime = Field(description="When its last heartbeat was stored.")
    uploads: int = Field(description="How many uploads it holds: it scans and completes them.")
    jobs: int = Field(description="How many background jobs it runs.")


class NodesView(View):
    """All that are live."""

    nodes: list[NodeView] = Field(description="The oldest first.")
    this: str = Field(description="The id of the one that answers.")


class NodeHandlers:
    """Handlers of nodes."""

    def __init__(self, runtime: Runtime) -> None:
        self._cluster = runtime.cluster

    def routes(self) -> Iterator[Route]:
        """Return the routes."""
        yield Route(
            method="GET",
            path="/api/nodes",
            handler=self.list,
            scopes=(Scope.ADMIN,),
            summary="List the live servers and workers",
            tag=TAG,
            answers={200: Answer("All that sent a heartbeat in the last 15 seconds.", NodesView)},
        )

    async def list(self, request: web.Request) -> web.StreamResponse:
        """Return the processes that work with the same database; for administrators.

        A process that stops leaves the list. One that dies leaves it 15 seconds after its last
        heartbeat.
        """
        read_query(request, NoQuery)
        nodes = views_of(NodeView, await self._cluster.nodes())
        return respond(NodesView(nodes=nodes, this=self._cluster.node))
