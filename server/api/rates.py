"""Bandwidth limits over HTTP, for administrators."""

from collections.abc import Iterator

from aiohttp import web
from pydantic import Field

from pdfsluice.core.models import Scope
from pdfsluice.core.runtime import Runtime
from pdfsluice.core.uploads.pacing import Rates
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.body import BodyLimits
from pdfsluice.server.transport.parsing import NoQuery, Request, read_json, read_query

from .requests import Amount
from .responses.views import View, respond

TAG = "Rates"


class RatesRequest(Request):
    """Bytes per second; 0, or absent, for no limit."""

    session: Amount = Field(0, description="Of each upload.")
    principal: Amount = Field(0, description="Of all uploads of a principal.")
    server: Amount = Field(0, description="Of all uploads.")
    download: Amount = Field(0, description="Of each download.")
    principal_download: Amount = Field(0, description="Of all downloads of a principal.")
    server_download: Amount = Field(0, description="Of all downloads.")


class RatesView(View):
    """Bytes of files per second; 0 for no limit."""

    session: int = Field(description="Of each upload.")
    principal: int = Field(description="Of all uploads of a principal.")
    server: int = Field(description="Of all uploads.")
    download: int = Field(description="Of each download.")
    principal_download: int = Field(description="Of all downloads of a principal.")
    server_download: int = Field(description="Of all downloads.")


class RateHandlers:
    """Handlers of rates."""

    def __init__(self, runtime: Runtime) -> None:
        self._pacing = runtime.pacing
        self._limits = BodyLimits.of(runtime.settings)

    def routes(self) -> Iterator[Route]:
        """Return the routes."""
        answers = {200: Answer("The rates that count.", RatesView)}
        yield Route(
            method="GET",
            path="/api/rates",
            handler=self.show,
            scopes=(Scope.ADMIN,),
            summary="Show the bandwidth limits",
            tag=TAG,
            answers=answers,
        )
        yield Route(
            method="PUT",
            path="/api/rates",
            handler=self.change,
            scopes=(Scope.ADMIN,),
            summary="Replace the bandwidth limits",
            tag=TAG,
            body=RatesRequest,
            answers=answers,
        )

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Return how fast uploads and downloads may be; for administrators."""
        read_query(request, NoQuery)
        return respond(RatesView.model_validate(self._pacing.rates))

    async def change(self, request: web.Request) -> web.StreamResponse:
        """Replace the limits, also for bodies that are under way; for administrators.

        They count until the server stops; the next start uses those of the settings.
        """
        read_query(request, NoQuery)
        content = await read_json(request, RatesRequest, self._limits)
        self._pacing.change(Rates(**content.model_dump()))
        return respond(RatesView.model_validate(self._pacing.rates))
