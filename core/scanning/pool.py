"""Keeps the stage processes and assigns each upload to one of them.

Untrusted bytes are parsed outside the server, so that a parser can neither crash the server nor
block its event loop. Each process serves many uploads. An upload that was being read when a
process died is a suspect: it is read in a process of its own to its end, and fails if that
process dies as well.

A process that has grown large is retired: its uploads move to another one, with their
checkpoints, and it ends when the last of them has left. Above the memory limit it is killed.
"""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pdfsluice.core.errors import Overloaded, PluginError
from pdfsluice.core.plugins.ports.stores import Blob
from pdfsluice.core.plugins.ports.streams import StageContext
from pdfsluice.core.processes.child import ChildFailed

from .bootstrap import Bootstrap
from .process import StageProcess, start
from .process_runner import ProcessRunner
from .reader import Checkpoints
from .runner import StageRunner, StageRunners

logger = logging.getLogger(__name__)

_MIB = 1024 * 1024
_RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """Bounds of the stage processes.

    Attributes:
        max_isolated: Suspect uploads that have a process of their own at a time.
        request_timeout: Seconds for one request, which reads 16 MiB or waits for the verdict of
            a virus scanner on a whole file.
        closing_timeout: Seconds for which a closing upload waits for its running request.
        retire_bytes: Resident memory of a process from which on it gets no more uploads.
        max_bytes: Resident memory at which a process is killed.
        memory_interval: Seconds between two looks at the memory of the processes.
    """

    max_isolated: int = 4
    request_timeout: float = 600.0
    closing_timeout: float = 10.0
    retire_bytes: int = 1024 * _MIB
    max_bytes: int = 2048 * _MIB
    memory_interval: float = 1.0


class StageProcessPool:
    """The stage processes, and which of them has which upload.

    Args:
        bootstrap: What each process is started with.
        count: Number of shared processes.
        otherwise: Runs the stages of blobs without a local file that a process could open.
        limits: Bounds of the processes.
        module: The module that a process runs.
    """

    def __init__(
        self,
        bootstrap: Bootstrap,
        count: int,
        otherwise: StageRunners,
        *,
        limits: PoolLimits | None = None,
        module: str = "pdfsluice.core.scanning.worker_main",
    ) -> None:
        self.limits = limits or PoolLimits()
        self._bootstrap = bootstrap
        self._count = count
        self._otherwise = otherwise
        self._module = module
        self._shared: list[StageProcess] = []
        self._retired: set[StageProcess] = set()
        self._isolated: set[StageProcess] = set()
        self._assigned: dict[ProcessRunner, StageProcess] = {}
        self._isolated_slots = asyncio.Semaphore(self.limits.max_isolated)
        self._waiting_for_slot = 0
        self._starting = asyncio.Lock()
        self._retirements: set[asyncio.Task[None]] = set()
        self._readers = itertools.count()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["StageProcessPool"]:
        """Start the processes; end them on leaving.

        Raises:
            PluginError: They do not start, usually because a plugin does not.
        """
        watch = asyncio.create_task(self._watch_memory(), name="memory of the stage processes")
        try:
            await self._start_all()
            yield self
        finally:
            for task in (watch, *self._retirements):
                task.cancel()
            await asyncio.gather(watch, *self._retirements, return_exceptions=True)
            for process in self._processes():
                await process.close()

    async def _start_all(self) -> None:
        try:
            for _ in range(self._count):
                self._shared.append(await self._start())
        except ChildFailed as failure:
            raise PluginError(
                f"the stage process does not start: {failure}",
                hint="Repair the plugin, leave it out with the setting 'disable',"
                " or run the stages in the server with 'stage_processes = 0'.",
            ) from failure

    async def _start(self) -> StageProcess:
        return await start(
            self._bootstrap, module=self._module, request_timeout=self.limits.request_timeout
        )

    def runner(
        self, context: Callable[[], StageContext], blob: Blob, checkpoints: Checkpoints
    ) -> StageRunner:
        """Return a runner; no stage is opened yet."""
        if blob.local_path is None:
            return self._otherwise.runner(context, blob, checkpoints)
        return ProcessRunner(self, context, blob.local_path, checkpoints)

    def memory_bytes(self) -> dict[int, int]:
        """Return the resident memory of each process by its process id."""
        return {process.pid: process.memory_bytes() for process in self._processes()}

    def _processes(self) -> Sequence[StageProcess]:
        return [*self._shared, *self._retired, *self._isolated]

    @property
    def contended(self) -> bool:
        """Whether a suspect waits for a process of its own."""
        return self._waiting_for_slot > 0

    @property
    def closing_timeout(self) -> float:
        """Seconds for an answer that is still expected when a runner is closed."""
        return self.limits.closing_timeout

    def next_reader(self) -> int:
        """Return an id for the stages of an upload that is unique over all processes."""
        return next(self._readers)

    async def enter(self, runner: ProcessRunner) -> StageProcess:
        """Assign an upload to the process with the fewest, or a suspect to one of its own.

        Raises:
            Overloaded: No process starts.
        """
        try:
            process = await (self._isolate() if runner.suspect else self._least_busy())
        except (ChildFailed, OSError) as error:
            raise Overloaded(
                f"the checks cannot run now: {error}",
                retry_after=_RETRY_SECONDS,
                hint="Try again; what was acknowledged is kept.",
            ) from error
        self._assigned[runner] = process
        process.uploads += 1
        return process

    async def _least_busy(self) -> StageProcess:
        await self._replace_worn()
        alive = [process for process in self._shared if process.failure is None]
        return min(alive or self._shared, key=lambda process: process.uploads)

    async def _replace_worn(self) -> None:
        """Start a successor of each shared process that is dead or retiring."""
        async with self._starting:
            for index, process in enumerate(self._shared):
                if process.failure is not None or process.retiring:
                    await self._replace(index)

    async def _replace(self, index: int) -> None:
        """Start a process in the place of one that is dead or retiring."""
        process = self._shared[index]
        if process.failure is not None:
            await process.close()
        try:
            self._shared[index] = await self._start()
        except ChildFailed:
            if all(process.failure is not None for process in self._shared):
                raise
            return  # the others serve until one starts again
        if process.failure is None:
            self._retired.add(process)
            await self._close_if_left(process)

    async def _isolate(self) -> StageProcess:
        self._waiting_for_slot += 1
        try:
            if self._isolated_slots.locked():
                await self._park(self._isolated, limit=1)
            await self._isolated_slots.acquire()
        finally:
            self._waiting_for_slot -= 1
        try:
            process = await self._start()
        except BaseException:
            self._isolated_slots.release()
            raise
        self._isolated.add(process)
        return process

    async def _park(self, processes: Collection[StageProcess], limit: int | None = None) -> None:
        """Release idle uploads from their processes, the longest assigned first."""
        idle = [
            runner
            for runner, process in self._assigned.items()
            if process in processes and runner.idle
        ]
        for runner in idle[:limit]:
            await runner.park()

    async def leave(self, runner: ProcessRunner) -> None:
        """Release the assignment of an upload, if it has one."""
        process = self._assigned.pop(runner, None)
        if process is None:
            return
        process.uploads -= 1
        if process in self._isolated:
            self._isolated.discard(process)
            self._isolated_slots.release()
            await process.close()
        elif process in self._retired:
            await self._close_if_left(process)

    async def _close_if_left(self, process: StageProcess) -> None:
        if process.uploads == 0:
            self._retired.discard(process)
            await process.close()

    async def _watch_memory(self) -> None:
        """Retire and kill processes by their memory, for as long as the pool runs."""
        while True:
            await asyncio.sleep(self.limits.memory_interval)
            for process in self._processes():
                used = process.memory_bytes()
                if used > self.limits.max_bytes:
                    process.kill(f"it used {used // _MIB} MiB of memory")
                elif used > self.limits.retire_bytes and not process.retiring:
                    logger.info("stage process %d retires at %d MiB", process.pid, used // _MIB)
                    process.retiring = True
                    retirement = asyncio.create_task(self._retire(process))
                    self._retirements.add(retirement)
                    retirement.add_done_callback(self._retirements.discard)

    async def _retire(self, process: StageProcess) -> None:
        """Move the uploads of a process that wait for bytes; it ends when all have left.

        Nothing waits for it: it lasts until the process has a free thread.
        """
        try:
            await self._replace_worn()
            await self._park({process})
        except (ChildFailed, OSError) as failure:
            logger.warning("no stage process starts in place of %d: %s", process.pid, failure)
