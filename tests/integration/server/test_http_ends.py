"""Requests that end in odd ways leave no trace in the server."""

import asyncio
import errno
import gc
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import FormData

from pdfsluice.core.models.sessions import Checksum, ChunkIntent, Session
from pdfsluice.core.plugins.hookspecs import hookimpl
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.stages import ChunkStageSpec
from pdfsluice.server.transport.body import RequestBody
from pdfsluice.server.transport.receiver import BUFFERS
from tests.support.waiting import until
from tests.support.web import STREAMING, WebServer, a_server, sha256

MIB = 1024 * 1024
SIZE = MIB
DATA = random.Random(11).randbytes(2 * SIZE)
FORM = "multipart/form-data; boundary=x"


def put_head(session_id: str, chunk_id: int, *fields: str) -> bytes:
    lines = (
        f"PUT {STREAMING}/chunk/{session_id}?chunk_id={chunk_id} HTTP/1.1",
        "Host: localhost",
        *fields,
    )
    return "\r\n".join((*lines, "", "")).encode()


def form_before(fields: Sequence[tuple[str, str]]) -> bytes:
    before = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields
    )
    file = '--x\r\nContent-Disposition: form-data; name="file"; filename="c"\r\n\r\n'
    return (before + file).encode()


async def test_a_malformed_form_leaves_no_timer(tmp_path: Path) -> None:
    async with a_server(tmp_path) as web:
        session = await web.initiate(DATA)
        for body in (b"no form at all", b"--x\r\nno header\r\n", b"", b"\r\n" * 40_000):
            async with web.http.post(
                session["upload_url"], data=body, headers={"Content-Type": FORM}
            ) as response:
                assert response.status == 400
            assert not bodies(), body[:20]


@pytest.mark.parametrize("framing", [f"Content-Length: {SIZE}", "Transfer-Encoding: chunked"])
async def test_what_came_is_kept_when_the_network_fails(tmp_path: Path, framing: str) -> None:
    """A host that cannot be reached any more is no ``ConnectionError`` to Python."""
    sent = SIZE * 2 // 3
    async with a_server(tmp_path) as web:
        session = await web.initiate(DATA, chunk_size=SIZE)
        reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
        writer.write(put_head(session["session_id"], 0, framing))
        if "chunked" in framing:
            writer.write(f"{sent:x}\r\n".encode())
        writer.write(DATA[:sent])

        async def received() -> object:
            return (await web.status(session["session_id"]))["received_bytes"] >= sent

        await until(received)
        break_off()
        assert b" 400 " in await reader.readline()
        stands = await web.status(session["session_id"])
        writer.close()
    assert stands["missing_ranges"][0] == [sent, len(DATA)]


def break_off() -> None:
    """Have the body that is coming fail as it does when packets are lost for long.

    It takes minutes until the system gives a connection up, and loopback loses nothing.
    """
    gone = OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
    (body,) = bodies()
    body.fail(gone)


def bodies() -> list[RequestBody]:
    """Return those that the server reads, or keeps in memory for no reason."""
    gc.collect()
    return [each for each in gc.get_objects() if isinstance(each, RequestBody)]


@dataclass(eq=False)
class Judges:
    """A plugin whose check counts how often a chunk is judged."""

    judged: list[Checksum | None] = field(default_factory=list)

    @hookimpl
    def pdfsluice_register_chunk_stages(self, context: PluginContext) -> list[ChunkStageSpec]:
        del context
        return [ChunkStageSpec(name="judges", stage=self)]

    def begin(self, session: Session, chunk: ChunkIntent) -> "Judges":
        del session, chunk
        return self

    def update(self, data: memoryview) -> None:
        del data

    def finish(self, checksum: Checksum | None) -> None:
        self.judged.append(checksum)


async def test_a_chunk_is_judged_once_whatever_follows_it(tmp_path: Path) -> None:
    """The end of a form may come long after the file in it."""
    judges = Judges()
    part = DATA[:SIZE]
    before = form_before([("chunk_id", "0"), ("checksum", sha256(part))])
    behind = b"\r\n--x--\r\n"
    async with a_server(tmp_path, judges) as web:
        session = await web.initiate(DATA, chunk_size=SIZE)
        reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
        length = len(before) + len(part) + len(behind)
        head = (
            f"POST {session['upload_url']} HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: {FORM}\r\nContent-Length: {length}\r\n\r\n"
        )
        writer.write(head.encode() + before + part)
        for byte in behind:
            await until(lambda: judges.judged)
            writer.write(bytes([byte]))
        assert b" 200 " in await reader.readline()
        writer.close()
    assert len(judges.judged) == 1


@pytest.mark.long
async def test_nothing_is_left_of_requests_that_ended_badly(tmp_path: Path) -> None:
    """Whatever ends a large body: its descriptors and its memory come back."""
    dice = random.Random(5)
    wrong = b"!" * SIZE
    async with a_server(tmp_path, body_idle_timeout=1.0) as web:
        session = await web.initiate(DATA, chunk_size=SIZE)
        async with web.http.put(
            f"{session['upload_url']}?chunk_id=0", data=BytesIO(DATA[:SIZE])
        ) as response:
            assert response.status == 200
        before = descriptors()
        await asyncio.gather(
            *(
                send_part(web, session["session_id"], dice.randrange(SIZE), content, way)
                for content in (DATA, wrong)
                for way in ("abort", "close", "stay", "half")
                for _ in range(4)
            )
        )
        async with asyncio.timeout(60):
            await until(lambda: not (bodies() or descriptors() > before))
        assert len(web.app[BUFFERS]._idle) <= web.runtime.settings.worker_threads
        async with web.http.put(
            f"{session['upload_url']}?chunk_id=1", data=BytesIO(DATA[SIZE:])
        ) as response:
            assert response.status == 200
        form = FormData({"chunk_id": "0"})
        form.add_field("file", BytesIO(DATA[:SIZE]), filename="c")
        async with web.http.post(session["upload_url"], data=form) as response:
            assert response.status == 200
        async with web.http.post(f"{STREAMING}/complete/{session['session_id']}") as response:
            assert (await response.json())["document"]["sha256"] == sha256(DATA)


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def send_part(web: WebServer, session_id: str, size: int, content: bytes, way: str) -> None:
    """Send the beginning of a chunk that the server has, or of another, and end so."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    writer.write(put_head(session_id, 0, f"Content-Length: {SIZE}") + content[:size])
    if way == "abort":
        writer.transport.abort()
    elif way == "half":
        writer.write_eof()
        await reader.read()
    elif way == "stay":
        assert b" 4" in await reader.readline()
    writer.close()


async def test_a_client_that_leaves_is_no_error_of_ours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It may go before the answer begins, and in the midst of it."""
    async with a_server(tmp_path) as web:
        document = await web.upload(DATA)
        request = f"GET /api/documents/{document['id']}/file HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for wait in (0.0, 0.0, 0.001, 0.002, 0.005, 0.01) * 10:
            reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
            writer.write(request.encode() * 3)
            await writer.drain()
            await asyncio.sleep(wait)
            writer.transport.abort()
            del reader
        async with web.http.get(f"/api/documents/{document['id']}/file") as response:
            assert await response.read() == DATA
    assert not [record.message for record in caplog.records if record.levelname == "ERROR"]
