"""Many interrupted uploads to nodes of a cluster that are killed repeatedly."""

import asyncio
import hashlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.soak.audit import Audit
from benchmarks.soak.campaign import SETTINGS, Plan, Report, choose_fault, upload_all
from tests.support.clusters import Backends, RunningCluster
from tests.support.fault_proxy import fault_proxy
from tests.support.stored import documents, get
from tests.support.waiting import until

_FINISHING = "('validating', 'importing')"
_OPEN = "('created', 'uploading')"


async def run_nodes(plan: Plan, folder: Path, nodes: int, *, outages: int = 0) -> Report:
    """Carry a plan out with a cluster of its own.

    Args:
        plan: What is uploaded, and how often a random node is killed.
        folder: For the folders of the nodes and their services.
        nodes: How many there are.
        outages: How often PostgreSQL is stopped without a checkpoint and started again.
    """
    dice = random.Random(plan.seed)
    report = Report(uploads=plan.uploads)
    with (
        Backends.running(folder) as backends,
        RunningCluster.running(
            backends, folder, "soak", nodes=nodes, front="haproxy", settings=SETTINGS
        ) as cluster,
    ):
        started = time.monotonic()
        async with (
            fault_proxy(cluster.port, lambda _: choose_fault(dice, plan)) as proxy,
            _killed(cluster, dice, plan.kill_pause, report, outages),
        ):
            digests = await upload_all(plan, proxy, report)
        report.connections = proxy.connections
        report.seconds = time.monotonic() - started
        report.audit = await audit_nodes(cluster, digests)
    return report


@asynccontextmanager
async def _killed(
    cluster: RunningCluster,
    dice: random.Random,
    pause: tuple[float, float],
    report: Report,
    outages: int,
) -> AsyncIterator[None]:
    """Kill and restart random nodes at random moments until the context is left."""

    async def repeat() -> None:
        remaining = outages
        while True:
            await asyncio.sleep(dice.uniform(*pause))
            if remaining and dice.random() < 0.2:
                remaining -= 1
                await asyncio.shield(asyncio.to_thread(cluster.backends.postgresql.stop))
                await asyncio.shield(asyncio.to_thread(cluster.backends.postgresql.start))
                continue
            node = dice.choice(cluster.nodes)
            node.kill()
            report.kills += 1
            await asyncio.shield(asyncio.to_thread(node.start))

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def audit_nodes(cluster: RunningCluster, digests: Sequence[str]) -> Audit:
    """Restart all nodes in peace, and compare rows and objects with what was uploaded."""
    for node in cluster.nodes:
        await asyncio.to_thread(node.restart)
    finishing = f"SELECT count(*) FROM sessions WHERE state IN {_FINISHING}"
    await until(lambda: cluster.rows(finishing) == [(0,)], seconds=60, interval=0.5)
    return await asyncio.to_thread(_audit, cluster, digests)


def _audit(cluster: RunningCluster, digests: Sequence[str]) -> Audit:
    rows = documents(cluster.base_url)
    stored = Counter(
        hashlib.sha256(get(f"{cluster.base_url}/api/documents/{each['id']}/file")).hexdigest()
        for each in rows
    )
    wanted = set(digests)
    unfinished = {id_ for (id_,) in cluster.rows(f"SELECT id FROM sessions WHERE state IN {_OPEN}")}
    segments = cluster.names("uploads")
    return Audit(
        missing=len(wanted - set(stored)),
        damaged=sum(count for digest, count in stored.items() if digest not in wanted),
        duplicates=sum(count - 1 for count in stored.values()),
        orphans=sum(name.split("/")[1] not in unfinished for name in segments),
        strays=len(cluster.names("documents")) - len(rows),
    )
