"""A reduced run of the soak, which ``python -m benchmarks.soak`` does at length."""

from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.soak.campaign import Plan, run
from benchmarks.soak.nodes import run_nodes

pytestmark = pytest.mark.nightly


async def test_fifty_interrupted_uploads(tmp_path: Path) -> None:
    plan = Plan(uploads=50, concurrency=16, largest=700_000, kill_pause=(0.5, 2.0))
    report = await run(plan, tmp_path)
    assert report.failures == []
    assert report.finished == 50
    assert report.lost_bytes == 0
    assert not any(asdict(report.audit).values()), report.audit
    assert report.kills
    assert report.retries


async def test_interrupted_uploads_to_three_nodes(tmp_path: Path) -> None:
    """A random node is killed again and again, and PostgreSQL once."""
    pytest.importorskip("swift", reason="the development packages are not installed")
    plan = Plan(uploads=40, concurrency=12, largest=500_000, kill_pause=(1.0, 3.0))
    report = await run_nodes(plan, tmp_path, 3, outages=1)
    assert report.failures == []
    assert report.finished == 40
    assert report.lost_bytes == 0
    assert not any(asdict(report.audit).values()), report.audit
    assert report.kills
