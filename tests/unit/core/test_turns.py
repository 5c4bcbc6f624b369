"""Jobs of a lane take turns; so do principals."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count

from pdfsluice.core import Document, Job, JobKind, JobState
from pdfsluice.core.documents.jobs.turns import Lane, Turn, TurnLimits
from pdfsluice.core.testing import MemoryCatalogue
from pdfsluice.core.testing.contracts.samples import make_document
from tests.support.waiting import until

Work = Callable[[Turn], Awaitable[None]]
FAST = TurnLimits(turn_seconds=0.02, poll_seconds=0.01)


class Jobs:
    """A lane over a catalogue, and what its jobs did, in order."""

    def __init__(self, slots: int = 1, limits: TurnLimits = FAST) -> None:
        self.catalogue = MemoryCatalogue()
        self.told: list[str] = []
        self.works: dict[int, tuple[str, Work]] = {}
        self.running = 0
        self.claims = self.searches = 0
        self.ended = asyncio.Event()
        self.numbers = count()
        self.lane = Lane("test", slots, self._claim, self._run, settle=self._settle, limits=limits)

    async def add(self, name: str, work: Work, owner: str = "anna") -> None:
        document = await self.catalogue.add(
            make_document(owner=owner, session_id=f"{next(self.numbers)}"), [JobKind.IMPORT]
        )
        self.works[document.id] = name, work
        self.lane.wake(owner)

    async def _claim(
        self, passing_over: Collection[str], last: Collection[str]
    ) -> tuple[Sequence[Job], Document] | None:
        self.claims += 1
        self.searches += bool(last)
        return await self.catalogue.claim(passing_over=passing_over, last=last)

    async def _settle(self) -> None:
        pass

    async def _run(self, jobs: Sequence[Job], document: Document, turn: Turn) -> None:
        name, work = self.works[document.id]
        self.told.append(f"{name} begins")
        self.running += 1
        try:
            await work(turn)
        finally:
            self.running -= 1
        self.told.append(f"{name} ends")
        await self.catalogue.report(jobs[0].id, state=JobState.DONE, progress=1.0, message="")
        if not self.running:
            self.ended.set()

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.lane.serve())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until(self, line: str) -> None:
        async with asyncio.timeout(10):
            await until(lambda: line in self.told)


async def at_once(turn: Turn) -> None:
    """Do nothing."""


def long(let: asyncio.Event) -> Work:
    """Return work of many steps, which runs until the test ends it."""

    async def work(turn: Turn) -> None:
        while not let.is_set():
            await asyncio.sleep(0.001)
            await turn.wait()

    return work


def stubborn(let: asyncio.Event) -> Work:
    """Return work that never gives way."""

    async def work(turn: Turn) -> None:
        await let.wait()

    return work


async def test_a_long_job_lets_others_by_and_continues() -> None:
    jobs, let = Jobs(), asyncio.Event()
    begun = []

    async def work(turn: Turn) -> None:
        begun.append(1)
        await long(let)(turn)

    await jobs.add("long", work)
    async with jobs.served():
        await jobs.until("long begins")
        for number in range(3):
            await jobs.add(f"short {number}", at_once)
        await jobs.until("short 2 ends")
        assert "long ends" not in jobs.told
        let.set()
        await jobs.until("long ends")
    assert begun == [1], "it continued from where it was"


async def test_no_two_jobs_run_in_one_slot_if_they_give_way() -> None:
    jobs, let = Jobs(), asyncio.Event()
    working, most = 0, 0

    async def work(turn: Turn) -> None:
        nonlocal working, most
        while not let.is_set():
            working += 1
            most = max(most, working)
            await asyncio.sleep(0.005)
            working -= 1
            await turn.wait()

    async with jobs.served():
        for name in "abc":
            await jobs.add(name, work)
        for name in "abc":
            await jobs.until(f"{name} begins")
        let.set()
        for name in "abc":
            await jobs.until(f"{name} ends")
    assert most <= 2, "the one whose turn ends, and for a moment its successor"


async def test_what_never_gives_way_is_passed_by() -> None:
    jobs, let = Jobs(), asyncio.Event()
    async with jobs.served():
        for number in range(2):
            await jobs.add(f"stubborn {number}", stubborn(let), owner="mallory")
        await jobs.add("form", at_once)
        await jobs.until("form ends")
        assert not any("stubborn" in line and "ends" in line for line in jobs.told)
        let.set()
        await jobs.until("stubborn 1 ends")


async def test_one_principal_cannot_fill_a_lane() -> None:
    jobs, let = Jobs(), asyncio.Event()
    async with jobs.served():
        for number in range(30):
            await jobs.add(f"stubborn {number}", stubborn(let), owner="mallory")
        await jobs.until("stubborn 0 begins")
        await asyncio.sleep(0.3)
        begun = sum("begins" in line for line in jobs.told)
        assert begun <= FAST.open_jobs_of_owner
        let.set()


async def test_principals_take_turns() -> None:
    jobs = Jobs(limits=TurnLimits(poll_seconds=0.01))
    for number in range(4):
        await jobs.add(f"a{number}", at_once, owner="anna")
    await jobs.add("b0", at_once, owner="bert")
    await jobs.add("c0", at_once, owner="carl")
    await jobs.add("b1", at_once, owner="bert")
    async with jobs.served():
        for name in ("a3", "b1", "c0"):
            await jobs.until(f"{name} ends")
    order = [line.split()[0] for line in jobs.told if "begins" in line]
    assert order == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"]


async def test_each_job_of_one_principal_takes_one_claim() -> None:
    """A claim is a transaction, also one that finds nothing."""
    jobs = Jobs(limits=TurnLimits(poll_seconds=60))
    for number in range(20):
        await jobs.add(f"a{number}", at_once)
    async with jobs.served():
        await jobs.until("a19 ends")
    assert jobs.claims <= 22


async def test_others_are_looked_for_only_if_they_may_have_jobs() -> None:
    """The catalogue looks at all queued jobs to find those of others."""
    jobs = Jobs(limits=TurnLimits(poll_seconds=60))

    async def call_bert(_turn: Turn) -> None:
        await jobs.add("b0", at_once, owner="bert")
        await jobs.add("b1", at_once, owner="bert")

    for number in range(20):
        await jobs.add(f"a{number}", call_bert if number == 9 else at_once)
    async with jobs.served():
        await jobs.until("a19 ends")
    order = [line.split()[0] for line in jobs.told if "begins" in line]
    assert order[9:15] == ["a9", "b0", "a10", "b1", "a11", "a12"]
    assert jobs.searches < 10


async def test_a_stream_of_short_jobs_does_not_starve_a_long_one() -> None:
    jobs = Jobs(limits=TurnLimits(turn_seconds=0.01, pause_seconds=0.05, poll_seconds=0.01))
    steps = 0

    async def work(turn: Turn) -> None:
        nonlocal steps
        for _ in range(20):
            await asyncio.sleep(0.002)
            steps += 1
            await turn.wait()

    async def short(turn: Turn) -> None:
        await asyncio.sleep(0.005)
        if "long ends" not in jobs.told:
            await jobs.add("short", short)

    await jobs.add("long", work)
    await jobs.add("short", short)
    async with jobs.served():
        await jobs.until("long ends")
    assert steps == 20


async def test_what_is_stopped_ends_every_job() -> None:
    jobs, let = Jobs(slots=2), asyncio.Event()
    async with jobs.served():
        await jobs.add("long", long(let))
        await jobs.add("stubborn", stubborn(let))
        await jobs.until("long begins")
        await jobs.until("stubborn begins")
    assert jobs.running == 0
