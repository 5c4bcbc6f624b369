"""Permissions: every route against every kind of caller, origin and host."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, WSServerHandshakeError

from pdfsluice.core.models.sessions import Scope
from pdfsluice.server.routes import TABLE, Route
from tests.support.keys import add_key
from tests.support.web import STREAMING, WebServer, a_server, body_of, problem_of, sha256

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATA = b"%PDF-1.7 " + bytes(1000)


@dataclass(frozen=True)
class Guarded:
    """A server with keys, a session and a document of the key ``owner``."""

    web: WebServer
    keys: dict[str, dict[str, str]]
    session_id: str
    document_id: int

    def path(self, route: Route) -> str:
        """Return the path of a route with the ids of what is there."""
        values = {
            "session_id": self.session_id,
            "document_id": str(self.document_id),
            "page": "1",
            "client_id": "client",
            "code": "size-exceeded",
            "account": "key:owner",
            "importer": "text",
            "job_id": "1",
        }
        return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], route.path)

    async def call(self, route: Route, caller: str | None) -> tuple[ClientResponse, Any]:
        """Call a route as some caller; return the answer and its content."""
        headers = {} if caller is None else self.keys[caller]
        arguments: dict[str, Any] = {}
        if route.path.endswith("/resume"):
            arguments["json"] = {"session_id": self.session_id}
        elif route.path.endswith("/search"):
            arguments["json"] = {"query": "anything"}
        elif route.method == "PATCH":
            arguments["json"] = {"title": "Stolen"}
        elif route.method in {"POST", "PUT"}:
            arguments["data"] = b""
        async with self.web.http.request(
            route.method, self.path(route), headers=headers, **arguments
        ) as response:
            content = await response.read()
            if response.content_type == "application/problem+json":
                return response, await body_of(response)
            return response, content


@pytest.fixture
def web(shared_web: WebServer) -> WebServer:
    return shared_web


@pytest_asyncio.fixture(loop_scope="module")
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    keys = {
        "owner": add_key(tmp_path, "owner", [Scope.READ, Scope.UPLOAD]),
        "other": add_key(tmp_path, "other", [Scope.READ, Scope.UPLOAD]),
        "reader": add_key(tmp_path, "reader", [Scope.READ]),
        "uploader": add_key(tmp_path, "uploader", [Scope.UPLOAD]),
        "admin": add_key(tmp_path, "admin", [Scope.ADMIN]),
        "wrong": {"Authorization": f"Bearer pdfsluice_00000000_{'x' * 43}"},
        "garbled": {"Authorization": "Basic dXNlcjpwYXNz"},
    }
    async with a_server(tmp_path) as web:

        async def post(path: str, body: Any) -> Any:
            async with web.http.post(path, json=body, headers=keys["owner"]) as response:
                assert response.status == 200, await response.text()
                return await response.json()

        wanted = {"filename": "a.pdf", "file_size": len(DATA), "client_id": "client"}
        first = await post(f"{STREAMING}/initiate", wanted)
        async with web.http.put(
            f"{first['upload_url']}?chunk_id=0", data=DATA, headers=keys["owner"]
        ) as response:
            assert response.status == 200
        done = await post(f"{STREAMING}/complete/{first['session_id']}", {})
        second = await post(f"{STREAMING}/initiate", wanted)
        yield Guarded(web, keys, second["session_id"], done["document"]["id"])


def _routes(guarded: Guarded) -> list[Route]:
    table = guarded.web.app[TABLE]
    return [*table]


async def test_every_path_is_in_the_table_or_known_to_be_elsewhere(guarded: Guarded) -> None:
    """A route that is added outside the table is noticed here."""
    table = {route.path for route in _routes(guarded)}
    paths = {resource.canonical for resource in guarded.web.app.router.resources()}
    elsewhere = {"/", "/assets/{path}", "/files", "/files/{session_id}"}
    elsewhere |= {"/resumable", "/resumable/{session_id}"}
    assert paths - table <= elsewhere


@pytest.mark.parametrize("caller", [None, "wrong", "garbled"])
async def test_only_public_routes_are_open_without_a_valid_key(
    guarded: Guarded, caller: str | None
) -> None:
    for route in _routes(guarded):
        response, content = await guarded.call(route, caller)
        if not route.scopes:
            assert response.status == 200, route
        else:
            assert (response.status, content["code"]) == (401, "authentication-required"), route
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
    for path in ("/files", "/resumable"):
        async with guarded.web.http.post(path, data=b"x") as response:
            assert response.status == 401, path


def _allowed(route: Route, scope: Scope) -> bool:
    changes_document = "{document_id}" in route.path and route.scopes == (Scope.UPLOAD,)
    return not changes_document and (not route.scopes or scope in route.scopes)


@pytest.mark.parametrize(("caller", "scope"), [("reader", Scope.READ), ("uploader", Scope.UPLOAD)])
async def test_a_key_does_what_its_scope_allows(
    guarded: Guarded, caller: str, scope: Scope
) -> None:
    for route in _routes(guarded):
        response, content = await guarded.call(route, caller)
        if _allowed(route, scope):
            assert response.status not in {401, 403}, route
        else:
            assert (response.status, content["code"]) == (403, "permission-denied"), route


async def test_an_upload_key_uploads_and_follows_its_upload(guarded: Guarded) -> None:
    headers, http = guarded.keys["uploader"], guarded.web.http
    wanted = {"filename": "a.pdf", "file_size": len(DATA), "expected_hash": sha256(DATA)}
    for known in (False, True):
        async with http.post(f"{STREAMING}/initiate", json=wanted, headers=headers) as response:
            if known:
                problem = await problem_of(response, 409, "duplicate-document")
                assert "document" not in problem["details"]
                return
            session = await body_of(response)
        url = f"{session['upload_url']}?chunk_id=0"
        async with http.put(url, data=DATA, headers=headers) as response:
            assert response.status == 200
        complete = f"{STREAMING}/complete/{session['session_id']}"
        async with http.post(complete, headers=headers) as response:
            assert response.status == 200
        status = f"{STREAMING}/{session['session_id']}"
        async with http.get(status, headers=headers) as response:
            shown = await body_of(response)
            assert (shown["status"], shown["document"]) == ("completed", None)


async def test_another_principal_sees_nothing(guarded: Guarded) -> None:
    for route in _routes(guarded):
        if not {"{session_id}", "{document_id}"} & set(re.findall(r"\{\w+\}", route.path)):
            continue
        response, content = await guarded.call(route, "other")
        expected = 403 if Scope.ADMIN in route.scopes else 404
        assert response.status == expected, (route, content)
    headers = guarded.keys["other"]
    async with guarded.web.http.get(f"{STREAMING}/resumable", headers=headers) as response:
        assert await response.json() == []
    async with guarded.web.http.get("/api/documents", headers=headers) as response:
        assert (await body_of(response))["documents"] == []
    body = {"session_id": guarded.session_id}
    async with guarded.web.http.post(f"{STREAMING}/resume", json=body, headers=headers) as response:
        await problem_of(response, 404, "session-not-found")
    async with guarded.web.http.get(
        f"/api/documents/{guarded.document_id}", headers=guarded.keys["owner"]
    ) as response:
        assert (await body_of(response))["title"] != "Stolen"


async def test_a_session_that_is_missing_looks_like_a_foreign_one(guarded: Guarded) -> None:
    headers = guarded.keys["other"]
    ids = (guarded.session_id, "00000000-0000-4000-8000-000000000000", "no-id")
    for method, path in (
        ("GET", f"{STREAMING}/ID"),
        ("DELETE", f"{STREAMING}/ID"),
        ("POST", f"{STREAMING}/cancel/ID"),
        ("POST", f"{STREAMING}/complete/ID"),
        ("PUT", f"{STREAMING}/chunk/ID?chunk_id=0"),
        ("HEAD", "/files/ID"),
        ("PATCH", "/files/ID"),
        ("HEAD", "/resumable/ID"),
        ("DELETE", "/resumable/ID"),
    ):
        answers = []
        for session_id in ids:
            sent = headers | {"Tus-Resumable": "1.0.0", "X-Request-Id": "same"}
            if method == "PATCH":
                kind = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
                sent |= kind
            url = path.replace("ID", session_id)
            async with guarded.web.http.request(method, url, headers=sent) as response:
                assert response.status == 404, (method, url)
                answers.append((await response.read(), response.headers.get("Content-Type")))
        assert answers[0] == answers[1] == answers[2], (method, path)


async def test_an_administrator_sees_everything(guarded: Guarded) -> None:
    headers = guarded.keys["admin"]
    for path in (
        f"{STREAMING}/{guarded.session_id}",
        f"/api/documents/{guarded.document_id}",
        f"/api/documents/{guarded.document_id}/file",
    ):
        async with guarded.web.http.get(path, headers=headers) as response:
            assert response.status == 200, path


async def test_the_other_header_is_as_good(guarded: Guarded) -> None:
    key = guarded.keys["owner"]["Authorization"].removeprefix("Bearer ")
    async with guarded.web.http.get("/api/documents", headers={"X-API-Key": key}) as response:
        assert response.status == 200
    async with guarded.web.http.get(f"/api/documents?key={key}") as response:
        assert response.status == 401


async def test_a_browser_shows_its_key_as_a_subprotocol(guarded: Guarded) -> None:
    key = guarded.keys["owner"]["Authorization"].removeprefix("Bearer ")
    socket = await guarded.web.http.ws_connect(
        "/ws/client", protocols=("pdfsluice.v1", f"bearer.{key}")
    )
    assert socket.protocol == "pdfsluice.v1"
    await socket.close()
    for protocols in ((), ("pdfsluice.v1",), ("pdfsluice.v1", "bearer.wrong")):
        with pytest.raises(WSServerHandshakeError) as refused:
            await guarded.web.http.ws_connect("/ws/client", protocols=protocols)
        assert refused.value.status == 401


FOREIGN = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        (FOREIGN, True),
        ({"Origin": "https://evil.example"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": "http://["}, True),
        ({"Origin": "http://\N{FULLWIDTH SOLIDUS}"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:9"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"Origin": "OWN"}, False),
        ({}, False),
    ],
)
async def test_a_foreign_page_cannot_make_its_visitor_upload(
    web: WebServer, headers: dict[str, str], refused: bool
) -> None:
    sent = {name: web.base_url if value == "OWN" else value for name, value in headers.items()}
    wanted = {"filename": "a.pdf", "file_size": 10}
    async with web.http.post(f"{STREAMING}/initiate", json=wanted, headers=sent) as response:
        if refused:
            await problem_of(response, 403, "origin-refused")
        else:
            assert response.status == 200
        assert "Access-Control-Allow-Origin" not in response.headers
    if refused:
        with pytest.raises(WSServerHandshakeError) as handshake:
            await web.http.ws_connect("/ws/client", headers=sent)
        assert handshake.value.status == 403
    else:
        socket = await web.http.ws_connect("/ws/client", headers=sent)
        await socket.close()


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost", True),
        ("localhost:8000", True),
        ("127.0.0.1", True),
        ("[::1]:8000", True),
        ("pdf.localhost", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("192.168.1.1", False),
        ("", False),
    ],
)
async def test_without_keys_only_names_of_this_machine_are_answered(
    web: WebServer, host: str, known: bool
) -> None:
    async with web.http.get("/api/documents", headers={"Host": host}) as response:
        if known:
            assert response.status == 200
        else:
            await problem_of(response, 403, "origin-refused")


async def test_with_keys_any_host_name_will_do(guarded: Guarded) -> None:
    headers = guarded.keys["owner"] | {"Host": "pdf.example"}
    async with guarded.web.http.get("/api/documents", headers=headers) as response:
        assert response.status == 200


async def test_an_origin_that_is_allowed(tmp_path: Path) -> None:
    origin = {"Origin": "https://app.example"}
    async with a_server(tmp_path, cors_origins=("https://app.example",)) as web:
        asked = {
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization, upload-offset, bad header",
        }
        async with web.http.options("/files/x", headers=origin | asked) as response:
            assert response.status == 204
            assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"
            assert "PATCH" in response.headers["Access-Control-Allow-Methods"]
            allowed = response.headers["Access-Control-Allow-Headers"]
            assert allowed == "authorization, upload-offset"
        wanted = {"filename": "a.pdf", "file_size": 10}
        async with web.http.post(f"{STREAMING}/initiate", json=wanted, headers=origin) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"
            assert "Upload-Offset" in response.headers["Access-Control-Expose-Headers"]
            assert response.headers["Vary"] == "Origin"
        async with web.http.options("/files/x", headers=FOREIGN | asked) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
        async with web.http.get("/nowhere", headers=origin) as response:
            await problem_of(response, 404, "not-found")
            assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"


async def test_every_answer_is_hardened(web: WebServer) -> None:
    for path in ("/health", "/nowhere", "/api/documents", "/openapi.json", "/docs"):
        async with web.http.get(path) as response:
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["X-Frame-Options"] == "DENY"
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
            assert response.headers["Server"] == "pdfsluice"


async def test_a_request_keeps_its_harmless_name(web: WebServer) -> None:
    async with web.http.get("/health", headers={"X-Request-Id": "abc-1"}) as response:
        assert response.headers["X-Request-Id"] == "abc-1"
    async with web.http.get("/health", headers={"X-Request-Id": "a b{}" * 50}) as response:
        assert re.fullmatch(r"[0-9a-f]{32}", response.headers["X-Request-Id"])
