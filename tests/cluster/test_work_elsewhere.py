"""A worker on another machine does what a server has queued: no folder is shared."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("swift", reason="the development packages are not installed")

from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.commands import pdfsluice
from tests.support.object_stores import SwiftServer, s3_objects
from tests.support.postgresql import PostgresqlServer
from tests.support.preloaded import preloaded_parent
from tests.support.servers import RunningServer
from tests.support.stored import get
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(600)]

TEXT = "The heron waits at the sluice for the evening flood."


@contextmanager
def worker(folder: Path, settings: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker with a data directory of its own."""
    folder.mkdir()
    log = folder / "log"
    command = [sys.executable, "-m", "pdfsluice.cli", "work", "--data-dir", str(folder / "data")]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **settings}
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment, cwd=folder)
    try:
        wait_until(
            lambda: process.poll() is not None or b"runs jobs" in log.read_bytes(), seconds=120
        )
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_document_is_imported_indexed_and_drawn_by_a_worker_elsewhere(tmp_path: Path) -> None:
    with (
        PostgresqlServer.running(pgvector=True) as postgresql,
        SwiftServer.running(tmp_path / "swift") as s3,
    ):
        postgresql.execute("CREATE DATABASE elsewhere")
        settings = {
            **s3.environment(f"s3://{s3.bucket}/elsewhere"),
            "PDFSLUICE_PLUGINS__DATABASE__URL": postgresql.url("elsewhere"),
            "PDFSLUICE_INDEX": "postgres",
            "PDFSLUICE_STAGE_PROCESSES": "0",
        }
        server = RunningServer(
            tmp_path / "server" / "data",
            environment={**settings, "PDFSLUICE_SERVER_JOBS": "false"},
            preloaded=preloaded_parent(),
        )
        server.data_dir.parent.mkdir()

        def rows(query: str) -> list[tuple[Any, ...]]:
            return postgresql.execute(query, "elsewhere")

        file = tmp_path / "heron.pdf"
        file.write_bytes(make_pdf([TEXT, "Another page."]))
        try:
            server.start()
            at = ("--server", server.base_url)
            assert pdfsluice("upload", file, "--no-wait", "--index", *at).code == 0
            assert {state for (state,) in rows("SELECT state FROM jobs")} == {"queued"}
            with worker(tmp_path / "worker", settings) as process:
                wait_until(
                    lambda: {s for (s,) in rows("SELECT state FROM jobs")} == {"done"}, seconds=180
                )
                roles = dict(rows("SELECT id, role FROM nodes"))
                runners = {roles[node] for (node,) in rows("SELECT node FROM jobs")}
                assert runners == {"worker"}
                found = pdfsluice("search", "heron at the sluice", *at)
                assert "heron" in found.out, found.err
                picture = get(f"{server.base_url}/api/documents/1/pages/1/thumbnail?width=240")
                assert picture.startswith(b"\xff\xd8")
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=60) == 0
        finally:
            server.kill()
        names = [i.name for i in s3_objects(s3, f"s3://{s3.bucket}/elsewhere").list("derived")]
        assert names, "the worker has drawn the first page"
        assert all(re.fullmatch(r"derived/[0-9a-f-]{36}/1-\d+-[0-9a-f]{8}\.jpg", n) for n in names)
        assert not list(tmp_path.rglob("previews")), "no picture is kept on one machine alone"
