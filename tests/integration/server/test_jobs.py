"""Background jobs over HTTP, with the client and the command."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from pdfsluice.client import Client, ClientError
from pdfsluice.core import (
    ImportContext,
    ImporterSpec,
    PluginContext,
    ProtocolError,
    Scope,
    hookimpl,
)
from tests.support.commands import pdfsluice_here
from tests.support.keys import add_key
from tests.support.waiting import until
from tests.support.web import WebServer, a_server, body_of, problem_of

DATA = b"the bytes of a document"


class Fussy:
    """An importer that fails until it is content."""

    content = False

    async def run(self, context: ImportContext) -> None:
        if not self.content:
            raise ProtocolError("not to my taste")

    async def forget(self, document_id: int) -> None:
        pass

    @hookimpl
    def pdfsluice_register_importers(self, context: PluginContext) -> Sequence[ImporterSpec]:
        return [ImporterSpec(name="fussy", importer=self)]


async def in_state(client: Client, state: str) -> bool:
    return [job.state async for job in client.jobs()] == [state]


async def test_administrators_list_retry_and_cancel_jobs(tmp_path: Path) -> None:
    data, fussy = tmp_path / "data", Fussy()
    user = add_key(data, "ann", (Scope.READ, Scope.UPLOAD))
    admin = add_key(data, "root", (Scope.ADMIN, Scope.READ))
    key_file = tmp_path / "key"
    key = admin["Authorization"].removeprefix("Bearer ")
    key_file.write_text(key)
    async with a_server(data, fussy, index="") as web, Client(web.base_url, api_key=key) as client:
        await _upload(web, user)
        await until(lambda: in_state(client, "failed"))
        await _check_access(web, user, admin)
        at = ("--server", web.base_url, "--api-key-file", str(key_file))

        async def command(*arguments: str) -> tuple[int, str, str]:
            ended = await asyncio.to_thread(pdfsluice_here, "jobs", *arguments, *at)
            return ended.code, ended.out, ended.err

        code, out, _ = await command("list", "--state", "failed", "--kind", "import")
        assert code == 0
        assert "fussy" in out
        assert "not to my taste" in out
        code, out, _ = await command("list", "--owner", "key:ann", "--json")
        job = json.loads(out)
        assert (job["owner"], job["attempts"], job["stopping"]) == ("key:ann", 1, False)
        code, out, err = await command("list", "--state", "running")
        assert (code, out, "no such job" in err) == (0, "", True)
        code, _, err = await command("cancel", str(job["id"]))
        assert code != 0
        assert "has ended" in err
        fussy.content = True
        code, out, _ = await command("retry", str(job["id"]))
        assert (code, "queued again" in out) == (0, True)
        await until(lambda: in_state(client, "done"))
        assert (await client.job(job["id"])).attempts == 1, "its attempts were reset"
        for call in (client.job, client.cancel_job, client.retry_job):
            with pytest.raises(ClientError, match="no job 999"):
                await call(999)
        code, _, err = await command("retry", "999")
        assert code != 0
        assert "no job 999" in err


async def _upload(web: WebServer, user: dict[str, str]) -> None:
    web.http.headers.update(user)
    await web.upload(DATA)
    web.http.headers.clear()


async def _check_access(web: WebServer, user: dict[str, str], admin: dict[str, str]) -> None:
    for method, path in (
        ("GET", "/api/jobs"),
        ("GET", "/api/jobs/1"),
        ("POST", "/api/jobs/1/cancel"),
        ("POST", "/api/jobs/1/retry"),
    ):
        async with web.http.request(method, path, headers=user) as response:
            await problem_of(response, 403, "permission-denied")
    async with web.http.get("/api/jobs?limit=1", headers=admin) as response:
        page = await body_of(response)
    assert (page["total"], page["next"], len(page["jobs"])) == (1, None, 1)
    for query in ("state=ended", "kind=x", "limit=0", "document=a", "color=red"):
        async with web.http.get(f"/api/jobs?{query}", headers=admin) as response:
            await problem_of(response, 400, "bad-request")
    for number in ("0", "x", str(2**70)):
        async with web.http.post(f"/api/jobs/{number}/retry", headers=admin) as response:
            await problem_of(response, 404, "not-found")
