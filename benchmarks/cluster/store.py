"""A server that stores in S3, next to a client that stores the same itself."""

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.support.files import a_pdf
from benchmarks.support.processes import pdfsluice
from benchmarks.support.senders import STREAMING, call, chunks
from benchmarks.support.uploads import upload
from tests.support.object_stores import SwiftServer, s3_objects

_SIZE, _SEGMENT = 128 * 1024 * 1024, 8 * 1024 * 1024
_CONCURRENCY, _ROUNDS = 4, 7


def main() -> None:
    """Alternate uploads through a server into S3 with bare puts of the same segments."""
    with tempfile.TemporaryDirectory(prefix="pdfsluice-store-") as name:
        folder = Path(name)
        file = a_pdf(folder, _SIZE)
        with SwiftServer.running(folder / "swift") as swift:
            settings = swift.environment(f"s3://{swift.bucket}/measured")
            with pdfsluice(folder / "node", **settings, STREAMING_INDEX="") as server:
                through, bare = [], []
                for number in range(_ROUNDS):
                    began = time.perf_counter()
                    opened = upload(
                        server.host,
                        server.port,
                        file,
                        door="raw",
                        chunk_size=_SEGMENT,
                        connections=_CONCURRENCY,
                        complete=False,
                    )
                    through.append(time.perf_counter() - began)
                    path = f"{STREAMING}/cancel/{opened['session_id']}"
                    call(server.host, server.port, "POST", path)
                    bare.append(_put_all(swift, file, number))
    ratios = [ours / theirs for ours, theirs in zip(bare, through, strict=True)]
    size = _SIZE / 1e6
    print(f"{size:.0f} MB in segments of {_SEGMENT >> 20} MiB, {_CONCURRENCY} at a time, Swift")
    print(f"  through the server  {size / statistics.median(through):.0f} MB/s")
    print(f"  bare puts           {size / statistics.median(bare):.0f} MB/s")
    ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
    print(f"  ratio               {ratio}")


def _put_all(swift: SwiftServer, file: Path, number: int) -> float:
    """Store the segments of a file with the library alone; return the seconds."""
    objects = s3_objects(swift, f"s3://{swift.bucket}/bare")
    data = memoryview(file.read_bytes())
    pieces = list(chunks(len(data), _SEGMENT))
    names = [f"{number}/{index}" for index, _, _ in pieces]

    def put(chunk: tuple[int, int, int]) -> None:
        index, offset, length = chunk
        objects.put(names[index], data[offset : offset + length])

    began = time.perf_counter()
    with ThreadPoolExecutor(_CONCURRENCY) as pool:
        list(pool.map(put, pieces))
    seconds = time.perf_counter() - began
    objects.delete(names)
    return seconds
