"""``python -m benchmarks.cluster SCENARIO``: several servers measured.

The figures are counts, ratios of alternatives that take turns, or processor time, so that they
depend little on the load of the machine. ``takeover`` and ``events`` are times by the clock.
"""

import argparse
import inspect
from collections.abc import Callable, Mapping

from benchmarks.cluster import costs, events, handover, refusal, scaling, store, takeover, workers

SCENARIOS: Mapping[str, Callable[[], None]] = {
    "costs": costs.main,
    "takeover": takeover.main,
    "refusal": refusal.main,
    "handover": handover.main,
    "events": events.main,
    "store": store.main,
    "scaling": scaling.main,
    "workers": workers.main,
}


def main() -> None:
    lines = (f"{name}: {inspect.getdoc(run)}" for name, run in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="benchmarks.cluster",
        description="\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("scenario", nargs="*", help=", ".join(SCENARIOS))
    chosen = parser.parse_args().scenario or ["costs"]
    for name in chosen:
        SCENARIOS[name]()


if __name__ == "__main__":
    main()
