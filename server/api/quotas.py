"""Quotas over HTTP: one's own account, and all accounts for administrators."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Self

from aiohttp import web
from pydantic import Field

from pdfsluice.core import errors
from pdfsluice.core.models.sessions import Scope
from pdfsluice.core.plugins.ports.quotas import QuotaAccount, QuotaLimits
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.server.app_keys import PRINCIPAL
from pdfsluice.server.connection_limits import Connections
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.body import BodyLimits
from pdfsluice.server.transport.parsing import (
    NoQuery,
    Request,
    checked_account,
    read_json,
    read_query,
)

from .requests import Amount
from .responses.views import View, respond

TAG = "Quotas"


class QuotaLimitsRequest(Request):
    """Limits of an account; null or absent for the default limit, if there is one."""

    stored_bytes: Amount | None = Field(
        None, description="Bytes of documents, and of unfinished uploads at their full size."
    )
    reserved_bytes: Amount | None = Field(
        None, description="Bytes of unfinished uploads at their full size."
    )
    metadata_bytes: Amount | None = Field(
        None, description="Bytes of titles and metadata of uploads and documents."
    )
    open_uploads: Amount | None = Field(None, description="Unfinished uploads.")
    documents: Amount | None = Field(None, description="Documents and unfinished uploads.")
    uploads_per_day: Amount | None = Field(None, description="Uploads begun since midnight (UTC).")
    ocr_pages_per_day: Amount | None = Field(
        None, description="Pages that OCR reads since midnight (UTC)."
    )
    connections: Amount | None = Field(
        None,
        description="Requests and WebSockets at the same time; each server process counts its own,"
        " and administrators are not limited.",
    )


class QuotaLimitsView(View):
    """What an account may use; null for no limit."""

    stored_bytes: int | None
    reserved_bytes: int | None
    metadata_bytes: int | None
    open_uploads: int | None
    documents: int | None
    uploads_per_day: int | None
    ocr_pages_per_day: int | None
    connections: int | None


class QuotaUsageView(View):
    """What an account uses."""

    stored_bytes: int = Field(description="Bytes of its documents.")
    reserved_bytes: int = Field(description="Bytes of its unfinished uploads at their full size.")
    metadata_bytes: int = Field(description="Bytes of titles and metadata.")
    open_uploads: int
    documents: int
    uploads_today: int = Field(description="Uploads begun since midnight (UTC).")
    ocr_pages_today: int = Field(description="Pages that OCR has read since midnight (UTC).")
    connections: int = Field(
        description="Requests and WebSockets that the answering process has, this one included."
    )


class AccountView(View):
    """An account: what it may use, and what it uses."""

    account: str
    limits: QuotaLimitsView = Field(description="The limits that count.")
    own_limits: QuotaLimitsView = Field(description="Those that were set for this account.")
    used: QuotaUsageView

    @classmethod
    def of(cls, account: QuotaAccount, connections: int) -> Self:
        """Describe an account with the number of its connections."""
        return cls(
            account=account.name,
            limits=QuotaLimitsView.model_validate(account.limits),
            own_limits=QuotaLimitsView.model_validate(account.own),
            used=QuotaUsageView(**asdict(account.usage), connections=connections),
        )


class AccountsView(View):
    """All accounts that are used or have limits."""

    accounts: list[AccountView]


class QuotaHandlers:
    """Handlers of quotas."""

    def __init__(self, runtime: Runtime, connections: Connections) -> None:
        self._quotas = runtime.quotas
        self._connections = connections
        self._limits = BodyLimits.of(runtime.settings)

    def routes(self) -> Iterator[Route]:
        """Return the routes."""
        account = Answer("The account.", AccountView)
        yield Route(
            method="GET",
            path="/api/quota",
            handler=self.own,
            scopes=(Scope.READ, Scope.UPLOAD),
            summary="Show the caller's quota",
            tag=TAG,
            answers={200: account},
            errors=(errors.NotFound,),
        )
        yield Route(
            method="GET",
            path="/api/quotas",
            handler=self.list,
            scopes=(Scope.ADMIN,),
            summary="List all accounts",
            tag=TAG,
            answers={200: Answer("By name.", AccountsView)},
            errors=(errors.NotFound,),
        )
        yield Route(
            method="GET",
            path="/api/quotas/{account}",
            handler=self.show,
            scopes=(Scope.ADMIN,),
            summary="Show an account",
            tag=TAG,
            answers={200: account},
            errors=(errors.NotFound,),
        )
        yield Route(
            method="PUT",
            path="/api/quotas/{account}",
            handler=self.change,
            scopes=(Scope.ADMIN,),
            summary="Replace the limits of an account",
            tag=TAG,
            body=QuotaLimitsRequest,
            answers={200: account},
            errors=(errors.NotFound,),
        )

    async def own(self, request: web.Request) -> web.StreamResponse:
        """Return what the account of the caller may use, and what it uses."""
        read_query(request, NoQuery)
        return self._answer(await self._quotas.own(request[PRINCIPAL]))

    async def list(self, request: web.Request) -> web.StreamResponse:
        """Return all accounts that are used or have limits; for administrators."""
        read_query(request, NoQuery)
        accounts = await self._quotas.accounts(request[PRINCIPAL])
        return respond(AccountsView(accounts=[self._view(each) for each in accounts]))

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Return an account; for administrators. ``*`` has the default limits."""
        read_query(request, NoQuery)
        name = checked_account(request)
        return self._answer(await self._quotas.account(request[PRINCIPAL], name))

    async def change(self, request: web.Request) -> web.StreamResponse:
        """Replace the limits of an account; for administrators.

        They count from the next upload on; what is there stays. ``*`` has the default limits.
        """
        read_query(request, NoQuery)
        name = checked_account(request)
        content = await read_json(request, QuotaLimitsRequest, self._limits)
        limits = QuotaLimits(**content.model_dump())
        return self._answer(await self._quotas.set_limits(request[PRINCIPAL], name, limits))

    def _answer(self, account: QuotaAccount) -> web.Response:
        return respond(self._view(account))

    def _view(self, account: QuotaAccount) -> AccountView:
        return AccountView.of(account, self._connections.of(account.name))
