"""Runs stream stages in processes of their own: away from the interpreter lock of the server.

What looks at untrusted bytes cannot end the server, cannot hold up its event loop, and has
a processor to itself. The messages are JSON, one a line (``core/processes/child.py``)::

    server: {"id": 7, "do": "read", "reader": 3, "upload": ..., "filename": ..., "total_size": ...,
             "end": 8388608, "open": {"path": ..., "checkpoints": {...}}}   "open" once
    child:  {"id": 7, "position": 8388608, "findings": [...]}
    server: {"id": 8, "do": "finish", ...}         child: {"id": 8, "reports": [...]}
    server: {"id": 9, "do": "close", ...}          child: {"id": 9, "checkpoints": {...}}
    child:  {"id": ..., "error": {"code": ...}}, or unasked {"log": ...}

A process that dies takes with it what the stages of its uploads knew. They begin again in
another process. Uploads that it was reading just then may have ended it: each of those is
read in a process of its own, and fails if that dies as well. Behind the place where the
first one died, it goes back to the others.
"""

import asyncio
import base64
import itertools
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from pdfsluice.core.encoding import read_findings, read_report
from pdfsluice.core.errors import (
    Overloaded,
    PdfsluiceError,
    PluginError,
    StageFailed,
    from_record,
)
from pdfsluice.core.findings import MAX_FINDINGS, Finding, StageReport
from pdfsluice.core.plugins.ports.stages import StageContext
from pdfsluice.core.plugins.ports.stores import Blob
from pdfsluice.core.processes.child import ChildFailed, path_to_text

from .bootstrap import Equipment
from .process import Answer, StageProcess, start
from .reader import Checkpoints
from .runner import StageHost, StageHosts, StagesLost

T = TypeVar("T")

_RETRY_SECONDS = 5.0
_CLOSING_SECONDS = 10.0
"""How long an upload that is put away waits for what its stages are at, until that is ended."""
_MOST_ALONE = 4
_MOST_DEATHS = 3
"""So often a process may die while it reads a file that then does no harm when read alone."""


class ProcessHosts:
    """Hosts whose stages run in stage processes; those of bytes in no local file elsewhere.

    Args:
        equipment: What each process is started with.
        count: How many processes there are.
        otherwise: For blobs that are no local file.
    """

    def __init__(self, equipment: Equipment, count: int, otherwise: StageHosts) -> None:
        self._equipment = equipment
        self._count = count
        self._otherwise = otherwise
        self._shared: list[StageProcess] = []
        self._alone: set[StageProcess] = set()
        self._alone_turns = asyncio.Semaphore(_MOST_ALONE)
        self._starting = asyncio.Lock()
        self._readers = itertools.count()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ProcessHosts"]:
        """Start the processes; end them on leaving.

        Raises:
            PluginError: They do not start, as a rule because a plugin does not.
        """
        try:
            await self._start_all()
            yield self
        finally:
            for process in (*self._shared, *self._alone):
                await process.close()

    async def _start_all(self) -> None:
        try:
            for _ in range(self._count):
                self._shared.append(await start(self._equipment))
        except ChildFailed as failure:
            raise PluginError(
                f"the stage process does not start: {failure}",
                hint="Repair the plugin, leave it out with the setting 'disable',"
                " or run the stages in the server with 'stage_processes = 0'.",
            ) from failure

    def host(
        self, context: Callable[[], StageContext], blob: Blob, checkpoints: Checkpoints
    ) -> StageHost:
        """Return a host; nothing is opened yet."""
        if blob.local_path is None:
            return self._otherwise.host(context, blob, checkpoints)
        return _ProcessHost(self, context, blob.local_path, checkpoints)

    async def enter(self, *, alone: bool) -> StageProcess:
        """Give an upload a place, in the process that has the fewest or in one of its own.

        Raises:
            Overloaded: No process starts.
        """
        try:
            process = await (self._one_more() if alone else self._emptiest())
        except (ChildFailed, OSError) as error:
            raise Overloaded(
                f"the checks cannot run now: {error}",
                retry_after=_RETRY_SECONDS,
                hint="Try again; what was acknowledged is kept.",
            ) from error
        process.uploads += 1
        return process

    async def _emptiest(self) -> StageProcess:
        async with self._starting:
            for place, process in enumerate(self._shared):
                if process.failure is not None:
                    await process.close()
                    self._shared[place] = await self._instead_of(process)
        alive = [process for process in self._shared if process.failure is None]
        return min(alive or self._shared, key=lambda process: process.uploads)

    async def _instead_of(self, dead: StageProcess) -> StageProcess:
        try:
            return await start(self._equipment)
        except ChildFailed:
            if all(process.failure is not None for process in self._shared):
                raise
            return dead  # the others do, until one starts again

    async def _one_more(self) -> StageProcess:
        await self._alone_turns.acquire()
        try:
            process = await start(self._equipment)
        except BaseException:
            self._alone_turns.release()
            raise
        self._alone.add(process)
        return process

    def next_reader(self) -> int:
        """Return a number for the stages of an upload that no others had, in any process."""
        return next(self._readers)

    async def leave(self, process: StageProcess) -> None:
        """Give a place back."""
        process.uploads -= 1
        if process in self._alone:
            self._alone.discard(process)
            self._alone_turns.release()
            await process.close()


class _ProcessHost:
    """The stages of one upload, in one process after another if need be.

    Attributes:
        position: The offset up to which every stage has seen the file.
    """

    def __init__(
        self,
        hosts: ProcessHosts,
        context: Callable[[], StageContext],
        path: Path,
        checkpoints: Checkpoints,
    ) -> None:
        self._hosts = hosts
        self._context = context
        self._path = path
        self._checkpoints = checkpoints
        self._process: StageProcess | None = None
        self._reader = 0
        self._answer: Answer | None = None
        self._suspect_up_to: int | None = None
        self._deaths = 0
        self.position = 0

    async def read_on(self, end: int) -> Sequence[Finding]:
        most = max((end, *(offset for offset, _ in self._checkpoints.values())))
        self.position, findings = await self._ask(
            {"do": "read", "end": end}, lambda answer: _progress(answer, self.position, most)
        )
        if self._suspect_up_to is not None and self.position >= self._suspect_up_to:
            # It is past the place where a process died, and back to the others it goes.
            self._checkpoints = await self.close() or self._checkpoints
            self._suspect_up_to = None
        return findings

    async def finish(self) -> Sequence[StageReport]:
        reports = await self._ask({"do": "finish"}, _reports)
        await self._leave()  # the stages are closed as well
        return reports

    async def close(self) -> Checkpoints:
        if self._answer is not None and self._process is not None:
            # Nobody waits for it any more, but the process is at it.
            await asyncio.wait([self._answer], timeout=_CLOSING_SECONDS)
            if not self._answer.done():
                self._process.kill("an upload was put away whose stages went on and on")
                await asyncio.wait([self._answer])
        if self._process is None:
            return {}
        try:
            return await self._ask({"do": "close"}, _checkpoints)
        except (StagesLost, PdfsluiceError):
            return {}
        finally:
            await self._leave()

    async def _ask(self, request: Mapping[str, Any], read: Callable[[dict[str, Any]], T]) -> T:
        """Have a request answered by the process in which the stages are.

        Args:
            request: What to do.
            read: Makes of the answer what is wanted, or raises if no stage can have said it.

        Raises:
            StagesLost: There is no such process any more.
            StageFailed: It died, as the one before did.
            Overloaded: No process starts.
            PdfsluiceError: What a stage raised.
        """
        context = self._context()
        opening: dict[str, Any] = {}
        if self._process is None:
            self._process = await self._hosts.enter(alone=self._suspect_up_to is not None)
            self._reader = self._hosts.next_reader()
            opening = {"open": self._opening()}
        asked = {
            "reader": self._reader,
            "upload": context.session_id,
            "filename": context.filename,
            "total_size": context.total_size,
            **request,
            **opening,
        }
        try:
            self._answer = await self._process.begin(asked)
            answer = await asyncio.shield(self._answer)
        except StagesLost:
            await self._leave()
            raise
        except ChildFailed as failure:
            raise await self._suspected(str(failure), request) from failure
        self._answer = None
        try:
            return _meaning(answer, read)
        except (LookupError, TypeError, ValueError, AttributeError) as odd:
            self._process.kill(f"it said what no stage can say: {odd!r}")
            raise await self._suspected("it said what no stage can say", request) from odd

    def _opening(self) -> Mapping[str, Any]:
        return {
            "path": path_to_text(self._path),
            "checkpoints": {
                name: (offset, base64.b64encode(state).decode())
                for name, (offset, state) in self._checkpoints.items()
            },
        }

    async def _suspected(self, why: str, request: Mapping[str, Any]) -> StagesLost | StageFailed:
        """Say what follows when the process died while it was at this upload."""
        await self._leave()
        if self._suspect_up_to is not None:
            return StageFailed(
                f"checking the file ended the process that did it, again: {why}",
                hint="The file may have been made to do that; tell whoever runs the server.",
            )
        self._deaths += 1
        # One that is often near stays alone to its end: it is safe there from the others.
        often = self._deaths >= _MOST_DEATHS
        self._suspect_up_to = sys.maxsize if often else request.get("end", sys.maxsize)
        return StagesLost()

    async def _leave(self) -> None:
        """Leave the process; what the stages knew is gone, unless they were asked to close."""
        process, self._process, self._answer, self.position = self._process, None, None, 0
        if process is not None:
            await self._hosts.leave(process)


def _meaning(answer: dict[str, Any], read: Callable[[dict[str, Any]], T]) -> T:
    if "error" in answer:
        raise from_record(answer["error"])
    return read(answer)


def _progress(answer: Mapping[str, Any], before: int, most: int) -> tuple[int, Sequence[Finding]]:
    position = answer["position"]
    if not isinstance(position, int) or not before < position <= most:
        raise ValueError(f"a position of {position!r} behind {before}, in {most} bytes")
    return position, read_findings(answer["findings"][:MAX_FINDINGS])


def _reports(answer: Mapping[str, Any]) -> Sequence[StageReport]:
    return [read_report(report, most=MAX_FINDINGS) for report in answer["reports"]]


def _checkpoints(answer: Mapping[str, Any]) -> Checkpoints:
    return {
        str(name): (int(offset), base64.b64decode(state))
        for name, (offset, state) in answer["checkpoints"].items()
    }
