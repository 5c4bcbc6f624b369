"""Starts programs by forking a process that has loaded pdfsluice already.

Imports are two thirds of the CPU time of a command and of a server's start, and a run of all
tests starts some four hundred. Each process of the tests has one such parent, which loads
their modules and runs none of their code. A child is in every other respect a process of its
own: it has its own environment, folder, files, signals and exit code.

The parent listens on a Unix socket. A request is one message with the arguments, the
environment and the folder of a program, whether it keeps its capabilities, and its standard
files. The answers are the number of the process and, after its end, its exit code.
"""

import ctypes
import gc
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

_MODULES = (
    "pdfsluice.cli.program",
    "pdfsluice.client.client",
    "pdfsluice.plugins.api_keys.authenticator",
    "pdfsluice.plugins.backpressure.concurrency",
    "pdfsluice.plugins.backpressure.resources",
    "pdfsluice.plugins.clamav.stages",
    "pdfsluice.plugins.digest.stage",
    "pdfsluice.plugins.importers.text",
    "pdfsluice.plugins.importers.thumbnail",
    "pdfsluice.plugins.llamaindex.index",
    "pdfsluice.plugins.local_store.opening",
    "pdfsluice.plugins.local_store.store",
    "pdfsluice.plugins.markdown.extractor",
    "pdfsluice.plugins.object_store.opening",
    "pdfsluice.plugins.pdf.deep.stage",
    "pdfsluice.plugins.pdf.streaming.stages",
    "pdfsluice.plugins.pdfium.extractor",
    "pdfsluice.plugins.pdfium.hidden_stage",
    "pdfsluice.plugins.pdfium.renderer",
    "pdfsluice.plugins.policy.policy",
    "pdfsluice.plugins.progress_log.sink",
    "pdfsluice.plugins.pypdf_text.extractor",
    "pdfsluice.plugins.reranking.reranker",
    "pdfsluice.plugins.secure_link.signer",
    "pdfsluice.plugins.sql.shared",
    "pdfsluice.plugins.tesseract.recognizer",
    "pdfsluice.plugins.yara.stage",
    "pdfsluice.server.serve",
    "rich.progress",
    "rich.table",
    "typer._adapters",
)
"""What a server or a command imports later; a module that is missing here costs time alone."""
_START_SECONDS = 120.0
_FIRST_OTHER_FILE, _LAST_FILE = 3, 4096
_MAX_MESSAGE = 180_000
_CAPABILITY_VERSION = 0x20080522
_SHIM = """\
#!{python} -IS
import array, json, os, socket, sys
request = [sys.argv[1:], dict(os.environ), os.getcwd(), True]
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as parent:
    parent.connect({address!r})
    files = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))]
    parent.sendmsg([json.dumps(request).encode()], files)
    parent.recv(64)
    os._exit(int(parent.recv(64) or 1) & 255)
"""


class ForkedProcess:
    """A program that was forked from the parent; used like `subprocess.Popen`."""

    def __init__(self, parent: socket.socket) -> None:
        self._parent = parent
        self.pid = int(parent.recv(64) or 0)
        if not self.pid:
            raise OSError("the preloaded process has ended")
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None if the program still runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; return the exit code.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        if self.returncode is None:
            self._parent.settimeout(timeout)
            try:
                answer = self._parent.recv(64)
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0) from None
            self._parent.close()
            self.returncode = int(answer or -signal.SIGKILL)  # nothing: the parent has ended
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Preloaded:
    """The parent; it ends with the process that uses it."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="pdfsluice-parent-")
        self._address = f"{self._folder}/socket"
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(self._address)
            listener.listen(100)
            self._parent = subprocess.Popen(
                [sys.executable, "-m", __name__, str(listener.fileno())],
                stdin=subprocess.PIPE,
                cwd=Path(__file__).parents[2],
                pass_fds=[listener.fileno()],
            )

    def start(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        files: tuple[int, int, int],
        capable: bool = True,
    ) -> ForkedProcess:
        """Run the ``pdfsluice`` command with these arguments.

        Args:
            environment: All of its environment.
            folder: Its working directory.
            files: Its standard input, output and error.
            capable: Whether it keeps the capabilities of root: what files permit binds it not.
        """
        parent = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            parent.settimeout(_START_SECONDS)
            parent.connect(self._address)
            request = [list(arguments), dict(environment), str(folder), capable]
            socket.send_fds(parent, [json.dumps(request).encode()], files)
            return ForkedProcess(parent)
        except BaseException:
            parent.close()
            raise

    def write_command(self, path: Path) -> None:
        """Write a program that runs as the ``pdfsluice`` command does."""
        path.write_text(_SHIM.format(python=sys.executable, address=self._address))
        path.chmod(0o755)

    def close(self) -> None:
        """End the parent; children that run are not ended."""
        assert self._parent.stdin is not None
        self._parent.stdin.close()
        self._parent.wait(60)
        shutil.rmtree(self._folder)


@cache
def preloaded_parent() -> Preloaded:
    """Return the parent of this process, which the first call starts."""
    return Preloaded()


Request = tuple[list[Any], list[int]]


def _serve_requests(listener: socket.socket) -> Request | None:
    """Fork a child for each request, and report how each ended.

    Returns:
        In a child, its request and its files; in the parent None, when input ends.
    """
    children: dict[int, tuple[int, socket.socket]] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd == 0:
                    return None
                if key.fileobj is listener:
                    asker, _ = listener.accept()
                    message, files, *_ = socket.recv_fds(asker, _MAX_MESSAGE, 3)
                    if not (pid := os.fork()):
                        return json.loads(message), files
                    for file in files:
                        os.close(file)
                    children[handle := os.pidfd_open(pid)] = pid, asker
                    selector.register(handle, selectors.EVENT_READ)
                    _report(asker, pid)
                else:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    pid, asker = children.pop(key.fd)
                    _, status = os.waitpid(pid, 0)
                    _report(asker, os.waitstatus_to_exitcode(status))
                    asker.close()


def _report(asker: socket.socket, number: int) -> None:
    with suppress(OSError):  # the asker may have ended
        asker.send(b"%d" % number)


def _become(request: Request) -> NoReturn:
    """Run the command of a request to its end, and exit.

    The streams are new, because the parent's ask whether its own files can be positioned.
    """
    (arguments, environment, folder, capable), files = request
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(_FIRST_OTHER_FILE, _LAST_FILE)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    os.chdir(folder)
    if not capable:
        _give_up_capabilities()
    sys.argv = ["pdfsluice", *arguments]
    from pdfsluice.cli import main  # noqa: PLC0415 - it is loaded

    main(arguments)
    raise AssertionError("the command always exits")


def _give_up_capabilities() -> None:
    """Have none of the capabilities of root (capset(2))."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    assert ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)()) == 0


def _load() -> None:
    from pdfsluice.core.plugins.manager import PluginManager  # noqa: PLC0415 - in the parent only

    PluginManager.load(third_party=False).options()
    for module in _MODULES:
        import_module(module)
    gc.collect()
    gc.freeze()  # no collection of a child has to visit what was loaded


if __name__ == "__main__":
    signal.signal(signal.SIGINT, lambda *_: None)  # ends with the tests, not before
    _load()
    if (wanted := _serve_requests(socket.socket(fileno=int(sys.argv[1])))) is not None:
        _become(wanted)
