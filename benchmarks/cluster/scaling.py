"""Three servers with a part of a processor each, next to one with the same part."""

import itertools
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
from tests.support.clusters import Backends, RunningCluster
from tests.support.servers import RunningServer

_CPU = Path("/sys/fs/cgroup/cpu")
_SHARE = 0.1
"""So little that senders, database and store on the same machine are not the limit."""
_PERIOD_MICROS = 100_000
_CHUNK, _CHUNKS = 256 * 1024, 8
_SENDERS, _SECONDS, _ROUNDS = 8, 20.0, 3
"""Senders for each server, seconds for each measurement, and measurements of each kind."""
_SETTINGS = {"PDFSLUICE_SERVER_JOBS": "false"}
"""No imports: those of one measurement would still run during the next."""


def main() -> None:
    """Limit servers to a part of a processor each; compare one with three."""
    with tempfile.TemporaryDirectory(prefix="pdfsluice-scaling-") as name:
        folder = Path(name)
        with (
            Backends.running(folder) as backends,
            RunningCluster.running(backends, folder, "scaling", settings=_SETTINGS) as cluster,
            _limited(cluster.nodes),
        ):
            ports = [node.port for node in cluster.nodes]
            _rate(ports)  # what each loads for its first upload
            rounds = [
                (_rate(ports[:1]), _rate(ports), _rate(ports, spread=True)) for _ in range(_ROUNDS)
            ]
    one, three, spread = (statistics.median(rates) for rates in zip(*rounds, strict=True))
    load = f"load {os.getloadavg()[0]:.0f}"
    print(f"servers with {_SHARE} of a processor each, {_SENDERS} senders for each, {load}")
    print(f"  one                          {one:.1f} chunks/s of {_CHUNK >> 10} KiB")
    print(f"  three, a file at one of them {three:.1f}, {three / one:.2f} x")
    print(f"  three, chunks by turns       {spread:.1f}, {spread / one:.2f} x")


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


def _rate(ports: Sequence[int], *, spread: bool = False) -> float:
    """Upload files to all servers for a while; return chunks a second.

    Args:
        ports: Of the servers.
        spread: Whether the chunks of a file go to the servers by turns; otherwise to one of them.
    """
    deadline = time.monotonic() + _SECONDS

    def send(number: int) -> int:
        count = 0
        turned = [*ports[number % len(ports) :], *ports[: number % len(ports)]]
        lines = [Line("127.0.0.1", port) for port in (turned if spread else turned[:1])]
        while time.monotonic() < deadline:
            count += _send_file(lines, deadline)
        for line in lines:
            line.close()
        return count

    senders = _SENDERS * len(ports)
    with ThreadPoolExecutor(senders) as pool:
        return sum(pool.map(send, range(senders))) / _SECONDS


def _send_file(lines: Sequence[Line], deadline: float) -> int:
    """Upload a new file; return how many of its chunks came before the deadline.

    After the deadline it is cancelled.
    """
    data = make_pdf([uuid.uuid4().hex], noise_per_page=_CHUNK * _CHUNKS - 2000)
    first = lines[0]
    wanted = {"filename": "a.pdf", "file_size": len(data), "chunk_size": _CHUNK}
    session = call(first.host, first.port, "POST", f"{STREAMING}/initiate", wanted)["session_id"]
    headers = {"Content-Type": "application/octet-stream"}
    turns = itertools.cycle(lines)
    count = 0
    for number, offset, length in chunks(len(data), _CHUNK):
        path = f"{STREAMING}/chunk/{session}?chunk_id={number}"
        body = data[offset : offset + length]
        expect(next(turns).send("PUT", path, headers, before=body), 200)
        if time.monotonic() > deadline:
            call(first.host, first.port, "POST", f"{STREAMING}/cancel/{session}")
            return count
        count += 1
    call(first.host, first.port, "POST", f"{STREAMING}/complete/{session}")
    return count
