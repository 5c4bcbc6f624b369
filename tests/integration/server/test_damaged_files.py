"""A file that is not what was stored is never answered with 200."""

import uuid
from pathlib import Path

import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.conformance.wire import eventually
from tests.faults.client import API, call
from tests.support.servers import RunningServer, Serve

WIDTH = 240


@pytest.fixture(scope="module")
def running(serve_module: Serve) -> RunningServer:
    return serve_module()


def document(running: RunningServer) -> tuple[int, Path]:
    """Upload a document; return its id and its file."""
    data = make_pdf([uuid.uuid4().hex])
    before = files(running)
    wanted = {"filename": "a.pdf", "file_size": len(data)}
    _, session = call(running.port, "POST", f"{API}/initiate", wanted)
    path = f"{API}/chunk/{session['session_id']}?chunk_offset=0"
    assert call(running.port, "PUT", path, data)[0] == 200
    status, answer = call(running.port, "POST", f"{API}/complete/{session['session_id']}")
    assert status == 200, answer
    (file,) = files(running) - before
    return answer["document"]["id"], file


def files(running: RunningServer) -> set[Path]:
    return {*(running.data_dir / "documents").glob("*/*.pdf")}


@pytest.mark.parametrize("damage", ["missing", "empty", "longer"])
def test_a_wrong_file_is_not_served(running: RunningServer, damage: str) -> None:
    number, file = document(running)
    address = f"/api/documents/{number}"
    whole = call(running.port, "GET", f"{address}/file", raw=True)[1]
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(b"" if damage == "empty" else whole + b"x")
    status, answer = call(running.port, "GET", f"{address}/file")
    assert (status, answer["code"]) == (503, "storage-failed")
    assert call(running.port, "GET", address)[1]["is_file_available"] is False
    _, listed = call(running.port, "GET", "/api/documents")
    (entry,) = (entry for entry in listed["documents"] if entry["id"] == number)
    assert entry["is_file_available"] is False
    file.write_bytes(whole)
    assert call(running.port, "GET", f"{address}/file", raw=True) == (200, whole)


@pytest.mark.long
@pytest.mark.parametrize("left", [b"", b"\xff\xd8", bytes(500), b"\xff\xd8" + bytes(500)])
def test_a_picture_that_a_power_cut_damaged_is_drawn_again(
    running: RunningServer, left: bytes
) -> None:
    number, _ = document(running)
    address = f"/api/documents/{number}/pages/1/thumbnail?width={WIDTH}"
    status, picture = call(running.port, "GET", address, raw=True)
    assert status == 200
    (kept,) = (running.data_dir / "previews").rglob(f"{number}/1-{WIDTH}.jpg")
    kept.write_bytes(left)
    eventually(lambda: call(running.port, "GET", address, raw=True) == (200, picture))
    assert kept.read_bytes() == picture
