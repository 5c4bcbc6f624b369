"""Measures uploads over a slow link, with and without compression of chunks.

``python -m benchmarks.links`` starts a server, and a proxy that passes on 20 Mbit/s. Each file is
sent in turns with and without compression, so that both meet the same machine.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pikepdf

from benchmarks.support.files import workspace
from pdfsluice.client import Client
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.fault_proxy import fault_proxy
from tests.support.servers import RunningServer
from tests.support.slow_link import SlowLink

_MIB = 1024 * 1024
_MBIT = 1_000_000 / 8
_SENTENCE = "The keeper of lock {page} opens the paddles {line} times before breakfast. "


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=20.0, help="Mbit/s of the link")
    parser.add_argument("--size", type=float, default=16.0, help="MiB of each file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    size = int(options.size * _MIB)
    with workspace() as folder:
        server = RunningServer(folder / "data")
        (folder / "data").mkdir()
        server.start()
        try:
            measuring = measure(server, folder, options.rate * _MBIT, size, options.rounds)
            figures = asyncio.run(measuring)
        finally:
            server.stop()
    print(f"{options.size:g} MiB over {options.rate:g} Mbit/s, medians of {options.rounds} rounds")
    for name, row in figures.items():
        print(f"{name:20} " + "  ".join(f"{key} {value:.3f}" for key, value in row.items()))
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2))


async def measure(
    server: RunningServer, folder: Path, rate: float, size: int, rounds: int
) -> Mapping[str, Mapping[str, float]]:
    """Send both kinds of files, in turns with and without compression."""
    figures: dict[str, Mapping[str, float]] = {}
    for name, content in (("plain objects", _plain(size)), ("incompressible", _noise(size))):
        path = folder / f"{name}.pdf"
        path.write_bytes(content)
        seconds: dict[bool, list[float]] = {True: [], False: []}
        carried: dict[bool, int] = {}
        for _ in range(rounds):
            for compress in (True, False):
                link = SlowLink(rate)
                seconds[compress].append(await _send(server, path, link, compress=compress))
                carried[compress] = link.carried
        plain, coded = (statistics.median(seconds[each]) for each in (False, True))
        figures[name] = {
            "plain s": plain,
            "compressed s": coded,
            "ratio of time": coded / plain,
            "ratio of bytes": carried[True] / carried[False],
        }
    return figures


async def _send(server: RunningServer, path: Path, link: SlowLink, *, compress: bool) -> float:
    async with (
        fault_proxy(server.port, lambda _number: link) as proxy,
        Client(proxy.base_url) as client,
    ):
        began = time.monotonic()
        document = await client.upload(path, compress=compress, check_duplicates=False)
        seconds = time.monotonic() - began
        await client.delete(document.id)
    return seconds


def _plain(size: int) -> bytes:
    page = sum(len(_SENTENCE) for _ in range(40))
    pages = range(max(1, size // page))
    texts = ("\n".join(_SENTENCE.format(page=n, line=m) for m in range(40)) for n in pages)
    return make_pdf([*texts], compress=False)


def _noise(size: int) -> bytes:
    """Return a PDF whose bytes are as random as those of a well compressed scan."""
    result = BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.Root.PieceInfo = pdf.make_stream(os.urandom(size))
        pdf.save(result, compress_streams=False)
    return result.getvalue()


if __name__ == "__main__":
    main()
