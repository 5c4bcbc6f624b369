"""A stage process: runs the stream stages of many uploads outside the server.

It reads the files itself, read-only, and holds no state but that of its stages: after its
death they start again in another process. ``process_runner.py`` describes its messages.
"""

import base64
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pdfsluice.core.errors import (
    PdfsluiceError,
    PluginError,
    StageFailed,
    StorageFailed,
    to_record,
)
from pdfsluice.core.models.findings import MAX_FINDINGS, StageReport, gravest
from pdfsluice.core.plugins.ports.streams import StageContext, StreamStageSpec
from pdfsluice.core.processes.child_main import Handler, Pipe, path_from_text, serve_in_threads
from pdfsluice.core.shortages import is_shortage, retry_later

from .bootstrap import Bootstrap
from .reader import SLICE_SIZE, Checkpoints, StageReader

logger = logging.getLogger(__name__)

THREADS = 4
"""Uploads whose stages run at a time in one process; one may be waiting for a virus scanner."""

DEFAULT_CACHE_BYTES = 256 * 1024 * 1024
"""How much of a file before the read position stays in the page cache for its next readers."""
DEFAULT_EVICTION_BYTES = 64 * 1024 * 1024
"""How much of a file is evicted from the page cache at a time."""
_yield = getattr(os, "sched_yield", lambda: None)  # macOS has none


class StageWorker:
    """The stages of the uploads of this process; answers the requests about them."""

    def __init__(self, specs: Sequence[StreamStageSpec]) -> None:
        self._specs = specs
        self._readers: dict[int, tuple[StagedFile, StageReader]] = {}
        self._idle = [memoryview(bytearray(SLICE_SIZE)) for _ in range(THREADS)]

    def answer(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """Carry out a request; an error that is raised becomes the answer."""
        try:
            return self._do(request)
        except PdfsluiceError as error:
            failure: PdfsluiceError = error
        except Exception as error:
            logger.exception("a stage process failed")
            if is_shortage(error):
                failure = retry_later(error, "run the stages")
            else:
                failure = StageFailed(
                    f"The stages failed or gave a wrong answer ({type(error).__name__}).",
                    hint="The operator finds the reason in the server's log.",
                )
        return {"raised": to_record(failure)}

    def _do(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        number = request["reader"]
        if "open" in request:
            self._open(number, **request["open"])
        if request["do"] == "close":
            return {"checkpoints": self._close(number)}
        _, reader = self._readers[number]
        if request["do"] == "checkpoint":
            return {"checkpoints": _packed(reader.checkpoints())}
        context = StageContext(
            session_id=request["upload"],
            filename=request["filename"],
            total_size=request["total_size"],
        )
        if request["do"] == "finish":
            return self._finish(number, context)
        buffer = self._idle.pop()  # the one used last: it is in the processor's cache
        try:
            findings = reader.read_on(context, request["limit"], buffer)
        finally:
            self._idle.append(buffer)
        progress = {"position": reader.position, "findings": gravest(findings)}
        if request["whole"] and not findings and reader.position == request["limit"]:
            return {**progress, **self._finish(number, context)}
        return progress

    def _finish(self, number: int, context: StageContext) -> Mapping[str, Any]:
        _, reader = self._readers[number]
        try:
            return {"reports": [_cut(report) for report in reader.finish(context)]}
        finally:
            self._close(number)

    def _open(self, number: int, *, path: str, checkpoints: Mapping[str, tuple[int, str]]) -> None:
        file = StagedFile(path_from_text(path))
        states = {
            name: (offset, base64.b64decode(state)) for name, (offset, state) in checkpoints.items()
        }
        self._readers[number] = file, StageReader(file, self._specs, states)

    def _close(self, number: int) -> Mapping[str, tuple[int, str]]:
        if number not in self._readers:
            return {}  # it has finished
        file, reader = self._readers.pop(number)
        checkpoints = reader.close()
        file.close()
        return _packed(checkpoints)


def _packed(checkpoints: Checkpoints) -> Mapping[str, tuple[int, str]]:
    return {
        name: (offset, base64.b64encode(state).decode())
        for name, (offset, state) in checkpoints.items()
    }


class StagedFile:
    """The bytes of an upload, opened when they are first read.

    Args:
        path: The file.
        cache_bytes: How much before the read position stays in the page cache.
        eviction_bytes: How much is evicted from it at a time.
    """

    def __init__(
        self,
        path: Path,
        *,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        eviction_bytes: int = DEFAULT_EVICTION_BYTES,
    ) -> None:
        self._path = path
        self._cache_bytes = cache_bytes
        self._eviction_bytes = eviction_bytes
        self._descriptor: int | None = None
        self._evicted = 0

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset``; return how many bytes were there.

        It yields first: the scheduler may otherwise run this process for milliseconds while
        the process that receives the next bytes waits for the same processor.
        """
        _yield()
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            length = 0
            while count := os.preadv(self._descriptor, [buffer[length:]], offset + length):
                length += count
                if length == len(buffer):
                    break
            self._evict(self._descriptor, offset - self._cache_bytes)
        except OSError as error:
            raise StorageFailed(
                f"The server could not read the bytes back: {error.strerror or error}.",
                hint="Report it to the server's operator.",
            ) from error
        return length

    def _evict(self, descriptor: int, end: int) -> None:
        """Evict what was read long before from the page cache.

        A huge file would otherwise evict everything else.
        """
        size = end - self._evicted
        if size < self._eviction_bytes:
            return
        with suppress(AttributeError, OSError):  # not every system and file system supports it
            os.posix_fadvise(descriptor, self._evicted, size, os.POSIX_FADV_DONTNEED)
        self._evicted = end

    def close(self) -> None:
        """Close the file, if it was opened."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class _ToServer(logging.Handler):
    """A handler that sends what is logged here to the server."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__()
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        """Send a message; if it cannot be formatted, that is a defect of the plugin alone."""
        try:
            self._pipe.send(
                {"log": record.name, "level": record.levelno, "message": self.format(record)}
            )
        except Exception:  # noqa: BLE001 - as every handler of the standard library does
            self.handleError(record)


def _cut(report: StageReport) -> StageReport:
    return replace(
        report,
        findings=tuple(gravest(report.findings)),
        unscanned=report.unscanned[:MAX_FINDINGS],
    )


def _begin(pipe: Pipe, message: dict[str, Any]) -> Handler:
    bootstrap = Bootstrap.unpacked(message["bootstrap"])
    logging.basicConfig(handlers=[_ToServer(pipe)], level=bootstrap.log_level, format="%(message)s")
    worker = StageWorker(bootstrap.specs())
    return worker.answer


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends when the server closes its input
    try:
        serve_in_threads(_begin, threads=THREADS)
    except PluginError as error:
        sys.exit(error.message)
