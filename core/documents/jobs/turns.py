"""Turns between background jobs: a long job pauses while others run.

A lane runs jobs of some kinds. A job that has used its turn loses its slot. When it then
reaches a point at which it can wait, it does so until the lane grants it another turn. Until
then it keeps running next to its successor; a few jobs may do that at a time.

Principals take turns: a slot goes to a job of one that had none in this round.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pdfsluice.core.background import background
from pdfsluice.core.models.documents import Document
from pdfsluice.core.models.jobs import Job
from pdfsluice.core.plugins.ports.documents import RetryPolicy

logger = logging.getLogger(__name__)

Claim = Callable[
    [Collection[str], Collection[str]], Awaitable[tuple[Sequence[Job], Document] | None]
]
"""Returns queued jobs of one document, given principals to pass over and to choose last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLimits:
    """How jobs share a lane, and when a lane looks for them.

    Attributes:
        turn_seconds: How long a job may hold a slot while others wait.
        pause_seconds: After waiting this long, a job is preferred to new ones.
        open_jobs: Maximum of jobs that have begun and not ended; waiting ones hold memory.
        open_jobs_of_owner: The same for one principal.
        overdue_jobs: Maximum of jobs that run without a slot.
        overdue_jobs_of_owner: The same for one principal.
        poll_seconds: Time between two searches for jobs that no hint has announced.
        space_seconds: Time after which a job that lacked disk space is tried again.
        quota_seconds: Time after which OCR that a quota stopped is tried again.
        warm_seconds: Time after which the process that imports need is started early again;
            one without work lives longer.
        index_seconds: Time after which OCR looks again whether a running index has ended, if
            the node with the index has not made it due.
        retry: When a job that belongs to no importer is repeated: an index or OCR.
    """

    turn_seconds: float = 20.0
    pause_seconds: float = 200.0
    open_jobs: int = 12
    open_jobs_of_owner: int = 4
    overdue_jobs: int = 4
    overdue_jobs_of_owner: int = 2
    poll_seconds: float = 5.0
    space_seconds: float = 5.0
    quota_seconds: float = 3600.0
    warm_seconds: float = 10.0
    index_seconds: float = 60.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)


DEFAULT_LIMITS = TurnLimits()


@dataclass(slots=True, eq=False)
class Turn:
    """The state of one job in its lane."""

    owner: str
    lane: "Lane"
    has_slot: bool = True
    paused_at: float = 0.0
    granted: asyncio.Event = field(default_factory=asyncio.Event)
    timer: asyncio.TimerHandle | None = None

    async def wait(self) -> float:
        """Wait for another turn if this one is over; return the seconds waited."""
        return 0.0 if self.has_slot else await self.lane.wait_for_slot(self)


class Lane:
    """A fixed number of slots in which jobs run.

    Args:
        name: For logs.
        slots: How many jobs run at a time, besides those that do not give way.
        claim: Claims queued jobs of one document.
        run: Does the jobs of one document; it raises nothing.
        settle: Called before each search for work.
        limits: How jobs share the lane.
    """

    def __init__(
        self,
        name: str,
        slots: int,
        claim: Claim,
        run: Callable[[Sequence[Job], Document, Turn], Coroutine[None, None, None]],
        *,
        settle: Callable[[], Awaitable[None]],
        limits: TurnLimits = DEFAULT_LIMITS,
    ) -> None:
        self._name = name
        self._slots = slots
        self._claim = claim
        self._run = run
        self._settle = settle
        self._limits = limits
        self._changed = asyncio.Event()
        self._turns: dict[asyncio.Task[None], Turn] = {}
        self._paused: list[Turn] = []
        self._served: set[str] = set()
        self._owners: frozenset[str] | None = None  # of all queued jobs, if that is known

    def wake(self, owner: str | None = None) -> None:
        """Report that a job was queued or may be claimed now.

        Args:
            owner: Whose job; ``None`` if that is not known.
        """
        if owner is None:
            self._owners = None
        elif self._owners is not None:
            self._owners |= {owner}
        self._changed.set()

    def wake_if_free(self) -> None:
        """Wake the lane unless it has no slot; it then looks when a job ends."""
        if self.is_free:
            self.wake()

    async def serve(self) -> None:
        """Run jobs until cancelled; jobs that have begun are cancelled as well."""
        try:
            async with background({f"lane {self._name}": self._schedule}):
                await asyncio.Event().wait()
        finally:
            tasks = list(self._turns)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _schedule(self) -> None:
        """Start jobs when the lane is woken, and paused ones when their pause is over."""
        awake = True
        while True:
            self._changed.clear()
            try:
                await self._settle()
                while (awake or self._paused) and self.is_free and await self._start_next():
                    pass
            except Exception:  # the next jobs must not depend on one failure of the catalogue
                logger.exception("no job of lane %s could be claimed", self._name)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.poll_seconds):
                    await self._changed.wait()
            awake = self._changed.is_set()

    @property
    def begins_any(self) -> bool:
        """Whether a job that is queued now gets a slot immediately, whatever its owner."""
        return self.is_free and not self._paused and not self._owners_at_limit()

    @property
    def is_free(self) -> bool:
        """Whether a slot is free; if not, the lane looks when a job ends."""
        return sum(turn.has_slot for turn in self._turns.values()) < self._slots

    async def _start_next(self) -> bool:
        """Give a slot to the next job; return whether there was one."""
        patience = time.monotonic() - self._limits.pause_seconds
        if self._paused and self._paused[0].paused_at < patience:
            return self._resume(self._paused[0])
        if not self._paused:
            return await self._start_new(last=self._served_while_others_wait())
        if await self._start_new(without=self._served) or self._resume_unserved():
            return True
        if not self._served:
            return False
        self._served.clear()  # every principal with work has had a turn in this round
        return await self._start_new() or self._resume_unserved()

    def _served_while_others_wait(self) -> Collection[str]:
        """Return the principals whose jobs are claimed last; none if no other has any.

        The catalogue looks at all queued jobs to find those of others.
        """
        if self._owners is not None and self._owners <= self._served:
            return ()
        return frozenset(self._served)

    async def _start_new(
        self, *, without: Collection[str] = (), last: Collection[str] = ()
    ) -> bool:
        """Claim and start a job; a job of a principal in ``last`` begins another round."""
        if len(self._turns) >= self._limits.open_jobs + self._slots:
            return False
        claimed = await self._claim_new(self._owners_at_limit().union(without), last)
        if claimed is None:
            return False
        jobs, document = claimed
        if document.owner in last:
            self._served.clear()
        turn = Turn(document.owner, self)
        self._hold(turn)
        task = asyncio.create_task(self._run(jobs, document, turn), name=f"job {jobs[0].id}")
        self._turns[task] = turn
        task.add_done_callback(self._ended)
        return True

    async def _claim_new(
        self, without: Collection[str], last: Collection[str]
    ) -> tuple[Sequence[Job], Document] | None:
        """Claim jobs; note if all that are queued belong to the principals given."""
        if last:
            self._owners = frozenset((*without, *last))  # and of jobs that are queued meanwhile
        try:
            claimed = await self._claim(without, last)
        except BaseException:
            self._owners = None
            raise
        if last and claimed is not None and claimed[1].owner not in last:
            self._owners = None
        return claimed

    def _owners_at_limit(self) -> set[str]:
        owners = [turn.owner for turn in self._turns.values()]
        max_jobs = self._limits.open_jobs_of_owner
        return {owner for owner in owners if owners.count(owner) >= max_jobs}

    def _resume_unserved(self) -> bool:
        for turn in self._paused:
            if turn.owner not in self._served:
                return self._resume(turn)
        return False

    def _resume(self, turn: Turn) -> bool:
        self._paused.remove(turn)
        self._hold(turn)
        turn.granted.set()
        return True

    def _hold(self, turn: Turn) -> None:
        turn.has_slot = True
        self._served.add(turn.owner)
        self._set_timer(turn, self._limits.turn_seconds)

    def _set_timer(self, turn: Turn, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        turn.timer = loop.call_later(seconds, self._turn_is_over, turn)

    def _turn_is_over(self, turn: Turn) -> None:
        """Take the slot of a job, unless too many run without one."""
        overdue = [
            other.owner
            for other in self._turns.values()
            if not other.has_slot and other not in self._paused
        ]
        if (
            len(overdue) >= self._limits.overdue_jobs
            or overdue.count(turn.owner) >= self._limits.overdue_jobs_of_owner
        ):
            self._set_timer(turn, min(1.0, self._limits.turn_seconds))
            return
        turn.has_slot = False
        self._changed.set()

    async def wait_for_slot(self, turn: Turn) -> float:
        """Wait until the lane gives a job another slot; return the seconds waited."""
        turn.paused_at = time.monotonic()
        turn.granted.clear()
        self._paused.append(turn)
        self._changed.set()
        try:
            await turn.granted.wait()
        finally:
            if turn in self._paused:
                self._paused.remove(turn)
        return time.monotonic() - turn.paused_at

    def _ended(self, task: asyncio.Task[None]) -> None:
        turn = self._turns.pop(task)
        if turn.timer is not None:
            turn.timer.cancel()
        self._changed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a job of lane %s failed", self._name, exc_info=error)
