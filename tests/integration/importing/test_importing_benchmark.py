"""The benchmark runs; what it measures is for people to look at."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).parents[3]


def test_smoke_run(tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    command = [sys.executable, "benchmarks/importing/run.py", "--quick", "--json", str(output)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    results = json.loads(output.read_text())
    assert len(results) > 20
    names = " ".join(result["what"] for result in results)
    assert all(part in names for part in ("pypdfium2", "pypdf", "thumbnail", "indexing", "search"))
    assert all(result["value"] >= 0 for result in results if "growth" not in result["what"])
