"""Runs the ``pdfsluice`` command as a user would."""

import fcntl
import io
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO
from unittest.mock import patch

import pytest

from pdfsluice.cli import console, main
from tests.support.preloaded import ForkedProcess, preloaded_parent
from tests.support.waiting import wait_until

_SECONDS = 120
_COLUMNS = 200
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes:
        code: Exit code.
        out: Standard output.
        err: Standard error.
    """

    code: int
    out: str
    err: str


def pdfsluice_here(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Outcome:
    """Run the command in this process to its end; no settings but those given.

    Ten times as quick as a process of its own, and not for tests that drive a browser: those
    have an event loop running already. Lines are as long as on a wide terminal.
    """
    out, err = _stream(), _stream()
    console.out.width = console.err.width = _COLUMNS
    with (
        patch.dict(os.environ, _environment(env), clear=True),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main([*map(str, arguments)])
    return Outcome(int(ended.value.code or 0), _written(out), _written(err))


def _stream() -> io.TextIOWrapper:
    """Return a stream like those of a process: it has bytes below, and an encoding."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _written(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def pdfsluice(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Outcome:
    """Run the command as a process to its end, with no settings but those given.

    It is forked from a process that has loaded the program, which takes a tenth of the time.
    """
    with Path(os.devnull).open("rb") as nothing:
        return _forked(arguments, env, nothing)


def pdfsluice_as_user(*arguments: str | Path, stdin: IO[bytes] | bytes = b"") -> Outcome:
    """Do the same without the rights of root: what files permit binds it.

    Args:
        arguments: Its arguments.
        stdin: Its input, or what comes out of the pipe that is its input.
    """
    if not isinstance(stdin, bytes):
        return _forked(arguments, None, stdin, capable=False)
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as pipe, os.fdopen(writer, "wb") as feed:
        Thread(target=_feed, args=(feed, stdin), daemon=True).start()
        return _forked(arguments, None, pipe, capable=False)


def _feed(pipe: IO[bytes], data: bytes) -> None:
    with suppress(BrokenPipeError), pipe:
        pipe.write(data)


def _forked(
    arguments: Sequence[str | Path],
    env: Mapping[str, str] | None,
    stdin: IO[bytes],
    attend: Callable[[ForkedProcess], object] = lambda process: None,
    *,
    capable: bool = True,
) -> Outcome:
    """Start the command, attend to it and wait for its end."""
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        process = preloaded_parent().start(
            [*map(str, arguments)],
            environment=_environment(env),
            folder=Path.cwd(),
            files=(stdin.fileno(), out.fileno(), err.fileno()),
            capable=capable,
        )
        try:
            attend(process)
            code = process.wait(_SECONDS)
        finally:
            process.kill()
            process.wait()
        out.seek(0)
        err.seek(0)
        return Outcome(code, out.read().decode(), err.read().decode())


def pdfsluice_started(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Outcome:
    """Run the command with a new interpreter, which reads variables of its own."""
    environment = _environment(env)
    done = subprocess.run(
        [sys.executable, "-m", "pdfsluice.cli", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
        env=environment,
    )
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    return Outcome(done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding))


def on_terminal(columns: int, *arguments: str | Path) -> str:
    """Run the command on a terminal of a width; return its output without styles."""
    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = _environment({"TERM": "dumb"})
    del environment["COLUMNS"]
    process = preloaded_parent().start(
        [*map(str, arguments)], environment=environment, folder=Path.cwd(), files=(its, its, its)
    )
    os.close(its)
    shown = b""
    with suppress(OSError), os.fdopen(ours, "rb", buffering=0) as terminal:  # EIO is its end
        while data := terminal.read(65536):
            shown += data
    process.wait(_SECONDS)
    return _STYLE.sub("", shown.decode()).replace("\r\n", "\n")


def interrupted(*arguments: str | Path, when: Callable[[], bool]) -> Outcome:
    """Run the command and press Ctrl-C as soon as ``when`` returns true."""

    def interrupt(process: ForkedProcess) -> None:
        wait_until(lambda: process.poll() is not None or when(), seconds=_SECONDS, interval=0.002)
        process.send_signal(signal.SIGINT)

    with Path(os.devnull).open("rb") as nothing:
        return _forked(arguments, None, nothing, interrupt)


def _environment(given: Mapping[str, str] | None) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STREAMING_", "PDFSLUICE_"))
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**kept, "PATH": path, "COLUMNS": str(_COLUMNS), "NO_COLOR": "1", **(given or {})}
