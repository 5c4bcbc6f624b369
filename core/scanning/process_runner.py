"""The stages of one upload in a stage process, and in its successors.

Requests and replies, in the messages of ``core/processes/wire.py``::

    {"do": "read", "reader": 3, "upload": ..., "filename": ..., "total_size": ...,
     "limit": 16777216, "whole": false,
     "open": {"path": ..., "checkpoints": {...}}}                        "open" once
                                -> {"position": 16777216, "findings": [...]}
    {"do": "read", "whole": true, ...}
                                -> the same, with "reports" if nothing was found up to the limit
    {"do": "finish", ...}       -> {"reports": [...]}
    {"do": "checkpoint", ...}   -> {"checkpoints": {...}}
    {"do": "close", ...}        -> {"checkpoints": {...}}
    any                         -> {"raised": {"code": ...}}
    unasked                     -> {"log": ..., "level": ..., "message": ...}
"""

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pdfsluice.core.errors import PdfsluiceError, StageFailed, from_record
from pdfsluice.core.models.encoding import read_findings, read_report
from pdfsluice.core.models.findings import MAX_FINDINGS, Finding, StageReport
from pdfsluice.core.plugins.ports.streams import StageContext
from pdfsluice.core.processes.child import Answer, ChildFailed, path_to_text

from .process import StageProcess
from .reader import Checkpoints
from .runner import StagesLost

T = TypeVar("T")


class ProcessPool(Protocol):
    """The assignment of stage processes; see :class:`.pool.StageProcessPool`."""

    @property
    def contended(self) -> bool:
        """Whether a suspect waits for a process of its own."""
        ...

    @property
    def closing_timeout(self) -> float:
        """Seconds for an answer that is still expected when a runner is closed."""
        ...

    def next_reader(self) -> int:
        """Return an id for the stages of an upload that is unique over all processes."""
        ...

    async def enter(self, runner: "ProcessRunner") -> StageProcess:
        """Assign a process to a runner."""
        ...

    async def leave(self, runner: "ProcessRunner") -> None:
        """Take the process of a runner back."""
        ...


class ProcessRunner:
    """The stages of one upload in a stage process.

    Args:
        pool: Assigns the processes.
        context: Returns the context in which stages are opened.
        path: The file that holds the bytes.
        checkpoints: Where stages continue.

    Attributes:
        position: The offset up to which every stage has seen the file. It stays while the upload
            is parked; stages without a checkpoint then see the file again when more is read.
        suspect: Whether a process died while it read this file.
    """

    def __init__(
        self,
        pool: ProcessPool,
        context: Callable[[], StageContext],
        path: Path,
        checkpoints: Checkpoints,
    ) -> None:
        self._pool = pool
        self._context = context
        self._path = path
        self._checkpoints = checkpoints
        self._process: StageProcess | None = None
        self._reader = 0
        self._answer: Answer | None = None
        self._reports: Sequence[StageReport] | None = None  # of stages that have seen everything
        self._turn = asyncio.Lock()
        self._moved_at = 0  # the position at which it last left a process
        self._finishing = False
        self.suspect = False
        self.position = 0

    @property
    def idle(self) -> bool:
        """Whether no call is running."""
        return not self._turn.locked()

    async def read_on(self, end: int) -> Sequence[Finding]:
        """Show the stages more of the file, at most up to ``end``.

        If this is the rest of the file, stages that are opened for it report as well: a small
        file takes one request.
        """
        async with self._turn:
            limit = max((end, *(offset for offset, _ in self._checkpoints.values())))
            before = self.position if self._process is not None else 0
            whole = self._process is None and end == self._context().total_size
            self.position, findings, reports = await self._ask(
                {"do": "read", "limit": end, "whole": whole},
                lambda answer: _progress(answer, before, limit),
            )
            if whole and reports is not None and self.position == end:
                await self._end(reports)
            if self._must_move:
                await self._move_out()
            return findings

    async def finish(self) -> Sequence[StageReport]:
        """Return the reports of stages that have seen the whole file."""
        async with self._turn:
            if self._reports is not None:
                return self._reports
            if self._process is None and self.position:  # parked: read to the end again
                self._finishing, self.position = True, 0
                raise StagesLost
            reports = await self._ask({"do": "finish"}, _reports)
            await self._end(reports)
            return reports

    async def _end(self, reports: Sequence[StageReport]) -> None:
        """Leave the process after the reports: the stages are closed as well."""
        position = self.position
        await self._leave()
        self._checkpoints, self._reports, self.position = {}, reports, position

    async def checkpoints(self) -> Checkpoints:
        """Return the checkpoints of the stages, which continue there if the process dies."""
        async with self._turn:
            if self._process is not None:
                position = self.position
                self._checkpoints = await self._ask(
                    {"do": "checkpoint"}, lambda answer: _checkpoints_within(answer, position)
                )
            return self._checkpoints

    async def close(self) -> Checkpoints:
        """Close the stages and return their checkpoints."""
        async with self._turn:
            if self._answer is not None and self._process is not None:
                # Its caller was cancelled, but the process still works on the request.
                await asyncio.wait([self._answer], timeout=self._pool.closing_timeout)
                if not self._answer.done():
                    self._process.kill("the stages of a closed upload did not stop")
                    await asyncio.wait([self._answer])
            if self._process is None:
                return self._checkpoints
            return await self._close_stages()

    async def park(self) -> None:
        """Leave the process between two reads; the next read continues in another one."""
        async with self._turn:
            if self._process is not None and self._answer is None:
                await self._move_out()

    @property
    def _must_move(self) -> bool:
        """Whether the process retires, or another suspect waits for one of its own.

        It moves only after progress, and not between the last byte and the reports: stages
        without a checkpoint see the file again after each move.
        """
        process = self._process
        if process is None or self._finishing or self.position <= self._moved_at:
            return False
        if self.position == self._context().total_size:
            return False
        return process.retiring or (self.suspect and self._pool.contended)

    async def _move_out(self) -> None:
        """Leave the process with checkpoints; stages without one start again."""
        position = self._moved_at = self.position
        self._checkpoints = await self._close_stages() or self._checkpoints
        self.position = position

    async def _close_stages(self) -> Checkpoints:
        try:
            return await self._ask({"do": "close"}, _checkpoints)
        except (StagesLost, PdfsluiceError):
            return {}
        finally:
            await self._leave()

    async def _ask(self, request: Mapping[str, Any], read: Callable[[dict[str, Any]], T]) -> T:
        """Return the answer of the process that holds the stages to a request.

        Args:
            request: What to do.
            read: Converts the answer, or raises if no stage can have given it.

        Raises:
            StagesLost: The process has ended.
            StageFailed: It ended while it read a file that was suspect already.
            Overloaded: No process starts.
            PdfsluiceError: What a stage raised.
        """
        context = self._context()
        opening: dict[str, Any] = {}
        if self._process is None:
            self._process = await self._pool.enter(self)
            self._reader = self._pool.next_reader()
            opening = {"open": self._opening()}
        message = {
            "reader": self._reader,
            "upload": context.session_id,
            "filename": context.filename,
            "total_size": context.total_size,
            **request,
            **opening,
        }
        try:
            self._answer = await self._process.begin(message)
            answer = await asyncio.shield(self._answer)
        except StagesLost:
            await self._leave()
            raise
        except ChildFailed as failure:
            raise await self._suspected(str(failure)) from failure
        self._answer = None
        try:
            return _result(answer, read)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            self._process.kill(f"it gave an answer that no stage can give: {error!r}")
            raise await self._suspected("it gave an answer that no stage can give") from error

    def _opening(self) -> Mapping[str, Any]:
        return {
            "path": path_to_text(self._path),
            "checkpoints": {
                name: (offset, base64.b64encode(state).decode())
                for name, (offset, state) in self._checkpoints.items()
            },
        }

    async def _suspected(self, reason: str) -> StagesLost | StageFailed:
        """Return the error after the death of a process that was reading this upload."""
        await self._leave()
        if self.suspect:
            return StageFailed(
                f"checking the file ended the process that did it, again: {reason}",
                hint="The file may have been made to do that. Report it to the server's operator.",
            )
        self.suspect = True
        return StagesLost()

    async def _leave(self) -> None:
        """Leave the process; the state of the stages is lost, except for checkpoints."""
        self._process, self._answer, self.position = None, None, 0
        await self._pool.leave(self)


def _result(answer: dict[str, Any], read: Callable[[dict[str, Any]], T]) -> T:
    if "raised" in answer:
        raise from_record(answer["raised"])
    return read(answer)


def _progress(
    answer: Mapping[str, Any], before: int, limit: int
) -> tuple[int, Sequence[Finding], Sequence[StageReport] | None]:
    position = answer["position"]
    if not isinstance(position, int) or not before < position <= limit:
        raise ValueError(f"a position of {position!r} after {before}, in {limit} bytes")
    reports = _reports(answer) if "reports" in answer else None
    return position, read_findings(answer["findings"][:MAX_FINDINGS]), reports


def _reports(answer: Mapping[str, Any]) -> Sequence[StageReport]:
    return [read_report(report, max_entries=MAX_FINDINGS) for report in answer["reports"]]


def _checkpoints_within(answer: Mapping[str, Any], position: int) -> Checkpoints:
    """Read checkpoints, of which none may be before what all stages have seen."""
    checkpoints = _checkpoints(answer)
    if any(offset < position for offset, _ in checkpoints.values()):
        raise ValueError(f"a checkpoint before offset {position}")
    return checkpoints


def _checkpoints(answer: Mapping[str, Any]) -> Checkpoints:
    return {
        str(name): (int(offset), base64.b64decode(state))
        for name, (offset, state) in answer["checkpoints"].items()
    }
