"""A mounted forgetting disk, and a server whose data are on it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.servers import RunningServer, ServerStartError

_MOUNT_SECONDS = 20.0
_POLL_SECONDS = 0.01
SETTINGS = {
    "PDFSLUICE_INDEX": "",
    "PDFSLUICE_STAGE_PROCESSES": "0",
    "PDFSLUICE_WORKER_THREADS": "4",
    "PDFSLUICE_MIN_FREE_SPACE": "0",
    "PDFSLUICE_SCRUB_RATE": "0",
}
"""Settings of a server that starts quickly."""


def why_not() -> str:
    """Return why this machine cannot mount the disk; empty if it can."""
    if os.geteuid():
        return "mounting a file system needs root"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse cannot be opened: {error.strerror}"
    return ""


class Mount:
    """The file system of a disk, in a process of its own.

    Args:
        place: A folder for the mount point and the image of the disk.
    """

    def __init__(self, place: Path) -> None:
        self.mountpoint = place / "mnt"
        self.image = place / "image"
        self._process: subprocess.Popen[str] | None = None
        self.mountpoint.mkdir(parents=True, exist_ok=True)

    def mount(self) -> None:
        """Mount the disk as the last cut left it, or an empty one."""
        command = [sys.executable, "-m", "tests.faults.fuse"]
        self._process = subprocess.Popen(
            [*command, str(self.mountpoint), str(self.image)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()
        deadline = time.monotonic() + _MOUNT_SECONDS
        while not os.path.ismount(self.mountpoint):
            if time.monotonic() > deadline:
                raise TimeoutError("the disk was not mounted")
            time.sleep(_POLL_SECONDS)

    def do(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Have the disk do something; return its state. See ``fuse``."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the file system has ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def unmount(self) -> None:
        """Keep the image of the disk, and unmount it."""
        if self._process is None:
            return
        self.do("image", path=str(self.image))
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(_MOUNT_SECONDS)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None


@dataclass
class DiskServer(RunningServer):
    """A server whose data are on the disk, and whose log is not.

    Attributes:
        log_file: The log, over all restarts.
        is_cut: Whether the power was cut, so that the server will not become ready.
    """

    log_file: Path = Path(os.devnull)
    is_cut: Callable[[], bool] = lambda: False

    @property
    def log_path(self) -> Path:
        """Output of the server."""
        return self.log_file

    def _ready(self) -> bool:
        if self.is_cut():
            self.kill()
            raise ServerStartError("the power was cut")
        return super()._ready()
