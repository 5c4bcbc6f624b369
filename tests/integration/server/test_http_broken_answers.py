"""A fault in the middle of an answer ends the connection."""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import web as aiohttp_web

from pdfsluice.core.errors import StorageFailed
from pdfsluice.server.logs import AccessLogger
from pdfsluice.server.middleware import answer_errors, identify
from pdfsluice.server.transport.connection import Runner
from tests.support.web import a_server

MIB = 1024 * 1024
GIVEN_UP = b"the rest never comes"
REQUEST = "GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"


async def a_slow_client(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect with little room for what the server sends."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", port))
    return await asyncio.open_connection(sock=plain, limit=64 * 1024)


async def test_a_file_that_shrinks_while_it_is_sent(tmp_path: Path) -> None:
    data = bytes(64 * MIB)
    async with a_server(tmp_path) as web:
        session = await web.initiate(data, chunk_size=16 * MIB)
        step = session["chunk_size"]
        for number in range(session["total_chunks"]):
            piece = BytesIO(data[number * step : (number + 1) * step])
            url = f"{session['upload_url']}?chunk_id={number}"
            async with web.http.put(url, data=piece) as response:
                assert response.status == 200, await response.text()
        async with web.http.post(
            f"/api/documents/streaming/complete/{session['session_id']}"
        ) as response:
            document = (await response.json())["document"]
        (stored,) = (each for each in tmp_path.rglob("*") if each.stat().st_size == len(data))
        reader, writer = await a_slow_client(web.port)
        path = f"/api/documents/{document['id']}/file"
        writer.write(REQUEST.format(path=path, fields="").encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"200 OK" in head
        assert f"Content-Length: {len(data)}".encode() in head
        stored.chmod(0o600)
        os.truncate(stored, MIB)
        writer.write(REQUEST.format(path="/health/live", fields="Connection: close\r\n").encode())
        async with asyncio.timeout(60):
            content = await reader.read(-1)
        writer.close()
    assert len(content) < len(data)
    assert b"HTTP/1.1" not in content


@asynccontextmanager
async def failing(error: Exception) -> AsyncIterator[int]:
    """Serve answers that fail half-way; return the port."""

    async def download(request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        response = aiohttp_web.StreamResponse()
        response.content_length = 1000
        await response.prepare(request)
        await response.write(GIVEN_UP)
        raise error

    async def watch(request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        response = aiohttp_web.WebSocketResponse()
        await response.prepare(request)
        await response.send_str(GIVEN_UP.decode())
        raise error

    app = aiohttp_web.Application(middlewares=[identify, answer_errors])
    app.router.add_get("/download", download)
    app.router.add_get("/watch", watch)
    runner = Runner(app, access_log=AccessLogger, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await aiohttp_web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.mark.parametrize(("path", "fields"), [("/download", ""), ("/watch", UPGRADE)])
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EIO, "Input/output error"),
        RuntimeError("a defect"),
        StorageFailed("the disk does not answer"),
        aiohttp_web.HTTPNotFound(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_error_in_the_middle_of_an_answer(
    path: str, fields: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async with failing(error) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST.format(path=path, fields=fields).encode())
        async with asyncio.timeout(60):
            said = await reader.read(-1)  # until the server closes the connection
        writer.close()
    assert said.count(b"HTTP/1.1") == 1
    assert said.endswith(GIVEN_UP)
    if not isinstance(error, aiohttp_web.HTTPException):
        assert str(error) in caplog.text
