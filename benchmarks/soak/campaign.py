"""Many interrupted uploads against one server that is killed again and again."""

import asyncio
import hashlib
import random
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.soak.audit import Audit, audit
from benchmarks.soak.senders import SENDERS, Sender, UploadFailed
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.fault_proxy import (
    Cut,
    Duplicate,
    Fault,
    FaultProxy,
    LoseAnswer,
    Stall,
    fault_proxy,
)
from tests.support.servers import RunningServer

SETTINGS = {"PDFSLUICE_BODY_IDLE_TIMEOUT": "1s", "PDFSLUICE_MAX_CONCURRENT_UPLOADS": "100"}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be done.

    Attributes:
        uploads: How many files are uploaded.
        concurrency: How many at a time.
        largest: Size of the largest file in bytes; sizes are spread evenly.
        fault_share: Share of connections on which something breaks.
        kill_pause: Shortest and longest time between two kills, in seconds.
        seed: Makes the choices repeatable, as far as the timing of processes is.
    """

    uploads: int
    concurrency: int = 8
    largest: int = 2_000_000
    fault_share: float = 0.5
    kill_pause: tuple[float, float] = (1.0, 4.0)
    seed: int = 1


@dataclass
class Report:
    """What came of it; the promise is that everything but the first lines is 0.

    Attributes:
        uploads: How many files there were.
        finished: How many became documents.
        kills: Of servers.
        crashes: Of PostgreSQL.
        store_outages: Periods in which the object store could not be reached.
        store_refusals: Requests that the object store answered with 503.
        retries: Attempts of clients that were repeated.
        connections: Of clients.
        seconds: How long the uploads took.
        lost_bytes: Acknowledged bytes that were missing later.
        audit: What the server had in the end.
        failures: Why uploads did not finish.
        by_protocol: How many finished, for each protocol.
    """

    uploads: int = 0
    finished: int = 0
    kills: int = 0
    crashes: int = 0
    store_outages: int = 0
    store_refusals: int = 0
    retries: int = 0
    connections: int = 0
    seconds: float = 0.0
    lost_bytes: int = 0
    audit: Audit = field(default_factory=Audit)
    failures: list[str] = field(default_factory=list)
    by_protocol: Counter[str] = field(default_factory=Counter)

    @property
    def kept_its_promises(self) -> bool:
        """Whether every upload finished, whole, once, and nothing was lost or left over."""
        return self.finished == self.uploads and not self.lost_bytes and self.audit.clean


async def run(plan: Plan, folder: Path) -> Report:
    """Carry a plan out with a server of its own that keeps its data in ``folder``."""
    dice = random.Random(plan.seed)
    server = RunningServer(folder / "data", environment=SETTINGS)
    report = Report(uploads=plan.uploads)
    started = time.monotonic()
    await asyncio.to_thread(server.start)
    try:
        async with (
            fault_proxy(server.port, lambda _: choose_fault(dice, plan)) as proxy,
            _killed(server, dice, plan.kill_pause, report),
        ):
            digests = await upload_all(plan, proxy, report)
        report.connections = proxy.connections
        report.seconds = time.monotonic() - started
        report.audit = await audit(server, digests)
    finally:
        server.kill()
    return report


def choose_fault(dice: random.Random, plan: Plan) -> Fault:
    """Choose what happens on a connection."""
    if dice.random() >= plan.fault_share:
        return Fault()
    after = dice.randint(1, plan.largest)
    return dice.choice(
        (
            Cut(after),
            Cut(after, reset=True),
            Cut(dice.randint(1, 400)),
            Stall(after),
            LoseAnswer(),
            Duplicate(),
        )
    )


@asynccontextmanager
async def _killed(
    server: RunningServer, dice: random.Random, pause: tuple[float, float], report: Report
) -> AsyncIterator[None]:
    """Kill and restart the server at random moments while the context is open."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(dice.uniform(*pause))
            server.kill()
            report.kills += 1
            await asyncio.shield(asyncio.to_thread(server.start))

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def upload(
    kind: type[Sender], pdf: bytes, dice: random.Random, base_url: str, report: Report
) -> None:
    """Upload a file, with a connection for each request: each meets its own fault.

    Raises:
        UploadFailed: It was refused, or no attempt succeeded.
    """
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(base_url, connector=connector, timeout=timeout) as http:
        sender = kind(http, pdf, dice)
        try:
            await sender.send()
        finally:
            report.lost_bytes += sender.lost
            report.retries += sender.retries
    report.finished += 1
    report.by_protocol[kind.protocol] += 1


async def upload_all(plan: Plan, proxy: FaultProxy, report: Report) -> Sequence[str]:
    """Upload all files; return the digests of those that finished."""
    turns = asyncio.Semaphore(plan.concurrency)
    run_id = uuid.uuid4().hex

    async def upload_next(number: int) -> str | None:
        async with turns:
            size = plan.largest * (number + 1) // plan.uploads
            pdf = make_pdf([f"{run_id} {number}"], noise_per_page=size)
            kind = SENDERS[number % len(SENDERS)]
            own_dice = random.Random(f"{plan.seed} {number}")
            try:
                await upload(kind, pdf, own_dice, proxy.base_url, report)
            except UploadFailed as error:
                report.failures.append(f"{kind.protocol}: {error}")
                return None
            return hashlib.sha256(pdf).hexdigest()

    done = await asyncio.gather(*(upload_next(number) for number in range(plan.uploads)))
    return [digest for digest in done if digest is not None]
