"""What it costs a node to continue with an upload that another one has held."""

import asyncio
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.cluster.drilling import temporary_drill
from benchmarks.support.files import a_pdf
from benchmarks.support.processes import Server
from benchmarks.support.senders import STREAMING, call
from benchmarks.support.uploads import upload
from tests.support.drills import Drill, DrilledNode
from tests.support.waiting import until

_SIZE, _CHUNK = 256 * 1024 * 1024, 8 * 1024 * 1024
_ROUNDS = 3
A, B, C = range(3)


def main() -> None:
    """Stop the holder of a file full of pictures; measure the next one's time."""
    with tempfile.TemporaryDirectory() as folder, temporary_drill("handover") as drill:
        file = a_pdf(Path(folder), _SIZE)
        for _ in range(_ROUNDS):
            asyncio.run(_measure(drill, file))


async def _measure(drill: Drill, file: Path) -> None:
    first, second = drill.nodes[A], drill.nodes[B]
    host, port = "127.0.0.1", first.server.port
    opened = await asyncio.to_thread(
        upload, host, port, file, door="raw", chunk_size=_CHUNK, complete=False
    )
    path = f"{STREAMING}/{opened['session_id']}"
    await until(lambda: _is_validated(first, path, file), seconds=120, interval=0.2)
    await asyncio.to_thread(first.server.stop)
    family = _server(second)
    before, began = family.cpu_seconds(), time.monotonic()
    other = second.server.port
    await asyncio.to_thread(call, host, other, "POST", f"{STREAMING}/resume", opened)
    await until(lambda: _is_validated(second, path, file), seconds=240, interval=0.2)
    cpu, seconds = family.cpu_seconds() - before, time.monotonic() - began
    size = file.stat().st_size / 1e6
    print(
        f"{size:.0f} MB: {size / cpu:.0f} MB/s of processor time, {size / seconds:.0f} by the clock"
    )
    cancel = f"{STREAMING}/cancel/{opened['session_id']}"
    await asyncio.to_thread(call, host, other, "POST", cancel)
    await asyncio.to_thread(first.server.start)


def _server(node: DrilledNode) -> Server:
    assert node.server.process is not None
    return Server("node", node.server.port, psutil.Process(node.server.process.pid))


async def _is_validated(node: DrilledNode, path: str, file: Path) -> bool:
    session = await asyncio.to_thread(call, "127.0.0.1", node.server.port, "GET", path)
    return bool(session["validated_bytes"] == file.stat().st_size)
