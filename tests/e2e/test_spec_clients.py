"""The two example clients of the description run unmodified against a real server."""

import asyncio
import json
import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdfsluice.client import Client, Document
from pdfsluice.core.testing.pdfs import write_large_pdf
from tests.support.clusters import Backends, RunningCluster
from tests.support.deployments import CLUSTERS, GROUP, ONE_SERVER, Deployed
from tests.support.servers import Serve

ROOT = Path(__file__).parents[2]
SPEC = Path(os.environ.get("PDFSLUICE_SPEC", ROOT.parent / "shared" / "SPEC.md"))
PACKAGES = ROOT / "tests" / "js" / "package.json"
PORT = 8000  # both examples name it
SIZE = 20_000_000  # three chunks
SECONDS = 180

pytestmark = pytest.mark.xdist_group(GROUP)  # for its port, too


@pytest.fixture
def spec_server(
    request: pytest.FixtureRequest, deployment: str, tmp_path: Path
) -> Iterator[Deployed]:
    """A new server, or the balancer of a new cluster, on the port of the examples."""
    try:
        socket.create_server(("127.0.0.1", PORT)).close()
    except OSError:
        pytest.skip(f"port {PORT} is taken by another program")
    if deployment == ONE_SERVER:
        serve: Serve = request.getfixturevalue("serve")
        yield serve(port=PORT)
        return
    front, pooled = CLUSTERS[deployment]
    name = "spec_" + re.sub(r"\W", "_", request.node.name.lower())
    backends: Backends = request.getfixturevalue("backends")
    with RunningCluster.running(
        backends, tmp_path, name, front=front, pooled=pooled, port=PORT
    ) as cluster:
        yield cluster


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    """The file that the Python example uploads, next to it."""
    path = tmp_path / "large_document.pdf"
    write_large_pdf(path, SIZE, pages=3)
    return path


def example(language: str) -> str:
    """Return the example client in a language, to the letter."""
    if not SPEC.exists():
        pytest.skip(f"{SPEC} is absent; PDFSLUICE_SPEC names it")
    blocks = re.findall(
        rf"^```{language}\n(.*?)^```", SPEC.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    found: list[str] = [block for block in blocks if "class StreamingUploadClient" in block]
    assert len(found) == 1
    return found[0]


async def run(*command: str, cwd: Path) -> str:
    """Run a program to its end and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def only_document(server: Deployed) -> Document:
    async with Client(server.base_url) as client:
        (document,) = [each async for each in client.documents()]
    return document


@pytest.mark.long
async def test_python_example(spec_server: Deployed, pdf: Path) -> None:
    program = pdf.with_name("example.py")
    program.write_text("import time\n" + example("python"), encoding="utf-8")

    printed = await run(sys.executable, str(program), cwd=pdf.parent)

    document = await only_document(spec_server)
    assert "Uploaded chunk 0 (8388608 bytes)" in printed
    assert "Upload completed: My Large Document" in printed
    assert f"Document imported with ID: {document.id}" in printed
    assert document.title == "My Large Document"
    assert document.file_size == pdf.stat().st_size


async def test_typescript_example(spec_server: Deployed, pdf: Path) -> None:
    if shutil.which("node") is None or not (PACKAGES.parent / "node_modules" / "esbuild").exists():
        pytest.skip("Node or its test packages are absent; `make dev` installs the packages")
    source = pdf.with_name("example.ts")
    source.write_text(example("typescript"), encoding="utf-8")
    harness = Path(__file__).with_name("spec_client.mjs")

    printed = await run(
        *("node", str(harness), str(PACKAGES), str(source), str(pdf), spec_server.base_url),
        cwd=pdf.parent,
    )

    result = json.loads(printed)
    document = await only_document(spec_server)
    assert result["answer"]["document"]["id"] == document.id
    assert document.filename == "large_document.pdf"
    assert document.file_size == pdf.stat().st_size
    assert result["seen"][-1] == 100
    assert result["seen"] == sorted(result["seen"])
    assert "100%" in result["status"]
