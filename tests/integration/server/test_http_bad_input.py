"""Mistakes of clients: each has its answer, and leaves nothing half-committed."""

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData, hdrs

from pdfsluice.core.models.findings import Decision
from tests.support.runtimes import Watchman
from tests.support.web import (
    CHUNK,
    STREAMING,
    WebServer,
    a_server,
    body_of,
    chunk_form,
    problem_of,
    sha256,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATA = bytes(range(256)) * 1024  # four chunks
GOOD = {"filename": "test.pdf", "file_size": 1000}


@pytest.fixture
def web(shared_web: WebServer) -> WebServer:
    return shared_web


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"filename": None}, "filename"),
        ({"filename": ""}, "filename"),
        ({"filename": "   "}, "filename"),
        ({"filename": "../../etc/passwd"}, "filename"),
        ({"filename": "a\\b.pdf"}, "filename"),
        ({"filename": ".."}, "filename"),
        ({"filename": "a\x00b.pdf"}, "filename"),
        ({"filename": "a\r\nX-Evil: 1.pdf"}, "filename"),
        ({"filename": "fdp.\u202ecod.exe"}, "filename"),
        ({"filename": "x" * 256}, "filename"),
        ({"file_size": 0}, "file_size"),
        ({"file_size": -1}, "file_size"),
        ({"file_size": "1000"}, "file_size"),
        ({"file_size": 1.5}, "file_size"),
        ({"file_size": True}, "file_size"),
        ({"file_size": 2**63}, "file_size"),
        ({"chunk_size": 0}, "chunk_size"),
        ({"expected_hash": "xyz"}, "expected_hash"),
        ({"check_duplicates": "yes"}, "check_duplicates"),
        ({"title": "x" * 501}, "title"),
        ({"client_id": "a\nb"}, "client_id"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"unknown": 1}, "unknown"),
    ],
)
async def test_a_wrong_field_is_named(web: WebServer, change: dict[str, Any], field: str) -> None:
    async with web.http.post(f"{STREAMING}/initiate", json=GOOD | change) as response:
        problem = await problem_of(response, 400, "bad-request")
    assert [error["field"] for error in problem["details"]["errors"]] == [field]
    assert problem["hint"]


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b'{"filename": "a.pdf"', "application/json", 400, "bad-request"),
        (b"[1, 2]", "application/json", 400, "bad-request"),
        (b"null", "application/json", 400, "bad-request"),
        (b"", "application/json", 400, "bad-request"),
        (b"\xff\xfe", "application/json", 400, "bad-request"),
        (b'{"filename": "\\ud800.pdf", "file_size": 1}', "application/json", 400, "bad-request"),
        (b"[" * 60_000, "application/json", 400, "bad-request"),
        (b" " * 70_000, "application/json", 413, "size-exceeded"),
        (b"filename=a.pdf", "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
    ],
)
async def test_a_body_that_is_no_such_object(
    web: WebServer, body: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {hdrs.CONTENT_TYPE: content_type}
    async with web.http.post(f"{STREAMING}/initiate", data=body, headers=headers) as response:
        await problem_of(response, status, code)


async def test_a_file_over_the_limit(tmp_path: Path) -> None:
    async with a_server(tmp_path, max_file_size=1000) as web:
        wanted = GOOD | {"file_size": 1001}
        async with web.http.post(f"{STREAMING}/initiate", json=wanted) as response:
            problem = await problem_of(response, 413, "size-exceeded")
        assert problem["details"]["max_file_size"] == 1000


@pytest.mark.parametrize(
    "session_id",
    ["1f0c7a52-9d3b-4f6e-8a11-5f2f8f0d3c77", "x", "..%2f..%2fetc", "%00", "A" * 500],
)
async def test_a_session_that_does_not_exist(web: WebServer, session_id: str) -> None:
    calls = [
        web.http.get(f"{STREAMING}/{session_id}"),
        web.http.put(f"{STREAMING}/chunk/{session_id}?chunk_id=0", data=b"x"),
        web.http.post(f"{STREAMING}/chunk/{session_id}", data=chunk_form(b"x", chunk_id="0")),
        web.http.post(f"{STREAMING}/complete/{session_id}"),
        web.http.post(f"{STREAMING}/cancel/{session_id}"),
        web.http.post(f"{STREAMING}/release/{session_id}"),
        web.http.delete(f"{STREAMING}/{session_id}"),
        web.http.post(f"{STREAMING}/resume", json={"session_id": session_id[:100]}),
    ]
    for call in calls:
        async with call as response:
            await problem_of(response, 404, "session-not-found")


async def test_an_expired_session(tmp_path: Path) -> None:
    async with a_server(tmp_path, session_timeout=0.001) as web:
        session = await web.initiate(DATA)
        async with web.http.put(f"{session['upload_url']}?chunk_id=0", data=b"x") as response:
            await problem_of(response, 410, "session-expired")
        async with web.http.get(f"{STREAMING}/{session['session_id']}") as response:
            await problem_of(response, 410, "session-expired")


@pytest.mark.parametrize(
    ("fields", "data", "status", "code"),
    [
        ({}, DATA[:CHUNK], 400, "bad-request"),
        ({"chunk_id": "-1"}, DATA[:CHUNK], 400, "bad-request"),
        ({"chunk_id": "one"}, DATA[:CHUNK], 400, "bad-request"),
        ({"chunk_id": "9" * 30}, DATA[:CHUNK], 400, "bad-request"),
        ({"chunk_id": "0", "is_final": "perhaps"}, DATA[:CHUNK], 400, "bad-request"),
        ({"chunk_id": "0", "is_final": "true"}, DATA[:CHUNK], 400, "bad-request"),
        ({"chunk_id": "0", "checksum": "abc"}, DATA[:CHUNK], 400, "bad-request"),
        ({"chunk_id": "0", "colour": "red"}, DATA[:CHUNK], 400, "bad-request"),
        ({"chunk_id": "0" * 2000}, DATA[:CHUNK], 400, "bad-request"),
        ({"chunk_id": "1", "chunk_offset": "0"}, DATA[:CHUNK], 409, "offset-conflict"),
        ({"chunk_id": "4"}, DATA[:CHUNK], 409, "offset-conflict"),
        ({"chunk_id": "0"}, DATA[: CHUNK + 1], 413, "size-exceeded"),
        ({"chunk_id": "0"}, DATA[: CHUNK - 1], 400, "bad-request"),
        ({"chunk_id": "0"}, b"", 400, "bad-request"),
        ({"chunk_id": "0", "checksum": sha256(b"other")}, DATA[:CHUNK], 422, "checksum-mismatch"),
    ],
)
async def test_a_chunk_that_is_wrong_is_not_committed(
    web: WebServer, fields: dict[str, str], data: bytes, status: int, code: str
) -> None:
    session = await web.initiate(DATA)
    async with web.http.post(session["upload_url"], data=chunk_form(data, **fields)) as response:
        await problem_of(response, status, code)
    state = await web.status(session["session_id"])
    assert (state["durable_bytes"], state["missing_ranges"]) == (0, [[0, len(DATA)]])
    await web.put(session["session_id"], DATA, 0)  # the server and the session continue


@pytest.mark.parametrize(
    ("query", "data", "status", "code"),
    [
        ("", DATA[:CHUNK], 400, "bad-request"),
        ("?chunk_id=0&colour=red", DATA[:CHUNK], 400, "bad-request"),
        ("?chunk_id=0", DATA[: CHUNK + 1], 413, "size-exceeded"),
        ("?chunk_id=0", DATA[: CHUNK - 1], 400, "bad-request"),
        ("?chunk_id=0&chunk_offset=65536", DATA[:CHUNK], 409, "offset-conflict"),
        (f"?chunk_offset={len(DATA)}", DATA[:1], 409, "offset-conflict"),
    ],
)
async def test_a_raw_chunk_that_is_wrong_is_not_committed(
    web: WebServer, query: str, data: bytes, status: int, code: str
) -> None:
    session = await web.initiate(DATA)
    async with web.http.put(session["upload_url"] + query, data=data) as response:
        await problem_of(response, status, code)
    assert (await web.status(session["session_id"]))["durable_bytes"] == 0


async def test_a_checksum_after_the_file_is_judged_too(web: WebServer) -> None:
    session = await web.initiate(DATA)
    form = FormData()
    form.add_field("chunk_id", "0")
    form.add_field("file", DATA[:CHUNK], filename="chunk")
    form.add_field("checksum", sha256(b"other"))
    async with web.http.post(session["upload_url"], data=form) as response:
        await problem_of(response, 422, "checksum-mismatch")
    assert (await web.status(session["session_id"]))["durable_bytes"] == 0


@pytest.mark.parametrize(
    ("name", "value", "status", "code"),
    [
        ("chunk_offset", str(CHUNK), 409, "offset-conflict"),
        ("chunk_id", "0", 400, "bad-request"),
        ("file", "more", 400, "bad-request"),
        ("colour", "red", 400, "bad-request"),
    ],
)
async def test_a_field_after_the_file_that_contradicts(
    web: WebServer, name: str, value: str, status: int, code: str
) -> None:
    session = await web.initiate(DATA)
    form = FormData()
    form.add_field("chunk_id", "0")
    form.add_field("file", DATA[:CHUNK], filename="chunk")
    form.add_field(name, value)
    async with web.http.post(session["upload_url"], data=form) as response:
        await problem_of(response, status, code)
    assert (await web.status(session["session_id"]))["durable_bytes"] == 0


def _form(*parts: tuple[str, bytes], end: bytes = b"--") -> bytes:
    written = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in parts
    )
    return written + b"--b" + end + b"\r\n"


FORM = _form(("chunk_id", b"0"), ("file", DATA[:CHUNK]))


@pytest.mark.parametrize(
    ("body", "boundary"),
    [
        (FORM, ""),
        (FORM, "; boundary=other"),
        (_form(("chunk_id", b"0")), "; boundary=b"),
        (_form(("chunk_id", b"0"), ("file", b"data"), end=b"!!"), "; boundary=b"),
        (FORM[:-9], "; boundary=b"),
        (b"--b\r\nno header\r\n\r\n0\r\n--b--\r\n", "; boundary=b"),
        (b"--b\r\n" + b"x" * 300_000, "; boundary=b"),
        (b"x" * 300_000, "; boundary=b"),
        (_form(*[("chunk_id", b"0")] * 3), "; boundary=b"),
        (b"", "; boundary=b"),
    ],
    ids=[
        "no boundary", "other boundary", "no file", "wrong end", "cut off", "no header",
        "endless header", "endless preamble", "a field twice", "nothing",
    ],
)  # fmt: skip
async def test_a_broken_form(web: WebServer, body: bytes, boundary: str) -> None:
    session = await web.initiate(DATA)
    headers = {hdrs.CONTENT_TYPE: f"multipart/form-data{boundary}"}
    async with web.http.post(session["upload_url"], data=body, headers=headers) as response:
        await problem_of(response, 400, "bad-request")
    assert (await web.status(session["session_id"]))["durable_bytes"] == 0


async def test_a_chunk_in_another_form(web: WebServer) -> None:
    session = await web.initiate(DATA)
    url = f"{session['upload_url']}?chunk_id=0"
    async with web.http.post(session["upload_url"], data=b"{}") as response:
        await problem_of(response, 415, "unsupported-media-type")
    headers = {hdrs.CONTENT_TYPE: "application/pdf"}
    async with web.http.put(url, data=DATA[:CHUNK], headers=headers) as response:
        await problem_of(response, 415, "unsupported-media-type")
    headers = {hdrs.CONTENT_ENCODING: "br"}
    async with web.http.put(url, data=DATA[:CHUNK], headers=headers) as response:
        await problem_of(response, 415, "unsupported-media-type")


async def test_completing_too_early(web: WebServer) -> None:
    session = await web.initiate(DATA)
    await web.put(session["session_id"], DATA, 1)
    async with web.http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
        problem = await problem_of(response, 409, "upload-incomplete")
    assert problem["details"]["missing_chunks"] == [0, 2, 3]
    assert problem["details"]["missing_ranges"] == [[0, CHUNK], [2 * CHUNK, 4 * CHUNK]]


async def test_a_file_with_another_digest_than_announced(web: WebServer) -> None:
    session = await web.initiate(DATA, expected_hash=sha256(b"other"))
    for chunk_id in range(4):
        await web.put(session["session_id"], DATA, chunk_id)
    async with web.http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
        await problem_of(response, 422, "digest-mismatch")


@pytest.mark.parametrize("path", ["/nowhere", "/api/documents/1/nowhere", "/api", "/%00"])
async def test_a_path_that_does_not_exist(web: WebServer, path: str) -> None:
    async with web.http.get(path) as response:
        await problem_of(response, 404, "not-found")


async def test_a_method_that_the_path_does_not_take(web: WebServer) -> None:
    async with web.http.put("/api/documents", json=GOOD) as response:
        problem = await problem_of(response, 405, "method-not-allowed")
        assert response.headers["Allow"] == "GET,HEAD"
        assert "GET" in problem["hint"]


@pytest.mark.parametrize("document", ["1", "0", "-1", "x", "9" * 40, "%00"])
async def test_a_document_that_does_not_exist(web: WebServer, document: str) -> None:
    one = f"/api/documents/{document}"
    for call in (
        web.http.get(one),
        web.http.patch(one, json={"title": "x"}),
        web.http.delete(one),
        web.http.get(f"{one}/file"),
        web.http.get(f"{one}/pages/1"),
        web.http.get(f"{one}/pages/1/thumbnail"),
        web.http.get(f"{one}/import"),
        web.http.post(f"{one}/index"),
    ):
        async with call as response:
            await problem_of(response, 404, "document-not-found")


BAD = DATA[: 2 * CHUNK] + b"FORBIDDEN" + DATA[: 2 * CHUNK]


async def test_a_refused_file_is_refused_in_every_further_answer(web: WebServer) -> None:
    session = await web.initiate(BAD)
    refused = False
    for chunk_id in range(5):
        piece = BAD[chunk_id * CHUNK : (chunk_id + 1) * CHUNK]
        url = f"{session['upload_url']}?chunk_id={chunk_id}"
        async with web.http.put(url, data=piece) as response:
            if response.status == 200:
                assert not refused
                continue
            refused = True
            problem = await problem_of(response, 422, "content-rejected")
            (finding,) = problem["details"]["findings"]
            assert (finding["kind"], finding["offset"]) == ("word", 2 * CHUNK)
    async with web.http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
        problem = await problem_of(response, 422, "content-rejected")
    assert problem["details"]["findings"][0]["kind"] == "word"
    status = await web.status(session["session_id"])
    assert (status["status"], status["decision"]) == ("rejected", "reject")
    assert status["error"]["code"] == "content-rejected"
    assert status["findings"][0]["kind"] == "word"
    async with web.http.get("/api/documents") as response:
        assert (await body_of(response))["total"] == 0


async def test_an_administrator_releases_a_file_in_quarantine(tmp_path: Path) -> None:
    watchman = Watchman(decision=Decision.QUARANTINE)
    async with a_server(tmp_path, watchman=watchman) as web:
        session = await web.initiate(BAD)
        for chunk_id in range(5):
            piece = BAD[chunk_id * CHUNK : (chunk_id + 1) * CHUNK]
            async with web.http.put(f"{session['upload_url']}?chunk_id={chunk_id}", data=piece):
                pass
        complete = f"{STREAMING}/complete/{session['session_id']}"
        async with web.http.post(complete) as response:
            await problem_of(response, 422, "content-rejected")
        assert (await web.status(session["session_id"]))["quarantined"] is True
        async with web.http.post(f"{STREAMING}/release/{session['session_id']}") as response:
            assert response.status == 200
            released = await body_of(response)
        assert (released["released"], released["quarantined"]) == (True, False)
        for chunk_id in released["missing_chunks"]:
            piece = BAD[chunk_id * CHUNK : (chunk_id + 1) * CHUNK]
            async with web.http.put(
                f"{session['upload_url']}?chunk_id={chunk_id}", data=piece
            ) as response:
                assert response.status == 200, await response.text()
        async with web.http.post(complete) as response:
            assert response.status == 200, await response.text()
            assert (await body_of(response))["document"]["sha256"] == sha256(BAD)


async def test_no_error_shows_what_is_inside(tmp_path: Path) -> None:
    async with a_server(tmp_path) as web:
        session = await web.initiate(DATA)
        async with web.http.put(f"{session['upload_url']}?chunk_id=x", data=b"") as response:
            text = json.dumps(await body_of(response))
    for secret in (str(tmp_path), "Traceback", "pydantic", "site-packages"):
        assert secret not in text
