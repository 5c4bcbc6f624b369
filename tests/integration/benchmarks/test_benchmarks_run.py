"""Every benchmark suite runs, in miniature; its figures are not judged here."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.postgresql import PostgresqlServer

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).parents[3]


def run(*arguments: str) -> str:
    """Run a module, which is no part of the parallel run of these tests."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_chunk_sizes(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    options = ["--smoke", "--benchmark-only", "-q", f"--benchmark-json={figures}"]
    run("pytest", "benchmarks/chunk_sizes", *options)
    groups = {bench["group"] for bench in json.loads(figures.read_text())["benchmarks"]}
    assert groups == {"stages", "pipeline", "server"}
    picture = tmp_path / "picture.svg"
    run("benchmarks.plot", str(picture), f"--figures={figures}")
    assert "Pipeline without HTTP" in picture.read_text()


def test_fairness(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    run("benchmarks.fairness", "--only=openings", "--rounds=1", f"--json={figures}")
    assert json.loads(figures.read_text())["openings"]["bytes over the limit"] == 0


def test_neighbours(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    run("benchmarks.fairness", "--only=neighbours", "--rounds=1", f"--json={figures}")
    assert json.loads(figures.read_text())["neighbours"]["chunks of each"] == 1250


def test_analytics() -> None:
    assert "recorded" in run("benchmarks.analytics", "--number=1000")


def test_share_of_analytics(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    run("benchmarks.analytics.share", "--rounds=1", "--files=10", f"--json={figures}")
    assert json.loads(figures.read_text())["a file without analytics, ms of the server"] > 0


def test_load(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    run("benchmarks.load", "--smoke", f"--json={figures}")
    found = json.loads(figures.read_text())
    assert found["watchers"]["events_heard"] == found["watchers"]["events_expected"]
    assert found["small"]["files"] == found["small_tus"]["files"] == 20


@pytest.mark.skipif(
    shutil.which("nginx", path="/usr/sbin:/usr/bin") is None, reason="nginx is not installed"
)
def test_peers(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    options = ["--size=1", "--rounds=1", "--only=pdfsluice", f"--json={figures}"]
    run("benchmarks.peers", *options)
    assert {"pdfsluice raw x1", "pdfsluice form x4", "nginx PUT x1"} <= {
        *json.loads(figures.read_text())
    }


@pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("nginx", "qpdf", "pdftotext")),
    reason="nginx, qpdf or pdftotext is not installed",
)
def test_stack(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    options = ["--size=2", "--pages=3", "--rounds=1", f"--json={figures}"]
    run("benchmarks.stack", *options)
    assert set(json.loads(figures.read_text())) == {"pdfsluice", "series"}


def test_ocr(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    run("benchmarks.ocr", "--quick", f"--json={figures}")
    assert json.loads(figures.read_text())["word accuracy"] >= 0.97


def test_hidden_text() -> None:
    assert "recall 1.0000, wrong findings 0" in run("benchmarks.hidden_text")


def test_search_timings(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    options = ["--pages", "5", "--passages=300", "--searches=8", f"--json={figures}"]
    run("benchmarks.search.timings", *options)
    values = {each["what"]: each["value"] for each in json.loads(figures.read_text())}
    assert values["5 pages: found by words after"] > 0
    assert values["5 pages, server in use: found by words after"] > 0
    assert values["search 8 at a time: p50"] > 0


def test_search_timings_of_postgresql() -> None:
    with PostgresqlServer.running(pgvector=True) as server:
        figures = run("benchmarks.search.postgres", server.url(), "--passages=100", "--searches=5")
    assert "search of common words: processor time" in figures
