"""Uploads over HTTP that succeed: the documented way, the raw way, any order."""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import FormData

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
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def web(shared_web: WebServer) -> WebServer:
    return shared_web


async def test_the_documented_way(web: WebServer) -> None:
    session = await web.initiate(DATA, client_id="client_123", title="My Large Document")
    assert UUID.fullmatch(session["session_id"])
    assert session["upload_url"] == f"{STREAMING}/chunk/{session['session_id']}"
    assert session["websocket_room"] == f"upload_{session['session_id']}"
    assert (session["chunk_size"], session["total_chunks"]) == (CHUNK, 4)
    assert datetime.fromisoformat(session["expires_at"]).tzinfo is not None
    assert session["client_id"] == "client_123"
    for chunk_id in range(4):
        piece = DATA[chunk_id * CHUNK : (chunk_id + 1) * CHUNK]
        form = chunk_form(
            piece,
            chunk_id=str(chunk_id),
            chunk_offset=str(chunk_id * CHUNK),
            is_final=str(chunk_id == 3).lower(),
            checksum=sha256(piece),
        )
        async with web.http.post(session["upload_url"], data=form) as response:
            last = chunk_id == 3
            assert response.status == 200
            assert await body_of(response) == {
                "success": True,
                "chunk_id": chunk_id,
                "next_chunk_id": None if last else chunk_id + 1,
                "upload_complete": last,
                "message": "All chunks are uploaded" if last else "Chunk uploaded successfully",
            }
    async with web.http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
        assert response.status == 200
        answer = await body_of(response)
    document = answer["document"]
    assert answer["duplicate"] is False
    assert document["title"] == "My Large Document"
    assert document["filename"] == "test.pdf"
    assert (document["file_size"], document["is_file_available"]) == (len(DATA), True)
    assert document["sha256"] == sha256(DATA)


async def test_completing_again_gives_the_same_document(web: WebServer) -> None:
    session = await web.initiate(DATA)
    for chunk_id in range(4):
        await web.put(session["session_id"], DATA, chunk_id)
    answers = []
    for _ in range(2):
        async with web.http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
            answers.append((response.status, (await body_of(response))["document"]["id"]))
    assert answers[0] == answers[1]
    assert answers[0][0] == 200


async def test_a_digest_that_is_known_at_the_end_is_compared(web: WebServer) -> None:
    session = await web.initiate(DATA)
    path = f"{STREAMING}/complete/{session['session_id']}"
    for chunk_id in range(4):
        await web.put(session["session_id"], DATA, chunk_id)
    async with web.http.post(path, json={"expected_hash": sha256(b"other")}) as response:
        problem = await problem_of(response, 422, "digest-mismatch")
        assert problem["details"] == {"expected": sha256(b"other"), "actual": sha256(DATA)}
    async with web.http.get("/api/documents") as response:
        assert (await body_of(response))["documents"] == []


async def test_a_digest_at_the_end_may_be_announced_again_but_not_changed(web: WebServer) -> None:
    session = await web.initiate(DATA)
    path = f"{STREAMING}/complete/{session['session_id']}"
    for chunk_id in range(4):
        await web.put(session["session_id"], DATA, chunk_id)
    for _ in range(2):
        async with web.http.post(path, json={"expected_hash": sha256(DATA)}) as response:
            assert (await body_of(response))["document"]["sha256"] == sha256(DATA)
    async with web.http.post(path, json={"expected_hash": sha256(b"other")}) as response:
        await problem_of(response, 422, "digest-mismatch")
    async with web.http.post(path, json={"expected_hash": "no digest"}) as response:
        problem = await problem_of(response, 400, "bad-request")
        assert problem["detail"] == (
            "the body is not valid: expected_hash must be a SHA-256 in hexadecimal, 64 digits"
        )


async def test_chunks_come_in_any_order_and_in_parallel(web: WebServer) -> None:
    session = await web.initiate(DATA)
    answer = await web.put(session["session_id"], DATA, 2)
    assert (answer["chunk_id"], answer["next_chunk_id"]) == (2, 0)
    status = await web.status(session["session_id"])
    assert status["missing_chunks"] == [0, 1, 3]
    assert status["missing_ranges"] == [[0, 2 * CHUNK], [3 * CHUNK, 4 * CHUNK]]
    assert (status["uploaded_chunks"], status["progress_percentage"]) == (1, 25.0)
    await asyncio.gather(*(web.put(session["session_id"], DATA, n) for n in (3, 0, 1)))
    status = await web.status(session["session_id"])
    assert status["missing_chunks"] == status["missing_ranges"] == []
    assert status["next_chunk_id"] is None
    assert status["durable_bytes"] == status["uploaded_bytes"] == len(DATA)


@pytest.mark.parametrize(
    "order",
    [
        ("file", "chunk_id", "checksum"),
        ("file", "chunk_offset", "is_final"),
        ("checksum", "file", "chunk_id"),
        ("chunk_id", "file", "checksum"),
        ("chunk_id", "file", "chunk_offset"),
        ("chunk_offset", "file"),
    ],
)
async def test_fields_come_in_any_order(web: WebServer, order: tuple[str, ...]) -> None:
    session = await web.initiate(DATA)
    piece = DATA[CHUNK : 2 * CHUNK]
    values = {
        "chunk_id": "1",
        "chunk_offset": str(CHUNK),
        "is_final": "false",
        "checksum": sha256(piece),
    }
    form = FormData()
    for name in order:
        if name == "file":
            form.add_field("file", piece, filename="chunk")
        else:
            form.add_field(name, values[name])
    async with web.http.post(session["upload_url"], data=form) as response:
        assert response.status == 200, await response.text()
        assert (await body_of(response))["chunk_id"] == 1
    status = await web.status(session["session_id"])
    assert status["missing_ranges"] == [[0, CHUNK], [2 * CHUNK, 4 * CHUNK]]


async def test_a_raw_chunk_with_its_digest(web: WebServer) -> None:
    session = await web.initiate(DATA)
    digest = base64.b64encode(hashlib.sha256(DATA[:CHUNK]).digest()).decode()
    async with web.http.put(
        f"{session['upload_url']}?chunk_id=0&chunk_offset=0",
        data=DATA[:CHUNK],
        headers={"Content-Digest": f"sha-256=:{digest}:"},
    ) as response:
        assert response.status == 200
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    async with web.http.put(
        f"{session['upload_url']}?chunk_offset={CHUNK}",
        data=DATA[CHUNK : 2 * CHUNK],
        headers={"Content-Digest": f"sha-256=:{wrong}:"},
    ) as response:
        await problem_of(response, 422, "checksum-mismatch")
    assert (await web.status(session["session_id"]))["missing_chunks"] == [1, 2, 3]


@pytest.mark.parametrize(
    "digest", ["sha-256=:AAA", "sha-256=AAAA", "SHA-256=:AAAA:", "sha-256=:AAAA:"]
)
async def test_a_digest_that_cannot_be_compared_is_not_ignored(web: WebServer, digest: str) -> None:
    session = await web.initiate(DATA)
    async with web.http.put(
        f"{session['upload_url']}?chunk_id=0",
        data=DATA[:CHUNK],
        headers={"Content-Digest": digest},
    ) as response:
        problem = await body_of(response)
        assert response.status in {400, 422}, problem
        assert problem["hint"]
    assert 0 in (await web.status(session["session_id"]))["missing_chunks"]


async def test_going_on_in_the_middle_of_a_chunk(web: WebServer) -> None:
    session = await web.initiate(DATA)
    middle = CHUNK // 2
    async with web.http.put(
        f"{session['upload_url']}?chunk_id=0&chunk_offset={middle}", data=DATA[middle:CHUNK]
    ) as response:
        assert response.status == 200
    status = await web.status(session["session_id"])
    assert status["missing_ranges"] == [[0, middle], [CHUNK, 4 * CHUNK]]


async def test_a_chunk_comes_in_pieces_with_their_offsets(web: WebServer) -> None:
    session = await web.initiate(DATA)
    third = CHUNK // 3
    pieces = ((2 * third, CHUNK), (0, third), (third, 2 * third))
    for start, end in pieces:
        digest = base64.b64encode(hashlib.sha256(DATA[start:end]).digest()).decode()
        async with web.http.put(
            f"{session['upload_url']}?chunk_id=0&chunk_offset={start}",
            data=DATA[start:end],
            headers={"Content-Digest": f"sha-256=:{digest}:"},
        ) as response:
            assert response.status == 200, await response.text()
    assert (await web.status(session["session_id"]))["missing_ranges"] == [[CHUNK, 4 * CHUNK]]
    over = f"{session['upload_url']}?chunk_offset={2 * third}"
    async with web.http.put(over, data=DATA[:CHUNK]) as response:
        await problem_of(response, 413, "size-exceeded")


async def test_the_same_chunk_again_is_harmless_and_another_is_a_conflict(web: WebServer) -> None:
    session = await web.initiate(DATA)
    for _ in range(2):
        assert (await web.put(session["session_id"], DATA, 0))["success"] is True
    other = bytes(CHUNK)
    async with web.http.put(f"{session['upload_url']}?chunk_id=0", data=other) as response:
        await problem_of(response, 409, "offset-conflict")
    await web.put(session["session_id"], DATA, 0)


async def test_a_chunked_transfer_needs_no_length(web: WebServer) -> None:
    session = await web.initiate(DATA)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, CHUNK, 1000):
            yield DATA[start : min(start + 1000, CHUNK)]

    async with web.http.put(f"{session['upload_url']}?chunk_id=0", data=pieces()) as response:
        assert response.status == 200, await response.text()
    assert (await web.status(session["session_id"]))["next_chunk_id"] == 1


async def test_completing_without_waiting(web: WebServer) -> None:
    session = await web.initiate(DATA)
    url = f"{STREAMING}/complete/{session['session_id']}"
    headers = {"Prefer": "respond-async, wait=5"}
    async with web.http.post(url, headers=headers) as response:
        problem = await problem_of(response, 409, "upload-incomplete")
        assert problem["details"]["missing_ranges"] == [[0, len(DATA)]]
        assert problem["details"]["missing_chunks"] == [0, 1, 2, 3]
    for chunk_id in range(4):
        await web.put(session["session_id"], DATA, chunk_id)
    async with web.http.post(url, headers=headers) as response:
        assert response.status == 202
        answer = await body_of(response)
        assert response.headers["Location"] == answer["status_url"]
        assert response.headers["Preference-Applied"] == "respond-async"
    async with web.http.post(url) as response:  # waits for the same completion
        document = (await body_of(response))["document"]
    async with web.http.get(answer["status_url"]) as response:
        status = await body_of(response)
    assert (status["status"], status["document_id"]) == ("completed", document["id"])
    assert status["document"]["sha256"] == sha256(DATA)


async def test_a_known_file_is_named_before_a_byte_is_sent(web: WebServer) -> None:
    document = await web.upload(DATA, title="The first")
    wanted = {"filename": "again.pdf", "file_size": len(DATA), "expected_hash": sha256(DATA)}
    async with web.http.post(f"{STREAMING}/initiate", json=wanted) as response:
        problem = await problem_of(response, 409, "duplicate-document")
    assert problem["details"]["document"]["id"] == document["id"]
    assert problem["details"]["document"]["title"] == "The first"
    again = await web.initiate(DATA, expected_hash=sha256(DATA), check_duplicates=False)
    assert again["status"] == "created"


async def test_a_duplicate_that_shows_at_the_end_gives_the_first_document(web: WebServer) -> None:
    first = await web.upload(DATA)
    second = await web.upload(DATA, filename="other.pdf")
    assert second["id"] == first["id"]


async def test_resuming_from_another_device(tmp_path: Path) -> None:
    async with a_server(tmp_path) as web:
        session = await web.initiate(DATA, client_id="laptop", metadata={"a": "b"})
        await web.put(session["session_id"], DATA, 1)
    async with a_server(tmp_path) as web:
        async with web.http.get(f"{STREAMING}/resumable") as response:
            (listed,) = await response.json()
        assert listed["session_id"] == session["session_id"]
        assert listed["filename"] == "test.pdf"
        assert (listed["uploaded_chunks"], listed["total_chunks"]) == (1, 4)
        assert (listed["total_size"], listed["progress_percentage"]) == (len(DATA), 25.0)
        assert listed["age_hours"] >= 0
        assert listed["metadata"] == {"a": "b"}
        wanted = {
            "session_id": session["session_id"],
            "client_id": "phone",
            "last_chunk_id": 1,
        }
        async with web.http.post(f"{STREAMING}/resume", json=wanted) as response:
            resumed = await body_of(response)
        assert resumed["client_id"] == "phone"
        assert (resumed["next_chunk_id"], resumed["missing_chunks"]) == (0, [0, 2, 3])
        for chunk_id in resumed["missing_chunks"]:
            await web.put(session["session_id"], DATA, chunk_id)
        async with web.http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
            assert (await body_of(response))["document"]["sha256"] == sha256(DATA)
        async with web.http.get(f"{STREAMING}/resumable") as response:
            assert await response.json() == []


@pytest.mark.parametrize("way", ["post", "post with reason", "delete"])
async def test_cancelling(web: WebServer, way: str) -> None:
    session = await web.initiate(DATA)
    await web.put(session["session_id"], DATA, 0)
    one = f"{STREAMING}/{session['session_id']}"
    cancel = f"{STREAMING}/cancel/{session['session_id']}"
    for _ in range(2):
        match way:
            case "post":
                request = web.http.post(cancel)
            case "delete":
                request = web.http.delete(one)
            case _:
                request = web.http.post(cancel, json={"reason": "User cancelled upload"})
        async with request as response:
            answer = await body_of(response)
            assert response.status == 200
            assert answer["success"] is True
            assert answer["status"] == "cancelled"
            assert answer["session_id"] == session["session_id"]
    async with web.http.put(f"{session['upload_url']}?chunk_id=1", data=DATA[:CHUNK]) as response:
        await problem_of(response, 410, "session-ended")
    async with web.http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
        await problem_of(response, 410, "session-ended")
    assert (await web.status(session["session_id"]))["status"] == "cancelled"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Rapport\u00a0annuel\u202f2025.pdf", "Rapport annuel 2025.pdf"),
        ("年次\u3000報告.pdf", "年次 報告.pdf"),
        ("Cafe\u0301.pdf", "Caf\u00e9.pdf"),
        ("نمی\u200cشود.pdf", "نمی\u200cشود.pdf"),
    ],
)
async def test_a_name_keeps_its_words_in_one_form(web: WebServer, given: str, name: str) -> None:
    session = await web.initiate(DATA, filename=given, title=given)
    for chunk_id in range(4):
        await web.put(session["session_id"], DATA, chunk_id)
    async with web.http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
        document = (await body_of(response))["document"]
    assert (document["filename"], document["title"]) == (name, name)
    path = f"/api/documents/{document['id']}"
    async with web.http.patch(path, json={"title": f"{given} 2"}) as response:
        assert (await body_of(response))["title"] == f"{name} 2"
