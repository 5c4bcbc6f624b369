"""A failed request that opened an upload leaves one to continue, or none."""

import asyncio
import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientResponse

from tests.support.runtimes import STORES
from tests.support.web import STREAMING, WebServer, a_server

DATA = bytes(range(256)) * 1024
WRONG = base64.b64encode(hashlib.sha256(b"others").digest()).decode()
TUS = {
    "Tus-Resumable": "1.0.0",
    "Upload-Length": str(len(DATA)),
    "Content-Type": "application/offset+octet-stream",
}
IETF = {"Upload-Draft-Interop-Version": "8", "Upload-Complete": "?1"}
PLAIN = {"Content-Type": "application/pdf"}


async def unfinished(web: WebServer) -> int:
    async with web.http.get(f"{STREAMING}/memory-stats") as response:
        return int((await response.json())["active_sessions"])


async def post(web: WebServer, path: str, headers: Mapping[str, str]) -> ClientResponse:
    async with web.http.post(path, data=DATA, headers=headers) as response:
        await response.read()
        return response


async def post_half(web: WebServer, path: str, headers: Mapping[str, str]) -> tuple[int, str, str]:
    """Send half of the body and wait; return the status, 104's and last Location."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    fields = {"Host": f"127.0.0.1:{web.port}", "Content-Length": str(len(DATA)), **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode() + DATA[: len(DATA) // 2])
    told = ""
    async with asyncio.timeout(60):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            found = dict(line.split(": ", 1) for line in head[1:-2])
            status = int(head[0].split()[1])
            if status >= 200:
                break
            told = told or found.get("Location", "")
    writer.close()
    return status, told, found.get("Location", "")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/files", TUS | {"Upload-Checksum": f"sha256 {WRONG}"}, 460),
        ("/resumable", IETF | {"Content-Digest": f"sha-256=:{WRONG}:"}, 422),
        ("/resumable", PLAIN | {"Content-Digest": f"sha-256=:{WRONG}:"}, 422),
        ("/resumable", IETF | {"Content-Digest": f"sha-256={WRONG}"}, 400),
        ("/resumable", PLAIN | {"Content-Digest": f"sha-256={WRONG}"}, 400),
        ("/resumable", PLAIN | {"Repr-Digest": f"sha-256={WRONG}"}, 400),
        ("/resumable", PLAIN | {"Repr-Digest": "sha-256=:AAAA:"}, 400),
    ],
)
async def test_what_has_no_bytes_is_not_kept(
    tmp_path: Path, path: str, headers: Mapping[str, str], status: int
) -> None:
    async with a_server(tmp_path) as web:
        for _ in range(3):
            response = await post(web, path, headers)
            assert response.status == status
        assert await unfinished(web) == 0
        assert "Location" not in response.headers


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("/files", TUS, 503), ("/resumable", IETF, 408), ("/resumable", PLAIN, 408)],
)
async def test_what_has_bytes_can_be_gone_on_with(
    tmp_path: Path, path: str, headers: Mapping[str, str], status: int
) -> None:
    async with a_server(tmp_path, body_idle_timeout="200ms") as web:
        answered, told, location = await post_half(web, path, headers)
        assert answered == status
        assert told == (location if headers is IETF else "")
        where = urlsplit(location).path
        assert where.startswith(f"{path}/")
        async with web.http.head(where, headers={"Tus-Resumable": "1.0.0"}) as response:
            assert int(response.headers["Upload-Offset"]) == len(DATA) // 2
        append = {
            "Upload-Offset": str(len(DATA) // 2),
            **(TUS if path == "/files" else {"Content-Type": "application/partial-upload"}),
            "Upload-Complete": "?1",
        }
        async with web.http.patch(where, data=DATA[len(DATA) // 2 :], headers=append) as response:
            assert response.status in {200, 204}, await response.text()
        assert await unfinished(web) == 0


@pytest.mark.parametrize(
    ("path", "headers", "left"),
    [("/files", TUS, 0), ("/resumable", IETF, 1), ("/resumable", PLAIN, 0)],
)
async def test_a_client_with_the_address_may_resume_after_an_error_of_the_server(
    tmp_path: Path, path: str, headers: Mapping[str, str], left: int
) -> None:
    """The draft has a client that saw a 104 resume after 5xx; others start again."""
    built_in = (*STORES, "backpressure")
    async with a_server(tmp_path, built_in=built_in, memory_limit_mb=1) as web:
        response = await post(web, path, headers)
        assert response.status == 503
        assert await unfinished(web) == left
        if left:
            where = urlsplit(response.headers["Location"]).path
            async with web.http.head(where) as response:
                assert (response.status, response.headers["Upload-Offset"]) == (204, "0")
        else:
            assert "Location" not in response.headers
