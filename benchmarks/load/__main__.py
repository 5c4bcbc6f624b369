"""``python -m benchmarks.load``: many uploads, subscribers, files and sessions.

Each scenario starts a server of its own, is bounded in count and time, and prints a line of
figures; ``--only NAME`` runs one, ``--smoke`` all of them in miniature.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from benchmarks.support.files import workspace
from benchmarks.support.processes import Server, pdfsluice

from . import scenarios
from .observer import observing

Scenario = Callable[[Server, Path, bool], Coroutine[Any, Any, dict[str, Any]]]

SCENARIOS: dict[str, tuple[Scenario, dict[str, str]]] = {
    "concurrent": (scenarios.concurrent, {"STREAMING_MAX_CONCURRENT_UPLOADS": "1000"}),
    "watchers": (
        scenarios.watchers,
        {"STREAMING_MAX_CONCURRENT_UPLOADS": "100", "PDFSLUICE_MAX_WEBSOCKETS": "2000"},
    ),
    "small": (scenarios.small, {"STREAMING_MAX_CONCURRENT_UPLOADS": "100"}),
    "small_tus": (scenarios.small_tus, {"STREAMING_MAX_CONCURRENT_UPLOADS": "100"}),
    "sizes": (scenarios.sizes, {}),
    "sessions": (scenarios.sessions, {"PDFSLUICE_MAX_SESSIONS": "1000000"}),
}

DISK = Path("/var/tmp")
"""The folder of huge files: 10 GB in memory would measure how fast the system finds memory."""


def main() -> int:
    """Run the scenarios and print their figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--only", choices=SCENARIOS)
    parser.add_argument("--smoke", action="store_true", help="tiny: see that everything runs")
    parser.add_argument(
        "--disk", type=Path, help=f"where files are; by default {DISK} for sizes, else memory"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    figures: dict[str, dict[str, Any]] = {}
    for name, (run, settings) in SCENARIOS.items():
        if options.only in (None, name):
            disk = options.disk or (DISK if name == "sizes" and DISK.is_dir() else None)
            with workspace(disk) as folder, pdfsluice(folder / name, **settings) as server:
                figures[name] = _run(run, server, folder, smoke=options.smoke)
            print(f"{name}: {json.dumps(figures[name])}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))
    return 0


def _run(run: Scenario, server: Server, folder: Path, *, smoke: bool) -> dict[str, Any]:
    """Run a scenario while the server's memory and responsiveness are watched."""
    cpu = server.cpu_seconds()
    with observing(server) as observed:
        figures = asyncio.run(run(server, folder, smoke))
    return figures | observed.figures | {"cpu_seconds": round(server.cpu_seconds() - cpu, 2)}


if __name__ == "__main__":
    sys.exit(main())
