"""Bodies that lie, stall or break off, and early answers, on raw sockets."""

import asyncio
import contextlib
import socket
from pathlib import Path

import orjson
import pytest

from pdfsluice.core.models.sessions import Scope
from tests.support.keys import add_key
from tests.support.waiting import until
from tests.support.web import CHUNK, STREAMING, WebServer, a_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATA = bytes(range(256)) * 1024  # four chunks


@pytest.fixture
def web(shared_web: WebServer) -> WebServer:
    return shared_web


class Wire:
    """A connection on which the test writes every byte itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, web: WebServer) -> "Wire":
        return cls(*await asyncio.open_connection("127.0.0.1", web.port))

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def request(self, line: str, *headers: str, body: bytes = b"") -> None:
        head = "\r\n".join([f"{line} HTTP/1.1", "Host: localhost", *headers, "", ""])
        await self.send(head.encode() + body)

    async def answer(self) -> tuple[int, dict[str, str], dict[str, object]]:
        """Read one answer: status, headers in lower case, JSON."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        status = int(head[0].split()[1])
        headers = dict(line.lower().split(": ", 1) for line in head[1:-2])
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return status, headers, orjson.loads(body) if body else {}

    async def is_closed(self) -> bool:
        """Wait until the server closes; return whether it sent nothing more."""
        with contextlib.suppress(ConnectionError):
            return await self._reader.read(1) == b""
        return True

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


async def _durable(web: WebServer, session_id: str) -> int:
    return int((await web.status(session_id))["durable_bytes"])


async def _settled(web: WebServer, session_id: str) -> int:
    """Return what is durable once the server has noticed that a client is gone."""
    async with asyncio.timeout(60):
        while not (durable := await _durable(web, session_id)):
            await asyncio.sleep(0.02)
    return durable


async def test_what_a_broken_connection_delivered_is_kept(web: WebServer) -> None:
    session = await web.initiate(DATA)
    wire = await Wire.to(web)
    await wire.request(
        f"PUT {session['upload_url']}?chunk_id=0",
        f"Content-Length: {CHUNK}",
        "Content-Type: application/octet-stream",
        body=DATA[:1000],
    )
    async with asyncio.timeout(60):  # the bytes have arrived before the connection breaks

        async def received() -> object:
            return (await web.status(session["session_id"]))["received_bytes"] >= 1000

        await until(received)
    await wire.close()
    assert await _settled(web, session["session_id"]) == 1000
    async with web.http.put(
        f"{session['upload_url']}?chunk_id=0&chunk_offset=1000", data=DATA[1000:CHUNK]
    ) as response:
        assert response.status == 200


async def test_a_stalled_body_is_given_up(tmp_path: Path) -> None:
    async with a_server(tmp_path, body_idle_timeout=0.5) as web:
        session = await web.initiate(DATA)
        wire = await Wire.to(web)
        await wire.request(
            f"PUT {session['upload_url']}?chunk_id=0",
            f"Content-Length: {CHUNK}",
            "Content-Type: application/octet-stream",
            body=DATA[:1000],
        )
        status, headers, problem = await wire.answer()
        assert (status, problem["code"]) == (408, "body-timeout")
        assert headers["connection"] == "close"
        assert await wire.is_closed()
        assert await _durable(web, session["session_id"]) == 1000
        await wire.close()


async def test_a_trickle_is_given_up(tmp_path: Path) -> None:
    async with a_server(tmp_path, body_idle_timeout=1.0, body_minimum_rate=10_000) as web:
        session = await web.initiate(DATA)
        wire = await Wire.to(web)
        await wire.request(
            f"PUT {session['upload_url']}?chunk_id=0",
            f"Content-Length: {CHUNK}",
            "Content-Type: application/octet-stream",
        )

        async def trickle() -> None:
            with contextlib.suppress(ConnectionError):
                while True:
                    await wire.send(b"x")
                    await asyncio.sleep(0.05)

        trickling = asyncio.create_task(trickle())
        status, _, problem = await wire.answer()
        trickling.cancel()
        assert (status, problem["code"]) == (408, "body-timeout")
        assert "slowly" in str(problem["detail"])
        await wire.close()


async def test_a_stalled_json_body_is_given_up(tmp_path: Path) -> None:
    async with a_server(tmp_path, body_idle_timeout=0.5) as web:
        wire = await Wire.to(web)
        await wire.request(
            f"POST {STREAMING}/initiate", "Content-Type: application/json", "Content-Length: 100"
        )
        status, _, problem = await wire.answer()
        assert (status, problem["code"]) == (408, "body-timeout")
        await wire.close()


async def test_bytes_after_the_announced_length_are_another_request(web: WebServer) -> None:
    session = await web.initiate(DATA)
    wire = await Wire.to(web)
    await wire.request(
        f"PUT {session['upload_url']}?chunk_id=0",
        f"Content-Length: {CHUNK}",
        "Content-Type: application/octet-stream",
        body=DATA[:CHUNK] + b"\x00trailing garbage\r\n\r\n",
    )
    status, _, answer = await wire.answer()
    if status == 200:  # the chunk came in a piece of its own
        status, _, answer = await wire.answer()
    assert (status, answer["code"]) == (400, "bad-request")
    assert await wire.is_closed()
    await wire.close()
    assert await _durable(web, session["session_id"]) <= CHUNK
    await web.put(session["session_id"], DATA, 0)


@pytest.mark.parametrize(
    "body",
    [b"zz\r\nnonsense", b"5\r\nabcdefgh\r\n0\r\n\r\n", b"-1\r\n\r\n"],
    ids=["no number", "wrong length", "negative"],
)
async def test_a_broken_chunked_transfer(web: WebServer, body: bytes) -> None:
    session = await web.initiate(DATA)
    wire = await Wire.to(web)
    await wire.request(
        f"PUT {session['upload_url']}?chunk_id=0",
        "Transfer-Encoding: chunked",
        "Content-Type: application/octet-stream",
        body=body,
    )
    status, _, problem = await wire.answer()
    assert status == 400
    assert problem["success"] is False
    await wire.close()
    await web.put(session["session_id"], DATA, 0)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=["garbage", "length", "header", "smuggling", "tls"],
)
async def test_a_malformed_request_gets_a_problem(web: WebServer, request_bytes: bytes) -> None:
    wire = await Wire.to(web)
    await wire.send(request_bytes)
    status, headers, problem = await wire.answer()
    assert status == 400
    assert headers["content-type"].startswith("application/problem+json")
    assert problem["code"] == "bad-request"
    assert problem["request_id"]
    await wire.close()


async def test_leave_to_send_is_given_only_to_callers_with_permission(tmp_path: Path) -> None:
    key = add_key(tmp_path, "ann", [Scope.UPLOAD])["Authorization"]
    async with a_server(tmp_path) as web:
        wanted = {"filename": "a.pdf", "file_size": len(DATA), "chunk_size": CHUNK}
        async with web.http.post(
            f"{STREAMING}/initiate", json=wanted, headers={"Authorization": key}
        ) as response:
            url = (await response.json())["upload_url"]
        headers = (
            f"Content-Length: {CHUNK}",
            "Content-Type: application/octet-stream",
            "Expect: 100-continue",
        )
        stranger = await Wire.to(web)
        await stranger.request(f"PUT {url}?chunk_id=0", *headers)
        status, answered, problem = await stranger.answer()
        assert (status, problem["code"]) == (401, "authentication-required")
        assert answered["connection"] == "close"
        owner = await Wire.to(web)
        await owner.request(f"PUT {url}?chunk_id=0", f"Authorization: {key}", *headers)
        assert (await owner.answer())[0] == 100
        await owner.send(DATA[:CHUNK])
        status, _, answer = await owner.answer()
        assert (status, answer["success"]) == (200, True)
        for wire in (stranger, owner):
            await wire.close()


async def test_an_unknown_expectation(web: WebServer) -> None:
    wire = await Wire.to(web)
    await wire.request("GET /health", "Expect: miracles")
    status, _, problem = await wire.answer()
    assert (status, problem["code"]) == (417, "expectation-failed")
    await wire.close()


def _send_without_looking(port: int, path: str) -> tuple[int, bytes]:
    """Send a terabyte, as far as it is taken; then read the answer, as urllib3 does."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {1 << 40}\r\n\r\n"
        connection.sendall(head.encode())
        sent, piece = 0, bytes(256 * 1024)
        with contextlib.suppress(ConnectionError):
            while sent < 1 << 30:
                sent += connection.send(piece)
        return sent, connection.recv(65536)


async def test_a_large_body_that_is_refused_is_not_read(tmp_path: Path) -> None:
    add_key(tmp_path, "ann", [Scope.UPLOAD])
    async with a_server(tmp_path) as web:
        path = f"{STREAMING}/chunk/8b7cdbb5-05b5-4b1c-8f4c-0d9a0c5a2f55?chunk_id=0"
        sent, answer = await asyncio.to_thread(_send_without_looking, web.port, path)
    assert sent < 100 << 20
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"401 Unauthorized" in head
    assert b"Connection: close" in head
    assert orjson.loads(body)["code"] == "authentication-required"


async def test_a_short_body_that_is_refused_leaves_the_connection_open(web: WebServer) -> None:
    wire = await Wire.to(web)
    for _ in range(2):
        await wire.request(
            f"PUT {STREAMING}/chunk/8b7cdbb5-05b5-4b1c-8f4c-0d9a0c5a2f55?chunk_id=0",
            "Content-Length: 5000",
            "Content-Type: application/octet-stream",
            body=bytes(5000),
        )
        status, _, problem = await wire.answer()
        assert (status, problem["code"]) == (404, "session-not-found")
    await wire.close()
