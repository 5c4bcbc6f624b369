"""The follower: feeds the committed bytes of an upload to its stages, in order.

Parallel and out-of-order chunks, a resume after a crash and a hand-over to another process
are one mechanism here: each stage reads from its own position up to the frontier.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.models.findings import Finding, StageReport
from pdfsluice.core.shortages import retry_later
from pdfsluice.core.threads import run_uncancelled

from .reader import Checkpoints
from .runner import StageRunner, StagesLost

logger = logging.getLogger(__name__)

_RUN_BYTES = 16 * 1024 * 1024
"""How far the stages read in one run; other uploads have their turn between two runs."""
_FIRST_PAUSE_SECONDS = 1.0
_MAX_PAUSE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointInterval:
    """How often stages are asked for checkpoints; the first limit reached counts.

    Attributes:
        max_bytes: Bytes that they have read since the last time.
        max_seconds: Seconds since the last time, if they have read anything.
    """

    max_bytes: int = 64 * 1024 * 1024
    max_seconds: float = 10.0


DEFAULT_INTERVAL = CheckpointInterval()


class Follower:
    """The follower of one upload, from the first ``wake`` to ``close``.

    Args:
        upload_id: Its id, for logs.
        runner: Makes the runner of its stages, which continue from checkpoints.
        checkpoints: Where they continue at first.
        frontier: Returns the end of the contiguous committed prefix.
        prepare: Awaited before a range is read: brings its bytes to where the stages read.
            The range is empty before the reports are requested.
        on_findings: Awaited with new findings; if it returns ``False``, nothing more is read.
        on_validated: Called with the offset that every stage has seen.
        on_failure: Awaited once if a stage or the storage fails. A passing fault is waited
            for, unless the reports were requested.
        on_checkpoints: Awaited with the checkpoints of the stages from time to time.
        interval: How often the stages are asked for checkpoints.
        first_pause: Seconds until the stages start again after a passing fault; doubled
            after each further one.
    """

    def __init__(
        self,
        upload_id: str,
        runner: Callable[[Checkpoints], StageRunner],
        checkpoints: Checkpoints,
        *,
        frontier: Callable[[], int],
        prepare: Callable[[int, int], Awaitable[None]],
        on_findings: Callable[[Sequence[Finding]], Awaitable[bool]],
        on_validated: Callable[[int], None],
        on_failure: Callable[[PdfsluiceError], Awaitable[None]],
        on_checkpoints: Callable[[Checkpoints], Awaitable[None]],
        interval: CheckpointInterval = DEFAULT_INTERVAL,
        first_pause: float = _FIRST_PAUSE_SECONDS,
    ) -> None:
        self._upload_id = upload_id
        self._new_runner = runner
        self._runner = runner(checkpoints)
        self._frontier = frontier
        self._prepare = prepare
        self._on_findings = on_findings
        self._on_validated = on_validated
        self._on_failure = on_failure
        self._on_checkpoints = on_checkpoints
        self._interval = interval
        self._asked_at, self._asked_time = 0, time.monotonic()
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._advanced = asyncio.Event()
        self._first_pause = self._pause = first_pause
        self._total: int | None = None
        self._outcome: asyncio.Future[Sequence[StageReport]]
        self._outcome = asyncio.get_running_loop().create_future()
        self._outcome.add_done_callback(_retrieve)
        self._task: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[Checkpoints] | None = None

    def wake(self) -> None:
        """Note that the frontier may have moved."""
        self._wake.set()
        if self._task is None and self._to_do:
            self._task = asyncio.create_task(self._run())

    async def finish(self, total: int) -> Sequence[StageReport]:
        """Wait until every stage has seen all ``total`` bytes; return their reports.

        Raises:
            StageFailed: A stage failed.
            PdfsluiceError: What a stage raised, or the reason given to :meth:`abandon`.
        """
        self._total = total
        self._urgent.set()
        self.wake()
        return await asyncio.shield(self._outcome)

    async def reached(self, offset: int) -> int:
        """Wait until every stage has seen ``offset`` bytes; return how many they have.

        Never returns if nothing more is read before that.
        """
        while self._runner.position < offset:
            self._advanced.clear()
            await self._advanced.wait()
        return self._runner.position

    def abandon(self, reason: PdfsluiceError) -> None:
        """Read nothing more; callers waiting in :meth:`finish` receive ``reason``."""
        if not self._ended:
            self._outcome.set_exception(reason)
        self._urgent.set()
        self._wake.set()

    async def close(self) -> Checkpoints:
        """Stop reading and close the stages; return their checkpoints."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._outcome.cancel()
        return await self._closed()

    async def _run(self) -> None:
        try:
            while not self._ended:
                self._wake.clear()
                try:
                    await self._catch_up()
                except StagesLost:
                    self._on_validated(self._runner.position)
                    continue
                except Exception as error:
                    failure = self._as_failure(error)
                    if not failure.retryable or self._total is not None:
                        raise
                    await self._start_again(failure)
                    continue
                if not self._ended:
                    await self._wake.wait()
        except Exception as error:  # noqa: BLE001 - see _as_failure
            await self._fail(self._as_failure(error))
        await asyncio.shield(self._closed())  # the stages have no more to do

    def _as_failure(self, error: Exception) -> PdfsluiceError:
        """Return an error as it is, or as a retryable one if it is no verdict of a stage."""
        if isinstance(error, PdfsluiceError):
            return error
        logger.error("following upload %s failed", self._upload_id, exc_info=error)
        return retry_later(error, "check the file")

    async def _start_again(self, error: PdfsluiceError) -> None:
        """Wait for a fault to pass, then continue with newly opened stages."""
        logger.warning("upload %s is checked later: %s", self._upload_id, error.message)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause):
                await self._urgent.wait()
        self._pause = min(2 * self._pause, _MAX_PAUSE_SECONDS)
        self._runner = self._new_runner(await run_uncancelled(self._runner.close()))
        self._on_validated(self._runner.position)

    def _closed(self) -> "asyncio.Task[Checkpoints]":
        """Return the task that closes the runner; there is only one."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._runner.close())
        return self._closing

    async def _catch_up(self) -> None:
        """Show the stages what is committed; request their reports after the last byte."""
        while not self._ended and self._runner.position < self._frontier():
            position = self._runner.position
            end = min(self._frontier(), position + _RUN_BYTES)
            await self._prepare(position, end)
            findings = await self._runner.read_on(end)
            self._pause = self._first_pause
            self._on_validated(self._runner.position)
            self._advanced.set()
            if findings and not await self._on_findings(findings):
                return
            if not self._ended and self._runner.position != self._total:
                await self._keep_checkpoints()
        if not self._ended and self._runner.position == self._total:
            await self._prepare(self._runner.position, self._runner.position)
            reports = await self._runner.finish()
            if not self._ended:
                self._outcome.set_result(reports)

    async def _keep_checkpoints(self) -> None:
        """Ask the stages for checkpoints if it is time; they are lost with the process."""
        position, now = self._runner.position, time.monotonic()
        since = position - self._asked_at
        if since < self._interval.max_bytes and now - self._asked_time < self._interval.max_seconds:
            return
        self._asked_at, self._asked_time = position, now
        checkpoints = await self._runner.checkpoints()
        try:
            if checkpoints and since > 0:
                await self._on_checkpoints(checkpoints)
        except Exception as error:  # noqa: BLE001 - the stages would only read more again
            logger.warning("checkpoints of upload %s are not kept: %s", self._upload_id, error)

    @property
    def _ended(self) -> bool:
        return self._outcome.done()

    @property
    def _to_do(self) -> bool:
        behind = self._total is not None or self._runner.position < self._frontier()
        return behind and not self._ended

    async def _fail(self, error: PdfsluiceError) -> None:
        self.abandon(error)
        await self._on_failure(error)


def _retrieve(outcome: "asyncio.Future[Sequence[StageReport]]") -> None:
    """Mark an error as retrieved, so that asyncio does not warn about it."""
    if not outcome.cancelled():
        outcome.exception()
