"""Real ``pdfsluice serve`` processes on the loopback interface, for tests."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from tests.support.extras import HIDDEN
from tests.support.preloaded import ForkedProcess, Preloaded, preloaded_parent

_START_SECONDS = 120.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.02
_GREETING = re.compile(rb"listens on http://[^ ]*:(\d+)")
_LOG_TAIL = 8000


class ServerStartError(Exception):
    """The server did not start; the message ends with its log."""


@dataclass
class RunningServer:
    """A server process with a data directory of its own.

    Attributes:
        data_dir: Folder for everything that the server stores.
        environment: Settings as environment variables.
        arguments: Further arguments of ``pdfsluice serve``.
        port: The port, the same after a restart; 0 until the server has picked a free one.
        preloaded: Forks the process, unless its environment is more than settings.
        process: The process that runs now, or ran last.
    """

    data_dir: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: Sequence[str] = ()
    port: int = 0
    preloaded: Preloaded | None = None
    process: subprocess.Popen[bytes] | ForkedProcess | None = None
    _log_start: int = 0

    @property
    def base_url(self) -> str:
        """Address of the server, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_path(self) -> Path:
        """Output of the server, over all its restarts."""
        return self.data_dir.with_name(f"{self.data_dir.name}.log")

    def start(self) -> None:
        """Start the process and wait until it is ready to serve.

        Raises:
            ServerStartError: It ended, or was not ready in time.
        """
        environment = {**_clean_environment(), **self.environment}
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            if self.preloaded is not None and _is_forkable(self.environment):
                with Path(os.devnull).open("rb") as nothing:
                    self.process = self.preloaded.start(
                        self._arguments(),
                        environment=environment,
                        folder=self.data_dir.parent,
                        files=(nothing.fileno(), log.fileno(), log.fileno()),
                    )
            else:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "pdfsluice.cli", *self._arguments()],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    cwd=self.data_dir.parent,
                )
        self._wait_until_ready(self.process)

    def _arguments(self) -> list[str]:
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        return ["serve", *address, "--data-dir", str(self.data_dir), *self.arguments]

    def _wait_until_ready(self, process: subprocess.Popen[bytes] | ForkedProcess) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ServerStartError(f"exit code {process.returncode}\n{self.log_tail()}")
            if self._ready():
                return
            time.sleep(_POLL_SECONDS)
        self.kill()
        raise ServerStartError(f"not ready after {_START_SECONDS} s\n{self.log_tail()}")

    def _ready(self) -> bool:
        if not self.port:
            self.port = self._announced_port()
        if not self.port:
            return False
        try:
            with urllib.request.urlopen(f"{self.base_url}/health/ready", timeout=10) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _announced_port(self) -> int:
        """Return the port that this start has printed; 0 if it has not yet."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            match = _GREETING.search(log.read())
        return int(match[1]) if match else 0

    def kill(self) -> None:
        """Kill the process, as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask the process to end, wait for it and return its exit code."""
        return self._end(number)

    def restart(self) -> None:
        """Start again on the same port and data; ends the process first if it runs."""
        self.stop()
        self.start()

    def log_tail(self) -> str:
        """Return the end of the log."""
        if not self.log_path.exists():
            return ""
        return self.log_path.read_bytes()[-_LOG_TAIL:].decode(errors="replace")

    def _end(self, how: signal.Signals) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Serve(Protocol):
    """Starts a server with settings of its own; the fixture ``serve`` is one."""

    def __call__(
        self,
        *,
        arguments: Sequence[str] = (),
        data_dir: Path | None = None,
        port: int = 0,
        environment: Mapping[str, str] = MappingProxyType({}),
        **settings: str,
    ) -> RunningServer:
        """Return a server that is ready.

        Args:
            arguments: Further arguments of ``pdfsluice serve``.
            data_dir: An existing data directory; by default a new one.
            port: The port; by default the server picks a free one.
            environment: Environment variables other than settings.
            settings: Settings, as in ``serve(STREAMING_CHUNK_SIZE_MB="1")``.
        """
        ...


Started = list[RunningServer]
"""Servers of this run that have not ended as they should."""


@contextmanager
def serving(folder: Path, started: Started) -> Iterator[Serve]:
    """Start servers until the context is left, which ends them.

    Args:
        folder: Where each has its folder.
        started: Receives each while it runs.
    """
    own: Started = []
    numbers = itertools.count()

    def start(
        *,
        arguments: Sequence[str] = (),
        data_dir: Path | None = None,
        port: int = 0,
        environment: Mapping[str, str] = MappingProxyType({}),
        **settings: str,
    ) -> RunningServer:
        new = RunningServer(
            port=port,
            data_dir=data_dir or folder / f"server-{next(numbers)}",
            arguments=arguments,
            preloaded=preloaded_parent(),
            environment={**environment, **settings},
        )
        own.append(new)
        started.append(new)
        new.start()
        return new

    yield start
    for each in own:
        each.stop()
        started.remove(each)


def _clean_environment() -> dict[str, str]:
    """Return the environment without settings that would leak into the server."""
    return {name: value for name, value in os.environ.items() if not _is_setting(name)}


def _is_setting(name: str) -> bool:
    return name.startswith(("STREAMING_", "PDFSLUICE_"))


def _is_forkable(environment: Mapping[str, str]) -> bool:
    """Whether all variables have their effect in a process that was forked, too.

    Modules cannot be hidden where they are imported already.
    """
    return HIDDEN not in environment and all(
        _is_setting(name) or name == "PYTHONPATH" for name in environment
    )
