"""Starts programs by forking a process that has loaded pdfsluice already.

Imports are two thirds of the CPU time of a server's start, and a run of all tests starts some
two hundred. Each process of the tests has one such parent, which loads the modules of a server
and runs none of its code. A child is in every other respect a process of its own: it has its
own environment, folder, output, signals and exit code.
"""

import json
import os
import queue
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

_MODULES = ("pdfsluice.server.serve", "pdfsluice.plugins.sql.shared")
_START_SECONDS = 120.0
_FIRST_OTHER_FILE, _LAST_FILE = 3, 4096


class ForkedProcess:
    """A program that was forked from the preloaded parent; used like `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = threading.Event()

    def poll(self) -> int | None:
        """Return the exit code, or None if the program still runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; return the exit code.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def end(self, code: int) -> None:
        """Note the exit code that the parent reported."""
        self.returncode = code
        self._ended.set()


class Preloaded:
    """The parent, started by the first use; it ends with the process that uses it."""

    def __init__(self) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        self._turn = threading.Lock()
        self._started: queue.Queue[ForkedProcess | None] = queue.Queue()
        self._running: dict[int, ForkedProcess] = {}
        threading.Thread(target=self._follow, daemon=True).start()

    def start(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        output: Path,
    ) -> ForkedProcess:
        """Run the ``pdfsluice`` command with these arguments.

        Args:
            environment: All of its environment.
            folder: Its working directory.
            output: The file to which its output is appended.
        """
        request = [list(arguments), dict(environment), str(folder), str(output)]
        with self._turn:
            assert self._parent.stdin is not None
            self._parent.stdin.write(json.dumps(request).encode() + b"\n")
            self._parent.stdin.flush()
            started = self._started.get(timeout=_START_SECONDS)
        if started is None:
            raise OSError("the preloaded process has ended")
        return started

    def close(self) -> None:
        """End the parent; children that run are not ended."""
        assert self._parent.stdin is not None
        self._parent.stdin.close()
        self._parent.wait(60)

    def _follow(self) -> None:
        assert self._parent.stdout is not None
        with self._parent.stdout as messages:
            for line in messages:
                pid, code = json.loads(line)
                if code is None:
                    self._running[pid] = ForkedProcess(pid)
                    self._started.put(self._running[pid])
                else:
                    self._running.pop(pid).end(code)
        self._started.put(None)
        for process in self._running.values():  # how they end is not known any more
            process.end(-signal.SIGKILL)


def _serve_requests() -> list[Any] | None:
    """Fork a child for each request, and report how each ended.

    Returns:
        In a child, its request; in the parent None, when input ends.
    """
    children: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd == 0:
                    line = sys.stdin.buffer.readline()
                    if not line:
                        return None
                    request: list[Any] = json.loads(line)
                    if not (pid := os.fork()):
                        return request
                    children[handle := os.pidfd_open(pid)] = pid
                    selector.register(handle, selectors.EVENT_READ)
                    _report(pid, None)
                else:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    pid, status = os.waitpid(children.pop(key.fd), 0)
                    _report(pid, os.waitstatus_to_exitcode(status))


def _report(pid: int, code: int | None) -> None:
    os.write(1, json.dumps([pid, code]).encode() + b"\n")


def _become(request: list[Any]) -> NoReturn:
    """Run the command of a request to its end, and exit."""
    arguments, environment, folder, output = request
    log = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for file, number in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(file, number)
    os.closerange(_FIRST_OTHER_FILE, _LAST_FILE)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["pdfsluice", *arguments]
    from pdfsluice.cli import main  # noqa: PLC0415 - it is loaded

    main(arguments)
    raise AssertionError("the command always exits")


def _load() -> None:
    from pdfsluice.core.plugins.manager import PluginManager  # noqa: PLC0415 - in the parent only

    PluginManager.load(third_party=False)
    for module in _MODULES:
        import_module(module)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, lambda *_: None)  # ends with the tests, not before
    _load()
    if (wanted := _serve_requests()) is not None:
        _become(wanted)
