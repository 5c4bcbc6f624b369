"""``python -m benchmarks.stack``: the same work by ordinary tools in series.

A PDF with a marker on its last page is uploaded over a link of a given rate. Both sides receive it,
compute its SHA-256, check its structure, extract its text and index it. Measured is the time from
the start of the upload to the verdict on the file, and to the first search that finds the marker.

The series is nginx (PUT), then sha256sum, qpdf --check, pdftotext and an FTS5 table of SQLite,
started one after the other without a pause, which is faster than an import script that polls. It
does not look for active content, and makes no embeddings or page pictures, which pdfsluice does.
"""

import argparse
import asyncio
import json
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from uuid import uuid4

from benchmarks.peers.contenders import nginx
from benchmarks.support.files import workspace
from benchmarks.support.processes import Server, pdfsluice
from pdfsluice.client import Client
from pdfsluice.core.testing.pdfs import write_large_pdf

MIB = 1024 * 1024
BLOCK = 256 * 1024
TOOLS = ("sha256sum", "qpdf", "pdftotext")
Times = tuple[float, float]
"""Seconds to the verdict and to the first hit."""


def main() -> int:
    """Run the comparison and print it as a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stack", description=__doc__)
    parser.add_argument("--size", type=int, default=100, help="size of the file, in MiB")
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--rate", type=float, default=12.5, help="rate of the link, in MB/s")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        sys.stderr.write(f"not installed: {', '.join(absent)}\n")
        return 1
    figures: dict[str, list[Times]] = defaultdict(list)
    with workspace() as folder, ExitStack() as stack:
        ours = stack.enter_context(pdfsluice(folder / "pdfsluice"))
        web = stack.enter_context(nginx(folder))
        _ours(ours, *_a_file(folder, 1, 2), rate=100e6)  # loads the model of the index
        for _ in range(options.rounds):
            file, marker = _a_file(folder, options.size, options.pages)
            figures["pdfsluice"].append(_ours(ours, file, marker, rate=options.rate * 1e6))
            figures["series"].append(_series(web, folder, file, marker, rate=options.rate * 1e6))
            file.unlink()
    _show(figures, options.size * 1.048576 / options.rate)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))
    return 0


def _a_file(folder: Path, size: int, pages: int) -> tuple[Path, str]:
    """Write a PDF whose last page alone has a marker, which is returned too."""
    marker = f"marker{uuid4().hex[:12]}"
    file = folder / f"{marker}.pdf"
    text = "Page {number}. The gates of the lock close against the pressure of the water. " * 12
    write_large_pdf(file, size * MIB, pages=pages, text=f"{text} {marker}x{{number}}y")
    return file, f"{marker}x{pages}y"


def _ours(server: Server, file: Path, marker: str, *, rate: float) -> Times:
    async def run() -> Times:
        async with Client(f"http://{server.host}:{server.port}") as client:
            began = time.perf_counter()
            # The noise of the file repeats itself, which no scan does: it would be compressed.
            document = await client.upload(file, index=True, rate=rate, compress=False)
            verdict = time.perf_counter() - began
            while not any(marker in hit.text for hit in await client.search(marker, top_k=3)):
                await asyncio.sleep(0.05)
            hit = time.perf_counter() - began
            await client.settled(document.id)  # the rest would disturb the next turn
            await client.delete(document.id)
            return verdict, hit

    return asyncio.run(run())


def _series(server: Server, folder: Path, file: Path, marker: str, *, rate: float) -> Times:
    began = time.perf_counter()
    _put(server, file, rate)
    stored = folder / "nginx" / "files" / file.name
    for command in (["sha256sum", str(stored)], ["qpdf", "--check", str(stored)]):
        subprocess.run(command, check=True, capture_output=True)
    verdict = time.perf_counter() - began
    text = subprocess.run(["pdftotext", str(stored), "-"], check=True, capture_output=True).stdout
    with sqlite3.connect(folder / "index.db") as database:
        database.execute("CREATE VIRTUAL TABLE IF NOT EXISTS pages USING fts5(file, page, text)")
        rows = enumerate(text.decode().split("\f"), 1)
        database.executemany(
            "INSERT INTO pages VALUES (?, ?, ?)", [(file.name, page, body) for page, body in rows]
        )
        database.commit()
        pages = database.execute("SELECT page FROM pages WHERE pages MATCH ?", (marker,)).fetchall()
    hit = time.perf_counter() - began
    if not pages:
        raise RuntimeError("the series does not find the marker")
    stored.unlink()
    return verdict, hit


def _put(server: Server, file: Path, rate: float) -> None:
    http = HTTPConnection(server.host, server.port)
    http.putrequest("PUT", f"/{file.name}")
    http.putheader("Content-Length", str(file.stat().st_size))
    http.endheaders()
    due = time.perf_counter()
    with file.open("rb") as source:
        while data := source.read(BLOCK):
            due += len(data) / rate
            http.send(data)
            time.sleep(max(0.0, due - time.perf_counter()))
    answer = http.getresponse()
    if answer.status != 201:
        raise RuntimeError(f"nginx answered {answer.status}")
    answer.read()
    http.close()


def _show(figures: dict[str, list[Times]], transfer: float) -> None:
    print(f"seconds from the start of the upload; the transfer alone takes {transfer:.1f}")
    print(f"{'':<12}{'to the verdict':>16}{'to the first hit':>18}")
    for name, times in figures.items():
        verdict, hit = (statistics.median(each) for each in zip(*times, strict=True))
        print(f"{name:<12}{verdict:>16.1f}{hit:>18.1f}")


if __name__ == "__main__":
    sys.exit(main())
