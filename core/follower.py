"""The frontier follower: shows stream stages the committed bytes of one upload, in order.

Parallel and out-of-order chunks, a resume after a crash and a hand-over to another process
are one mechanism here: read on from where each stage stands, as far as the frontier goes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from .errors import PdfsluiceError, StageFailed, StorageFailed
from .findings import Finding, StageReport
from .stages import StageContext, StreamStage, StreamStageSpec
from .stores import Blob
from .workers import BufferPool, Workers

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
Checkpoints = Mapping[str, tuple[int, bytes]]


@dataclass(slots=True)
class _Follow:
    """A stage and the offset up to which it has seen the file."""

    name: str
    stage: StreamStage
    position: int


class Follower:
    """Feeds the stream stages of one upload; runs as one task from ``start`` to ``close``.

    Args:
        context: What the stages are told on opening.
        blob: The bytes.
        specs: The stages, in order.
        frontier: Returns the end of the contiguous committed prefix.
        on_findings: Awaited with new findings; returning ``False`` ends the following.
        on_validated: Called with the offset that every stage has seen.
        on_failure: Awaited once if a stage or the storage fails.
    """

    def __init__(
        self,
        context: StageContext,
        blob: Blob,
        specs: Sequence[StreamStageSpec],
        *,
        workers: Workers,
        buffers: BufferPool,
        frontier: Callable[[], int],
        on_findings: Callable[[Sequence[Finding]], Awaitable[bool]],
        on_validated: Callable[[int], None],
        on_failure: Callable[[PdfsluiceError], Awaitable[None]],
    ) -> None:
        self._context = context
        self._blob = blob
        self._specs = specs
        self._workers = workers
        self._buffers = buffers
        self._frontier = frontier
        self._on_findings = on_findings
        self._on_validated = on_validated
        self._on_failure = on_failure
        self._follows: list[_Follow] = []
        self._wake = asyncio.Event()
        self._total: int | None = None
        self._outcome: asyncio.Future[Sequence[StageReport]] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, checkpoints: Checkpoints | None = None) -> None:
        """Begin to follow, each stage from its checkpoint or from the start."""
        self._outcome = asyncio.get_running_loop().create_future()
        self._outcome.add_done_callback(_retrieve)
        self._wake.set()
        self._task = asyncio.create_task(self._run(checkpoints or {}))

    def wake(self) -> None:
        """Say that the frontier has moved."""
        self._wake.set()

    async def finish(self, total: int) -> Sequence[StageReport]:
        """Wait until every stage has seen all ``total`` bytes; return their reports.

        Raises:
            StageFailed: A stage failed.
            PdfsluiceError: What a stage raised, or what ended the following.
        """
        if self._outcome is None:
            raise RuntimeError("the follower was not started")
        self._total = total
        self._wake.set()
        return await asyncio.shield(self._outcome)

    def abandon(self, reason: PdfsluiceError) -> None:
        """Follow no further; whoever waits in :meth:`finish` gets ``reason``."""
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(reason)
        self._wake.set()

    async def close(self) -> dict[str, tuple[int, bytes]]:
        """End the following and close the stages; return their checkpoints."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._outcome is not None:
            self._outcome.cancel()
        follows, self._follows = self._follows, []
        return await self._workers.run(_close_all, follows)

    async def _run(self, checkpoints: Checkpoints) -> None:
        try:
            for spec in self._specs:
                await self._open(spec, checkpoints.get(spec.name))
            while not self._ended:
                await self._wake.wait()
                self._wake.clear()
                while not self._ended and self._position < self._frontier():
                    await self._step()
                if not self._ended and self._position == self._total:
                    await self._conclude()
        except PdfsluiceError as error:
            await self._fail(error)
        except Exception as error:
            logger.exception("following upload %s failed", self._context.session_id)
            await self._fail(StageFailed(f"the upload could not be checked: {error}"))

    @property
    def _ended(self) -> bool:
        return self._outcome is None or self._outcome.done()

    @property
    def _position(self) -> int:
        """The offset up to which every stage has seen the file."""
        return min((follow.position for follow in self._follows), default=self._frontier())

    async def _fail(self, error: PdfsluiceError) -> None:
        self.abandon(error)
        await self._on_failure(error)

    async def _open(self, spec: StreamStageSpec, checkpoint: tuple[int, bytes] | None) -> None:
        offset, state = checkpoint or (0, None)
        context = replace(self._context, checkpoint=state, offset=offset)
        stage = await _guarded(spec.name, self._workers.run(spec.open, context))
        self._follows.append(_Follow(spec.name, stage, offset))

    async def _step(self) -> None:
        """Read one slice and feed it to every stage that has not seen it yet."""
        async with self._buffers.buffer() as buffer:
            start = self._position
            size = min(len(buffer), self._frontier() - start)
            view = buffer[:size]
            read = await self._workers.run(self._blob.read_into, start, view)
            if read < size:
                raise StorageFailed(
                    f"committed bytes are gone: {read} of {size} bytes at offset {start}",
                    hint="Resume the upload; the missing bytes will be asked for again.",
                )
            # A stage that went on from a checkpoint may be ahead of the others.
            behind = [follow for follow in self._follows if follow.position < start + size]
            # All must have ended before the buffer goes back, whatever one of them raises.
            results = await asyncio.gather(
                *(
                    self._workers.run(
                        follow.stage.feed, view[follow.position - start :], follow.position
                    )
                    for follow in behind
                ),
                return_exceptions=True,
            )
        findings: list[Finding] = []
        for follow, result in zip(behind, results, strict=True):
            findings.extend(_unwrapped(follow.name, result))
            follow.position = start + size
        self._on_validated(self._position)
        if findings and not await self._on_findings(findings):
            self._wake.set()

    async def _conclude(self) -> None:
        reports = [
            await _guarded(follow.name, self._workers.run(follow.stage.finish))
            for follow in self._follows
        ]
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(reports)


async def _guarded(name: str, work: "asyncio.Future[_T]") -> _T:
    (result,) = await asyncio.gather(work, return_exceptions=True)
    return _unwrapped(name, result)


def _unwrapped(name: str, result: _T | BaseException) -> _T:
    """Return a result; turn what a plugin raised into an error that names its stage."""
    if not isinstance(result, BaseException):
        return result
    if isinstance(result, PdfsluiceError) or not isinstance(result, Exception):
        raise result
    logger.error("stage %r failed", name, exc_info=result)
    raise StageFailed(
        f"stage {name!r} failed: {type(result).__name__}: {result}",
        hint="This is a defect of the plugin, not of the file; tell whoever runs the server.",
        details={"stage": name},
    ) from result


def _close_all(follows: Sequence[_Follow]) -> dict[str, tuple[int, bytes]]:
    checkpoints: dict[str, tuple[int, bytes]] = {}
    for follow in follows:
        try:
            state = follow.stage.checkpoint()
            if state is not None:
                checkpoints[follow.name] = (follow.position, state)
            follow.stage.close()
        except Exception:
            logger.exception("stage %r failed on closing", follow.name)
    return checkpoints


def _retrieve(outcome: "asyncio.Future[Sequence[StageReport]]") -> None:
    """Mark an error as seen, so that nobody is warned when nobody waits for it."""
    if not outcome.cancelled():
        outcome.exception()
