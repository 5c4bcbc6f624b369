"""A form with fields after its file passes the gates before the file is stored."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support.runtimes import STORES
from tests.support.web import CHUNK, STREAMING, WebServer, a_server

DATA = bytes(2 * CHUNK)
BEGUN = b'--x\r\nContent-Disposition: form-data; name="file"; filename="c"\r\n\r\n' + DATA[:1000]


async def answer_to_begun(web: WebServer, session: dict[str, Any]) -> bytes:
    """Begin to send a form and wait for the answer before continuing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    head = (
        f"POST {session['upload_url']} HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {CHUNK}\r\n\r\n"
    )
    writer.write(head.encode() + BEGUN)
    async with asyncio.timeout(60):
        status = await reader.readline()
    writer.close()
    return status


@pytest.mark.parametrize("end", ["cancelled", "completed"])
async def test_an_upload_that_takes_no_bytes(tmp_path: Path, end: str) -> None:
    async with a_server(tmp_path, body_idle_timeout="1h") as web:
        session = await web.initiate(DATA)
        if end == "cancelled":
            async with web.http.delete(f"{STREAMING}/{session['session_id']}"):
                pass
        else:
            for chunk_id in range(2):
                await web.put(session["session_id"], DATA, chunk_id)
            async with web.http.post(f"{STREAMING}/complete/{session['session_id']}"):
                pass
        status = await answer_to_begun(web, session)
    assert (b" 410 " if end == "cancelled" else b" 409 ") in status


async def test_a_gate_that_admits_nothing(tmp_path: Path) -> None:
    built_in = (*STORES, "backpressure")
    async with a_server(
        tmp_path, built_in=built_in, memory_limit_mb=1, body_idle_timeout="1h"
    ) as web:
        assert b" 503 " in await answer_to_begun(web, await web.initiate(DATA))
