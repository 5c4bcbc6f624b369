"""Large raw bodies, which are received past aiohttp's parser."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData

from tests.support.runtimes import Watchman
from tests.support.waiting import until
from tests.support.web import STREAMING, WebServer, a_server, body_of, sha256

MIB = 1024 * 1024
SIZE = 4 * MIB
DATA = random.Random(7).randbytes(2 * SIZE + 4321)


class Wire:
    """A connection on which requests are written by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()

    async def status(self) -> int:
        """Read one answer; return its status."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(x.split(b":")[1]) for x in lines if x.startswith(b"content-length"))
        await self._reader.readexactly(length)
        return int(head.split()[1])

    def abort(self) -> None:
        self._writer.transport.abort()

    async def rest(self) -> bytes:
        return await self._reader.read()


@asynccontextmanager
async def wire(web: WebServer) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


def head_of(session_id: str, chunk_id: int, length: int) -> bytes:
    return (
        f"PUT {STREAMING}/chunk/{session_id}?chunk_id={chunk_id} HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


@pytest.fixture
async def big(tmp_path: Path) -> AsyncIterator[WebServer]:
    """A server whose chunks are larger than what aiohttp buffers."""
    async with a_server(tmp_path, body_idle_timeout=1.0) as running:
        yield running


async def test_one_connection_carries_all_chunks_even_pipelined(big: WebServer) -> None:
    session = await big.initiate(DATA, chunk_size=SIZE)
    size, count = session["chunk_size"], session["total_chunks"]
    async with wire(big) as line:
        for chunk_id in range(count):
            part = DATA[chunk_id * size : (chunk_id + 1) * size]
            await line.send(head_of(session["session_id"], chunk_id, len(part)) + part)
        for _ in range(count):
            assert await line.status() == 200
        await line.send(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await line.status() == 200
    async with big.http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
        document = (await body_of(response))["document"]
    assert document["sha256"] == sha256(DATA)


async def test_a_body_that_breaks_off_is_kept_as_far_as_it_came(big: WebServer) -> None:
    session = await big.initiate(DATA, chunk_size=SIZE)
    size = session["chunk_size"]
    async with wire(big) as line:
        sent = size - 100_000
        await line.send(head_of(session["session_id"], 0, size), DATA[:sent])

        async def received() -> object:
            return (await big.status(session["session_id"]))["received_bytes"] >= sent

        await until(received)
        line.abort()

    async def kept() -> dict[str, Any] | None:
        status = await big.status(session["session_id"])
        return status if status["uploaded_bytes"] else None

    stands = await until(kept)
    assert stands is not None
    assert stands["missing_ranges"][0] == [sent, len(DATA)]


async def test_a_silent_sender_is_given_up_and_answered(big: WebServer) -> None:
    session = await big.initiate(DATA, chunk_size=SIZE)
    size = session["chunk_size"]
    async with wire(big) as line:
        await line.send(head_of(session["session_id"], 0, size), DATA[: size // 2])
        assert await line.status() == 408
    stands = await big.status(session["session_id"])
    assert stands["uploaded_bytes"] == size // 2


async def test_a_refusal_ends_a_body_that_is_still_coming(tmp_path: Path) -> None:
    bad = b"FORBIDDEN" + DATA
    async with a_server(tmp_path, watchman=Watchman()) as web, wire(web) as line:
        session = await web.initiate(bad, chunk_size=SIZE)
        session_id, size = session["session_id"], session["chunk_size"]
        await line.send(head_of(session_id, 1, size), bad[size : size + size // 2])

        async def received() -> object:
            return (await web.status(session_id))["received_bytes"]

        await until(received)
        async with web.http.put(
            f"{STREAMING}/chunk/{session_id}?chunk_id=0", data=BytesIO(bad[:size])
        ) as response:
            assert response.status in {200, 422}
        assert await line.status() == 422
        assert await line.rest() == b"", "the connection is closed behind the answer"


async def test_a_newer_request_takes_over_from_a_worker(big: WebServer) -> None:
    session = await big.initiate(DATA, chunk_size=SIZE)
    session_id, size = session["session_id"], session["chunk_size"]
    async with wire(big) as old, wire(big) as new:
        await old.send(head_of(session_id, 0, size), DATA[: size // 2])

        async def received() -> object:
            return (await big.status(session_id))["received_bytes"] >= size // 2

        await until(received)
        await new.send(head_of(session_id, 0, size), DATA[:size])
        assert await new.status() == 200
        assert await old.status() == 409
        assert await old.rest() == b"", "the connection is closed behind the answer"
    stands = await big.status(session_id)
    assert stands["missing_ranges"] == [[size, len(DATA)]]


async def test_a_server_that_stops_keeps_what_a_worker_has_read(tmp_path: Path) -> None:
    async with a_server(tmp_path) as web:
        session = await web.initiate(DATA, chunk_size=SIZE)
        session_id, half = session["session_id"], session["chunk_size"] // 2
        line = await asyncio.open_connection("127.0.0.1", web.port)
        line[1].write(head_of(session_id, 0, 2 * half) + DATA[:half])

        async def received() -> object:
            return (await web.status(session_id))["received_bytes"] >= half

        await until(received)
    await line[0].read()  # nothing holds the connection open any more
    line[1].close()
    async with a_server(tmp_path) as web:
        assert (await web.status(session_id))["missing_ranges"] == [[half, len(DATA)]]


def form_of(chunk_id: int, part: bytes, *behind: tuple[str, str]) -> FormData:
    form = FormData()
    form.add_field("chunk_id", str(chunk_id))
    form.add_field("file", BytesIO(part), filename="chunk", content_type="application/octet-stream")
    for name, value in behind:
        form.add_field(name, value)
    return form


async def test_large_forms_with_a_checksum_after_the_file(big: WebServer) -> None:
    session = await big.initiate(DATA, chunk_size=SIZE)
    url, size, count = session["upload_url"], session["chunk_size"], session["total_chunks"]
    parts = [DATA[number * size : (number + 1) * size] for number in range(count)]
    async with big.http.post(
        url, data=form_of(0, parts[0], ("checksum", sha256(parts[1])))
    ) as response:
        assert (await body_of(response))["code"] == "checksum-mismatch"
    assert (await big.status(session["session_id"]))["uploaded_bytes"] == 0
    for number, part in enumerate(parts):
        async with big.http.post(
            url, data=form_of(number, part, ("checksum", sha256(part)))
        ) as response:
            assert response.status == 200
    async with big.http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
        assert (await body_of(response))["document"]["sha256"] == sha256(DATA)


def form_request(session_id: str, part: bytes) -> tuple[bytes, bytes]:
    """Return the head of a form with chunk 0, up to its file, and the rest."""
    fields = b'--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n'
    before = fields % b"chunk_id" + b"0\r\n" + fields.replace(b'"%s"', b'"file"; filename="a"')
    body = before + part + b"\r\n--B--\r\n"
    head = (
        f"POST {STREAMING}/chunk/{session_id} HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: multipart/form-data; boundary=B\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + before, body[len(before) :]


@pytest.mark.parametrize("first", [0, 1000, 100_000, 300_000])
async def test_a_form_may_pause_anywhere(big: WebServer, first: int) -> None:
    session = await big.initiate(DATA, chunk_size=SIZE)
    head, rest = form_request(session["session_id"], DATA[: session["chunk_size"]])
    async with wire(big) as line:
        await line.send(head + rest[:first])
        await asyncio.sleep(0.2)
        await line.send(rest[first:])
        assert await line.status() == 200


async def test_a_form_that_breaks_off_leaves_nothing_unverified(big: WebServer) -> None:
    """A checksum could have followed, so the chunk is sent again as a whole."""
    session = await big.initiate(DATA, chunk_size=SIZE)
    data = DATA[: session["chunk_size"]]
    head, rest = form_request(session["session_id"], data)
    async with wire(big) as line:
        await line.send(head, rest[:1_500_000].replace(data[:100], b"?" * 100))

        async def received() -> object:
            return (await big.status(session["session_id"]))["received_bytes"] >= 1_000_000

        await until(received)
        line.abort()
    async with asyncio.timeout(10):

        async def discarded() -> object:
            return not (await big.status(session["session_id"]))["received_bytes"]

        await until(discarded)
    assert (await big.status(session["session_id"]))["uploaded_bytes"] == 0
    async with wire(big) as line:
        await line.send(head, rest)
        assert await line.status() == 200


async def test_a_refused_body_does_not_swallow_the_next_request(big: WebServer) -> None:
    """The start of the next request is unknown once a worker has read part of a body."""
    session = await big.initiate(DATA, chunk_size=SIZE)
    session_id, size = session["session_id"], session["chunk_size"]
    part = DATA[:size]
    async with big.http.put(f"{session['upload_url']}?chunk_id=0", data=BytesIO(part)) as response:
        assert response.status == 200
    async with wire(big) as line:
        other = b"!" * (size - 300_000)
        await line.send(head_of(session_id, 0, size), other)
        assert await line.status() == 409
        assert await line.rest() == b"", "the connection is closed behind the answer"
