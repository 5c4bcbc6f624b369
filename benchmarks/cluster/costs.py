"""What uploads to three nodes cost services: bytes and transactions."""

import asyncio
import tempfile
import time
from pathlib import Path

from tests.support.clusters import Backends
from tests.support.drills import BALANCER, Drill, Upload

_UPLOADS, _CHUNKS = 6, 64
_SETTLE_SECONDS = 2.0
_TRANSACTIONS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"


def main() -> None:
    """Count bytes to and from the object store, and transactions for each chunk."""
    with tempfile.TemporaryDirectory(prefix="pdfsluice-cluster-") as name:
        folder = Path(name)
        with Backends.running(folder) as backends:
            for front in ("nginx", "nginx hash"):
                own = folder / front.replace(" ", "_")
                own.mkdir()
                with Drill.running(backends, own, front=front) as drill:
                    asyncio.run(measure(drill, front, _UPLOADS, _CHUNKS))


async def measure(drill: Drill, front: str, uploads: int, chunks: int) -> None:
    """Upload files one after the other; print what that cost."""
    _settle(drill)
    idle = time.monotonic()
    before = _transactions(drill)
    time.sleep(_SETTLE_SECONDS)
    rate = (_transactions(drill) - before) / (time.monotonic() - idle)
    sent, received = _traffic(drill)
    size = count = 0
    transactions, began = _transactions(drill), time.monotonic()
    for _ in range(uploads):
        upload = await Upload.begun(drill, at=BALANCER, chunks=chunks)
        await upload.put_all([BALANCER])
        count += upload.chunks
        size += len(upload.data)
        await upload.complete(BALANCER)
    seconds = time.monotonic() - began
    transactions = _transactions(drill) - transactions - round(rate * seconds)
    _settle(drill)
    after_sent, after_received = _traffic(drill)
    print(f"{front}: {uploads} uploads of {chunks} chunks, {size / 2**20:.1f} MiB")
    print(f"  sent to the object store       {(after_sent - sent) / size:.2f} x the upload")
    print(f"  received from it               {(after_received - received) / size:.2f} x")
    print(f"  transactions for each chunk    {transactions / count:.1f}, reads included")
    print(f"  transactions of idle nodes     {rate:.1f} a second")


def _settle(drill: Drill) -> None:
    """End the connections, so that their bytes are counted."""
    time.sleep(_SETTLE_SECONDS)
    for node in drill.nodes:
        node.store.interrupt()
    time.sleep(_SETTLE_SECONDS)


def _traffic(drill: Drill) -> tuple[int, int]:
    gates = [node.store for node in drill.nodes]
    return sum(gate.sent for gate in gates), sum(gate.received for gate in gates)


def _transactions(drill: Drill) -> int:
    ((count,),) = drill.cluster.rows(_TRANSACTIONS)
    return int(str(count))
