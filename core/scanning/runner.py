"""Where the stream stages of an upload run: in threads of the server, or in a stage process.

The follower does not know which. Threads serve what exists in the server alone: bytes that
are in no local file, and stages that were not installed as a plugin.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from pdfsluice.core.findings import Finding, StageReport
from pdfsluice.core.plugins.ports.stages import StageContext, StreamStageSpec
from pdfsluice.core.plugins.ports.stores import Blob
from pdfsluice.core.threads import BufferPool, Workers, run_uncancelled

from .reader import Checkpoints, StageReader


class StagesLost(Exception):
    """The stages are gone and will be opened anew; ``position`` tells where they go on."""


class StageHost(Protocol):
    """The stream stages of one upload. Its methods are called one at a time."""

    @property
    def position(self) -> int:
        """The offset up to which every stage has seen the file."""
        ...

    async def read_on(self, end: int) -> Sequence[Finding]:
        """Show the stages more of the file, at most up to ``end``.

        Raises:
            StagesLost: The stages begin anew, at ``position``.
            PdfsluiceError: A stage or the storage failed.
        """
        ...

    async def finish(self) -> Sequence[StageReport]:
        """Return the reports of stages that have seen the whole file.

        Raises:
            StagesLost: The stages begin anew, at ``position``.
            PdfsluiceError: A stage failed.
        """
        ...

    async def close(self) -> Checkpoints:
        """Let go of the stages; return where they stand, once. Nothing else is called then."""
        ...


class StageHosts(Protocol):
    """Gives each upload a host for its stages."""

    def host(
        self, context: Callable[[], StageContext], blob: Blob, checkpoints: Checkpoints
    ) -> StageHost:
        """Return a host; nothing is opened yet.

        Args:
            context: Returns what the stages are told on opening.
            blob: The bytes of the upload.
            checkpoints: From where stages go on; the others begin at the start.
        """
        ...


class ThreadHosts:
    """Hosts whose stages run in worker threads of the server.

    Args:
        specs: The stages, in order.
        buffers: Memory to read into; bounds how many read at once.
    """

    def __init__(
        self, specs: Sequence[StreamStageSpec], workers: Workers, buffers: BufferPool
    ) -> None:
        self._specs = specs
        self._workers = workers
        self._buffers = buffers

    def host(
        self, context: Callable[[], StageContext], blob: Blob, checkpoints: Checkpoints
    ) -> StageHost:
        """Return a host; nothing is opened yet."""
        reader = StageReader(blob, self._specs, checkpoints)
        return _ThreadHost(reader, context, self._workers, self._buffers)


class _ThreadHost:
    """A thread cannot be stopped: whoever gives up on a call waits for its end all the same."""

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

    async def close(self) -> Checkpoints:
        if not self._reader.in_use:
            return {}
        return await run_uncancelled(self._workers.run(self._reader.close))
