"""``python -m benchmarks.load``: many uploads, watchers, small files, huge files, sessions.

Each scenario starts a server of its own, is bounded in count and time, and prints a line of
figures; ``--only NAME`` runs one, ``--smoke`` all of them in miniature.
"""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.support.files import workspace
from benchmarks.support.processes import Server, pdfsluice

from . import scenarios

Scenario = Callable[[Server, Path, bool], Awaitable[dict[str, Any]]]

SCENARIOS: dict[str, tuple[Scenario, dict[str, str]]] = {
    "concurrent": (scenarios.concurrent, {"STREAMING_MAX_CONCURRENT_UPLOADS": "1000"}),
    "watchers": (scenarios.watchers, {"STREAMING_MAX_CONCURRENT_UPLOADS": "100"}),
    "small": (scenarios.small, {"STREAMING_MAX_CONCURRENT_UPLOADS": "100"}),
    "small_tus": (scenarios.small_tus, {"STREAMING_MAX_CONCURRENT_UPLOADS": "100"}),
    "sizes": (scenarios.sizes, {}),
    "sessions": (scenarios.sessions, {"PDFSLUICE_MAX_SESSIONS": "1000000"}),
}


def main() -> int:
    """Run the scenarios and print their figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--only", choices=SCENARIOS)
    parser.add_argument("--smoke", action="store_true", help="tiny: see that everything runs")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    figures: dict[str, dict[str, Any]] = {}
    for name, (run, settings) in SCENARIOS.items():
        if options.only in (None, name):
            with workspace() as folder, pdfsluice(folder / name, **settings) as server:
                figures[name] = asyncio.run(_run(run, server, folder, smoke=options.smoke))
            print(f"{name}: {json.dumps(figures[name])}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))
    return 0


async def _run(run: Scenario, server: Server, folder: Path, *, smoke: bool) -> dict[str, Any]:
    """Run a scenario while the server's memory and responsiveness are watched."""
    before, cpu = server.rss_mib(), server.cpu_seconds()
    highest, answers = [before], list[float]()
    watch = asyncio.create_task(scenarios.observe(server, highest, answers))
    try:
        figures = await run(server, folder, smoke)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
    return figures | {
        "rss_before_mib": round(before, 1),
        "rss_highest_mib": round(max(highest), 1),
        "cpu_seconds": round(server.cpu_seconds() - cpu, 2),
        "liveness_p50_ms": round(statistics.median(answers) * 1000, 1) if answers else None,
        "liveness_worst_ms": round(max(answers) * 1000, 1) if answers else None,
    }


if __name__ == "__main__":
    sys.exit(main())
