"""``serve --workers 2`` next to one process, on SQLite and local files."""

import os
import sqlite3
import statistics
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from benchmarks.support.processes import Server, pdfsluice
from benchmarks.support.senders import STREAMING, Line, call, expect
from pdfsluice.core.testing.pdfs import make_pdf

_SENDERS, _FILES, _ROUNDS = 8, 160, 5
_SIZE = 100_000
_PAUSE_SECONDS = 0.2
_OPEN_JOBS = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')"


def main() -> None:
    """Alternate small files to one process with the same to two workers.

    The processor time includes the imports of all files. Rates are those of the uploads alone:
    imports that are left when the last upload has ended are waited for, but not timed.
    """
    with tempfile.TemporaryDirectory(prefix="pdfsluice-workers-") as path:
        folder = Path(path)
        settings = {"STREAMING_INDEX": ""}
        with (
            pdfsluice(folder / "one", **settings) as one,
            pdfsluice(folder / "two", **settings, PDFSLUICE_WORKERS="2") as two,
        ):
            for server, name in ((one, "one"), (two, "two")):
                _rate(server, folder / name)  # workers still start after their supervisor listens
            before = one.cpu_seconds(), two.cpu_seconds()
            rates: list[tuple[float, float]] = [
                (_rate(one, folder / "one"), _rate(two, folder / "two")) for _ in range(_ROUNDS)
            ]
            used = one.cpu_seconds() - before[0], two.cpu_seconds() - before[1]
    per_file = [1000 * seconds / (_FILES * _ROUNDS) for seconds in used]
    first, second = (statistics.median(column) for column in zip(*rates, strict=True))
    ratios = [two / one for one, two in rates]
    print(f"files of {_SIZE // 1000} kB, {_SENDERS} senders, load {os.getloadavg()[0]:.0f}")
    print(f"  one process  {first:.0f} files/s, {per_file[0]:.0f} ms of processor time a file")
    print(f"  two workers  {second:.0f} files/s, {per_file[1]:.0f} ms")
    print(f"  ratio        {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")


def _rate(server: Server, folder: Path) -> float:
    """Upload files and wait until they are imported; return how many came in a second."""
    files = [make_pdf([uuid.uuid4().hex], noise_per_page=_SIZE) for _ in range(_FILES)]

    def send(share: list[bytes]) -> None:
        line = Line(server.host, server.port)
        for data in share:
            wanted = {"filename": "a.pdf", "file_size": len(data)}
            opened = call(server.host, server.port, "POST", f"{STREAMING}/initiate", wanted)
            path = f"{STREAMING}/chunk/{opened['session_id']}?chunk_id=0"
            headers = {"Content-Type": "application/octet-stream"}
            expect(line.send("PUT", path, headers, before=data), 200)
            call(server.host, server.port, "POST", f"{STREAMING}/complete/{opened['session_id']}")
        line.close()

    began = time.perf_counter()
    with ThreadPoolExecutor(_SENDERS) as pool:
        list(pool.map(send, [files[start::_SENDERS] for start in range(_SENDERS)]))
    rate = _FILES / (time.perf_counter() - began)
    with closing(sqlite3.connect(folder / "data" / "state" / "pdfsluice.db")) as database:
        while database.execute(_OPEN_JOBS).fetchone()[0]:
            time.sleep(_PAUSE_SECONDS)
    return rate
