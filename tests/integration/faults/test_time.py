"""Expiry, and clocks that jump: stored times stand for times on the clock."""

import uuid
from datetime import timedelta
from pathlib import Path

import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.conformance.tus import Tus
from tests.conformance.wire import Server, eventually
from tests.support.databases import age_sessions
from tests.support.servers import RunningServer, Serve
from tests.support.stored import documents_of, get_json


@pytest.fixture
def pdf() -> bytes:
    return make_pdf([uuid.uuid4().hex], noise_per_page=300_000)


def tus_of(running: RunningServer) -> Tus:
    return Tus(Server(running.base_url), "/files")


def partials(running: RunningServer) -> list[Path]:
    return list((running.data_dir / "uploads").glob("*.part"))


def clock_jumps(running: RunningServer, by: timedelta) -> None:
    """Let the clock jump while the server is down: all that it noted is so much older."""
    running.kill()
    age_sessions(running.data_dir / "state", by)
    running.start()


@pytest.mark.long
def test_sweeper_takes_the_idle_and_spares_the_finished(serve: Serve, pdf: bytes) -> None:
    running = serve(
        PDFSLUICE_SESSION_TIMEOUT="1h",
        PDFSLUICE_CLEANUP_INTERVAL="200ms",
        PDFSLUICE_SESSION_RETENTION="1d",
    )
    tus = tus_of(running)
    finished = tus.create(pdf)
    tus.patch(finished, 0, pdf)
    idle = tus.create(pdf)
    tus.patch(idle, 0, pdf[:100])
    clock_jumps(running, timedelta(hours=2))
    eventually(lambda: not partials(running))
    assert tus.request("HEAD", idle).status == 410
    assert tus.patch(idle, 100, pdf[100:]).status == 410
    assert tus.offset(finished) == len(pdf)
    assert len(documents_of(running.base_url, pdf)) == 1


@pytest.mark.long
def test_an_upload_in_use_does_not_expire(serve: Serve, pdf: bytes) -> None:
    """Each piece of bytes counts as a sign of life, also within one long request."""
    running = serve(PDFSLUICE_SESSION_TIMEOUT="3s", PDFSLUICE_CLEANUP_INTERVAL="100ms")
    tus = tus_of(running)
    url = tus.create(pdf)
    session = f"{running.base_url}/api/documents/streaming/{url.rpartition('/')[2]}"
    with tus.server.connect() as connection:
        headers = {"Upload-Offset": "0", "Content-Length": str(len(pdf))}
        connection.start("PATCH", tus.server.path(url), tus.headers(headers))
        gone = tus.create(pdf)  # idle for as long as the other one receives
        position = 0
        while tus.request("HEAD", gone).status == 200:
            if position < len(pdf) - 300:
                connection.send(pdf[position : position + 300])
                position += 300
        assert get_json(session)["status"] in {"created", "uploading"}
        connection.send(pdf[position:])
        assert connection.finish().status == 204


@pytest.mark.long
def test_clock_jumps_ahead(serve: Serve, pdf: bytes) -> None:
    """What was idle for so long by the clock has expired; what was finished stays."""
    running = serve()
    tus = tus_of(running)
    finished, idle = tus.create(pdf), tus.create(pdf)
    tus.patch(finished, 0, pdf)
    tus.patch(idle, 0, pdf[:100])
    clock_jumps(running, timedelta(days=3))
    assert tus.request("HEAD", idle).status == 410
    assert tus.offset(finished) == len(pdf)
    assert len(documents_of(running.base_url, pdf)) == 1


@pytest.mark.long
def test_clock_jumps_back(serve: Serve, pdf: bytes) -> None:
    """Sessions from the future are as good as others."""
    running = serve()
    tus = tus_of(running)
    url = tus.create(pdf)
    tus.patch(url, 0, pdf[:100])
    clock_jumps(running, timedelta(days=-300))
    session = f"{running.base_url}/api/documents/streaming"
    (listed,) = get_json(f"{session}/resumable")
    assert listed["age_hours"] >= 0
    assert tus.offset(url) == 100
    assert tus.patch(url, 100, pdf[100:]).status == 204
    assert len(documents_of(running.base_url, pdf)) == 1
