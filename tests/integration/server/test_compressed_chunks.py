"""Chunks in a content coding: decoded before the checks, within their length."""

import asyncio
import base64
import gzip
import hashlib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession

from tests.support.servers import RunningServer, Serve
from tests.support.web import CHUNK, STREAMING, WebServer, a_server, body_of, problem_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB = 1024 * 1024
TEXT = b"".join(b"BT 72 %d Td (Line %d of the manual) Tj ET\n" % (n, n) for n in range(20_000))
DATA = TEXT[: 4 * CHUNK - 1000]


@pytest.fixture
def web(shared_web: WebServer) -> WebServer:
    return shared_web


def checked_zstd(data: bytes) -> bytes:
    """Compress with a checksum of the content, as gzip has it always."""
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


CODERS: dict[str, Callable[[bytes], bytes]] = {"zstd": checked_zstd, "gzip": gzip.compress}
both = pytest.mark.parametrize("coding", ["zstd", "gzip"])


def content_digest(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def bomb(kib: int) -> bytes:
    """Return a frame of blocks that each repeat a byte 128 Ki times (RFC 8878)."""
    blocks = kib * 1024 // 4
    head = b"\x28\xb5\x2f\xfd" + b"\x00" + b"\x38"  # a window of 128 KiB, no size, no checksum
    repeated = (128 * 1024 << 3 | 1 << 1).to_bytes(3, "little") + b"\x00"
    last = (128 * 1024 << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"\x00"
    return head + repeated * (blocks - 1) + last


async def send(
    web: WebServer, session_id: str, body: bytes, *, headers: dict[str, str], **query: int
) -> ClientResponse:
    return await web.http.put(
        f"{STREAMING}/chunk/{session_id}",
        params={name: str(value) for name, value in query.items()},
        data=body,
        headers=headers,
    )


async def finished(web: WebServer, session_id: str) -> dict[str, Any]:
    async with web.http.post(f"{STREAMING}/complete/{session_id}") as response:
        assert response.status == 200, await response.text()
        return await body_of(response)


@both
async def test_compressed_chunks_become_the_file(web: WebServer, coding: str) -> None:
    session = await web.initiate(DATA)
    assert session["chunk_codings"] == ["zstd", "gzip"]
    for chunk in range(4):
        coded = CODERS[coding](DATA[chunk * CHUNK : (chunk + 1) * CHUNK])
        assert len(coded) < CHUNK / 3
        headers = {"Content-Encoding": coding, "Content-Digest": content_digest(coded)}
        async with await send(
            web, session["session_id"], coded, headers=headers, chunk_id=chunk
        ) as response:
            assert response.status == 200, await response.text()
    done = await finished(web, session["session_id"])
    assert done["document"]["sha256"] == hashlib.sha256(DATA).hexdigest()


@both
async def test_pieces_side_by_side_and_plain_ones_between(web: WebServer, coding: str) -> None:
    session = await web.initiate(DATA)
    third = CHUNK // 3

    async def piece(start: int, end: int) -> None:
        coded = CODERS[coding](DATA[start:end])
        answer = await send(
            web,
            session["session_id"],
            coded,
            headers={"Content-Encoding": coding},
            chunk_offset=start,
            chunk_length=end - start,
        )
        async with answer as response:
            assert response.status == 200, await response.text()

    await asyncio.gather(piece(0, third), piece(third, 2 * third))
    async with await send(
        web, session["session_id"], DATA[2 * third : CHUNK], headers={}, chunk_offset=2 * third
    ) as response:
        assert response.status == 200, await response.text()
    await asyncio.gather(*(piece(n * CHUNK, min(len(DATA), (n + 1) * CHUNK)) for n in (1, 2, 3)))
    done = await finished(web, session["session_id"])
    assert done["document"]["sha256"] == hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize("coding", ["br", "deflate", "compress", "gzip, zstd", "zstd, zstd"])
async def test_another_coding_is_refused_with_those_that_are_accepted(
    web: WebServer, coding: str
) -> None:
    session = await web.initiate(DATA)
    async with await send(
        web, session["session_id"], b"x", headers={"Content-Encoding": coding}, chunk_id=0
    ) as response:
        await problem_of(response, 415, "unsupported-media-type")
        assert response.headers["Accept-Encoding"] == "zstd, gzip, identity"


async def test_a_server_that_accepts_no_coding(tmp_path: Path) -> None:
    async with a_server(tmp_path, chunk_codings=()) as web:
        session = await web.initiate(DATA)
        assert session["chunk_codings"] == []
        async with await send(
            web, session["session_id"], b"x", headers={"Content-Encoding": "gzip"}, chunk_id=0
        ) as response:
            await problem_of(response, 415, "unsupported-media-type")
            assert response.headers["Accept-Encoding"] == "identity"


async def test_a_form_is_not_decompressed(web: WebServer) -> None:
    session = await web.initiate(DATA)
    async with web.http.post(
        f"{STREAMING}/chunk/{session['session_id']}",
        data=gzip.compress(b"x"),
        headers={"Content-Encoding": "gzip", "Content-Type": "multipart/form-data; boundary=b"},
    ) as response:
        await problem_of(response, 415, "unsupported-media-type")
        assert response.headers["Accept-Encoding"] == "identity"


def _wide() -> bytes:
    options: dict[int, int] = {
        zstd.CompressionParameter.window_log: 27,
        zstd.CompressionParameter.compression_level: 3,
    }
    compressor = zstd.ZstdCompressor(options=options)
    return compressor.compress(DATA[:CHUNK]) + compressor.flush()


GOOD = {"zstd": checked_zstd(DATA[:CHUNK]), "gzip": gzip.compress(DATA[:CHUNK])}


@both
@pytest.mark.parametrize(
    ("make", "status", "code"),
    [
        (lambda coded: coded[:-5], 400, "bad-request"),
        (lambda _: b"", 400, "bad-request"),
        (lambda coded: coded + b"and more", 400, "bad-request"),
        (lambda coded: coded + coded, 413, "size-exceeded"),
        (lambda coded: b"PK" + coded, 400, "bad-request"),
        (lambda coded: coded[:1000] + bytes([coded[1000] ^ 255]) + coded[1001:], 400, ""),
    ],
    ids=["cut off", "empty", "rubbish after", "twice", "rubbish before", "damaged"],
)
async def test_a_body_that_does_not_decode_to_its_chunk_leaves_nothing(
    web: WebServer, coding: str, make: Callable[[bytes], bytes], status: int, code: str
) -> None:
    session = await web.initiate(DATA)
    body = make(GOOD[coding])
    async with await send(
        web, session["session_id"], body, headers={"Content-Encoding": coding}, chunk_id=0
    ) as response:
        if code:
            await problem_of(response, status, code)
        else:  # damaged data may also decode to fewer or more bytes
            assert response.status in {400, 413}
    assert (await web.status(session["session_id"]))["durable_bytes"] == 0


@pytest.mark.parametrize(
    ("body", "query", "status", "code"),
    [
        (zstd.compress(DATA[: CHUNK - 1]), {"chunk_id": 0}, 400, "bad-request"),
        (zstd.compress(DATA[: CHUNK + 1]), {"chunk_id": 0}, 413, "size-exceeded"),
        (zstd.compress(DATA[:CHUNK]), {"chunk_id": 0, "chunk_length": 10}, 413, "size-exceeded"),
        (zstd.compress(DATA[:9]), {"chunk_offset": 0, "chunk_length": 10}, 400, "bad-request"),
        (zstd.compress(DATA), {"chunk_id": 0, "chunk_length": len(DATA)}, 413, "size-exceeded"),
        (os.urandom(CHUNK * 2 + CHUNK // 2), {"chunk_id": 0}, 413, "size-exceeded"),
        (zstd.compress(b"") * 300 + GOOD["zstd"], {"chunk_id": 0}, 400, "bad-request"),
        (gzip.compress(b"x"), {"chunk_id": 0}, 400, "bad-request"),
    ],
    ids=[
        "a byte too few", "a byte too many", "more than announced", "less than announced",
        "beyond its chunk", "grown", "many frames", "another coding",
    ],
)  # fmt: skip
async def test_the_decoded_length_has_to_be_that_of_the_chunk(
    web: WebServer, body: bytes, query: dict[str, int], status: int, code: str
) -> None:
    session = await web.initiate(DATA)
    async with await send(
        web, session["session_id"], body, headers={"Content-Encoding": "zstd"}, **query
    ) as response:
        await problem_of(response, status, code)
    assert (await web.status(session["session_id"]))["durable_bytes"] == 0
    await web.put(session["session_id"], DATA, 0)


async def test_a_window_over_8_mib_is_refused(web: WebServer) -> None:
    session = await web.initiate(DATA)
    async with await send(
        web, session["session_id"], _wide(), headers={"Content-Encoding": "zstd"}, chunk_id=0
    ) as response:
        problem = await problem_of(response, 400, "bad-request")
    assert "8 MiB" in problem["hint"]


@both
async def test_the_digest_is_that_of_the_bytes_as_sent(web: WebServer, coding: str) -> None:
    session = await web.initiate(DATA)
    wrong = {"Content-Encoding": coding, "Content-Digest": content_digest(DATA[:CHUNK])}
    async with await send(
        web, session["session_id"], GOOD[coding], headers=wrong, chunk_id=0
    ) as response:
        problem = await problem_of(response, 422, "checksum-mismatch")
    assert problem["details"]["actual"] == hashlib.sha256(GOOD[coding]).hexdigest()
    assert (await web.status(session["session_id"]))["durable_bytes"] == 0


async def test_a_plain_piece_with_another_length_than_announced(web: WebServer) -> None:
    session = await web.initiate(DATA)
    async with await send(
        web, session["session_id"], DATA[:20], headers={}, chunk_offset=0, chunk_length=21
    ) as response:
        await problem_of(response, 400, "bad-request")


@both
@pytest.mark.parametrize("digest", [False, True])
async def test_a_body_that_breaks_off_keeps_what_was_decoded_unless_it_has_a_digest(
    web: WebServer, coding: str, *, digest: bool
) -> None:
    data = os.urandom(CHUNK)
    session = await web.initiate(data)
    coded = CODERS[coding](data)
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    extra = f"Content-Digest: {content_digest(coded)}\r\n" if digest else ""
    writer.write(
        f"PUT {STREAMING}/chunk/{session['session_id']}?chunk_id=0 HTTP/1.1\r\n"
        f"Host: localhost\r\nContent-Type: application/octet-stream\r\n{extra}"
        f"Content-Encoding: {coding}\r\nContent-Length: {len(coded)}\r\n\r\n".encode()
    )
    writer.write(coded[:40_000])
    await writer.drain()
    writer.write_eof()
    await reader.read()
    writer.close()
    durable = (await web.status(session["session_id"]))["durable_bytes"]
    assert durable == 0 if digest else 0 <= durable <= 40_000


def peak_memory(server: RunningServer) -> int:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert match is not None
    return int(match[1]) * 1024


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_bomb_ends_at_the_length_of_its_chunk_with_flat_memory(serve: Serve) -> None:
    """4 KiB become 128 MiB, and 32 KiB become a GiB, which is what the format allows."""
    server = serve(STREAMING_CHUNK_SIZE_MB="8")
    async with ClientSession(server.base_url) as http:
        wanted = {"filename": "a.pdf", "file_size": 64 * MIB, "chunk_size": 8 * MIB}
        async with http.post(f"{STREAMING}/initiate", json=wanted) as response:
            session = await body_of(response)

        async def explode(body: bytes, coding: str, number: int) -> None:
            async with http.put(
                f"{STREAMING}/chunk/{session['session_id']}?chunk_id={number}",
                data=body,
                headers={"Content-Encoding": coding},
            ) as response:
                await problem_of(response, 413, "size-exceeded")

        small, large = bomb(4), bomb(32)
        assert len(zstd.decompress(small)) == 128 * MIB
        zeros = gzip.compress(bytes(64 * MIB))
        for number in range(8):  # what the first bodies need, the others reuse
            await explode(small, "zstd", number)
        before = peak_memory(server)
        for body, coding in [(small, "zstd"), (large, "zstd"), (zeros, "gzip")] * 3:
            await asyncio.gather(*(explode(body, coding, number) for number in range(5)))
        assert peak_memory(server) - before < 24 * MIB
        async with http.get(f"{STREAMING}/{session['session_id']}") as response:
            assert (await body_of(response))["durable_bytes"] == 0
