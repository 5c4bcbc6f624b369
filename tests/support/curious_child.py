"""A child process that tries to reach what it must not."""

import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pdfsluice.core.processes.child import serve


def handle(request: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Try a deed; answer with the name of the error, or with nothing."""
    try:
        DEEDS[request["do"]](request)
    except OSError as error:
        yield {"failure": errno.errorcode.get(error.errno or 0, "?")}
    else:
        yield {"failure": ""}


def read(request: Mapping[str, Any]) -> None:
    path = Path(request["path"])
    if path.is_dir():
        list(path.iterdir())
    else:
        path.read_bytes()


def write(request: Mapping[str, Any]) -> None:
    Path(request["path"]).write_text("written by a child")


def remove(request: Mapping[str, Any]) -> None:
    Path(request["path"]).unlink()


def connect(request: Mapping[str, Any]) -> None:
    with socket.create_connection(("127.0.0.1", request["port"]), timeout=5):
        pass


def unix(request: Mapping[str, Any]) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(request["path"])


def fork(_: Mapping[str, Any]) -> None:
    if os.fork() == 0:
        os._exit(0)


def program(_: Mapping[str, Any]) -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def replace_self(_: Mapping[str, Any]) -> None:
    os.execv(sys.executable, [sys.executable, "-c", ""])


def kill(request: Mapping[str, Any]) -> None:
    os.kill(request["pid"], 0)


def lower_limit(request: Mapping[str, Any]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prlimit(request["pid"], 7, None, ctypes.create_string_buffer(16)):
        raise OSError(ctypes.get_errno(), "prlimit")


def trace(request: Mapping[str, Any]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    attach = 16
    if libc.ptrace(attach, request["pid"], None, None):
        raise OSError(ctypes.get_errno(), "ptrace")


def thread(_: Mapping[str, Any]) -> None:
    done = threading.Event()
    threading.Thread(target=done.set).start()
    assert done.wait(30)


def signal_self(_: Mapping[str, Any]) -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)


DEEDS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    each.__name__: each
    for each in (
        read, write, remove, connect, unix, fork, program, replace_self, kill, lower_limit,
        trace, thread, signal_self,
    )
}  # fmt: skip

if __name__ == "__main__":
    serve(handle)
