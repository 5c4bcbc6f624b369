"""Runs the ``pdfsluice`` command as a user would."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 120


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


def pdfsluice(
    *arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Outcome:
    """Run the command to its end; no terminal, and no settings but those given."""
    done = subprocess.run(
        [sys.executable, "-m", "pdfsluice.client.cli", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
        cwd=cwd,
        env=_environment(env),
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def interrupted(*arguments: str | Path, when: Callable[[], bool]) -> Outcome:
    """Run the command and press Ctrl-C as soon as ``when`` says so; it is asked all the time."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pdfsluice.client.cli", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(None),
    )
    try:
        while process.poll() is None and not when():
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=_SECONDS)
    finally:
        process.kill()
    return Outcome(process.returncode, out, err)


def _environment(given: Mapping[str, str] | None) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STREAMING_", "PDFSLUICE_"))
    }
    return {**kept, "COLUMNS": "200", "NO_COLOR": "1", **(given or {})}
