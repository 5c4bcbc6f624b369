"""The Grafana board names metrics, labels and statuses that there are."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

BOARD = Path("deploy/grafana/pdfsluice.json")
METRICS = Path("docs/reference/metrics.md")
_SERIES = re.compile(r"\b(pdfsluice_\w+|process_\w+)")
_ROW = re.compile(r"^\| `(pdfsluice_\w+)` \| (\w+) \| ([^|]*) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def series() -> dict[str, set[str]]:
    """Every series that Prometheus has, with its labels."""
    known: dict[str, set[str]] = {"process_resident_memory_bytes": set()}
    for name, kind, labels in _ROW.findall(METRICS.read_text()):
        endings = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        for ending in endings:
            extra = {"le"} if ending == "_bucket" else set()
            known[name + ending] = {*re.findall(r"`(\w+)`", labels), *extra}
    return known


def queries() -> list[str]:
    board: dict[str, Any] = json.loads(BOARD.read_text())
    variables = [
        each["query"]["query"] for each in board["templating"]["list"] if "refresh" in each
    ]
    return [*variables, *(t["expr"] for panel in board["panels"] for t in panel["targets"])]


def test_each_metric_of_the_board_exists(series: dict[str, set[str]]) -> None:
    named = {name for query in queries() for name in _SERIES.findall(query)}
    assert len(named) > 10
    assert named - series.keys() == set()


def test_each_label_of_the_board_exists(series: dict[str, set[str]]) -> None:
    for query in queries():
        labels = {"instance"}.union(*(series[name] for name in _SERIES.findall(query)))
        grouped = re.findall(r"by \(([^)]*)\)", query)
        assert {label.strip() for group in grouped for label in group.split(",")} <= labels, query


def test_every_metric_is_on_the_board(series: dict[str, set[str]]) -> None:
    named = {name.removesuffix("_bucket") for q in queries() for name in _SERIES.findall(q)}
    named = {name.removesuffix("_count") for name in named}
    metrics = {name for name, _, _ in _ROW.findall(METRICS.read_text())}
    assert metrics - named == {"pdfsluice_part_loop_held_seconds_total"}
