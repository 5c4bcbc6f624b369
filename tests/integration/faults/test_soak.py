"""A reduced run of the soak, which ``python -m benchmarks.soak`` does at length."""

from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.soak import zombies
from benchmarks.soak.campaign import Plan, run
from benchmarks.soak.nodes import Outages, run_nodes

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
    """A random node is killed again and again, and its services fail as well."""
    pytest.importorskip("swift", reason="the development packages are not installed")
    plan = Plan(uploads=40, concurrency=12, largest=500_000, kill_pause=(1.0, 3.0))
    report = await run_nodes(
        plan, tmp_path, 3, outages=Outages(crashes=1, stops=1, stop_seconds=2.0, refused=0.05)
    )
    assert report.failures == []
    assert report.finished == 40
    assert report.lost_bytes == 0
    assert not any(asdict(report.audit).values()), report.audit
    assert report.kills


async def test_holders_that_are_stopped_and_wake_up(tmp_path: Path) -> None:
    pytest.importorskip("swift", reason="the development packages are not installed")
    plan = zombies.Plan(moments=5, concurrency=8, largest=1_000_000)
    outcome = await zombies.run(plan, tmp_path)
    assert outcome.wrong == outcome.changed == []
    assert outcome.uploads.lost_bytes == 0
    assert not any(asdict(outcome.audit).values()), outcome.audit
    assert outcome.accepted
