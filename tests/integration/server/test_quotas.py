"""Quotas over HTTP, with the client and the command, against real stores."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.client import Client, ClientError
from pdfsluice.client.limits import QuotaLimits
from pdfsluice.core import QuotaLimits as CoreLimits
from pdfsluice.core.models.sessions import Scope
from pdfsluice.core.runtime.runtime import LOCAL
from tests.support.commands import pdfsluice_here
from tests.support.fault_proxy import fault_proxy
from tests.support.keys import add_key
from tests.support.slow_link import SlowLink
from tests.support.web import STREAMING, WebServer, a_server, body_of, problem_of

DATA = bytes(range(256)) * 1024
USER = (Scope.READ, Scope.UPLOAD)


def tenant_key(folder: Path, name: str, tenant: str) -> dict[str, str]:
    """Add a key of a tenant; return the header that shows it."""
    return add_key(folder, name, USER, tenant=tenant)


async def quota(web: WebServer, headers: dict[str, str]) -> dict[str, Any]:
    async with web.http.get("/api/quota", headers=headers) as response:
        assert response.status == 200, await response.text()
        return await body_of(response)


async def test_an_upload_counts_from_its_opening_to_the_deletion_of_its_document(
    tmp_path: Path,
) -> None:
    user, admin = add_key(tmp_path, "ann", USER), add_key(tmp_path, "root", [Scope.ADMIN])
    async with a_server(tmp_path) as web:
        limits = {"stored_bytes": len(DATA) + 10}
        async with web.http.put("/api/quotas/key:ann", json=limits, headers=admin) as response:
            assert response.status == 200, await response.text()
        web.http.headers.update(user)
        document = await web.upload(DATA)
        used = (await quota(web, user))["used"]
        assert used.pop("metadata_bytes") > 0
        assert used == {
            "stored_bytes": len(DATA),
            "reserved_bytes": 0,
            "open_uploads": 0,
            "documents": 1,
            "uploads_today": 1,
            "ocr_pages_today": 0,
            "connections": 1,
        }
        wanted = {"filename": "b.pdf", "file_size": 11}
        async with web.http.post(f"{STREAMING}/initiate", json=wanted) as response:
            problem = await problem_of(response, 413, "quota-exceeded")
        assert problem["details"] == {
            "limit": "stored_bytes",
            "maximum": len(DATA) + 10,
            "used": len(DATA),
            "needed": 11,
        }
        async with web.http.post(
            f"{STREAMING}/initiate", json=wanted | {"file_size": 10}
        ) as response:
            assert response.status == 200
            session = await body_of(response)
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "1"}
        async with web.http.post("/files", headers=tus) as response:
            assert response.status == 413
        async with web.http.post(f"{STREAMING}/cancel/{session['session_id']}") as response:
            assert response.status == 200
        async with web.http.delete(f"/api/documents/{document['id']}") as response:
            assert response.status in {200, 204}
        used = (await quota(web, user))["used"]
        assert (used["stored_bytes"], used["reserved_bytes"], used["documents"]) == (0, 0, 0)
        assert (await quota(web, user))["limits"]["stored_bytes"] == len(DATA) + 10


async def test_the_keys_of_a_tenant_share_its_quota(tmp_path: Path) -> None:
    ann, bob = tenant_key(tmp_path, "ann", "acme"), tenant_key(tmp_path, "bob", "acme")
    eve, admin = tenant_key(tmp_path, "eve", "other"), add_key(tmp_path, "root", [Scope.ADMIN])
    async with a_server(tmp_path) as web:
        limits = {"open_uploads": 30, "reserved_bytes": 3000}
        async with web.http.put("/api/quotas/tenant:acme", json=limits, headers=admin) as response:
            assert response.status == 200
        wanted = {"filename": "a.pdf", "file_size": 100}

        async def initiate(headers: dict[str, str]) -> int:
            async with web.http.post(
                f"{STREAMING}/initiate", json=wanted, headers=headers
            ) as response:
                return response.status

        answers = await asyncio.gather(*(initiate(key) for key in (ann, bob) * 30))
        assert (answers.count(200), answers.count(413)) == (30, 30)
        assert await initiate(eve) == 200
        assert (await quota(web, bob))["account"] == "tenant:acme"
        assert (await quota(web, bob))["used"]["reserved_bytes"] == 3000
        async with web.http.get("/api/quotas", headers=admin) as response:
            accounts = (await body_of(response))["accounts"]
        assert [each["account"] for each in accounts] == ["tenant:acme", "tenant:other"]

    async with a_server(tmp_path) as web:  # what was counted survives a restart
        assert (await quota(web, ann))["used"]["open_uploads"] == 30
        assert await web.runtime.uploads.stats() is not None
        await web.runtime.quotas.recount()
        assert (await quota(web, ann))["used"]["reserved_bytes"] == 3000


async def test_a_deferred_length_reserves_what_comes_until_it_is_known(tmp_path: Path) -> None:
    async with a_server(tmp_path, max_file_size=5000) as web:
        tus = {"Tus-Resumable": "1.0.0"}
        async with web.http.post("/files", headers=tus | {"Upload-Defer-Length": "1"}) as response:
            location = response.headers["Location"]
        assert (await quota(web, {}))["used"]["reserved_bytes"] == 0
        await web.runtime.quotas.set_limits(LOCAL, "local", CoreLimits(reserved_bytes=900))
        head = {**tus, "Content-Type": "application/offset+octet-stream"}

        async def patch(data: Any, offset: int, **more: str) -> int:
            headers = head | {"Upload-Offset": str(offset)} | more
            async with web.http.patch(location, headers=headers, data=data) as response:
                if response.status == 413:
                    await problem_of(response, 413, "quota-exceeded")
                return response.status

        assert await patch(b"%PDF" * 100, 0) == 204
        assert (await quota(web, {}))["used"]["reserved_bytes"] == 400
        assert await patch(b"x" * 501, 400) == 413
        assert (await quota(web, {}))["used"]["reserved_bytes"] == 400

        async def unknown() -> AsyncIterator[bytes]:
            yield b"x" * 10

        assert await patch(unknown(), 400) == 413, "it may have 4,600 bytes"
        await web.runtime.quotas.set_limits(LOCAL, "local", CoreLimits(reserved_bytes=5000))
        assert await patch(unknown(), 400) == 204
        assert (await quota(web, {}))["used"]["reserved_bytes"] == 410, "what it did not need"
        assert await patch(b"", 410, **{"Upload-Length": "700"}) == 204
        assert (await quota(web, {}))["used"]["reserved_bytes"] == 700


async def test_an_account_has_no_more_connections_than_its_limit(tmp_path: Path) -> None:
    user, other = add_key(tmp_path, "ann", USER), add_key(tmp_path, "bob", USER)
    admin = add_key(tmp_path, "root", [Scope.ADMIN])
    async with a_server(tmp_path) as web:
        limits = {"connections": 2}
        async with web.http.put("/api/quotas/*", json=limits, headers=admin) as response:
            assert response.status == 200
        async with web.http.ws_connect("/ws/one", headers=user):
            assert (await quota(web, user))["used"]["connections"] == 2
            async with web.http.ws_connect("/ws/two", headers=user):
                async with web.http.get("/api/quota", headers=user) as response:
                    problem = await problem_of(response, 429, "rate-limited")
                    assert response.headers["Retry-After"] == "1"
                assert problem["message"].startswith("the account key:ann has 2 connections")
                tus = {**user, "Tus-Resumable": "1.0.0", "Upload-Length": "9"}
                async with web.http.post("/files", headers=tus) as response:
                    assert response.status == 503, "tus clients give up after 429"
                assert (await quota(web, other))["used"]["connections"] == 1
        async with web.http.put(
            "/api/quotas/*", json={"connections": 0}, headers=admin
        ) as response:
            assert response.status == 200
        async with web.http.get("/api/quota", headers=other) as response:
            await problem_of(response, 429, "rate-limited")
        async with web.http.put("/api/quotas/*", json={}, headers=admin) as response:
            assert response.status == 200, "administrators are never locked out"


async def test_a_name_of_no_account_is_refused(web: WebServer) -> None:
    for name in ("ann", "acme", "acme:"):
        for method, body in (("PUT", {"documents": 1}), ("GET", None)):
            async with web.http.request(method, f"/api/quotas/{name}", json=body) as response:
                problem = await problem_of(response, 404, "not-found")
            assert f"key:{name.strip(':')} for" in problem["hint"]
    async with web.http.put("/api/quotas/key:", json={"documents": 1}) as response:
        assert "key:NAME for" in (await problem_of(response, 404, "not-found"))["hint"]
    for name in ("*", "key:ann", "tenant:ac%2Fme", "jwt:m%C3%BCller"):
        async with web.http.put(f"/api/quotas/{name}", json={}) as response:
            assert response.status == 200, await response.text()
        async with web.http.get(f"/api/quotas/{name}") as response:
            assert response.status == 200, await response.text()
    async with web.http.get("/api/quotas/local") as response:
        assert response.status == 200, await response.text()


async def test_only_administrators_see_and_change_accounts(tmp_path: Path) -> None:
    user = add_key(tmp_path, "ann", USER)
    async with a_server(tmp_path) as web:
        for call in (
            web.http.get("/api/quotas", headers=user),
            web.http.get("/api/quotas/key:bob", headers=user),
            web.http.put("/api/quotas/key:ann", headers=user, json={"documents": 9}),
        ):
            async with call as response:
                await problem_of(response, 403, "permission-denied")


async def test_limits_that_are_none_are_refused(web: WebServer) -> None:
    bad: list[Any] = [{"documents": -1}, {"documents": "9"}, {"documents": 2**60}, {"pages": 1}, []]
    for limits in bad:
        async with web.http.put("/api/quotas/local", json=limits) as response:
            await problem_of(response, 400, "bad-request")
    async with web.http.get("/api/quotas/a%0ab") as response:
        await problem_of(response, 400, "bad-request")


async def test_the_command_shows_and_changes_quotas(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.7\n" + DATA)
    async with a_server(tmp_path / "data") as web:
        at = ("--server", web.base_url)

        async def command(*arguments: str) -> tuple[int, str, str]:
            ended = await asyncio.to_thread(pdfsluice_here, *arguments)
            return ended.code, ended.out, ended.err

        code, out, _ = await command("quota", "set", "*", "--stored-bytes", "1KiB", *at)
        assert (code, "Account *" in out) == (0, True)
        code, out, _ = await command("quota", "set", "*", "--documents", "5", "--json", *at)
        assert json.loads(out)["own_limits"]["stored_bytes"] == 1024, "the other limits stay"
        code, out, err = await command("upload", str(path), "-q", *at)
        assert code != 0
        assert "at most 1,024; 0 used, " in err
        assert "Traceback" not in err
        code, out, _ = await command("quota", "set", "*", "--clear", *at)
        assert code == 0
        code, out, err = await command("upload", str(path), "-q", "--no-wait", *at)
        assert code == 0, err
        code, out, _ = await command("quota", "--json", *at)
        assert json.loads(out)["used"]["documents"] == 1
        code, out, _ = await command("quota", *at)
        assert "262.2 kB" in out
        code, out, _ = await command("quota", "list", *at)
        assert "local" in out
        assert (await command("quota", "set", "*", *at))[0] == 2
        code, _, err = await command("quota", "set", "*", "--documents", "many", *at)
        assert (code, "neither a number nor 'none'" in err) == (2, True)
        code, _, err = await command("quota", "set", "*", "--documents", "9" * 20, *at)
        assert (code, "at most" in err) == (2, True)
        code, _, err = await command("quota", "set", "ann", "--documents", "1", *at)
        assert code != 0
        assert "key:ann" in err
        options = ("--documents", "0", "--stored-bytes", "0", "--connections", "7")
        code, out, _ = await command("quota", "set", "key:x", *options, "--json", *at)
        code, out, _ = await command("quota", "set", "key:x", "--documents", "none", "--json", *at)
        limits = json.loads(out)["own_limits"]
        assert (limits["documents"], limits["stored_bytes"], limits["connections"]) == (None, 0, 7)


async def test_a_client_sends_nothing_of_what_the_quota_refuses(tmp_path: Path) -> None:
    path, link = tmp_path / "a.pdf", SlowLink(1024 * 1024)
    path.write_bytes(b"%PDF-1.7\n" + DATA)
    async with (
        a_server(tmp_path / "data") as web,
        fault_proxy(web.port, lambda _number: link) as proxy,
        Client(proxy.base_url) as client,
    ):
        await client.set_quota("local", QuotaLimits(open_uploads=0))
        with pytest.raises(ClientError) as caught:
            await client.upload(path)
        assert caught.value.code == "quota-exceeded"
        assert not caught.value.retryable
    assert link.carried < len(DATA) / 20, "a few requests without content, each sent once"
