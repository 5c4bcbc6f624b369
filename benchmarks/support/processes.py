"""Servers under measurement, started on loopback and ended by process id."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psutil

from tests.support.ports import free_port

_START_SECONDS = 60.0
_MIB = 1024 * 1024
_STAGE_PROCESS = "pdfsluice.core.scanning.worker_main"


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        process: With all its children.
    """

    name: str
    port: int
    process: psutil.Process
    host: str = "127.0.0.1"

    @property
    def family(self) -> list[psutil.Process]:
        """The process and its children."""
        return [self.process, *self.process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Processor time, user and system, of the process and its living children."""
        total = 0.0
        for process in self.family:
            with suppress(psutil.NoSuchProcess):  # a child may end while it is looked at
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def rss_mib(self) -> float:
        """Resident memory in MiB of the server process and its stage processes."""
        total = 0.0
        for process in [self.process, *self._stage_processes]:
            with suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total / _MIB

    @cached_property
    def _stage_processes(self) -> list[psutil.Process]:
        children = self.process.children()
        return [child for child in children if _STAGE_PROCESS in child.cmdline()]


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    port: int,
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path,
) -> Iterator[Server]:
    """Start a server, wait until it listens, and end it afterwards, also on SIGTERM."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _unwind)
    log = (folder / f"{name}.log").open("ab")
    process = subprocess.Popen(
        command,
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
    )
    try:
        _wait_for(port, process, folder / f"{name}.log")
        yield Server(name, port, psutil.Process(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def _unwind(number: int, _frame: object) -> None:
    """Leave as Ctrl-C does: by an exception, so that nothing that was started stays."""
    sys.exit(128 + number)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended immediately: {log.read_text()[-2000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"no server listens on port {port}: {log.read_text()[-2000:]}")


@contextmanager
def pdfsluice(folder: Path, **settings: str) -> Iterator[Server]:
    """Run pdfsluice with its default plugins and a data folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [sys.executable, "-m", "pdfsluice.cli", "serve", "--port", str(port)]
    environment = {
        "PDFSLUICE_DATA_DIR": str(folder / "data"),
        "PDFSLUICE_LOG_LEVEL": "warning",
        "PDFSLUICE_MAX_FILE_SIZE": "20 GiB",
        **settings,
    }
    with running("pdfsluice", command, port, environment=environment, folder=folder) as server:
        yield server
