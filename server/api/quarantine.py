"""The list of quarantined uploads; :mod:`.uploads` releases them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Self

from aiohttp import web
from pydantic import Field

from pdfsluice.core.errors import SessionNotFound
from pdfsluice.core.models.sessions import Scope, Session
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.core.uploads.quarantine import Quarantine
from pdfsluice.server.app_keys import PRINCIPAL
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.parsing import checked_id, read_query

from .requests import QuarantineQuery
from .responses.documents import FindingView
from .responses.views import View, respond, views_of
from .uploads import PREFIX, TAG


class QuarantinedView(View):
    """A refused upload that is kept."""

    session_id: str
    filename: str
    title: str
    total_size: int | None
    durable_bytes: int = Field(description="Bytes that had arrived when it was refused.")
    created_at: datetime
    refused_at: datetime
    decision: str
    findings: list[FindingView]

    @classmethod
    def of(cls, session: Session) -> Self:
        """Describe a quarantined session."""
        return cls(
            session_id=session.id,
            filename=session.filename,
            title=session.title,
            total_size=session.total_size,
            durable_bytes=session.committed.size,
            created_at=session.created_at,
            refused_at=session.updated_at,
            decision=session.decision.name.lower(),
            findings=views_of(FindingView, session.findings),
        )


class QuarantineView(View):
    """What is in quarantine, newest first."""

    uploads: list[QuarantinedView]
    next: str | None = Field(description="The ``after`` of the next page; null on the last.")


class QuarantineList:
    """The handler of the list."""

    def __init__(self, runtime: Runtime) -> None:
        self._quarantine: Quarantine = runtime.quarantine

    def routes(self) -> Iterator[Route]:
        """Return its route, which comes before those with the id of a session."""
        yield Route(
            method="GET",
            path=f"{PREFIX}/quarantine",
            handler=self.list,
            scopes=(Scope.ADMIN,),
            summary="List quarantined uploads",
            tag=TAG,
            query=QuarantineQuery,
            answers={200: Answer("Refused uploads that are kept.", QuarantineView)},
            errors=(SessionNotFound,),
        )

    async def list(self, request: web.Request) -> web.StreamResponse:
        """Return refused uploads in quarantine, of all principals, newest first.

        For administrators. ``next`` is the ``after`` of the next page.
        """
        query = read_query(request, QuarantineQuery)
        after = None if query.after is None else checked_id(query.after)
        uploads = await self._quarantine.find(
            request[PRINCIPAL], after=after, limit=query.limit + 1
        )
        page = uploads[: query.limit]
        following = page[-1].id if len(uploads) > len(page) else None
        views = [QuarantinedView.of(each) for each in page]
        return respond(QuarantineView(uploads=views, next=following))
