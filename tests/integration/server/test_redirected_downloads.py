"""Downloads by a link: S3 or nginx send the bytes, the server none."""

import asyncio
import logging
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from yarl import URL

pytest.importorskip("obstore", reason="the extra 'cloud' is not installed")

from pdfsluice.client import Client, ClientError, RetryPolicy
from pdfsluice.client.download import part_of
from pdfsluice.core.errors import PluginError
from pdfsluice.core.models.sessions import Scope
from pdfsluice.core.testing.pdfs import make_pdf
from tests.contract.test_link_signers import SECRET, documented
from tests.support.documents import ROOT
from tests.support.fault_proxy import CutAnswer, Fault, fault_proxy
from tests.support.keys import add_key
from tests.support.nginx import NGINX, nginx
from tests.support.object_stores import SECTION, S3Server
from tests.support.ports import free_port
from tests.support.runtimes import STORES
from tests.support.web import WebServer, a_server, sha256

BUILT_IN = (*STORES, "api_keys", "object_store", "secure_link")
NAME = 'Prüf "bericht" 100%.pdf'

pytestmark = pytest.mark.xdist_group("object-store")


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server.running() as server:
        yield server


@pytest.fixture
def key(tmp_path: Path) -> dict[str, str]:
    return add_key(tmp_path / "data", "ann", [Scope.UPLOAD, Scope.READ])


@pytest.fixture
def others(tmp_path: Path) -> list[tuple[dict[str, str], int]]:
    """Return other keys, and the answers to them."""
    folder, wrong = tmp_path / "data", {"Authorization": "Bearer wrong"}
    reader = add_key(folder, "bob", [Scope.UPLOAD, Scope.READ])
    uploader = add_key(folder, "eve", [Scope.UPLOAD])
    return [(reader, 404), (uploader, 403), (wrong, 401)]


@pytest.fixture
async def server(s3: S3Server, tmp_path: Path, key: dict[str, str]) -> AsyncIterator[WebServer]:
    async with a_server(
        tmp_path / "data", built_in=BUILT_IN, environment=bucket(s3), downloads="redirect"
    ) as server:
        server.http.headers.update(key)
        s3.requests.clear()
        yield server


@pytest.fixture
def data() -> bytes:
    return make_pdf([os.urandom(8).hex()], noise_per_page=300_000)


def bucket(s3: S3Server) -> dict[str, str]:
    """Return the settings of a folder of its own."""
    return s3.environment(f"s3://{s3.bucket}/{os.urandom(4).hex()}")


def file_of(document: dict[str, Any]) -> str:
    return f"/api/documents/{document['id']}/file"


async def test_the_server_gives_a_link_and_sends_no_bytes(
    server: WebServer,
    s3: S3Server,
    data: bytes,
    key: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    document = await server.upload(data, filename=NAME)
    async with server.http.get(file_of(document), allow_redirects=False) as answer:
        assert answer.status == 307
        assert await answer.read() == b""
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        link = answer.headers["Location"]
    secret = key["Authorization"].removeprefix("Bearer ")
    assert secret not in link
    assert "X-Amz-Expires=300" in link
    part = {"Range": "bytes=1000-1999"}
    async with (
        aiohttp.ClientSession() as http,
        http.get(URL(link, encoded=True), headers=part) as answer,
    ):
        assert (answer.status, await answer.read()) == (206, data[1000:2000])
        assert answer.content_type == "application/pdf"
        assert answer.content_disposition is not None
        assert answer.content_disposition.filename == NAME
        assert "immutable" in answer.headers["Cache-Control"]
    async with server.http.get(f"/api/documents/{document['id']}/link") as answer:
        shown = await answer.json()
    assert shown["url"].partition("?")[0] == link.partition("?")[0]
    assert (shown["sha256"], shown["filename"]) == (sha256(data), NAME)
    ours = [str(vars(each)) for each in caplog.records if each.name.startswith("pdfsluice")]
    assert any("/file" in each for each in ours)
    assert not [each for each in ours if "X-Amz" in each]


async def test_what_needs_no_bytes_is_answered_by_the_server(
    server: WebServer, s3: S3Server, data: bytes
) -> None:
    document = await server.upload(data)
    etag = f'"{sha256(data)}"'
    for method, headers, status in (
        ("HEAD", {}, 200),
        ("GET", {"If-None-Match": etag}, 304),
        ("GET", {"If-Match": '"another"'}, 412),
        ("GET", {"If-Range": etag, "Range": "bytes=0-9"}, 206),
        ("GET", {"If-Range": '"of the store"', "Range": "bytes=0-9"}, 307),
        ("GET", {"If-None-Match": '"another"'}, 307),
    ):
        async with server.http.request(
            method, file_of(document), headers=headers, allow_redirects=False
        ) as answer:
            assert answer.status == status, (method, headers)
            if status in {200, 304, 206}:
                assert answer.headers["ETag"] == etag
            if method == "HEAD":
                assert answer.content_length == len(data)
    assert s3.by_link("GET") == []


async def test_a_link_needs_access_and_a_document(
    others: list[tuple[dict[str, str], int]], server: WebServer, data: bytes
) -> None:
    document = await server.upload(data)
    for path in (file_of(document), f"/api/documents/{document['id']}/link"):
        for headers, status in others:
            async with server.http.get(path, headers=headers, allow_redirects=False) as answer:
                assert answer.status == status
                assert "Location" not in answer.headers
    session = await server.initiate(data + b"%", filename="unfinished.pdf")
    async with server.http.get(f"/api/documents/{session['session_id']}/file") as answer:
        assert answer.status == 404


async def test_the_python_client_resumes_at_the_store_without_its_key(
    s3: S3Server, tmp_path: Path, data: bytes, key: dict[str, str]
) -> None:
    """The connection to the store breaks; the second download fetches the rest."""

    def once(number: int) -> Fault:
        return CutAnswer(100_000) if number == 0 else Fault()

    folder, target = tmp_path / "data", tmp_path / "back.pdf"
    async with fault_proxy(s3.port, once) as proxy:
        links = bucket(s3) | {f"{SECTION}LINK_ENDPOINT": proxy.base_url}
        async with a_server(
            folder, built_in=BUILT_IN, environment=links, downloads="redirect"
        ) as server:
            server.http.headers.update(key)
            number = (await server.upload(data))["id"]
            s3.requests.clear()
            secret = key["Authorization"].removeprefix("Bearer ")
            async with Client(
                server.base_url, api_key=secret, retry=RetryPolicy(patience=0.0)
            ) as client:
                with pytest.raises(ClientError):
                    await client.download(number, target)
                kept = part_of(target, await client.document(number)).stat().st_size
                await client.download(number, target)
    assert 0 < kept < len(data)
    assert target.read_bytes() == data
    first, second = s3.by_link("GET")
    assert (first.range, second.range) == ("", f"bytes={kept}-")
    assert first.authorization == second.authorization == ""


@pytest.mark.long
async def test_a_host_that_refuses_is_named_without_the_link(
    server: WebServer, s3: S3Server, tmp_path: Path, data: bytes, key: dict[str, str]
) -> None:
    number = (await server.upload(data))["id"]
    for name in s3.names(""):
        if "/documents/" in name:
            s3.delete(name)
    secret = key["Authorization"].removeprefix("Bearer ")
    async with Client(server.base_url, api_key=secret) as client:
        with pytest.raises(ClientError, match=r"127\.0\.0\.1.*answers 40[34]") as caught:
            await client.download(number, tmp_path / "back.pdf")
    assert "X-Amz" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
async def test_the_javascript_client_shows_the_store_no_key(
    server: WebServer, s3: S3Server, data: bytes, key: dict[str, str]
) -> None:
    number = (await server.upload(data))["id"]
    index = ROOT / "client" / "js" / "src" / "index.js"
    program = f"""
        import {{ StreamingUploadClient }} from {str(index)!r};
        const [baseUrl, apiKey] = process.argv.slice(1);
        const client = new StreamingUploadClient({{ baseUrl, apiKey, WebSocket: null }});
        const answer = await client.documents.file({number}, {{ range: [100, 200] }});
        process.stdout.write(Buffer.from(await answer.arrayBuffer()).toString('hex'));
    """
    secret = key["Authorization"].removeprefix("Bearer ")
    command = ["node", "--input-type=module", "-e", program, server.base_url, secret]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    output, _ = await process.communicate()
    assert bytes.fromhex(output.decode()) == data[100:200]
    (request,) = s3.by_link("GET")
    assert (request.authorization, request.range) == ("", "bytes=100-199")


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
async def test_nginx_sends_the_files_of_the_local_store(tmp_path: Path, data: bytes) -> None:
    folder, port = tmp_path / "data", free_port()
    section = {
        "PDFSLUICE_PLUGINS__SECURE_LINK__URL": f"http://127.0.0.1:{port}/documents",
        "PDFSLUICE_PLUGINS__SECURE_LINK__SECRET": SECRET,
    }
    (folder / "nginx").mkdir(parents=True)
    with nginx(folder / "nginx", documented(port, folder / "documents")):
        async with (
            a_server(
                folder,
                built_in=BUILT_IN,
                downloads="redirect",
                link_signer="secure-link",
                environment=section,
            ) as server,
            Client(server.base_url) as client,
        ):
            number = (await server.upload(data, filename=NAME))["id"]
            await client.download(number, tmp_path / "back.pdf")
            async with server.http.get(file_of({"id": number})) as answer:
                assert urlsplit(str(answer.url)).port == port
                assert await answer.read() == data
                assert answer.content_disposition is not None
                assert answer.content_disposition.filename == NAME
    assert (tmp_path / "back.pdf").read_bytes() == data


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "the upload store 'local' makes no links"),
        ({"link_signer": "secure-link"}, "lacks its address or its secret"),
        ({"link_signer": "absent"}, "'absent'"),
    ],
)
async def test_a_server_that_can_make_no_links_does_not_start(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(PluginError, match=re.escape(message)):
        async with a_server(tmp_path, built_in=BUILT_IN, downloads="redirect", **settings):
            pass
