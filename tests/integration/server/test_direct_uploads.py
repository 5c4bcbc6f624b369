"""Uploads past the server into S3, with the clients: the server receives no byte of a file."""

import asyncio
import logging
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

pytest.importorskip("obstore", reason="the extra 'cloud' is not installed")

from pdfsluice.client import Client
from pdfsluice.core.testing.pdfs import make_pdf
from pdfsluice.plugins.object_store.links import s3_links
from pdfsluice.plugins.object_store.opening import open_objects
from tests.support.commands import pdfsluice_here
from tests.support.documents import ROOT
from tests.support.object_stores import S3Server, SwiftServer
from tests.support.runtimes import STORES
from tests.support.web import CHUNK, STREAMING, WebServer, a_server, body_of, sha256

BUILT_IN = (*STORES, "api_keys", "object_store")

pytestmark = pytest.mark.xdist_group("object-store")


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server.running() as server:
        yield server


@pytest.fixture
async def server(s3: S3Server, tmp_path: Path) -> AsyncIterator[WebServer]:
    environment = s3.environment(f"s3://{s3.bucket}/{os.urandom(4).hex()}")
    async with a_server(
        tmp_path / "data", built_in=BUILT_IN, environment=environment, direct_uploads=True
    ) as server:
        s3.requests.clear()
        yield server


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "report.pdf"
    path.write_bytes(make_pdf([os.urandom(8).hex()], noise_per_page=300_000))
    return path


@pytest.fixture
def requests(caplog: pytest.LogCaptureFixture) -> Any:
    """Return the requests that reached the server: method and path."""
    caplog.set_level(logging.INFO, "pdfsluice")

    def seen() -> list[str]:
        access = [each for each in caplog.records if each.name == "pdfsluice.server.access"]
        return [f"{vars(each)['method']} {vars(each)['path']}" for each in access]

    return seen


def check_way(s3: S3Server, requests: list[str], chunks: int) -> None:
    """The store got each chunk from the client, without a key; the server got none."""
    sent = s3.by_link("PUT")
    assert len(sent) == chunks
    assert {each.authorization for each in sent} == {""}
    assert not [each for each in requests if each.startswith(("PUT", "PATCH"))]
    assert not [each for each in requests if "X-Amz" in each]
    assert len([each for each in requests if each.endswith("/commit")]) == chunks


async def test_the_python_client_sends_to_the_store(
    server: WebServer, s3: S3Server, pdf: Path, requests: Any
) -> None:
    async with Client(server.base_url) as client:
        document = await client.upload(pdf, direct=True, chunk_size=CHUNK)
    assert document.sha256 == sha256(pdf.read_bytes())
    check_way(s3, requests(), -(-document.file_size // CHUNK))


async def test_the_command_sends_to_the_store(
    server: WebServer, s3: S3Server, pdf: Path, requests: Any
) -> None:
    arguments = ("upload", "--direct", "--no-wait", "--server", server.base_url, pdf)
    done = await asyncio.to_thread(pdfsluice_here, *arguments)
    assert done.code == 0, done.out + done.err
    check_way(s3, requests(), 1)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
async def test_the_javascript_client_sends_to_the_store(
    server: WebServer, s3: S3Server, pdf: Path, requests: Any
) -> None:
    source = ROOT / "client" / "js" / "src"
    program = f"""
        import {{ StreamingUploadClient, MemoryStorage }} from {str(source / "index.js")!r};
        import {{ openFile }} from {str(source / "node.js")!r};
        const [baseUrl, path] = process.argv.slice(1);
        const storage = new MemoryStorage();
        const options = {{ baseUrl, WebSocket: null, storage, chunkSize: {CHUNK} }};
        const client = new StreamingUploadClient(options);
        const {{ document }} = await client.uploadFile(await openFile(path), {{ direct: true }});
        process.stdout.write(document.sha256);
        client.close();
    """
    command = ["node", "--input-type=module", "-e", program, server.base_url, str(pdf)]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    output, _ = await process.communicate()
    data = pdf.read_bytes()
    assert output.decode() == sha256(data)
    check_way(s3, requests(), -(-len(data) // CHUNK))


async def test_clients_fall_back_if_the_server_does_not_take_it(tmp_path: Path, pdf: Path) -> None:
    async with a_server(tmp_path / "data") as server, Client(server.base_url) as client:
        assert (await client.upload(pdf, direct=True)).sha256 == sha256(pdf.read_bytes())
        session = await server.initiate(b"%PDF-1.7 " + bytes(100))
        path = f"{STREAMING}/chunk/{session['session_id']}/direct?chunk_id=0"
        async with server.http.post(path) as answer:
            assert answer.status == 501
            assert (await body_of(answer))["code"] == "direct-upload-unavailable"


async def test_a_ticket_and_its_commit(server: WebServer, s3: S3Server, pdf: Path) -> None:
    data = pdf.read_bytes()
    session = await server.initiate(data)
    path = f"{STREAMING}/chunk/{session['session_id']}"
    async with server.http.post(f"{path}/commit?chunk_id=1") as answer:
        assert answer.status == 409
        assert (await body_of(answer))["code"] == "not-in-store"
    async with server.http.post(f"{path}/direct?chunk_id=1") as answer:
        ticket = await body_of(answer)
    assert (ticket["method"], ticket["offset"], ticket["length"]) == ("PUT", CHUNK, CHUNK)
    left = datetime.fromisoformat(ticket["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=4) < left <= timedelta(minutes=5)
    url = URL(ticket["url"], encoded=True)
    piece = data[CHUNK : 2 * CHUNK]
    async with (
        aiohttp.ClientSession() as http,
        http.put(url, data=piece, headers=ticket["headers"]) as stored,
    ):
        assert stored.status == 200
    for checksum, status in (("0" * 64, 422), (f"sha256:{sha256(piece)}", 200)):
        async with server.http.post(f"{path}/commit?chunk_id=1&checksum={checksum}") as answer:
            assert answer.status == status
    stored_session = await server.status(session["session_id"])
    assert stored_session["missing_ranges"][:2] == [[0, CHUNK], [2 * CHUNK, len(data)]]
    async with server.http.post(f"{path}/direct") as answer:
        assert answer.status == 400
    async with server.http.post(f"{path}/direct?chunk_id=99") as answer:
        assert answer.status == 409


def test_a_real_service_checks_signature_length_and_end(tmp_path: Path) -> None:
    """OpenStack Swift with s3api, which verifies what it is sent."""
    pytest.importorskip("swift", reason="the development packages are not installed")
    with SwiftServer.running(tmp_path / "swift") as swift:
        asyncio.run(_check_signatures(swift))


async def _check_signatures(swift: SwiftServer) -> None:
    options = swift.options(f"s3://{swift.bucket}/a folder")
    objects = open_objects(options)
    name, data = f"uploads/{'0' * 8}/0.direct", os.urandom(1000)
    link = objects.upload_link(name, seconds=60, length=len(data))
    assert link is not None
    url, headers = link
    async with aiohttp.ClientSession() as http:

        async def put(address: str, body: bytes) -> int:
            async with http.put(URL(address, encoded=True), data=body, headers=headers) as answer:
                return answer.status

        assert await put(url, data + b"more") == 403
        assert await put(url, data[:-1]) == 403
        assert await put(url.replace("0.direct", "1.direct"), data) == 403
        assert await put(url, data) == 200
        shown = objects.link(
            name, seconds=60, content_type="application/pdf", content_disposition="attachment"
        )
        assert shown is not None
        async with http.get(URL(shown, encoded=True), headers={"Range": "bytes=10-19"}) as answer:
            assert (answer.status, await answer.read()) == (206, data[10:20])
            assert answer.content_type == "application/pdf"
            assert answer.headers["Content-Disposition"] == "attachment"
        async with http.get(URL(shown.replace("pdf", "html"), encoded=True)) as answer:
            assert answer.status == 403
        past = s3_links(options, now=lambda: datetime.now(UTC) - timedelta(seconds=61))
        assert past is not None
        ended = past.get(name, seconds=60, content_type="a/b", content_disposition="inline")
        async with http.get(URL(ended, encoded=True)) as answer:
            assert answer.status == 403
