"""Three servers with a part of a processor each, next to one with the same part."""

import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.support.senders import STREAMING, Line, call, chunks, expect
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.clusters import NODES, Backends, RunningCluster
from tests.support.servers import RunningServer

_CPU = Path("/sys/fs/cgroup/cpu")
_SHARE = 0.15
_PERIOD_MICROS = 100_000
_CHUNK, _CHUNKS = 256 * 1024, 8
_SENDERS, _SECONDS, _ROUNDS = 12, 15.0, 3


def main() -> None:
    """Limit servers to a part of a processor each; compare one with three."""
    with tempfile.TemporaryDirectory(prefix="pdfsluice-scaling-") as name:
        folder = Path(name)
        with (
            Backends.running(folder) as backends,
            RunningCluster.running(backends, folder, "scaling") as cluster,
            _limited(cluster.nodes),
        ):
            rates: dict[int, list[float]] = {1: [], NODES: []}
            for _ in range(_ROUNDS):
                for count, measured in rates.items():
                    measured.append(_rate([node.port for node in cluster.nodes[:count]]))
    one, three = (statistics.median(measured) for measured in rates.values())
    load = f"load {os.getloadavg()[0]:.0f}"
    print(f"servers with {_SHARE} of a processor each, {_SENDERS} senders, {load}")
    print(f"  one    {one:.1f} chunks/s of {_CHUNK >> 10} KiB")
    print(f"  three  {three:.1f}, {three / one:.2f} x")


@contextmanager
def _limited(nodes: Sequence[RunningServer]) -> Iterator[None]:
    """Limit each node with its children; needs root and version 1 of control groups."""
    groups = []
    try:
        for node in nodes:
            group = _CPU / f"pdfsluice-{uuid.uuid4().hex}"
            group.mkdir()
            groups.append(group)
            (group / "cpu.cfs_period_us").write_text(str(_PERIOD_MICROS))
            (group / "cpu.cfs_quota_us").write_text(str(round(_SHARE * _PERIOD_MICROS)))
            assert node.process is not None
            process = psutil.Process(node.process.pid)
            for each in (process, *process.children(recursive=True)):
                (group / "cgroup.procs").write_text(str(each.pid))
        yield
    finally:
        for group in groups:
            for pid in (group / "cgroup.procs").read_text().split():
                (_CPU / "cgroup.procs").write_text(pid)
            group.rmdir()


def _rate(ports: Sequence[int]) -> float:
    """Upload files to servers by turns for a while; return the chunks a second."""
    deadline = time.monotonic() + _SECONDS

    def send(number: int) -> int:
        count = 0
        line = Line("127.0.0.1", ports[number % len(ports)])
        while time.monotonic() < deadline:
            count += _send_file(line)
        line.close()
        return count

    began = time.monotonic()
    with ThreadPoolExecutor(_SENDERS) as pool:
        count = sum(pool.map(send, range(_SENDERS)))
    return count / (time.monotonic() - began)


def _send_file(line: Line) -> int:
    """Upload a new file to one server; return how many chunks it has."""
    data = make_pdf([uuid.uuid4().hex], noise_per_page=_CHUNK * _CHUNKS - 2000)
    wanted = {"filename": "a.pdf", "file_size": len(data), "chunk_size": _CHUNK}
    session = call(line.host, line.port, "POST", f"{STREAMING}/initiate", wanted)["session_id"]
    headers = {"Content-Type": "application/octet-stream"}
    count = 0
    for number, offset, length in chunks(len(data), _CHUNK):
        path = f"{STREAMING}/chunk/{session}?chunk_id={number}"
        expect(line.send("PUT", path, headers, before=data[offset : offset + length]), 200)
        count += 1
    call(line.host, line.port, "POST", f"{STREAMING}/complete/{session}")
    return count
