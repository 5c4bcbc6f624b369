"""Bandwidth limits over HTTP, for administrators."""

from collections.abc import Iterator
from dataclasses import asdict

from aiohttp import web
from pydantic import Field

from pdfsluice.core.models.sessions import Scope
from pdfsluice.core.plugins.ports.rates import RateLimits
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.server.app_keys import PRINCIPAL
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.body import BodyLimits
from pdfsluice.server.transport.parsing import NoQuery, Request, read_json, read_query

from .requests import Amount
from .responses.views import View, respond

TAG = "Rates"


class RatesRequest(Request):
    """Bytes per second; 0 for no limit, null or absent for that of the settings."""

    session: Amount | None = Field(None, description="Of each upload.")
    principal: Amount | None = Field(None, description="Of all uploads of a principal.")
    server: Amount | None = Field(None, description="Of all uploads.")
    download: Amount | None = Field(None, description="Of each download.")
    principal_download: Amount | None = Field(None, description="Of all downloads of a principal.")
    server_download: Amount | None = Field(None, description="Of all downloads.")


class RatesView(View):
    """Bytes of files per second that count; 0 for no limit."""

    session: int = Field(description="Of each upload.")
    principal: int = Field(description="Of all uploads of a principal.")
    server: int = Field(description="Of all uploads.")
    download: int = Field(description="Of each download.")
    principal_download: int = Field(description="Of all downloads of a principal.")
    server_download: int = Field(description="Of all downloads.")
    changed: list[str] = Field(
        description="The names of those that were set while the server runs;"
        " the others are those of the settings."
    )


class RateHandlers:
    """Handlers of rates."""

    def __init__(self, runtime: Runtime) -> None:
        self._rates = runtime.rates
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
        return self._answer()

    async def change(self, request: web.Request) -> web.StreamResponse:
        """Replace the limits at all servers; for administrators.

        They count until they are replaced, also after a restart, and for bodies that are under
        way. An empty object returns to the settings, at each server to its own.
        """
        read_query(request, NoQuery)
        content = await read_json(request, RatesRequest, self._limits)
        await self._rates.change(request[PRINCIPAL], RateLimits(**content.model_dump()))
        return self._answer()

    def _answer(self) -> web.Response:
        own = asdict(self._rates.limits)
        changed = [name for name, rate in own.items() if rate is not None]
        return respond(RatesView(**asdict(self._rates.rates), changed=changed))
