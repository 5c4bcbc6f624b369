"""The server is killed or stopped at the worst moments; no stored byte is lost."""

import random
import signal
import uuid
from pathlib import Path

import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.conformance.ietf import Ietf
from tests.conformance.tus import Tus
from tests.conformance.wire import Server, eventually
from tests.support.servers import RunningServer, Serve
from tests.support.shares import share
from tests.support.stored import documents_of, get_json


@pytest.fixture(scope="module")
def running(serve_module: Serve) -> RunningServer:
    """One server that is killed again and again, and has to bear it."""
    return serve_module()


@pytest.fixture
def tus(running: RunningServer) -> Tus:
    return Tus(Server(running.base_url), "/files")


@pytest.fixture
def pdf() -> bytes:
    return make_pdf([uuid.uuid4().hex], noise_per_page=2_000_000)


def crash(running: RunningServer) -> None:
    running.kill()
    running.start()


def partial(running: RunningServer, url: str) -> Path:
    return running.data_dir / "uploads" / f"{url.rpartition('/')[2]}.part"


def finish(running: RunningServer, tus: Tus, url: str, pdf: bytes) -> None:
    position = tus.offset(url)
    if position < len(pdf):
        assert tus.patch(url, position, pdf[position:]).status == 204
    assert len(documents_of(running.base_url, pdf)) == 1


def test_killed_in_the_middle_of_a_body(running: RunningServer, tus: Tus, pdf: bytes) -> None:
    """What follows the committed bytes when it dies is overwritten."""
    url = tus.create(pdf)
    assert tus.patch(url, 0, pdf[:300_000]).status == 204
    with tus.server.connect() as connection:
        headers = {"Upload-Offset": "300000", "Content-Length": str(len(pdf) - 300_000)}
        connection.start("PATCH", tus.server.path(url), tus.headers(headers))
        connection.send(pdf[300_000:1_500_000])
        session = f"{running.base_url}/api/documents/streaming/{url.rpartition('/')[2]}"
        eventually(lambda: get_json(session)["received_bytes"] > 300_000)
        crash(running)
    assert 300_000 <= tus.offset(url) <= 1_500_000
    finish(running, tus, url, pdf)


@pytest.mark.long
def test_killed_at_random_moments(running: RunningServer, tus: Tus, pdf: bytes) -> None:
    dice = random.Random(4)
    url = tus.create(pdf)
    for _ in range(3):
        position = tus.offset(url)
        size = dice.randint(1, (len(pdf) - position) // 2)
        acknowledged = tus.patch(url, position, pdf[position : position + size])
        assert acknowledged.headers["Upload-Offset"] == str(position + size)
        crash(running)
        assert tus.offset(url) == position + size
    finish(running, tus, url, pdf)


@pytest.mark.long
def test_killed_before_the_verdict(running: RunningServer, pdf: bytes) -> None:
    """All bytes are there and no request follows: the next status completes it."""
    ietf = Ietf(Server(running.base_url), "/resumable")
    url = ietf.create(pdf)
    assert ietf.patch(url, 0, pdf, complete=False).status == 204
    crash(running)
    tus = Tus(ietf.server, "/files")
    response = tus.request("HEAD", f"/files/{url.rpartition('/')[2]}")
    assert response.headers["Content-Location"].startswith("/api/documents/")
    assert len(documents_of(running.base_url, pdf)) == 1


@pytest.mark.long
def test_killed_again_and_again_after_completion(
    running: RunningServer, tus: Tus, pdf: bytes
) -> None:
    """The import happens once, whatever is repeated."""
    url = tus.create(pdf)
    first = tus.patch(url, 0, pdf)
    for _ in range(2):
        crash(running)
        assert tus.offset(url) == len(pdf)
        again = tus.request("HEAD", url)
        assert again.headers["Content-Location"] == first.headers["Content-Location"]
    assert len(documents_of(running.base_url, pdf)) == 1


@pytest.mark.long
def test_files_without_sessions_are_removed(running: RunningServer, tus: Tus, pdf: bytes) -> None:
    url = tus.create(pdf)
    tus.patch(url, 0, pdf[:1000])
    stray = partial(running, f"/{uuid.uuid4()}")
    running.kill()
    stray.write_bytes(b"of nobody")
    running.start()
    assert not stray.exists()
    finish(running, tus, url, pdf)


@pytest.mark.parametrize(
    "harm", share(["short", "gone", "other", "longer"], every=4, nightly=["longer"])
)
def test_stored_bytes_are_harmed(running: RunningServer, tus: Tus, pdf: bytes, harm: str) -> None:
    """Committed bytes that rot are missing again; no wrong file completes."""
    url = tus.create(pdf)
    for start in range(0, 900_000, 300_000):
        assert tus.patch(url, start, pdf[start : start + 300_000]).status == 204
    file = partial(running, url)
    running.kill()
    if harm == "gone":
        file.unlink()
    else:
        with file.open("r+b") as stream:
            if harm == "short":
                stream.truncate(100_000)
            elif harm == "longer":
                stream.seek(900_000)
                stream.write(b"stray bytes behind what is committed")
            else:
                stream.seek(450_000)
                stream.write(b"rot")
    running.start()
    session_id = url.rpartition("/")[2]
    body = b'{"session_id": "%s", "client_id": "again"}' % session_id.encode()
    resumed = tus.server.request(
        "POST", "/api/documents/streaming/resume", {"Content-Type": "application/json"}, body
    )
    intact = {"gone": 0, "short": 0, "other": 600_000, "longer": 900_000}[harm]
    assert resumed.json()["uploaded_bytes"] == intact
    finish(running, tus, url, pdf)


@pytest.mark.long
def test_damaged_state_does_not_prevent_the_start(
    running: RunningServer, tus: Tus, pdf: bytes
) -> None:
    url = tus.create(pdf)
    running.kill()
    for name in ("uploads", "state"):
        folder = running.data_dir / name
        (folder / "rubbish.tmp").write_bytes(b"\0" * 100)
        (folder / "not-an-id.part").write_bytes(b"")
        (folder / f"{uuid.uuid4()}.part").mkdir()
    running.start()
    finish(running, tus, url, pdf)


@pytest.mark.long
def test_stopped_in_the_middle_of_a_body(serve: Serve, pdf: bytes) -> None:
    """SIGTERM: bytes are committed, the client is answered, the server ends."""
    running = serve(PDFSLUICE_SHUTDOWN_GRACE="500ms")
    tus = Tus(Server(running.base_url), "/files")
    url = tus.create(pdf)
    with tus.server.connect() as connection:
        headers = {"Upload-Offset": "0", "Content-Length": str(len(pdf))}
        connection.start("PATCH", tus.server.path(url), tus.headers(headers))
        connection.send(pdf[:500_000])
        session = f"{running.base_url}/api/documents/streaming/{url.rpartition('/')[2]}"
        eventually(lambda: get_json(session)["received_bytes"] == 500_000)
        assert running.process is not None
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    running.start()
    assert tus.offset(url) == 500_000
    finish(running, tus, url, pdf)
