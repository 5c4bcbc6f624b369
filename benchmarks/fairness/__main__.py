"""Measures quotas, shares of slots and rates.

``python -m benchmarks.fairness`` runs all scenarios, ``--only NAME`` one of them. Each compares
rounds within its own run, in turns, so that both sides meet the same machine.
"""

import argparse
import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.support.files import workspace

from . import neighbours, nodes, openings, rates, slots

Scenario = Callable[[Path, int], Mapping[str, float]]

_SCENARIOS: Mapping[str, Scenario] = {
    "openings": lambda folder, rounds: asyncio.run(openings.measure(folder, rounds)),
    "slots": slots.measure,
    "rates": rates.measure,
    "neighbours": neighbours.measure,
    "nodes": nodes.measure,
}


def main() -> None:
    """Run the scenarios and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=_SCENARIOS, help="run this scenario alone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    figures: dict[str, Mapping[str, float]] = {}
    for name, scenario in _SCENARIOS.items():
        if options.only in {None, name}:
            with workspace() as folder:
                figures[name] = scenario(folder, options.rounds)
            print(name)
            for figure, value in figures[name].items():
                print(f"  {figure:52} {value:.3f}")
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
