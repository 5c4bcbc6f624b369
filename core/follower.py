"""The frontier follower: shows stream stages the committed bytes of one upload, in order.

Parallel and out-of-order chunks, a resume after a crash and a hand-over to another process
are one mechanism here: read on from where each stage stands, as far as the frontier goes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

from .errors import PdfsluiceError, StageFailed, StorageFailed
from .findings import Finding, StageReport
from .stages import StageContext, StreamStage, StreamStageSpec
from .stores import Blob
from .workers import BufferPool, Workers, to_its_end

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

Checkpoints = Mapping[str, tuple[int, bytes]]

_RUN_SIZE = 8 * 1024 * 1024
"""How far a worker reads on at a time; between two runs, other uploads have their turn."""

SLICE_SIZE = 1024 * 1024
"""How much the stages see at once: little enough to stay in the processor's cache."""


@contextmanager
def _naming(stage: str) -> Iterator[None]:
    """Turn what a plugin raises into an error that names its stage."""
    try:
        yield
    except PdfsluiceError:
        raise
    except Exception as error:
        logger.exception("stage %r failed", stage)
        raise StageFailed(
            f"stage {stage!r} failed: {type(error).__name__}: {error}",
            hint="This is a defect of the plugin, not of the file; tell whoever runs the server.",
            details={"stage": stage},
        ) from error


@dataclass(slots=True)
class _Follow:
    """A stage and the offset up to which it has seen the file.

    Attributes:
        state: The checkpoint from which it goes on, where it does.
        stage: Opened when there is something to see, closed when it has seen all.
    """

    spec: StreamStageSpec
    position: int = 0
    state: bytes | None = None
    stage: StreamStage | None = None

    def open(self, context: StageContext) -> StreamStage:
        if self.stage is None:
            with _naming(self.spec.name):
                self.stage = self.spec.open(
                    replace(context, checkpoint=self.state, offset=self.position)
                )
            self.state = None
        return self.stage

    def feed(self, stage: StreamStage, data: memoryview) -> Sequence[Finding]:
        with _naming(self.spec.name):
            findings = stage.feed(data, self.position)
        self.position += len(data)
        return findings

    def finish(self, context: StageContext) -> StageReport:
        stage = self.open(context)
        with _naming(self.spec.name):
            return stage.finish()

    def close(self) -> bytes | None:
        """Let go of the stage, if it is open; return its checkpoint, if it has one."""
        stage, self.stage = self.stage, None
        if stage is None:
            return self.state
        try:
            state = stage.checkpoint()
            stage.close()
        except Exception:
            logger.exception("stage %r failed on closing", self.spec.name)
            return None
        return state


class Follower:
    """Feeds the stream stages of one upload, from the first ``wake`` to ``close``.

    Args:
        context: Returns what the stages are told on opening.
        blob: The bytes.
        specs: The stages, in order.
        frontier: Returns the end of the contiguous committed prefix.
        on_findings: Awaited with new findings; returning ``False`` ends the following.
        on_validated: Called with the offset that every stage has seen.
        on_failure: Awaited once if a stage or the storage fails.
        checkpoints: From where stages go on; the others begin at the start.
    """

    def __init__(
        self,
        context: Callable[[], StageContext],
        blob: Blob,
        specs: Sequence[StreamStageSpec],
        *,
        workers: Workers,
        buffers: BufferPool,
        frontier: Callable[[], int],
        on_findings: Callable[[Sequence[Finding]], Awaitable[bool]],
        on_validated: Callable[[int], None],
        on_failure: Callable[[PdfsluiceError], Awaitable[None]],
        checkpoints: Checkpoints,
    ) -> None:
        self._context = context
        self._blob = blob
        self._workers = workers
        self._buffers = buffers
        self._frontier = frontier
        self._on_findings = on_findings
        self._on_validated = on_validated
        self._on_failure = on_failure
        self._follows = [_Follow(spec, *checkpoints.get(spec.name, ())) for spec in specs]
        self._wake = asyncio.Event()
        self._total: int | None = None
        self._outcome: asyncio.Future[Sequence[StageReport]]
        self._outcome = asyncio.get_running_loop().create_future()
        self._outcome.add_done_callback(_retrieve)
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Say that the frontier may have moved."""
        self._wake.set()
        if self._task is None and self._to_do:
            self._task = asyncio.create_task(self._run())

    async def finish(self, total: int) -> Sequence[StageReport]:
        """Wait until every stage has seen all ``total`` bytes; return their reports.

        Raises:
            StageFailed: A stage failed.
            PdfsluiceError: What a stage raised, or what ended the following.
        """
        self._total = total
        self.wake()
        return await asyncio.shield(self._outcome)

    def abandon(self, reason: PdfsluiceError) -> None:
        """Follow no further; whoever waits in :meth:`finish` gets ``reason``."""
        if not self._ended:
            self._outcome.set_exception(reason)
        self._wake.set()

    async def close(self) -> dict[str, tuple[int, bytes]]:
        """End the following and close the stages; return their checkpoints."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._outcome.cancel()
        follows, self._follows = self._follows, []
        if all(follow.stage is None for follow in follows):
            return {}
        return await self._workers.run(_close_all, follows)

    async def _run(self) -> None:
        try:
            while not self._ended:
                self._wake.clear()
                while not self._ended and self._position < self._frontier():
                    await self._step()
                if not self._ended and self._position == self._total:
                    await self._conclude()
                if not self._ended:
                    await self._wake.wait()
        except PdfsluiceError as error:
            await self._fail(error)
        except Exception as error:
            logger.exception("following upload %s failed", self._context().session_id)
            await self._fail(StageFailed(f"the upload could not be checked: {error}"))

    @property
    def _ended(self) -> bool:
        return self._outcome.done()

    @property
    def _to_do(self) -> bool:
        return not self._ended and (self._total is not None or self._position < self._frontier())

    @property
    def _position(self) -> int:
        """The offset up to which every stage has seen the file."""
        return min((follow.position for follow in self._follows), default=self._frontier())

    async def _fail(self, error: PdfsluiceError) -> None:
        self.abandon(error)
        await self._on_failure(error)

    async def _step(self) -> None:
        """Let a worker read on, one run of slices, and show each to every stage."""
        end = min(self._frontier(), self._position + _RUN_SIZE)
        context = self._context()
        async with self._buffers.buffer() as buffer:
            findings = await self._work(
                _follow_run, self._blob, self._follows, context, buffer, end
            )
        self._on_validated(self._position)
        if findings and not await self._on_findings(findings):
            self._wake.set()

    async def _conclude(self) -> None:
        reports = await self._work(_finish_all, self._follows, self._context())
        if not self._ended:
            self._outcome.set_result(reports)

    def _work(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """Call a function in a worker thread that has the stages, and memory, to itself.

        Whoever closes the follower waits for it: a thread cannot be stopped.
        """
        return to_its_end(self._workers.run(function, *args, **kwargs))


def _finish_all(follows: Sequence[_Follow], context: StageContext) -> Sequence[StageReport]:
    """Ask every stage for its report, then close them all: they have seen everything."""
    reports = [follow.finish(context) for follow in follows]
    for follow in follows:
        follow.close()
    return reports


def _follow_run(
    blob: Blob, follows: Sequence[_Follow], context: StageContext, buffer: memoryview, end: int
) -> Sequence[Finding]:
    """Read slices up to ``end`` and feed them, until a stage finds something.

    All stages see a slice in one thread while it is in the processor's cache, and the event
    loop is bothered once for a run instead of several times for each slice.
    """
    stages = [(follow, follow.open(context)) for follow in follows]
    position = min(follow.position for follow in follows)
    while position < end:
        view = buffer[: min(len(buffer), end - position)]
        read = blob.read_into(position, view)
        if read < len(view):
            raise StorageFailed(
                f"committed bytes are gone: {read} of {len(view)} bytes at offset {position}",
                hint="Resume the upload; the missing bytes will be asked for again.",
            )
        findings = [
            finding
            for follow, stage in stages
            if follow.position < position + read
            # A stage that went on from a checkpoint may be ahead of the others.
            for finding in follow.feed(stage, view[follow.position - position :])
        ]
        position += read
        if findings:
            return findings
    return ()


def _close_all(follows: Sequence[_Follow]) -> dict[str, tuple[int, bytes]]:
    checkpoints: dict[str, tuple[int, bytes]] = {}
    for follow in follows:
        state = follow.close()
        if state is not None:
            checkpoints[follow.spec.name] = (follow.position, state)
    return checkpoints


def _retrieve(outcome: "asyncio.Future[Sequence[StageReport]]") -> None:
    """Mark an error as seen, so that nobody is warned when nobody waits for it."""
    if not outcome.cancelled():
        outcome.exception()
