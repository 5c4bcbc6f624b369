"""One upload, several protocols: begun over one, completed over others."""

import asyncio
import base64
import hashlib
import itertools
import uuid
from typing import Any

import aiohttp
import orjson
import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.conformance.ietf import Ietf
from tests.conformance.tus import Tus
from tests.conformance.wire import Server
from tests.support.servers import RunningServer
from tests.support.stored import documents_of, get_json, hostile_pdf

STREAMING = "/api/documents/streaming"


class Rest:
    """The documented interface."""

    def __init__(self, base_url: str) -> None:
        self.server = Server(base_url)

    def begin(self, pdf: bytes) -> str:
        body = orjson.dumps({"filename": "rest.pdf", "file_size": len(pdf), "client_id": "rest"})
        response = self.server.request(
            "POST", f"{STREAMING}/initiate", {"Content-Type": "application/json"}, body
        )
        return str(response.json()["session_id"])

    def send(self, session_id: str, pdf: bytes, start: int, end: int) -> None:
        with self.server.connect() as connection:
            path = f"{STREAMING}/chunk/{session_id}?chunk_offset={start}"
            connection.start("PUT", path, {"Content-Length": str(end - start)})
            connection.send(pdf[start:end])
            assert connection.finish().status == 200

    def finish(self, session_id: str) -> int:
        response = self.server.request("POST", f"{STREAMING}/complete/{session_id}")
        assert response.status == 200, response
        return int(response.json()["document"]["id"])


class Doors:
    """Begin, continue and finish an upload over a protocol chosen by name."""

    def __init__(self, base_url: str) -> None:
        self.tus = Tus(Server(base_url), "/files")
        self.ietf = Ietf(Server(base_url), "/resumable")
        self.rest = Rest(base_url)

    def begin(self, protocol: str, pdf: bytes) -> str:
        if protocol == "rest":
            return self.rest.begin(pdf)
        url = self.tus.create(pdf) if protocol == "tus" else self.ietf.create(pdf)
        return url.rpartition("/")[2]

    def send(self, protocol: str, session_id: str, pdf: bytes, start: int, end: int) -> None:
        if protocol == "rest":
            self.rest.send(session_id, pdf, start, end)
        elif protocol == "tus":
            assert self.tus.offset(f"/files/{session_id}") == start
            assert self.tus.patch(f"/files/{session_id}", start, pdf[start:end]).status == 204
        else:
            assert self.ietf.offset(f"/resumable/{session_id}") == start
            data = pdf[start:end]
            response = self.ietf.patch(f"/resumable/{session_id}", start, data, complete=False)
            assert response.status == 204

    def finish(self, protocol: str, session_id: str, pdf: bytes, start: int) -> int:
        if protocol == "tus":
            done = self.tus.patch(f"/files/{session_id}", start, pdf[start:])
        elif protocol == "ietf":
            done = self.ietf.patch(f"/resumable/{session_id}", start, pdf[start:], complete=True)
        else:
            self.rest.send(session_id, pdf, start, len(pdf))
            return self.rest.finish(session_id)
        return int(done.headers["Content-Location"].rpartition("/")[2])


@pytest.fixture
def doors(server: RunningServer) -> Doors:
    return Doors(server.base_url)


@pytest.mark.parametrize("order", list(itertools.permutations(("rest", "tus", "ietf"))), ids=str)
def test_an_upload_passes_through_every_door(
    server: RunningServer, doors: Doors, order: tuple[str, str, str]
) -> None:
    """Chunks of the documented interface are whole, so cuts are at chunk borders."""
    pdf = make_pdf([uuid.uuid4().hex], noise_per_page=5_000_000)
    first, second, third = order
    session_id = doors.begin(first, pdf)
    session = get_json(f"{server.base_url}{STREAMING}/{session_id}")
    cut = session["chunk_size"]
    doors.send(first, session_id, pdf, 0, cut)
    doors.send(second, session_id, pdf, cut, 2 * cut)
    document_id = doors.finish(third, session_id, pdf, 2 * cut)
    (document,) = documents_of(server.base_url, pdf)
    assert document["id"] == document_id
    after = get_json(f"{server.base_url}{STREAMING}/{session_id}")
    assert (after["status"], after["protocol"]) == ("completed", first)


def test_chunks_out_of_order_are_finished_at_the_end(server: RunningServer, doors: Doors) -> None:
    """The tus offset is the first gap; bytes after it may be sent again."""
    pdf = make_pdf([uuid.uuid4().hex], noise_per_page=5_000_000)
    session_id = doors.begin("rest", pdf)
    cut = get_json(f"{server.base_url}{STREAMING}/{session_id}")["chunk_size"]
    doors.rest.send(session_id, pdf, cut, 2 * cut)
    url = f"/files/{session_id}"
    assert doors.tus.offset(url) == 0
    response = doors.tus.patch(url, 0, pdf[:cut])
    assert response.headers["Upload-Offset"] == str(2 * cut)
    assert doors.tus.patch(url, 2 * cut, pdf[2 * cut :]).status == 204
    assert len(documents_of(server.base_url, pdf)) == 1


def test_other_bytes_over_another_door_are_a_conflict(server: RunningServer, doors: Doors) -> None:
    pdf = make_pdf([uuid.uuid4().hex], noise_per_page=5_000_000)
    session_id = doors.begin("rest", pdf)
    cut = get_json(f"{server.base_url}{STREAMING}/{session_id}")["chunk_size"]
    doors.rest.send(session_id, pdf, cut, 2 * cut)
    other = pdf[:cut] + b"\0" * (len(pdf) - cut)
    assert doors.tus.patch(f"/files/{session_id}", 0, other).status == 409
    doors.rest.send(session_id, pdf, 0, cut)
    assert doors.finish("tus", session_id, pdf, 2 * cut)
    assert len(documents_of(server.base_url, pdf)) == 1


@pytest.mark.parametrize("begun", ["rest", "tus", "ietf"])
@pytest.mark.parametrize("cancelled", ["rest", "tus", "ietf"])
def test_a_cancelled_upload_is_gone_everywhere(doors: Doors, begun: str, cancelled: str) -> None:
    pdf = make_pdf([uuid.uuid4().hex])
    session_id = doors.begin(begun, pdf)
    prefix = {"rest": STREAMING, "tus": "/files", "ietf": "/resumable"}[cancelled]
    gone = doors.tus.request("DELETE", f"{prefix}/{session_id}")
    assert gone.status in {200, 204}
    assert doors.tus.request("HEAD", f"/files/{session_id}").status == 410
    assert doors.ietf.head(f"/resumable/{session_id}").status == 410


@pytest.mark.parametrize("protocol", ["tus", "ietf"])
async def test_an_upload_is_watched(server: RunningServer, doors: Doors, protocol: str) -> None:
    pdf = make_pdf([uuid.uuid4().hex], noise_per_page=500_000)
    session_id = await asyncio.to_thread(doors.begin, protocol, pdf)
    async with (
        aiohttp.ClientSession(server.base_url) as http,
        http.ws_connect(f"/ws/{uuid.uuid4().hex}") as socket,
    ):
        await socket.send_json({"type": "join", "room": f"upload_{session_id}"})
        await _next(socket, "joined")
        sending = asyncio.create_task(asyncio.to_thread(_in_two, doors, protocol, session_id, pdf))
        seen = [await _next(socket, "upload_progress"), await _next(socket, "chunk_progress")]
        last = await _until_completed(socket)
        await sending
    assert seen[0]["data"]["session_id"] == seen[1]["session_id"] == session_id
    assert last["session_id"] == session_id


def _in_two(doors: Doors, protocol: str, session_id: str, pdf: bytes) -> None:
    half = len(pdf) // 2
    doors.send(protocol, session_id, pdf, 0, half)
    doors.finish(protocol, session_id, pdf, half)


async def _next(socket: aiohttp.ClientWebSocketResponse, kind: str) -> Any:
    async with asyncio.timeout(60):
        while (message := await socket.receive_json())["type"] != kind:
            pass
    return message


async def _until_completed(socket: aiohttp.ClientWebSocketResponse) -> Any:
    while (message := await _next(socket, "upload_status"))["status"] != "completed":
        pass
    return message


@pytest.mark.parametrize("protocol", ["rest", "tus", "ietf"])
def test_the_same_policy_holds_at_every_door(doors: Doors, protocol: str) -> None:
    pdf = hostile_pdf(uuid.uuid4().hex)
    session_id = doors.begin("tus", pdf)
    half = len(pdf) // 2
    doors.tus.patch(f"/files/{session_id}", 0, pdf[:half])
    rest = pdf[half:]
    if protocol == "tus":
        response = doors.tus.patch(f"/files/{session_id}", half, rest)
    elif protocol == "ietf":
        response = doors.ietf.patch(f"/resumable/{session_id}", half, rest, complete=True)
        assert response.headers["Upload-Complete"] == "?1"
    else:
        assert doors.ietf.patch(f"/resumable/{session_id}", half, rest, complete=False)
        response = doors.tus.server.request("POST", f"{STREAMING}/complete/{session_id}")
    assert (response.status, response.json()["code"]) == (422, "content-rejected")


def test_a_digest_announced_over_one_door_holds_at_another(
    server: RunningServer, doors: Doors
) -> None:
    pdf = make_pdf([uuid.uuid4().hex])
    digest = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    created = doors.ietf.post(
        complete=False, Upload_Length=str(len(pdf)), Repr_Digest=f"sha-256=:{digest}:"
    )
    session_id = created.headers["Location"].rpartition("/")[2]
    response = doors.tus.patch(f"/files/{session_id}", 0, pdf)
    assert (response.status, response.json()["code"]) == (422, "digest-mismatch")
    assert not documents_of(server.base_url, pdf)
