"""Runs the stream stages of an upload, in server threads or a stage process.

The follower does not depend on which. Threads serve what exists in the server alone: bytes
that are in no local file, and stages that were not installed as a plugin.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from pdfsluice.core.models.findings import Finding, StageReport
from pdfsluice.core.plugins.ports.stores import Blob
from pdfsluice.core.plugins.ports.streams import StageContext, StreamStageSpec
from pdfsluice.core.threads import BufferPool, Workers, run_uncancelled

from .reader import Checkpoints, StageReader


class StagesLost(Exception):
    """The stages were lost and will be opened again; they continue at ``position``."""


class StageRunner(Protocol):
    """The stream stages of one upload. Its methods are called one at a time."""

    @property
    def position(self) -> int:
        """The offset up to which every stage has seen the file."""
        ...

    async def read_on(self, end: int) -> Sequence[Finding]:
        """Show the stages more of the file, at most up to ``end``.

        Raises:
            StagesLost: The stages start again, at ``position``.
            PdfsluiceError: A stage or the storage failed.
        """
        ...

    async def finish(self) -> Sequence[StageReport]:
        """Return the reports of stages that have seen the whole file.

        Raises:
            StagesLost: The stages start again, at ``position``.
            PdfsluiceError: A stage failed.
        """
        ...

    async def checkpoints(self) -> Checkpoints:
        """Return the checkpoints of the stages, which stay open.

        The caller has received all findings up to here.

        Raises:
            StagesLost: The stages start again, at ``position``.
        """
        ...

    async def close(self) -> Checkpoints:
        """Close the stages and return their checkpoints, once. It is the last call."""
        ...


class StageRunners(Protocol):
    """The factory of each upload's runner."""

    def runner(
        self, context: Callable[[], StageContext], blob: Blob, checkpoints: Checkpoints
    ) -> StageRunner:
        """Return a runner; no stage is opened yet.

        Args:
            context: Returns the context in which stages are opened.
            blob: The bytes of the upload.
            checkpoints: Where stages continue; those without one begin at the start.
        """
        ...

    def memory_bytes(self) -> Mapping[int, int]:
        """Return the resident memory of each stage process by its process id."""
        ...


class ThreadRunners:
    """The factory of runners whose stages run in worker threads of the server.

    Args:
        specs: The stages, in order.
        buffers: Memory to read into; bounds how many uploads are read at a time.
    """

    def __init__(
        self, specs: Sequence[StreamStageSpec], workers: Workers, buffers: BufferPool
    ) -> None:
        self._specs = specs
        self._workers = workers
        self._buffers = buffers

    def memory_bytes(self) -> Mapping[int, int]:
        """Return nothing: the stages run in the server's own process."""
        return {}

    def runner(
        self, context: Callable[[], StageContext], blob: Blob, checkpoints: Checkpoints
    ) -> StageRunner:
        """Return a runner; no stage is opened yet."""
        reader = StageReader(blob, self._specs, checkpoints)
        return _ThreadRunner(reader, context, self._workers, self._buffers)


class _ThreadRunner:
    """The stages of one upload in a thread; a cancelled caller waits for its end."""

    def __init__(
        self,
        reader: StageReader,
        context: Callable[[], StageContext],
        workers: Workers,
        buffers: BufferPool,
    ) -> None:
        self._reader = reader
        self._context = context
        self._workers = workers
        self._buffers = buffers

    @property
    def position(self) -> int:
        return self._reader.position

    async def read_on(self, end: int) -> Sequence[Finding]:
        context = self._context()
        async with self._buffers.buffer() as buffer:
            return await run_uncancelled(
                self._workers.run(self._reader.read_on, context, end, buffer)
            )

    async def finish(self) -> Sequence[StageReport]:
        return await run_uncancelled(self._workers.run(self._reader.finish, self._context()))

    async def checkpoints(self) -> Checkpoints:
        return await run_uncancelled(self._workers.run(self._reader.checkpoints))

    async def close(self) -> Checkpoints:
        if not self._reader.in_use:
            return {}
        return await run_uncancelled(self._workers.run(self._reader.close))
