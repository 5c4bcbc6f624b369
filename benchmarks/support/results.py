"""Figures that a benchmark prints, and may write to a file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """One figure."""

    what: str
    value: float
    unit: str


class ResultList:
    """The figures of a run, printed as they come.

    Args:
        width: Columns for what is measured.
        digits: Digits after the point.
    """

    def __init__(self, *, width: int, digits: int) -> None:
        self._width = width
        self._digits = digits
        self._results: list[Result] = []

    def show(self, result: Result) -> None:
        """Print a figure and remember it."""
        self._results.append(result)
        value = f"{result.value:10.{self._digits}f}"
        print(f"{result.what:<{self._width}} {value} {result.unit}", flush=True)

    def write(self, path: Path) -> None:
        """Write all figures to a file, as JSON."""
        path.write_text(json.dumps([asdict(result) for result in self._results], indent=1))
