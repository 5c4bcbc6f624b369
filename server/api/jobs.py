"""Background jobs over HTTP, for administrators: list, cancel and retry them."""

from collections.abc import Iterator
from typing import Literal, Self

from aiohttp import web
from pydantic import Field

from pdfsluice.core import errors
from pdfsluice.core.models.jobs import JobKind, JobState
from pdfsluice.core.models.sessions import Scope
from pdfsluice.core.plugins.ports.managed_jobs import JobFilter, ListedJob
from pdfsluice.core.runtime.runtime import Runtime
from pdfsluice.server.app_keys import PRINCIPAL
from pdfsluice.server.routes import Answer, Route
from pdfsluice.server.transport.parsing import MAX_NUMBER, NoQuery, Parameters, number, read_query

from .responses.documents import JobView
from .responses.views import View, respond

TAG = "Jobs"

_State = Literal["queued", "running", "done", "skipped", "failed", "cancelled"]


class JobsQuery(Parameters):
    """A page of jobs, newest first, and the conditions on them."""

    state: _State | None = Field(None, description="Their state.")
    kind: Literal["import", "index", "ocr"] | None = Field(None, description="What they do.")
    owner: str = Field("", max_length=200, description="The owner of their documents.")
    document: int | None = Field(None, ge=1, le=MAX_NUMBER, description="Their document.")
    limit: int = Field(50, ge=1, le=500, description="How many jobs to return at most.")
    after: int | None = Field(
        None, ge=1, le=MAX_NUMBER, description="The ``next`` of the answer before."
    )


class ListedJobView(JobView):
    """A background job, with its document."""

    document_id: int
    document_title: str
    owner: str = Field(description="The owner of the document.")
    node: str = Field(description="The server that runs it, or ran it last; empty if none did.")
    stopping: bool = Field(description="Whether it runs, and is to be stopped.")

    @classmethod
    def of(cls, listed: ListedJob) -> Self:
        """Describe a job."""
        return cls(
            **JobView.model_validate(listed.job).model_dump(),
            document_id=listed.job.document_id,
            document_title=listed.title,
            owner=listed.owner,
            node=listed.node,
            stopping=listed.stopping,
        )


class JobsView(View):
    """A page of jobs, newest first."""

    jobs: list[ListedJobView]
    total: int = Field(description="How many jobs are selected, on all pages.")
    next: int | None = Field(description="The ``after`` of the next page; null at the end.")


class JobHandlers:
    """Handlers of jobs."""

    def __init__(self, runtime: Runtime) -> None:
        self._jobs = runtime.jobs

    def routes(self) -> Iterator[Route]:
        """Return the routes."""
        one = "/api/jobs/{job_id}"
        job = Answer("The job.", ListedJobView)
        yield Route(
            method="GET",
            path="/api/jobs",
            handler=self.list,
            scopes=(Scope.ADMIN,),
            summary="List background jobs",
            tag=TAG,
            query=JobsQuery,
            answers={200: Answer("A page of jobs, newest first.", JobsView)},
            errors=(errors.NotFound,),
        )
        yield Route(
            method="GET",
            path=one,
            handler=self.show,
            scopes=(Scope.ADMIN,),
            summary="Show a background job",
            tag=TAG,
            answers={200: job},
            errors=(errors.NotFound,),
        )
        yield Route(
            method="POST",
            path=f"{one}/cancel",
            handler=self.cancel,
            scopes=(Scope.ADMIN,),
            summary="Cancel a background job",
            tag=TAG,
            answers={200: job},
            errors=(errors.NotFound, errors.StateConflict),
        )
        yield Route(
            method="POST",
            path=f"{one}/retry",
            handler=self.retry,
            scopes=(Scope.ADMIN,),
            summary="Retry a background job",
            tag=TAG,
            answers={200: job},
            errors=(errors.NotFound, errors.StateConflict),
        )

    async def list(self, request: web.Request) -> web.StreamResponse:
        """Return the jobs of all documents; for administrators."""
        query = read_query(request, JobsQuery)
        wanted = JobFilter(
            states=() if query.state is None else (JobState(query.state),),
            kinds=() if query.kind is None else (JobKind(query.kind),),
            owner=query.owner,
            document_id=query.document,
        )
        jobs, total = await self._jobs.list(
            request[PRINCIPAL], wanted, after=query.after, limit=query.limit + 1
        )
        page = jobs[: query.limit]
        more = page[-1].job.id if len(jobs) > query.limit else None
        views = [ListedJobView.of(job) for job in page]
        return respond(JobsView(jobs=views, total=total, next=more))

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Return a job; for administrators."""
        read_query(request, NoQuery)
        return respond(ListedJobView.of(await self._jobs.get(request[PRINCIPAL], _id(request))))

    async def cancel(self, request: web.Request) -> web.StreamResponse:
        """Cancel a job, wherever it runs; for administrators.

        The answer comes when the job has stopped with its processes: its ``state`` is
        ``cancelled``, or that in which it ended before. If it has not stopped after ten seconds,
        its ``state`` is ``running`` and ``stopping`` is set; it will stop.
        """
        read_query(request, NoQuery)
        return respond(ListedJobView.of(await self._jobs.cancel(request[PRINCIPAL], _id(request))))

    async def retry(self, request: web.Request) -> web.StreamResponse:
        """Queue an ended job again; for administrators.

        Its attempts are counted from 0. One that waits to be tried again is due immediately.
        """
        read_query(request, NoQuery)
        return respond(ListedJobView.of(await self._jobs.retry(request[PRINCIPAL], _id(request))))


def _id(request: web.Request) -> int:
    return number(request, "job_id", "job")
