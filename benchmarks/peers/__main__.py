"""``python -m benchmarks.peers``: comparison with other upload servers.

They are nginx, the Node tus server, FastAPI and tuspyserver.

All servers run at the same time and are measured in turns, round after round, with the same
file in the same folder and the cheapest client, so that other load affects all of them. The
figures are medians; only the ratios count.
"""

import argparse
import json
import statistics
import sys
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

from benchmarks.support.files import a_pdf, warm, workspace
from benchmarks.support.processes import Server

from .contenders import Absent, Contender, contenders

MIB = 1024 * 1024
BASE = "nginx PUT x1"


def main() -> int:
    """Run the comparison and print it as a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--size", type=int, default=512, help="size of the file, in MiB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="run contenders whose name has this text, and nginx")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    chosen = [
        one
        for one in contenders()
        if not options.only or options.only in one.name or one.name == BASE
    ]
    with workspace() as folder, ExitStack() as stack:
        file = a_pdf(folder, options.size * MIB)
        warm(folder, 4 * options.size * MIB)
        servers = _start(chosen, folder, stack)
        figures = _measure(
            [one for one in chosen if one.name in servers], servers, file, options.rounds
        )
    _show(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))
    return 0


def _start(chosen: list[Contender], folder: Path, stack: ExitStack) -> dict[str, Server]:
    servers: dict[str, Server] = {}
    by_kind: dict[object, Server] = {}
    for one in chosen:
        try:
            if one.serve not in by_kind:
                by_kind[one.serve] = stack.enter_context(one.serve(folder))
            servers[one.name] = by_kind[one.serve]
        except Absent as reason:
            print(f"{one.name}: left out: {reason}", file=sys.stderr)
    return servers


def _measure(
    chosen: list[Contender], servers: dict[str, Server], file: Path, rounds: int
) -> dict[str, dict[str, float]]:
    size = file.stat().st_size
    speeds: dict[str, list[float]] = defaultdict(list)
    costs: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for one in chosen:
            server = servers[one.name]
            cpu, begin = server.cpu_seconds(), time.perf_counter()
            tidy = one.send(server, file, one.connections)
            elapsed = time.perf_counter() - begin
            if number:  # the first round warms up
                speeds[one.name].append(size / elapsed / 1e6)
                costs[one.name].append((server.cpu_seconds() - cpu) / size * 1e9)
            tidy()
    return {
        one.name: {
            "mb_per_second": statistics.median(speeds[one.name]),
            "slowest": min(speeds[one.name]),
            "fastest": max(speeds[one.name]),
            "cpu_seconds_per_gb": statistics.median(costs[one.name]),
        }
        for one in chosen
    }


def _show(figures: dict[str, dict[str, float]]) -> None:
    base = figures.get(BASE, {}).get("mb_per_second")
    print("| server | MB/s | from-to | of nginx | CPU s/GB |\n|---|---|---|---|---|")
    for name, line in figures.items():
        ratio = f"{line['mb_per_second'] / base:.2f}" if base else "-"
        span = f"{line['slowest']:.0f}-{line['fastest']:.0f}"
        cost = f"{line['cpu_seconds_per_gb']:.2f}"
        print(f"| {name} | {line['mb_per_second']:.0f} | {span} | {ratio} | {cost} |")


if __name__ == "__main__":
    sys.exit(main())
