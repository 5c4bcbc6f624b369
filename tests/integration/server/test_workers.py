"""Several worker processes on one port: any takes any chunk, and each may die."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.servers import RunningServer, Serve, ServerStartError
from tests.support.waiting import until, wait_until

CHUNK = 64 * 1024
PREFIX = "/api/documents/streaming"


def workers_of(server: RunningServer) -> list[int]:
    """Return the worker processes of a server."""
    assert server.process is not None
    supervisor = server.process.pid
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text()
    return [int(pid) for pid in children.split()]


def holders_of(part: Path, workers: list[int]) -> list[int]:
    """Return the workers that have a file open."""
    return [pid for pid in workers if part in opened_by(pid)]


def opened_by(pid: int) -> list[Path]:
    """Return the files of a process; it may close some, or end, while they are listed."""
    files = []
    with suppress(OSError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                files.append(each.readlink())
    return files


@pytest.fixture(scope="module")
def server(serve_module: Serve) -> RunningServer:
    """A server with two workers."""
    running = serve_module(
        arguments=("--workers", "2"), PDFSLUICE_STAGE_PROCESSES="0", PDFSLUICE_INDEX=""
    )
    wait_until(lambda: len(workers_of(running)) == 2)
    return running


@pytest.fixture(scope="module")
def pdf() -> bytes:
    """A document of several chunks."""
    return make_pdf(["one", "two", "three"], noise_per_page=2 * CHUNK)


async def call(method: str, url: str, **options: Any) -> tuple[int, Any]:
    """Send a request on a connection of its own, which any worker may accept."""
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, url, **options) as answer,
    ):
        return answer.status, await answer.json(content_type=None)


async def sent(server: RunningServer, session: str, data: bytes, chunk: int) -> Any:
    """Send a chunk until a worker takes it."""

    async def attempt() -> Any:
        try:
            status, answer = await call(
                "PUT",
                f"{server.base_url}{PREFIX}/chunk/{session}",
                params={"chunk_id": chunk},
                headers={"Content-Type": "application/octet-stream"},
                data=data[chunk * CHUNK : (chunk + 1) * CHUNK],
            )
        except aiohttp.ClientError:  # its worker was killed
            return None
        assert status in {200, 503}, answer
        return answer if status == 200 else None

    return await until(attempt, interval=0.1)


async def initiate(server: RunningServer, data: bytes) -> str:
    """Open an upload; return its id."""
    status, answer = await call(
        "POST",
        f"{server.base_url}{PREFIX}/initiate",
        json={
            "filename": "a.pdf",
            "file_size": len(data),
            "chunk_size": CHUNK,
            "check_duplicates": False,
        },
    )
    assert status == 200, answer
    return str(answer["session_id"])


async def complete(server: RunningServer, session: str) -> int:
    """Complete an upload at whichever worker answers; return its document."""

    async def attempt() -> Any:
        try:
            status, answer = await call(
                "POST", f"{server.base_url}{PREFIX}/complete/{session}", json={}
            )
        except aiohttp.ClientError:
            return None
        assert status in {200, 503}, answer
        return answer if status == 200 else None

    return int((await until(attempt, interval=0.1))["document"]["id"])


@pytest.mark.long
async def test_the_worker_that_holds_an_upload_is_killed(server: RunningServer, pdf: bytes) -> None:
    before = workers_of(server)
    session = await initiate(server, pdf)
    chunks = -(-len(pdf) // CHUNK)
    for chunk in range(chunks // 2):
        await sent(server, session, pdf, chunk)
    part = server.data_dir / "uploads" / f"{session}.part"
    holders = holders_of(part, before)
    assert holders
    for pid in holders:
        os.kill(pid, signal.SIGKILL)
    for chunk in range(chunks // 2, chunks):
        await sent(server, session, pdf, chunk)
    documents = await asyncio.gather(*(complete(server, session) for _ in range(4)))
    assert len(set(documents)) == 1
    (stored,) = (server.data_dir / "documents").rglob(f"{session}.pdf")
    assert stored.read_bytes() == pdf
    await until(lambda: len(workers_of(server)) == 2)
    assert set(workers_of(server)) != set(before)


@pytest.mark.long
async def test_a_worker_that_is_killed_while_it_validates_is_replaced(
    server: RunningServer, pdf: bytes
) -> None:
    session = await initiate(server, pdf)
    for chunk in range(-(-len(pdf) // CHUNK)):
        await sent(server, session, pdf, chunk)
    part = server.data_dir / "uploads" / f"{session}.part"
    waiting = asyncio.create_task(complete(server, session))
    for pid in holders_of(part, workers_of(server)):
        os.kill(pid, signal.SIGKILL)
    document = await waiting
    assert document == await complete(server, session)
    assert len(list((server.data_dir / "documents").rglob(f"{session}.pdf"))) == 1


@contextmanager
def held_request(server: RunningServer, workers: list[int]) -> Iterator[None]:
    """Hold a chunk of which a worker has the first byte."""
    wanted = {"filename": "a.pdf", "file_size": CHUNK}
    _, session = asyncio.run(call("POST", f"{server.base_url}{PREFIX}/initiate", json=wanted))
    part = session["session_id"]
    head = (
        f"PUT {session['upload_url']}?chunk_id=0 HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Length: {CHUNK}\r\nContent-Type: application/octet-stream\r\n\r\n%"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode())
        wait_until(lambda: any(part in str(f) for pid in workers for f in opened_by(pid)))
        yield


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_all_stops_all_workers_in_order(serve: Serve, number: signal.Signals) -> None:
    """Terminals and systemd signal the workers as well as their supervisor, which does too."""
    running = serve(
        arguments=("--workers", "2"),
        PDFSLUICE_STAGE_PROCESSES="0",
        PDFSLUICE_INDEX="",
        PDFSLUICE_SHUTDOWN_GRACE="2s",
    )
    wait_until(lambda: len(workers_of(running)) == 2)
    workers = workers_of(running)
    wait_until(lambda: running.log_path.read_text().count("processes are confined") == 2)
    with held_request(running, workers):
        for pid in workers:
            os.kill(pid, number)
        wait_until(lambda: running.log_path.read_text().count('"stopping"') >= 2)
        assert running.stop(number) == 0
    assert running.log_path.read_text().count('"stopped"') >= 2
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.long
def test_workers_end_with_their_supervisor(serve: Serve) -> None:
    running = serve(arguments=("--workers", "2"), PDFSLUICE_STAGE_PROCESSES="0", PDFSLUICE_INDEX="")
    wait_until(lambda: len(workers_of(running)) == 2)
    workers = workers_of(running)
    running.kill()
    wait_until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in workers))


@pytest.mark.long
def test_a_worker_that_cannot_start_ends_the_server(serve: Serve) -> None:
    with pytest.raises(ServerStartError, match="exit code"):
        serve(arguments=("--workers", "2"), PDFSLUICE_UPLOAD_STORE="unknown")
