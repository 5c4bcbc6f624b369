"""A stage process: runs the stream stages of many uploads, away from the server.

It reads the files itself, read-only, and holds nothing but what its stages know: when it
dies, they begin again in another one. Its messages are described in ``stage_processes.py``.
"""

import base64
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from pdfsluice.core.encoding import to_json
from pdfsluice.core.errors import (
    PdfsluiceError,
    PluginError,
    StageFailed,
    StorageFailed,
    to_record,
)
from pdfsluice.core.findings import MAX_FINDINGS, StageReport, gravest
from pdfsluice.core.plugins.ports.stages import StageContext, StreamStageSpec
from pdfsluice.core.processes.child_main import Pipe, path_from_text, serve_in_threads
from pdfsluice.core.shortages import is_shortage, retry_later

from .bootstrap import Equipment
from .reader import SLICE_SIZE, StageReader

logger = logging.getLogger(__name__)

THREADS = 4
"""Uploads whose stages run at a time in one process; one may be waiting for a virus scanner."""

_KEPT_BEHIND = 256 * 1024 * 1024
"""How much of a file stays in the system's cache for those who read it next."""
_FORGOTTEN_AT_ONCE = 64 * 1024 * 1024
_yield = getattr(os, "sched_yield", lambda: None)  # macOS has none


class StageChild:
    """The stages of the uploads that this process has, and the answers to messages about them."""

    def __init__(self, specs: Sequence[StreamStageSpec]) -> None:
        self._specs = specs
        self._readers: dict[int, tuple[_File, StageReader]] = {}
        self._idle = [memoryview(bytearray(SLICE_SIZE)) for _ in range(THREADS)]

    def answer(self, message: bytes) -> bytes:
        """Do what a message asks for; what is raised is part of the answer."""
        request = orjson.loads(message)
        number = request["id"]
        try:
            return to_json({"id": number, **self._do(request)})
        except PdfsluiceError as error:
            failure: PdfsluiceError = error
        except Exception as error:
            logger.exception("a stage process failed")
            if is_shortage(error):
                failure = retry_later(error, "run the stages")
            else:
                failure = StageFailed(
                    f"what the stages do or say is wrong: {type(error).__name__}: {error}"
                )
        return to_json({"id": number, "error": to_record(failure)})

    def _do(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        number = request["reader"]
        if "open" in request:
            self._open(number, **request["open"])
        if request["do"] == "close":
            return {"checkpoints": self._close(number)}
        _, reader = self._readers[number]
        context = StageContext(
            session_id=request["upload"],
            filename=request["filename"],
            total_size=request["total_size"],
        )
        if request["do"] == "finish":
            try:
                return {"reports": [_cut(report) for report in reader.finish(context)]}
            finally:
                self._close(number)
        buffer = self._idle.pop()  # the one used last: it is in the processor's cache
        try:
            findings = reader.read_on(context, request["end"], buffer)
        finally:
            self._idle.append(buffer)
        return {"position": reader.position, "findings": gravest(findings)}

    def _open(self, number: int, *, path: str, checkpoints: Mapping[str, tuple[int, str]]) -> None:
        file = _File(path_from_text(path))
        known = {
            name: (offset, base64.b64decode(state)) for name, (offset, state) in checkpoints.items()
        }
        self._readers[number] = file, StageReader(file, self._specs, known)

    def _close(self, number: int) -> Mapping[str, tuple[int, str]]:
        if number not in self._readers:
            return {}  # it has finished
        file, reader = self._readers.pop(number)
        checkpoints = reader.close()
        file.close()
        return {
            name: (offset, base64.b64encode(state).decode())
            for name, (offset, state) in checkpoints.items()
        }


class _File:
    """The bytes of an upload, opened when they are first read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._forgotten = 0

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset``; return how many bytes were there.

        A scheduler may let us go on for milliseconds while those wait for this processor by
        whom the next bytes come.
        """
        _yield()
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            done = 0
            while got := os.preadv(self._descriptor, [buffer[done:]], offset + done):
                done += got
                if done == len(buffer):
                    break
            self._forget(self._descriptor, offset - _KEPT_BEHIND)
        except OSError as error:
            raise StorageFailed(
                f"The server could not read the bytes back: {error.strerror or error}.",
                hint="Tell whoever runs the server.",
            ) from error
        return done

    def _forget(self, descriptor: int, end: int) -> None:
        """Let the system's cache go of what is far behind, for the pages that come in now.

        A huge file would drive everything else out of it.
        """
        size = end - self._forgotten
        if size < _FORGOTTEN_AT_ONCE:
            return
        with suppress(AttributeError, OSError):  # not every system and file system knows of it
            os.posix_fadvise(descriptor, self._forgotten, size, os.POSIX_FADV_DONTNEED)
        self._forgotten = end

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class _ToServer(logging.Handler):
    """Tells the server what is logged here."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        """Send a message; one that cannot be made is the plugin's mistake and stops nothing."""
        try:
            said = {"log": record.name, "level": record.levelno, "message": self.format(record)}
            self._pipe.send(to_json(said))
        except Exception:  # noqa: BLE001 - as every handler of the standard library does
            self.handleError(record)


def _cut(report: StageReport) -> StageReport:
    return replace(
        report,
        findings=tuple(gravest(report.findings)),
        unscanned=report.unscanned[:MAX_FINDINGS],
    )


def _begin(pipe: Pipe, message: bytes) -> Callable[[bytes], bytes]:
    equipment = Equipment.unpacked(message)
    logging.basicConfig(handlers=[_ToServer(pipe)], level=equipment.log_level, format="%(message)s")
    child = StageChild(equipment.specs())
    gc.freeze()  # what was loaded stays: no collection has to look at it
    return child.answer


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends when the server has no more for it
    try:
        serve_in_threads(_begin, threads=THREADS)
    except PluginError as error:
        sys.exit(error.message)
