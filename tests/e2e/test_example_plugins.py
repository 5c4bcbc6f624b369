"""Ten plugins of third parties, each a distribution, together in one server."""

import ast
import asyncio
import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from shutil import copytree, which
from typing import ClassVar

import pytest
from aiohttp import ClientSession
from PIL import Image, ImageDraw, ImageFont

from pdfsluice import core
from pdfsluice.client import Client, ClientError
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.object_stores import KEY, S3Server
from tests.support.object_stores import SECRET as S3_SECRET
from tests.support.servers import RunningServer, Serve

pytestmark = pytest.mark.nightly
EXAMPLES = Path(__file__).parents[1] / "third_party"
SOURCES = sorted(EXAMPLES.glob("acme-*/*.py"))
MAX_LINES = 80
MAX_STORE_LINES = 105
"""A store has eight methods; the others have one or two."""
SECRET = "a secret of the tests"
STREAMING = "/api/documents/streaming"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_an_example_uses_the_public_interface_alone(path: Path) -> None:
    text = path.read_text()
    limit = MAX_STORE_LINES if path.stem == "acme_s3" else MAX_LINES
    assert len(text.splitlines()) <= limit
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("pdfsluice") for alias in node.names)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pdfsluice"):
            assert node.module == "pdfsluice.core"
            assert {alias.name for alias in node.names} <= set(core.__all__)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which pip has installed them all."""
    folder = tmp_path_factory.mktemp("examples")
    for example in EXAMPLES.glob("acme-*"):
        copytree(example, folder / example.name)
    site = folder / "site"
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(site)]
    projects = sorted(str(each) for each in folder.glob("acme-*"))
    assert len(projects) == 11
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *projects], check=True)
    return site


class Receiver(BaseHTTPRequestHandler):
    """A webhook that is down when it is called for the first time."""

    calls: ClassVar[list[dict[str, object]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.calls.append(body)
        self.send_response(503 if len(self.calls) == 1 else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        del arguments


@pytest.fixture(scope="module")
def webhook() -> Iterator[str]:
    """The address of the webhook."""
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def token(**claims: object) -> str:
    """Return a signed token."""

    def part(value: object) -> str:
        return encoded(json.dumps(value).encode())

    body = {"sub": "ann", "exp": time.time() + 600, **claims}
    signed = f"{part({'alg': 'HS256'})}.{part(body)}"
    return f"{signed}.{encoded(hmac.digest(SECRET.encode(), signed.encode(), hashlib.sha256))}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def picture_pdf(path: Path) -> None:
    """Write a PDF whose only page is a picture of words."""
    image = Image.new("L", (1200, 400), 255)
    font = ImageFont.load_default(size=90)
    ImageDraw.Draw(image).text((60, 140), "NORTHERN SLUICE", fill=0, font=font)
    image.save(path, "PDF", resolution=150)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    """A bucket."""
    with S3Server.running() as server:
        yield server


async def test_all_ten_run_together(
    site: Path, webhook: str, s3: S3Server, tmp_path: Path, serve: Serve
) -> None:
    server = serve(
        PYTHONPATH=str(site),
        PDFSLUICE_INDEX="acme-words",
        PDFSLUICE_UPLOAD_STORE="acme-s3",
        PDFSLUICE_PLUGINS__ACME_S3__BUCKET=s3.bucket,
        PDFSLUICE_PLUGINS__ACME_S3__ENDPOINT=s3.endpoint,
        PDFSLUICE_PLUGINS__ACME_S3__KEY=KEY,
        PDFSLUICE_PLUGINS__ACME_S3__SECRET=S3_SECRET,
        PDFSLUICE_PLUGINS__ACME_JWT__SECRET=SECRET,
        PDFSLUICE_PLUGINS__ACME_WEBHOOK__URL=webhook,
        PDFSLUICE_PLUGINS__ACME_WEBHOOK__DELAY_SECONDS="0.1",
    )
    letter, picture = tmp_path / "letter.pdf", tmp_path / "picture.pdf"
    letter.write_bytes(make_pdf(["A letter. ACME-CONFIDENTIAL"], compress=False))
    picture_pdf(picture)
    async with Client(server.base_url, api_key=token()) as client:
        document = await client.upload(letter, index=True)
        scan = await client.upload(picture, index=True)
        assert (await client.settled(document.id)).index_status == "done"
        await client.settled(scan.id)
        assert [finding.kind for finding in document.findings] == ["acme-marker"]  # stream stage
        (passage,) = await client.search("confidential")  # index
        assert passage.document_id == document.id
        if which("tesseract"):  # OCR importer
            (passage,) = await client.search("sluice")
            assert passage.document_id == scan.id
        jobs = await webhook_jobs(client, document.id)
        assert jobs == ("done", 2)  # webhook importer, which was down at first
        sizes = {path.stat().st_size for path in (letter, picture)}
        assert {item.size for item in s3.objects("documents")} == sizes  # upload store
        copy = tmp_path / "copy.pdf"
        await client.download(document.id, copy)
        assert copy.read_bytes() == letter.read_bytes()
    assert {call["title"] for call in Receiver.calls} == {"letter", "picture"}
    journal = (server.data_dir / "journal.txt").read_text().splitlines()  # event sink
    assert f"{document.id} extracting done" in journal
    await refused_and_paced(server)
    counted = subprocess.run(
        [sys.executable, "-m", "pdfsluice.cli", "count", "--owner", "jwt:ann"],
        env={**os.environ, "PYTHONPATH": str(site), "PDFSLUICE_DATA_DIR": str(server.data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert counted.stdout == f"2 documents in {server.data_dir}\n", counted.stderr  # command


async def webhook_jobs(client: Client, document_id: int) -> tuple[str, int]:
    async with asyncio.timeout(60):
        while True:
            jobs = (await client.import_status(document_id)).latest
            (job,) = (each for each in jobs if each.importer == "acme-webhook")
            if job.state not in {"queued", "running"}:
                return job.state, job.attempts
            await asyncio.sleep(0.1)


async def refused_and_paced(server: RunningServer) -> None:
    """The authenticator, the chunk stage and the gate."""
    for wrong in (None, token(exp=0), token()[:-3] + "abc"):
        with pytest.raises(ClientError) as refused:
            async with Client(server.base_url, api_key=wrong) as client:
                await client.document(1)
        assert refused.value.code == "authentication-required"
    data = os.urandom(20_000)
    headers = {"Authorization": f"Bearer {token()}", "Content-Type": "application/octet-stream"}
    async with ClientSession(server.base_url, headers=headers) as http:
        wanted = {"filename": "a.pdf", "file_size": len(data)}
        async with http.post(f"{STREAMING}/initiate", json=wanted) as response:
            session = (await response.json())["session_id"]
        url = f"{STREAMING}/chunk/{session}?chunk_id=0"
        async with http.put(url, data=data, headers={"X-Acme-Rubbish": "yes"}) as response:
            assert response.status == 400
            assert "rubbish" in (await response.json())["message"]
        began = time.monotonic()
        async with http.put(url, data=data, headers={"X-Acme-Rate": "40000"}) as response:
            assert response.status == 200, await response.text()
        assert time.monotonic() - began >= 0.5
