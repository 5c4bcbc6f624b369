"""Analytics over HTTP: reports over ended uploads, and their records as CSV."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from aiohttp import web

from pdfsluice.core import errors
from pdfsluice.core.analytics.reports import Grouping
from pdfsluice.core.models.sessions import Scope
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.server.app_keys import PRINCIPAL
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.parsing import read_query

from .requests import RecordsQuery, ReportQuery
from .responses.analytics import ReportView, records_csv, records_head, report_csv
from .responses.views import respond

TAG = "Analytics"
_CSV = "text/csv"
_DEFAULT_TIME = timedelta(days=30)


class AnalyticsHandlers:
    """Handlers of analytics."""

    def __init__(self, runtime: Runtime) -> None:
        self._analytics = runtime.analytics

    def routes(self) -> Iterator[Route]:
        """Return the routes."""
        yield Route(
            method="GET",
            path="/api/analytics",
            handler=self.report,
            scopes=(Scope.METRICS,),
            summary="Report on ended uploads",
            tag=TAG,
            query=ReportQuery,
            answers={200: Answer("The totals.", ReportView)},
            errors=(errors.NotFound, errors.SizeExceeded),
        )
        yield Route(
            method="GET",
            path="/api/analytics.csv",
            handler=self.table,
            scopes=(Scope.METRICS,),
            summary="Report on ended uploads, as CSV",
            tag=TAG,
            query=ReportQuery,
            answers={200: Answer("A line for each group.", media=_CSV)},
            errors=(errors.NotFound, errors.SizeExceeded),
        )
        yield Route(
            method="GET",
            path="/api/analytics/uploads.csv",
            handler=self.records,
            scopes=(Scope.ADMIN,),
            summary="Return the records of ended uploads",
            tag=TAG,
            query=RecordsQuery,
            answers={200: Answer("A line for each upload, oldest first.", media=_CSV)},
            errors=(errors.NotFound,),
        )

    async def report(self, request: web.Request) -> web.StreamResponse:
        """Return counts, bytes, percentiles and shares of uploads that ended in a time.

        Whole hours (UTC) count, or whole days with ``by=day`` and ``by=account``, which is for
        administrators. Percentiles are exact to 5 %.
        """
        return respond(await self._view(request))

    async def table(self, request: web.Request) -> web.StreamResponse:
        """Return the groups of the report as CSV (RFC 4180)."""
        body = report_csv(await self._view(request))
        return web.Response(body=body, content_type=_CSV, charset="utf-8")

    async def _view(self, request: web.Request) -> ReportView:
        query = read_query(request, ReportQuery)
        since, until = _times(query)
        grouping = Grouping(query.by)
        report = await self._analytics.report(request[PRINCIPAL], since, until, grouping)
        return ReportView.of(report)

    async def records(self, request: web.Request) -> web.StreamResponse:
        """Return a line for each upload that ended in a time; for administrators."""
        since, until = _times(read_query(request, RecordsQuery))
        pages = await self._analytics.records(request[PRINCIPAL], since, until)
        response = web.StreamResponse(
            headers={"Content-Disposition": 'attachment; filename="uploads.csv"'}
        )
        response.content_type, response.charset = _CSV, "utf-8"
        await response.prepare(request)
        await response.write(records_head())
        async for page in pages:
            await response.write(records_csv(page))
        await response.write_eof()
        return response


def _times(query: RecordsQuery) -> tuple[datetime, datetime]:
    """Return the times of a query; by default the last 30 days.

    Raises:
        ProtocolError: They are in the wrong order.
    """
    until = query.until or datetime.now(UTC)
    since = query.since or until - _DEFAULT_TIME
    if since > until:
        raise errors.ProtocolError(
            "'from' is later than 'to'", hint="Exchange them; without 'to' it is now."
        )
    return since, until
