"""Runs stream stages in processes of their own: away from the interpreter lock of the server.

What looks at untrusted bytes cannot end the server, cannot hold up its event loop, and has
a processor to itself. The messages are JSON, one a line (``core/child.py``)::

    server: {"id": 7, "do": "read", "upload": ..., "filename": ..., "total_size": ...,
             "end": 8388608, "open": {"path": ..., "checkpoints": {...}}}   "open" once
    child:  {"id": 7, "position": 8388608, "findings": [...]}
    server: {"id": 8, "do": "finish", ...}         child: {"id": 8, "reports": [...]}
    server: {"id": 9, "do": "close", ...}          child: {"id": 9, "checkpoints": {...}}
    child:  {"id": ..., "error": {"code": ...}}, or unasked {"log": ...}

A process that dies takes with it what the stages of its uploads knew. They begin again in
another process. Uploads that it was reading just then may have ended it: each of those
goes on in a process of its own, and fails if that dies as well.
"""

import asyncio
import base64
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from .child import Child, ChildFailed, Limits, path_to_text, start
from .encoding import read_findings, read_report, to_json
from .errors import Overloaded, PdfsluiceError, PluginError, StageFailed, from_record
from .findings import Finding, StageReport
from .stage_child import THREADS
from .stage_equipment import Equipment
from .stage_hosts import StageHost, StageHosts, StagesLost
from .stage_reader import Checkpoints
from .stages import StageContext
from .stores import Blob

logger = logging.getLogger(__name__)

_MODULE = "pdfsluice.core.stage_child"
_PATIENCE = 600.0
"""Seconds for one request: 8 MiB, or the verdict of a virus scanner on a whole file."""
_RETRY_SECONDS = 5.0


class StageProcess:
    """A running stage process; made by :func:`_start`.

    Attributes:
        uploads: How many uploads have their stages here.
        failure: Why it is of no more use, once it is not.
    """

    def __init__(self, child: Child) -> None:
        self._child = child
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._turns = asyncio.Semaphore(THREADS)
        self._listener = asyncio.create_task(self._listen(), name="listener to a stage process")
        self.uploads = 0
        self.failure: ChildFailed | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    async def begin(self, request: Mapping[str, Any]) -> "asyncio.Future[dict[str, Any]]":
        """Send a request when it is its turn; return the answer to come.

        Raises:
            StagesLost: The process died before the request was sent.
        """
        await self._turns.acquire()
        if self.failure is not None:
            self._turns.release()
            raise StagesLost
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda _: self._turns.release())
        number = next(self._numbers)
        self._waiting[number] = answer
        self._child.post(to_json({"id": number, **request}))
        return answer

    def kill(self) -> None:
        """End the process, which hangs."""
        self._child.kill()

    async def _listen(self) -> None:
        try:
            async for reply in self._child.replies():
                if "log" in reply:
                    logging.getLogger(reply["log"]).log(reply["level"], "%s", reply["message"])
                    continue
                answer = self._waiting.pop(reply.pop("id"), None)
                if answer is not None and not answer.done():
                    answer.set_result(reply)
        except ChildFailed as failure:
            logger.error("a stage process ended: %s", failure)  # noqa: TRY400 - no traceback of ours
            self.failure = failure
        finally:
            self.failure = self.failure or ChildFailed("killed", "the server is stopping")
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(self.failure)
            self._waiting.clear()

    async def close(self) -> None:
        """End the process."""
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)
        await self._child.close()


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
        self._starting = asyncio.Lock()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ProcessHosts"]:
        """Start the processes; end them on leaving.

        Raises:
            PluginError: They do not start, as a rule because a plugin does not.
        """
        try:
            for _ in range(self._count):
                self._shared.append(await _start(self._equipment))
            yield self
        except ChildFailed as failure:
            raise PluginError(
                f"the stage process does not start: {failure}",
                hint="Repair the plugin, leave it out with the setting 'disable',"
                " or run the stages in the server with 'stage_processes = 0'.",
            ) from failure
        finally:
            for process in (*self._shared, *self._alone):
                await process.close()

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
            if alone:
                process = await _start(self._equipment)
                self._alone.add(process)
            else:
                await self._replace_dead()
                process = min(self._shared, key=lambda process: process.uploads)
        except (ChildFailed, OSError) as error:
            raise Overloaded(
                f"the checks cannot run now: {error}",
                retry_after=_RETRY_SECONDS,
                hint="Try again; what was acknowledged is kept.",
            ) from error
        process.uploads += 1
        return process

    async def _replace_dead(self) -> None:
        async with self._starting:
            for place, process in enumerate(self._shared):
                if process.failure is not None:
                    await process.close()
                    self._shared[place] = await _start(self._equipment)

    async def leave(self, process: StageProcess) -> None:
        """Give a place back."""
        process.uploads -= 1
        if process in self._alone:
            self._alone.discard(process)
            await process.close()


class _ProcessHost:
    """The stages of one upload, in one process after another if need be."""

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
        self._alone = False
        self._answer: asyncio.Future[dict[str, Any]] | None = None
        self.position = 0

    async def read_on(self, end: int) -> Sequence[Finding]:
        answer = await self._ask({"do": "read", "end": end})
        self.position = answer["position"]
        return read_findings(answer["findings"])

    async def finish(self) -> Sequence[StageReport]:
        answer = await self._ask({"do": "finish"})
        return [read_report(report) for report in answer["reports"]]

    async def close(self) -> Checkpoints:
        if self._answer is not None:  # nobody waits for it any more, but the process is at it
            await asyncio.wait([self._answer])
        if self._process is None:
            return {}
        try:
            answer = await self._ask({"do": "close"})
        except (StagesLost, PdfsluiceError):
            return {}
        finally:
            await self._leave()
        return {
            name: (offset, base64.b64decode(state))
            for name, (offset, state) in answer["checkpoints"].items()
        }

    async def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Have a request answered by the process in which the stages are.

        Raises:
            StagesLost: There is no such process any more.
            StageFailed: It died, as the one before did.
            Overloaded: No process starts.
            PdfsluiceError: What a stage raised.
        """
        context = self._context()
        asked = {
            "upload": context.session_id,
            "filename": context.filename,
            "total_size": context.total_size,
            **request,
        }
        if self._process is None:
            self._process = await self._hosts.enter(alone=self._alone)
            asked["open"] = self._opening()
        try:
            self._answer = await self._process.begin(asked)
            async with asyncio.timeout(_PATIENCE):
                answer = await asyncio.shield(self._answer)
        except StagesLost:
            await self._leave()
            raise
        except TimeoutError:
            self._process.kill()
            raise await self._suspected("it did not answer") from None
        except ChildFailed as failure:
            raise await self._suspected(str(failure)) from failure
        self._answer = None
        if "error" in answer:
            raise from_record(answer["error"])
        return answer

    def _opening(self) -> Mapping[str, Any]:
        return {
            "path": path_to_text(self._path),
            "checkpoints": {
                name: (offset, base64.b64encode(state).decode())
                for name, (offset, state) in self._checkpoints.items()
            },
        }

    async def _suspected(self, why: str) -> StagesLost | StageFailed:
        """Say what follows when the process died while it was at this upload."""
        await self._leave()
        if self._alone:
            return StageFailed(
                f"checking the file ended the process that did it, twice: {why}",
                hint="The file may have been made to do that; tell whoever runs the server.",
            )
        self._alone = True
        return StagesLost()

    async def _leave(self) -> None:
        """Leave the process; what the stages knew is gone, unless they were asked to close."""
        process, self._process, self._answer, self.position = self._process, None, None, 0
        if process is not None:
            await self._hosts.leave(process)


async def _start(equipment: Equipment) -> StageProcess:
    """Start a stage process.

    Raises:
        ChildFailed: It does not start.
    """
    child = await start(_MODULE, Limits())
    try:
        child.post(equipment.packed())
        await child.wait_until_ready()
    except BaseException:
        await child.close()
        raise
    return StageProcess(child)
