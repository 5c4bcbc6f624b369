"""The reference client of tus, from npm, against a real server."""

import asyncio
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

import orjson
import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.deployments import Deployed
from tests.support.fault_proxy import Cut, Fault, Stall, fault_proxy
from tests.support.stored import documents_of, hostile_pdf

SCRIPTS = Path(__file__).parents[2] / "js"
SCRIPT = SCRIPTS / "protocols" / "tus_client.mjs"

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(
        not (SCRIPTS / "node_modules" / "tus-js-client").is_dir(),
        reason="tus-js-client is not installed; run npm ci in tests/js",
    ),
]


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "file.pdf"
    path.write_bytes(make_pdf([uuid.uuid4().hex], noise_per_page=3_000_000))
    return path


def command(base_url: str, file: Path, **config: Any) -> list[str]:
    told = {"endpoint": f"{base_url}/files", "file": str(file), **config}
    return ["node", str(SCRIPT), orjson.dumps(told).decode()]


def upload(base_url: str, file: Path, **config: Any) -> Any:
    done = subprocess.run(
        command(base_url, file, **config), capture_output=True, timeout=180, check=True
    )
    return orjson.loads(done.stdout)


async def run(
    base_url: str, file: Path, *, abort: asyncio.Event | None = None, **config: Any
) -> Any:
    process = await asyncio.create_subprocess_exec(
        *command(base_url, file, **config),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(180):
        if abort is not None:
            await abort.wait()
        output, _ = await process.communicate(None if abort is None else b"abort\n")
    return orjson.loads(output)


@pytest.mark.long
@pytest.mark.parametrize(
    "options",
    [{}, {"chunkSize": 1_000_000}, {"parallelUploads": 3}, {"uploadDataDuringCreation": True}],
    ids=["one request", "chunks", "parallel", "with creation"],
)
def test_upload(deployed: Deployed, pdf: Path, options: dict[str, Any]) -> None:
    result = upload(deployed.base_url, pdf, options=options)
    assert "error" not in result
    (document,) = documents_of(deployed.base_url, pdf.read_bytes())
    assert document["filename"] == "from-node.pdf"


def test_stream_of_unknown_length(deployed: Deployed, pdf: Path) -> None:
    options = {"uploadLengthDeferred": True, "chunkSize": 700_000}
    result = upload(deployed.base_url, pdf, options=options, asStream=True)
    assert "error" not in result
    assert documents_of(deployed.base_url, pdf.read_bytes())


async def test_abort_and_resume(deployed: Deployed, pdf: Path) -> None:
    """The connection goes silent; the user aborts, and later continues."""
    fault = Stall(after=2_000_000)
    async with fault_proxy(deployed.port, lambda _: fault) as proxy:
        first = await run(proxy.base_url, pdf, abort=fault.stalled)
        session = first["url"].rpartition("/")[2]
    assert first["aborted"]
    second = await run(deployed.base_url, pdf, url=f"{deployed.base_url}/files/{session}")
    assert second["requests"][0] == {"method": "HEAD", "status": 200}
    assert [request["method"] for request in second["requests"]] == ["HEAD", "PATCH"]
    assert len(documents_of(deployed.base_url, pdf.read_bytes())) == 1


def test_resumable_upload_for_http(deployed: Deployed, pdf: Path) -> None:
    """tus-js-client implements the IETF draft as well, in interop version 6."""
    result = upload(
        deployed.base_url,
        pdf,
        endpoint=f"{deployed.base_url}/resumable",
        options={"protocol": "ietf-draft-05", "chunkSize": 1_000_000},
    )
    assert "error" not in result
    assert len(documents_of(deployed.base_url, pdf.read_bytes())) == 1


async def test_broken_connections(deployed: Deployed, pdf: Path) -> None:
    async with fault_proxy(
        deployed.port, lambda number: Cut(after=900_000, reset=True) if number < 3 else Fault()
    ) as proxy:
        result = await run(proxy.base_url, pdf)
    assert "error" not in result
    assert len(documents_of(deployed.base_url, pdf.read_bytes())) == 1


@pytest.mark.parametrize("options", [{}, {"parallelUploads": 2}], ids=["single", "parallel"])
def test_refusal_is_final(deployed: Deployed, tmp_path: Path, options: dict[str, Any]) -> None:
    file = tmp_path / "hostile.pdf"
    file.write_bytes(hostile_pdf(uuid.uuid4().hex, size=500_000))
    result = upload(deployed.base_url, file, options=options)
    assert result["status"] == 422
    assert orjson.loads(result["body"])["code"] == "content-rejected"
    statuses = [request["status"] for request in result["requests"]]
    assert statuses.count(422) == 1
