"""Rates of a key over three servers behind a balancer."""

from pathlib import Path

import pytest

from benchmarks.fairness import nodes

pytestmark = pytest.mark.nightly


def test_three_servers_keep_the_rates_of_a_key_together(tmp_path: Path) -> None:
    errors = nodes.measure(tmp_path, 1)
    assert len(errors) == 3
    assert {name: error for name, error in errors.items() if error > 0.2} == {}
