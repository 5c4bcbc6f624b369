"""A power cut and a disk that fails; ``make soak-power`` does many."""

from pathlib import Path

import pytest

from .campaign import Plan, cut_power, fail_calls
from .mount import why_not

pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "the disk can be mounted"),
    pytest.mark.timeout(600),
]


@pytest.mark.long
@pytest.mark.parametrize(
    "durability", ["power", pytest.param("process", marks=pytest.mark.nightly)]
)
def test_what_was_acknowledged_survives_a_power_cut(tmp_path: Path, durability: str) -> None:
    plan = Plan(durability=durability, cuts=1, seed=3, max_calls=300)
    report = cut_power(plan, tmp_path)
    assert report.findings.violations == []
    assert report.cuts == 1
    assert report.findings.finished_documents
    assert report.findings.lost_documents == 0
    if durability == "power":
        assert report.findings.lost_ranges == 0


@pytest.mark.long
def test_a_disk_that_fails_a_call_loses_nothing(tmp_path: Path) -> None:
    report = fail_calls("power", tmp_path, step=15)
    assert report.violations == []
    assert report.injected >= 5
