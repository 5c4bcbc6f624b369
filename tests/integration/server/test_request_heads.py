"""Requests with an ambiguous head, or with an announcement that is not met."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.web import STREAMING, WebServer, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATA = b"%PDF-1.7 " + bytes(1000)
TUS = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(DATA))}


@pytest.fixture
def web(shared_web: WebServer) -> WebServer:
    return shared_web


async def raw(web: WebServer, *lines: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
    """Send a request as it stands; return status and body of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    try:
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body)
        async with asyncio.timeout(30):
            answer = await reader.read()
    finally:
        writer.close()
    head, _, content = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), json.loads(content or b"{}")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example@localhost",
        "localhost@evil.example",
        "evil.example\\@localhost",
        "evil.example\\.localhost",
        "localhost/evil.example",
        "localhost:80:80",
        "localhost:port",
        "local host",
        "[::1",
        "[::1]evil.example",
        "evil.example?.localhost",
        "evil.example#.localhost",
        "localhost%2eevil.example",
    ],
)
async def test_a_malformed_host_is_no_name_of_this_machine(web: WebServer, host: str) -> None:
    status, problem = await raw(web, "GET /api/documents HTTP/1.1", f"Host: {host}")
    assert status == 400, problem
    assert problem["success"] is False


async def test_a_request_names_its_host_once(web: WebServer) -> None:
    line = "GET /api/documents HTTP/1.1"
    assert (await raw(web, line))[0] == 400
    assert (await raw(web, line, "Host: localhost", "Host: evil.example"))[0] == 400
    assert (await raw(web, line, "Host: LOCALHOST"))[0] == 200


@pytest.mark.parametrize("method", ["BREW", "GETTING", "get"])
async def test_a_method_that_no_path_knows_is_not_implemented(web: WebServer, method: str) -> None:
    """RFC 9110, 9.1."""
    status, problem = await raw(web, f"{method} /api/documents HTTP/1.1", "Host: localhost")
    assert status == 501
    assert problem["code"] == "method-not-implemented"
    assert f"method {method}" in problem["detail"]
    assert ("write GET" in problem["hint"]) == (method == "get")


@pytest.mark.parametrize("line", ["\x16\x03\x01\x02", "GET\tX / HTTP/1.1", "{} / HTTP/1.1"])
async def test_what_begins_with_no_method_is_malformed(web: WebServer, line: str) -> None:
    status, problem = await raw(web, line, "Host: localhost")
    assert status == 400
    assert problem["code"] == "bad-request"


async def test_the_check_of_a_balancer_names_no_host(web: WebServer) -> None:
    """HAProxy asks in HTTP/1.0; only HTTP/1.1 requires the field (RFC 9112, 3.2)."""
    assert (await raw(web, "GET /health/ready HTTP/1.0"))[0] == 200


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Origin", ("http://localhost", "http://evil.example")),
        ("Upload-Length", ("1009", "1010")),
        ("Tus-Resumable", ("1.0.0", "0.2.0")),
        ("X-API-Key", ("a", "b")),
        ("Authorization", ("Bearer a", "Bearer b")),
        ("Content-Type", ("application/offset+octet-stream", "text/plain")),
        ("X-HTTP-Method-Override", ("POST", "DELETE")),
    ],
)
async def test_a_field_that_occurs_once_is_refused_twice(
    web: WebServer, name: str, values: tuple[str, str]
) -> None:
    lines = [f"{name}: {value}" for value in values]
    status, problem = await raw(web, "POST /files HTTP/1.1", "Host: localhost", *lines)
    assert (status, problem["code"]) == (400, "bad-request")
    assert name in problem["message"]


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)


@pytest.mark.parametrize(
    "fields",
    [
        ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"],
    ],
)
async def test_a_transfer_coding_that_is_not_decoded_is_refused(
    web: WebServer, fields: list[str]
) -> None:
    session = await web.initiate(DATA)
    path = f"{STREAMING}/chunk/{session['session_id']}?chunk_id=0"
    kind = "Content-Type: application/octet-stream"
    status, problem = await raw(
        web, f"PUT {path} HTTP/1.1", "Host: localhost", kind, *fields, body=chunked(DATA)
    )
    assert (status, problem["code"]) in {
        (501, "unsupported-transfer-coding"),
        (400, "bad-request"),  # the parser may refuse it first
    }
    assert (await web.status(session["session_id"]))["uploaded_bytes"] == 0
    plain = "Transfer-Encoding: chunked"
    status, problem = await raw(
        web, f"PUT {path} HTTP/1.1", "Host: localhost", kind, plain, body=chunked(DATA)
    )
    assert status == 200, problem


@pytest.mark.parametrize(
    "fields",
    [
        ["Content-Encoding: identity", "Content-Encoding: br"],
        ["Content-Encoding: identity, br"],
        ["Content-Encoding: gzip", "Content-Encoding: zstd"],
    ],
)
async def test_every_line_of_content_encoding_counts(web: WebServer, fields: list[str]) -> None:
    session = await web.initiate(DATA)
    path = f"{STREAMING}/chunk/{session['session_id']}?chunk_id=0"
    length = f"Content-Length: {len(DATA)}"
    kind = "Content-Type: application/octet-stream"
    head = (f"PUT {path} HTTP/1.1", "Host: localhost", kind, length)
    status, problem = await raw(web, *head, *fields, body=DATA)
    assert (status, problem["code"]) == (415, "unsupported-media-type")
    assert (await raw(web, *head, "Content-Encoding: identity", body=DATA))[0] == 200


async def test_a_part_of_a_representation_is_not_taken_for_the_whole(web: WebServer) -> None:
    headers = {"Content-Range": f"bytes 0-{len(DATA) - 1}/{2 * len(DATA)}"}
    async with web.http.post("/resumable", data=DATA, headers=headers) as response:
        await problem_of(response, 400, "bad-request")
    async with web.http.get("/api/documents") as response:
        assert (await response.json())["documents"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Draft-Interop-Version": "3", "Upload-Incomplete": "?1"},
        {"Upload-Incomplete": "?1"},
        {"Upload-Draft-Interop-Version": "5", "Upload-Incomplete": "?0"},
        {"Upload-Draft-Interop-Version": "8", "Upload-Complete": "0"},
        {"Upload-Complete": "false"},
        {"Upload-Complete": "?2"},
    ],
)
async def test_half_a_file_in_words_of_another_draft_is_no_document(
    web: WebServer, headers: dict[str, str]
) -> None:
    async with web.http.post("/resumable", data=DATA[:500], headers=headers) as response:
        assert response.status == 400
        problem = await response.json(content_type=None)
    if "Upload-Incomplete" in headers:
        assert problem["code"] == "unsupported-draft-version"
        assert problem["details"]["supported_versions"] == [6, 7, 8]
        assert "6, 7, 8" in problem["hint"]
    async with web.http.get("/api/documents") as response:
        assert (await response.json())["documents"] == []


@pytest.mark.parametrize(
    "kind",
    [
        "application/offset+octet-stream",
        "application/offset+octet-stream; charset=UTF-8",
        "Application/Offset+Octet-Stream;charset=utf-8",
    ],
)
async def test_parameters_of_a_media_type_do_not_change_it(web: WebServer, kind: str) -> None:
    async with web.http.post("/files", headers=TUS) as response:
        assert response.status == 201
        url = response.headers["Location"]
    headers = TUS | {"Upload-Offset": "0", "Content-Type": kind}
    async with web.http.patch(url, data=DATA, headers=headers) as response:
        assert response.status == 204, await response.text()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_foreign_page_cannot_hide_a_method_in_another(web: WebServer, method: str) -> None:
    async with web.http.post("/files", headers=TUS) as response:
        url = response.headers["Location"]
    foreign = TUS | {"Origin": "https://evil.example", "X-HTTP-Method-Override": "DELETE"}
    async with web.http.request(method, url, headers=foreign) as response:
        assert response.status == 403
    async with web.http.head(url, headers=TUS) as response:
        assert response.status == 200
    own = TUS | {"X-HTTP-Method-Override": "DELETE"}
    async with web.http.get(url, headers=own) as response:
        assert response.status == 204


@pytest.mark.parametrize(
    ("line", "field", "status", "code"),
    [
        ("GET /api/documents?filename=" + "z" * 9000, "X-Long: a", 414, "uri-too-long"),
        ("GET /api/documents", "X-API-Key: " + "s" * 17_000, 431, "header-fields-too-large"),
        ("GET /api/documents", "X-Long: " + "z" * 16_000, 200, None),
    ],
    ids=["address", "key", "field"],
)
async def test_what_is_too_long_is_named_and_not_repeated(
    web: WebServer, line: str, field: str, status: int, code: str | None
) -> None:
    """RFC 9112, 3, and RFC 6585, 5; the field may hold a key."""
    got, problem = await raw(web, f"{line} HTTP/1.1", "Host: localhost", field)
    assert (got, problem.get("code")) == (status, code)
    assert "zzz" not in str(problem)
    assert "sss" not in str(problem)
