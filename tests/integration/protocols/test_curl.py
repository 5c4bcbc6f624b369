"""curl, as people use it from a shell, against a real server."""

import shutil
import subprocess
import uuid
from pathlib import Path

import orjson
import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.servers import RunningServer
from tests.support.stored import documents_of

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.pdf"
    path.write_bytes(make_pdf([uuid.uuid4().hex], noise_per_page=2_000_000))
    return path


def curl(*arguments: str) -> str:
    """Run curl; what it prints is the status, the response's head and its body."""
    told = subprocess.run(
        ["curl", "-sS", "--max-time", "100", *arguments],
        capture_output=True,
        timeout=120,
        check=True,
    )
    return told.stdout.decode()


def headers(answer: str) -> dict[str, str]:
    lines = answer.replace("\r", "").split("\n")
    return {
        name.lower(): value.strip()
        for name, separator, value in (line.partition(":") for line in lines)
        if separator
    }


def test_conventional_upload(server: RunningServer, file: Path) -> None:
    answer = curl("--data-binary", f"@{file}", f"{server.base_url}/resumable?title=By+curl")
    assert orjson.loads(answer)["document"]["title"] == "By curl"
    assert len(documents_of(server.base_url, file.read_bytes())) == 1


def test_streamed_from_a_pipe(server: RunningServer, file: Path) -> None:
    answer = subprocess.run(
        f"cat '{file}' | curl -sS -X POST -T - {server.base_url}/resumable",
        shell=True,
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert orjson.loads(answer.stdout)["document"]["id"]
    assert len(documents_of(server.base_url, file.read_bytes())) == 1


def test_resumable_upload_shows_its_resource(server: RunningServer, file: Path) -> None:
    answer = curl(
        *("-i", "-H", "Upload-Complete: ?1", "-H", "Upload-Draft-Interop-Version: 8"),
        *("-H", 'Content-Disposition: inline; filename="curl.pdf"'),
        *("--data-binary", f"@{file}", f"{server.base_url}/resumable"),
    )
    assert "HTTP/1.1 104 " in answer
    assert "HTTP/1.1 200 " in answer
    (document,) = documents_of(server.base_url, file.read_bytes())
    assert document["filename"] == "curl.pdf"


def test_tus_by_hand(server: RunningServer, file: Path) -> None:
    size = file.stat().st_size
    version = ("-H", "Tus-Resumable: 1.0.0")
    created = curl(
        "-i", "-X", "POST", *version, "-H", f"Upload-Length: {size}", f"{server.base_url}/files"
    )
    url = headers(created)["location"]
    half = file.with_name("half")
    half.write_bytes(file.read_bytes()[: size // 2])
    bytes_type = ("-H", "Content-Type: application/offset+octet-stream")
    patch = ("-i", "-X", "PATCH", *version, *bytes_type)
    curl(*patch, "-H", "Upload-Offset: 0", "--data-binary", f"@{half}", url)
    offset = headers(curl("-I", *version, url))["upload-offset"]
    assert offset == str(size // 2)
    half.write_bytes(file.read_bytes()[size // 2 :])
    done = curl(*patch, "-H", f"Upload-Offset: {offset}", "--data-binary", f"@{half}", url)
    assert "HTTP/1.1 204 " in done
    assert "/api/documents/" in headers(done)["content-location"]
    assert len(documents_of(server.base_url, file.read_bytes())) == 1
