"""``python -m benchmarks.soak.zombies``: holders are stopped, and wake up later.

Clients upload to three nodes in parallel, harmless files and dangerous ones. Random nodes are
stopped for 20 seconds, longer than their lease, at random moments of the uploads that they hold.

Exit code 0 if no verdict changed, no upload became two documents and no acknowledged byte was lost.
"""

import argparse
import asyncio
import hashlib
import itertools
import random
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from benchmarks.soak.audit import Audit
from benchmarks.soak.campaign import Report, upload
from benchmarks.soak.nodes import audit_nodes
from benchmarks.soak.senders import SENDERS, UploadFailed
from pdfsluice.core.background import background
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.clusters import Backends, RunningCluster
from tests.support.servers import RunningServer
from tests.support.stored import hostile_pdf

_UNFINISHED = "('created', 'uploading', 'validating', 'importing')"
_HELD = (
    "SELECT count(*) FROM holds JOIN nodes ON nodes.id = holds.node"
    " JOIN sessions ON sessions.id = holds.session_id"
    f" WHERE nodes.folder = '{{}}' AND sessions.state IN {_UNFINISHED}"
)
_VERDICTS = f"SELECT id, state FROM sessions WHERE state NOT IN {_UNFINISHED}"
_REFUSED = 422
_HOSTILE_EVERY = 5


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What happens.

    Attributes:
        moments: How often a holder is stopped, counted for each upload that it holds then.
        seconds: How long a node is stopped.
        stopped: Most nodes that are stopped at the same time.
        concurrency: Uploads at a time.
        largest: Most bytes of a file.
        seed: Of all choices.
    """

    moments: int = 200
    seconds: float = 20.0
    stopped: int = 2
    concurrency: int = 20
    largest: int = 3_000_000
    seed: int = 1


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        moments: How often the holder of an upload was stopped.
        pauses: How often a node was stopped.
        uploads: What clients saw.
        accepted: Digests of harmless files that were confirmed.
        refused: How many dangerous files were refused.
        wrong: Verdicts that were wrong when a client received them.
        changed: Ends of uploads that changed afterwards.
        audit: What the nodes had in the end.
        leftovers: Segments that a node stored when it woke up, of uploads that had ended. No row
            names them; the clean-up deletes them when they are a day old.
    """

    moments: int = 0
    pauses: int = 0
    uploads: Report = field(default_factory=Report)
    accepted: list[str] = field(default_factory=list)
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    audit: Audit = field(default_factory=Audit)
    leftovers: int = 0

    @property
    def kept_its_promises(self) -> bool:
        """Whether nothing was lost, doubled or judged otherwise."""
        return not (self.wrong or self.changed or self.uploads.lost_bytes) and self.audit.clean


async def run(plan: Plan, folder: Path) -> Outcome:
    """Stop holders of a cluster of its own until there were enough moments."""
    outcome = Outcome()
    with (
        Backends.running(folder) as backends,
        RunningCluster.running(backends, folder, "zombies", front="haproxy") as cluster,
    ):
        enough = asyncio.Event()
        works = {"verdicts": partial(_watch, cluster, outcome)}
        async with background(works):
            numbers = itertools.count()
            clients = [
                asyncio.create_task(_send(plan, cluster, numbers, outcome, enough))
                for _ in range(plan.concurrency)
            ]
            awake = set(range(len(cluster.nodes)))
            pausers = [_pause(plan, cluster, awake, outcome, n) for n in range(plan.stopped)]
            try:
                await asyncio.gather(*pausers)
            finally:
                enough.set()
            await asyncio.gather(*clients)
        audit = await audit_nodes(cluster, outcome.accepted)
        outcome.leftovers, outcome.audit = audit.orphans, replace(audit, orphans=0)
    return outcome


async def _pause(
    plan: Plan, cluster: RunningCluster, awake: set[int], outcome: Outcome, number: int
) -> None:
    """Stop one random node after the other."""
    dice = random.Random(f"{plan.seed} {number}")
    while outcome.moments < plan.moments:
        await asyncio.sleep(dice.uniform(1, 6))
        chosen = dice.choice(sorted(awake))
        awake.discard(chosen)
        node = cluster.nodes[chosen]
        _signal(node, signal.SIGSTOP)
        try:
            outcome.moments += await asyncio.to_thread(_held, cluster, node)
            outcome.pauses += 1
            print(f"  {outcome.pauses} pauses, {outcome.moments} moments", file=sys.stderr)
            await asyncio.sleep(plan.seconds)
        finally:
            _signal(node, signal.SIGCONT)
            awake.add(chosen)


def _signal(node: RunningServer, number: signal.Signals) -> None:
    assert node.process is not None
    node.process.send_signal(number)


def _held(cluster: RunningCluster, node: RunningServer) -> int:
    """Return how many uploads a node holds."""
    (mark,) = node.data_dir.rglob("identity.lock")
    ((count,),) = cluster.rows(_HELD.format(mark.read_text().strip()[:36]))
    return int(str(count))


async def _watch(cluster: RunningCluster, outcome: Outcome) -> None:
    """Compare how uploads have ended with how they had ended before."""
    ends: dict[object, object] = {}
    while True:
        for session, state in await asyncio.to_thread(cluster.rows, _VERDICTS):
            if ends.setdefault(session, state) != state:
                outcome.changed.append(f"{session}: {ends[session]}, then {state}")
        await asyncio.sleep(1)


async def _send(
    plan: Plan,
    cluster: RunningCluster,
    numbers: Iterator[int],
    outcome: Outcome,
    enough: asyncio.Event,
) -> None:
    """Upload one file after the other, every fifth of them dangerous."""
    run_id = uuid.uuid4().hex
    while not enough.is_set():
        number = next(numbers)
        dice = random.Random(f"{plan.seed} {number}")
        is_hostile = number % _HOSTILE_EVERY == 0
        size = dice.randint(100_000, plan.largest)
        text = f"{run_id} {number}"
        pdf = hostile_pdf(text, size=size) if is_hostile else make_pdf([text], noise_per_page=size)
        kind = SENDERS[number % len(SENDERS)]
        outcome.uploads.uploads += 1
        try:
            await upload(kind, pdf, dice, cluster.base_url, outcome.uploads)
        except UploadFailed as error:
            if is_hostile and error.status == _REFUSED:
                outcome.refused += 1
            else:
                outcome.wrong.append(f"{kind.protocol}: {error}")
        else:
            if is_hostile:
                outcome.wrong.append(f"{kind.protocol}: a dangerous file was accepted")
            else:
                outcome.accepted.append(hashlib.sha256(pdf).hexdigest())


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.soak.zombies", description=__doc__)
    for name, kind in (("moments", int), ("seconds", float), ("concurrency", int), ("seed", int)):
        parser.add_argument(f"--{name}", type=kind, default=getattr(Plan, name))
    plan = Plan(**vars(parser.parse_args()))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pdfsluice-zombies-") as name:
        outcome = asyncio.run(run(plan, Path(name)))
    print(f"pauses                {outcome.pauses}, {plan.seconds:g} s each")
    print(f"holders stopped       {outcome.moments}")
    print(f"time                  {time.monotonic() - started:.0f} s")
    print(f"accepted, refused     {len(outcome.accepted)}, {outcome.refused}")
    print(f"attempts repeated     {outcome.uploads.retries}")
    print(f"lost acknowledged     {outcome.uploads.lost_bytes} bytes")
    for name in ("missing", "damaged", "duplicates", "strays"):
        print(f"{name:<21} {getattr(outcome.audit, name)}")
    print(f"left for the clean-up {outcome.leftovers} segments")
    for title, lines in (("wrong", outcome.wrong), ("changed", outcome.changed)):
        print(f"{title} verdicts".ljust(21), len(lines))
        for line in lines[:20]:
            print(f"  {line}")
    return 0 if outcome.kept_its_promises else 1


if __name__ == "__main__":
    sys.exit(main())
