"""The server's warnings at its start about settings without effect."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.servers import Serve
from tests.support.waiting import wait_until


def test_what_does_nothing_is_reported(serve: Serve) -> None:
    server = serve(
        PDFSLUICE_POLICY_PRESET="strict", PDFSLUICE_DISABLE="nope,clamav,disk,gates:concurrency"
    )
    log = server.log_tail()
    assert "the environment has PDFSLUICE_POLICY_PRESET, which is no setting" in log
    (line,) = [line for line in log.splitlines() if "nothing to disable" in line]
    assert "nothing to disable is called nope" in line
    assert not {"clamav", "disk", "concurrency"} & set(line.replace(",", " ").split())


def test_what_prevents_uploads_is_reported(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = (sys.executable, "-m", "pdfsluice.cli", "serve", "--port", "0")
    folder = ("--data-dir", str(tmp_path / "data"))
    env = {**os.environ, "PDFSLUICE_MIN_FREE_SPACE": str(2**60)}
    reason = "MiB free, and uploads must leave 1099511627776 MiB"
    with (
        log.open("wb") as output,
        subprocess.Popen((*command, *folder), env=env, stderr=output) as process,
    ):
        try:
            wait_until(lambda: reason in log.read_text())
        finally:
            process.terminate()
    assert "uploads cannot be received yet: gates:disk" in log.read_text()
