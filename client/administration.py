"""What administrators do. Part of the client."""

from collections.abc import AsyncGenerator
from dataclasses import asdict
from datetime import UTC, datetime
from urllib.parse import quote

from .analytics import AnalyticsReport
from .jobs import JobPage, ListedJob, Node, NodeList
from .limits import Account, AccountList, QuotaLimits, RateLimits, Rates
from .models import QuarantinedUpload, QuarantineList, UploadSession
from .transfer import STREAMING, session_path
from .transport import Transport


class Administration:
    """The part of the client for quarantine, quotas, rates, jobs and reports."""

    _transport: Transport

    async def quarantine(self) -> tuple[QuarantinedUpload, ...]:
        """Return the refused uploads of all callers, newest first; for administrators.

        Raises:
            PermissionDenied: The key is not an administrator's.
        """
        return (
            await self._transport.call(QuarantineList, "GET", f"{STREAMING}/quarantine")
        ).uploads

    async def quota(self, account: str = "") -> Account:
        """Return what an account may use, and what it uses.

        Args:
            account: The account, for administrators; empty for that of the caller.
        """
        path = f"/api/quotas/{quote(account, safe='')}" if account else "/api/quota"
        return await self._transport.call(Account, "GET", path)

    async def quotas(self) -> tuple[Account, ...]:
        """Return all accounts that are used or have limits; for administrators."""
        return (await self._transport.call(AccountList, "GET", "/api/quotas")).accounts

    async def set_quota(self, account: str, limits: QuotaLimits) -> Account:
        """Replace the limits of an account, from its next upload on; for administrators.

        Args:
            account: ``key:NAME``, ``tenant:NAME``, or ``*`` for the default limits.
            limits: The new limits; ``None`` for the default.
        """
        path = f"/api/quotas/{quote(account, safe='')}"
        return await self._transport.call(Account, "PUT", path, json=asdict(limits))

    async def rates(self) -> Rates:
        """Return how fast uploads and downloads may be; for administrators."""
        return await self._transport.call(Rates, "GET", "/api/rates")

    async def set_rates(self, limits: RateLimits) -> Rates:
        """Replace the limits of uploads and downloads at all servers; for administrators.

        They apply until they are replaced, also after a restart.

        Args:
            limits: The new limits; ``RateLimits()`` for those of the settings alone.

        Returns:
            The rates that apply now.
        """
        return await self._transport.call(Rates, "PUT", "/api/rates", json=asdict(limits))

    async def analytics(
        self, *, since: datetime | None = None, until: datetime | None = None, by: str = "day"
    ) -> AnalyticsReport:
        """Return totals of ended uploads; the key needs the scope ``metrics``.

        Args:
            since: Only uploads that ended from this time on; by default 30 days before
                ``until``. A time without a zone is local.
            until: Only uploads that ended before this time; by default now.
            by: By what they are grouped: ``hour``, ``day``, ``protocol``, ``client``, ``end`` or
                ``account``.

        Raises:
            PermissionDenied: The key lacks the scope; ``account`` needs an administrator's.
        """
        times = {"from": since, "to": until}
        query = {
            name: time.astimezone(UTC).isoformat()
            for name, time in times.items()
            if time is not None
        }
        return await self._transport.call(
            AnalyticsReport, "GET", "/api/analytics", query=query | {"by": by}
        )

    async def jobs(
        self,
        *,
        state: str = "",
        kind: str = "",
        owner: str = "",
        document: int | None = None,
        page_size: int = 50,
    ) -> AsyncGenerator[ListedJob, None]:
        """Yield background jobs, newest first; for administrators.

        Args:
            state: ``queued``, ``running``, ``done``, ``skipped``, ``failed`` or ``cancelled``;
                empty for all.
            kind: ``import``, ``index`` or ``ocr``; empty for all.
            owner: The owner of their documents; empty for all.
            document: Their document.
            page_size: Number of jobs in each answer of the server.

        Raises:
            PermissionDenied: The key is not an administrator's.
        """
        query = {"state": state, "kind": kind, "owner": owner, "limit": str(page_size)}
        if document is not None:
            query["document"] = str(document)
        query = {name: value for name, value in query.items() if value}
        while True:
            page = await self._transport.call(JobPage, "GET", "/api/jobs", query=query)
            for job in page.jobs:
                yield job
            if page.next is None:
                return
            query["after"] = str(page.next)

    async def job(self, job_id: int) -> ListedJob:
        """Return a background job; for administrators."""
        return await self._transport.call(ListedJob, "GET", f"/api/jobs/{job_id}")

    async def cancel_job(self, job_id: int) -> ListedJob:
        """Cancel a background job, wherever it runs; for administrators.

        Returns:
            The job when it has stopped, or with ``stopping`` if that takes longer.

        Raises:
            NotFound: There is no such job.
            ClientError: It has ended.
        """
        return await self._transport.call(ListedJob, "POST", f"/api/jobs/{job_id}/cancel")

    async def retry_job(self, job_id: int) -> ListedJob:
        """Queue an ended job again as if it were new; for administrators.

        Raises:
            NotFound: There is no such job.
            ClientError: It is running, or another job does the same.
        """
        return await self._transport.call(ListedJob, "POST", f"/api/jobs/{job_id}/retry")

    async def nodes(self) -> tuple[Node, ...]:
        """Return the live servers and workers, the oldest first; for administrators."""
        return (await self._transport.call(NodeList, "GET", "/api/nodes")).nodes

    async def release(self, session_id: str) -> UploadSession:
        """Overrule the refusal of a quarantined upload; for administrators.

        If all bytes had arrived, the server completes it; otherwise the rest is sent with
        :meth:`resume`.

        Raises:
            PermissionDenied: The key is not an administrator's.
        """
        path = session_path(session_id, "/release")
        return await self._transport.call(UploadSession, "POST", path)
