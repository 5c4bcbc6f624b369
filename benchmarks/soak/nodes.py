"""Many interrupted uploads to nodes of a cluster that are killed repeatedly."""

import asyncio
import hashlib
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.soak.audit import Audit
from benchmarks.soak.campaign import SETTINGS, Plan, Report, choose_fault, upload_all
from benchmarks.soak.counts import Counts, compare
from benchmarks.soak.flaky_store import FlakyStore
from pdfsluice.core.background import background
from pdfsluice.core.threads import run_uncancelled
from tests.support.clusters import Backends, RunningCluster
from tests.support.fault_proxy import fault_proxy
from tests.support.object_stores import SECTION
from tests.support.postgresql import PostgresqlServer
from tests.support.servers import RunningServer, ServerStartError
from tests.support.stored import documents, get
from tests.support.waiting import until

_CRASH_SHARE = 0.2
_MAX_STARTS = 30
_STOP_INTERVAL = (3.0, 15.0)
_FINISHING = "('validating', 'importing')"
_OPEN = "('created', 'uploading')"


@dataclass(frozen=True, kw_only=True)
class Outages:
    """What happens to the services of the nodes.

    Attributes:
        crashes: How often PostgreSQL is stopped without a checkpoint and started again.
        stops: How often the object store cannot be reached for a while.
        stop_seconds: How long.
        refused: Share of the requests that the object store answers with 503.
    """

    crashes: int = 0
    stops: int = 0
    stop_seconds: float = 10.0
    refused: float = 0.0


NO_OUTAGES = Outages()


async def run_nodes(
    plan: Plan, folder: Path, nodes: int, *, outages: Outages = NO_OUTAGES
) -> Report:
    """Carry a plan out with a cluster of its own.

    Args:
        plan: What is uploaded, and how often a random node is killed.
        folder: For the folders of the nodes and their services.
        nodes: How many there are.
        outages: What happens to their services.
    """
    dice = random.Random(plan.seed)
    report = Report(uploads=plan.uploads)
    with ExitStack() as stack:
        backends = stack.enter_context(Backends.running(folder))
        store = FlakyStore(backends.s3.port, folder / "flaky", refused=outages.refused)
        stack.enter_context(store.running())
        settings = {**SETTINGS, f"{SECTION}ENDPOINT": f"http://127.0.0.1:{store.port}"}
        cluster = stack.enter_context(
            RunningCluster.running(
                backends, folder, "soak", nodes=nodes, front="haproxy", settings=settings
            )
        )
        faults = {
            "kills": partial(_kill, cluster, dice, plan.kill_pause, report, outages.crashes),
            "outages of the object store": partial(_stop_store, store, dice, report, outages),
        }
        started = time.monotonic()
        async with (
            fault_proxy(cluster.port, lambda _: choose_fault(dice, plan)) as proxy,
            background(faults),
        ):
            digests = await upload_all(plan, proxy, report)
        report.connections = proxy.connections
        report.store_refusals = store.refusals
        report.seconds = time.monotonic() - started
        report.audit = await audit_nodes(cluster, digests)
    return report


async def _kill(
    cluster: RunningCluster,
    dice: random.Random,
    pause: tuple[float, float],
    report: Report,
    crashes: int,
) -> None:
    """Kill and restart random nodes at random moments, and PostgreSQL some times."""
    while True:
        await asyncio.sleep(dice.uniform(*pause))
        if report.crashes < crashes and dice.random() < _CRASH_SHARE:
            report.crashes += 1
            await run_uncancelled(asyncio.to_thread(_crash, cluster.backends.postgresql))
            continue
        node = dice.choice(cluster.nodes)
        node.kill()
        report.kills += 1
        await run_uncancelled(_start(node))


def _crash(postgresql: PostgresqlServer) -> None:
    postgresql.stop()
    postgresql.start()


async def _start(node: RunningServer) -> None:
    """Start a node as a supervisor does: again while its services are away."""
    for _ in range(_MAX_STARTS):
        with suppress(ServerStartError):
            await asyncio.to_thread(node.start)
            return
        await asyncio.sleep(1)
    raise ServerStartError(node.log_tail())


async def _stop_store(
    store: FlakyStore, dice: random.Random, report: Report, outages: Outages
) -> None:
    """Stop the object store at random moments."""
    while report.store_outages < outages.stops:
        await asyncio.sleep(dice.uniform(*_STOP_INTERVAL))
        report.store_outages += 1
        await asyncio.to_thread(store.stop)
        try:
            await asyncio.sleep(outages.stop_seconds)
        finally:
            await run_uncancelled(asyncio.to_thread(store.start))


async def audit_nodes(cluster: RunningCluster, digests: Sequence[str]) -> Audit:
    """Restart all nodes in peace, and compare rows and objects with what was uploaded."""
    for node in cluster.nodes:
        await asyncio.to_thread(node.restart)
    finishing = f"SELECT count(*) FROM sessions WHERE state IN {_FINISHING}"
    await until(lambda: cluster.rows(finishing) == [(0,)], seconds=60, interval=0.5)
    rows = await asyncio.to_thread(documents, cluster.base_url)
    url = cluster.backends.postgresql.url(cluster.database)
    counts = await compare(cluster.nodes[0].data_dir, rows, url=url)
    return await asyncio.to_thread(_audit, cluster, digests, rows, counts)


def _audit(
    cluster: RunningCluster,
    digests: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    counts: Counts,
) -> Audit:
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
        wrong_accounts=counts.accounts,
        wrong_uploads=counts.uploads,
        wrong_bytes=counts.bytes,
    )
