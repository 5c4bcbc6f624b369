"""What uploads to three nodes cost services: bytes, transactions and statements.

``python -m benchmarks.cluster.costs --help`` lists the options.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cluster.database import Count, Watch
from tests.support.clusters import Backends
from tests.support.drills import BALANCER, Drill, Upload

_SETTLE_SECONDS = 2.0
_IDLE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is uploaded.

    Attributes:
        uploads: How many files.
        chunks: Of each file.
        chunk_kib: Size of a chunk in KiB.
        together: Whether the files are sent at the same time.
        warm_up: How many files are sent before that. A connection has a statement prepared when
            it has run it several times, after which it costs PostgreSQL less.
        statements: How many of the most frequent statements are listed.
        fronts: Kinds of balancers.
    """

    uploads: int = 6
    chunks: int = 64
    chunk_kib: int = 64
    together: bool = False
    warm_up: int = 0
    statements: int = 0
    fronts: Sequence[str] = ("nginx", "nginx hash")


def main(options: Options | None = None) -> None:
    """Count bytes to and from the object store, and what the database is asked for."""
    options = options or Options()
    with tempfile.TemporaryDirectory(prefix="pdfsluice-cluster-") as name:
        folder = Path(name)
        with Backends.running(folder, statistics=True) as backends:
            for front in options.fronts:
                own = folder / front.replace(" ", "_")
                own.mkdir()
                with Drill.running(backends, own, front=front) as drill:
                    print(
                        f"{front}: {options.uploads} uploads of {options.chunks} chunks"
                        f" of {options.chunk_kib} KiB"
                    )
                    asyncio.run(measure(drill, options))


async def measure(drill: Drill, options: Options) -> None:
    """Upload files; print what that cost."""
    watch = Watch(drill)
    for _ in range(options.warm_up):
        upload = await _begun(drill, options)
        await upload.put_all([BALANCER])
        await upload.complete(BALANCER)
    watch.settle()
    with watch.counting() as idle:
        time.sleep(_IDLE_SECONDS)
    _print("idle", idle, options.statements, seconds=idle.counted_seconds)
    _interrupt(drill)
    sent, received = _traffic(drill)
    with watch.counting(idle) as opening:
        uploads = [await _begun(drill, options) for _ in range(options.uploads)]
    with watch.counting(idle) as chunks:
        if options.together:
            await asyncio.gather(*(upload.put_all([BALANCER]) for upload in uploads))
        else:
            for upload in uploads:
                await upload.put_all([BALANCER])
    with watch.counting(idle) as completion:
        for upload in uploads:
            await upload.complete(BALANCER)
    _interrupt(drill)
    size = sum(len(upload.data) for upload in uploads)
    after_sent, after_received = _traffic(drill)
    print(f"  sent to the object store       {(after_sent - sent) / size:.2f} x the upload")
    print(f"  received from it               {(after_received - received) / size:.2f} x")
    _print("opening an upload", opening, options.statements, number=len(uploads))
    number = sum(each.chunks for each in uploads)
    _print("a chunk", chunks, options.statements, number=number)
    share = chunks.database_seconds / chunks.node_seconds
    print(
        f"    processor time of the database {100 * share:.1f} % of that of the nodes,"
        f" {1000 * chunks.database_seconds / number:.2f} ms a chunk"
    )
    print(f"    NOTIFY a second and node       {chunks.notifications / chunks.seconds / 3:.1f}")
    _print("completion and import", completion, options.statements, number=len(uploads))


async def _begun(drill: Drill, options: Options) -> Upload:
    size = options.chunk_kib * 1024
    return await Upload.begun(drill, at=BALANCER, chunks=options.chunks, chunk_size=size)


def _print(what: str, count: Count, listed: int, *, number: int = 0, seconds: float = 0.0) -> None:
    unit = number or seconds
    print(
        f"  {what}: {count.transactions / unit:.2f} transactions"
        f" ({count.notifications / unit:.2f} of them NOTIFY),"
        f" {count.statements / unit:.2f} statements{'' if number else ' a second'}"
    )
    for calls, text in count.most_frequent(listed):
        print(f"    {calls / unit:7.2f}  {text}")


def _interrupt(drill: Drill) -> None:
    """End the connections to the object store, so that their bytes are counted."""
    time.sleep(_SETTLE_SECONDS)
    for node in drill.nodes:
        node.store.interrupt()
    time.sleep(_SETTLE_SECONDS)


def _traffic(drill: Drill) -> tuple[int, int]:
    gates = [node.store for node in drill.nodes]
    return sum(gate.sent for gate in gates), sum(gate.received for gate in gates)


def _parsed() -> Options:
    parser = argparse.ArgumentParser(prog="benchmarks.cluster.costs", description=main.__doc__)
    defaults = Options()
    parser.add_argument("--uploads", type=int, default=defaults.uploads)
    parser.add_argument("--chunks", type=int, default=defaults.chunks, help="for each upload")
    parser.add_argument("--chunk-kib", type=int, default=defaults.chunk_kib)
    parser.add_argument("--together", action="store_true", help="send the files simultaneously")
    parser.add_argument("--warm-up", type=int, default=0, help="files sent before that")
    parser.add_argument("--statements", type=int, default=0, help="how many statements to list")
    parser.add_argument("--fronts", nargs="+", default=defaults.fronts)
    return Options(**vars(parser.parse_args()))


if __name__ == "__main__":
    main(_parsed())
