"""The command ``work`` as a process: it runs jobs with and without a server."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.commands import pdfsluice
from tests.support.ports import free_port
from tests.support.servers import Serve
from tests.support.waiting import wait_until

ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/nonexistent",
    "PDFSLUICE_STAGE_PROCESSES": "0",
    "PDFSLUICE_INDEX": "",
}


@contextmanager
def worker(data_dir: Path, log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker; its standard output and error are in ``log``."""
    command = [sys.executable, "-m", "pdfsluice.cli", "work", "--data-dir", str(data_dir)]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, *arguments], stdout=file, stderr=file, env=ENVIRONMENT
        )
    try:
        wait_until(lambda: process.poll() is not None or b"runs jobs" in log.read_bytes())
        yield process
    finally:
        process.kill()
        process.wait()


def rows(data_dir: Path, statement: str) -> list[Any]:
    """Run a statement in the database of the server."""
    path = data_dir / "state" / "pdfsluice.db"
    with closing(sqlite3.connect(path, timeout=30)) as database, database:
        return database.execute(statement).fetchall()


def metrics(port: int) -> str:
    """Return the metrics of a worker."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return str(answer.read().decode())


@pytest.mark.long
def test_a_worker_runs_jobs_with_and_without_a_server(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(make_pdf(["one page"]))
    server = serve(STREAMING_STAGE_PROCESSES="0", PDFSLUICE_INDEX="")
    at, data = ("--server", server.base_url), server.data_dir
    assert pdfsluice("upload", path, "--wait", *at).code == 0
    assert server.stop() == 0
    rows(data, "UPDATE jobs SET state = 'queued', node = '', attempts = 0")
    port = free_port()
    options = ("--kind", "import", "--metrics-port", str(port))
    with worker(data, tmp_path / "log", *options) as process:
        wait_until(lambda: {state for (state,) in rows(data, "SELECT state FROM jobs")} == {"done"})
        ((node, role),) = rows(data, "SELECT id, role FROM nodes")
        assert role == "worker"
        assert {runner for (runner,) in rows(data, "SELECT node FROM jobs")} == {node}
        assert "runs jobs (import)" in (tmp_path / "log").read_text()
        wait_until(lambda: 'pdfsluice_imports_total{status="done"} 1.0' in metrics(port))
        assert "process_cpu_seconds_total" in metrics(port)
        with worker(data, tmp_path / "second") as refused:
            assert refused.wait(timeout=60) == 1
            assert "another worker uses the folder" in (tmp_path / "second").read_text().lower()
        server.start()
        listed = pdfsluice("nodes", "--server", server.base_url)
        assert listed.code == 0, listed.err
        assert all(word in listed.out for word in ("server", "worker", node))
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        assert "Traceback" not in (tmp_path / "log").read_text()
    left = pdfsluice("nodes", "--server", server.base_url, "--json")
    assert node not in left.out, "it has left in order"
    assert pdfsluice("upload", path, "--wait", "--server", server.base_url).code == 0
