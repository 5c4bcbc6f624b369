"""The benchmark of search runs; on generated pages its ranks are certain."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.nightly
def test_smoke_run(tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    command = [
        sys.executable,
        "benchmarks/search/run.py",
        "--quick",
        "--words",
        "--json",
        str(output),
    ]
    subprocess.run(command, cwd=ROOT, check=True, timeout=200)
    results = {result["what"]: result["value"] for result in json.loads(output.read_text())}
    for kind in ("identifiers", "quoted phrases", "phrases"):
        assert results[f"generated: {kind} first"] == 1.0
    assert results["search: p50"] > 0
