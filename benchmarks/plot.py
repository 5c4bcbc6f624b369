"""``python -m benchmarks.plot PICTURE.svg``: speed and cost over chunk size.

Draws what ``make bench`` saved: throughput, and processor seconds per gigabyte, for each
suite, against the chunk size.
"""

import argparse
import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

KIB = 1024
UNITS = {"KiB": 1, "MiB": KIB}
SUITES = {
    "stages": "Stream stages, from memory",
    "pipeline": "Pipeline without HTTP",
    "server": "Server over HTTP, one connection",
}
SAVED = Path(".benchmarks")
Lines = dict[str, list[tuple[int, float, float]]]


def main() -> int:
    """Draw the picture."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plot", description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--figures", type=Path, help="by default those of the last `make bench`")
    options = parser.parse_args()
    saved = SAVED.glob("*/*.json")  # a directory for each version of Python
    figures = options.figures or max(saved, key=lambda path: path.stat().st_mtime, default=None)
    if figures is None:
        parser.error("there are no figures; run: make bench")
    draw(read(json.loads(figures.read_text())), options.picture)
    return 0


def read(figures: dict[str, Any]) -> dict[str, Lines]:
    """Sort the figures of a run: suite, then line, then points by chunk size in KiB."""
    suites: dict[str, Lines] = {name: defaultdict(list) for name in SUITES}
    for bench in figures["benchmarks"]:
        label = bench["param"]
        match = re.search(r"(\d+)(KiB|MiB)", label)
        if match is None or bench["group"] not in suites:
            continue
        size = int(match[1]) * UNITS[match[2]]
        line = label.replace(match[0], "").strip("-").replace("--", "-")
        extra = bench["extra_info"]
        suites[bench["group"]][line].append((size, extra["MB/s"], extra["cpu_seconds_per_GB"]))
    return suites


def draw(suites: dict[str, Lines], picture: Path) -> None:
    """Draw two curves for each line of each suite."""
    figure, rows = plt.subplots(len(suites), 2, figsize=(10, 11), layout="constrained")
    for (name, lines), (speed, cost) in zip(suites.items(), rows, strict=True):
        for line, points in sorted(lines.items()):
            sizes, speeds, costs = zip(*sorted(points), strict=True)
            speed.plot(sizes, speeds, marker="o", markersize=3, label=line)
            cost.plot(sizes, costs, marker="o", markersize=3, label=line)
        _label(speed, SUITES[name], "MB/s")
        _label(cost, SUITES[name], "CPU seconds per GB")
        speed.legend(fontsize="x-small")
    figure.savefig(picture, metadata={"Date": None})


def _label(axes: Axes, title: str, unit: str) -> None:
    axes.set_title(title, fontsize="small")
    axes.set_xscale("log", base=2)
    axes.set_xticks([64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB])
    axes.set_xticklabels(["64 KiB", "256 KiB", "1 MiB", "4 MiB", "16 MiB", "64 MiB"], fontsize=7)
    axes.set_ylabel(unit, fontsize="small")
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)


if __name__ == "__main__":
    sys.exit(main())
