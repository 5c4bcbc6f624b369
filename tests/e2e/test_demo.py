"""The demonstration, as `make demo ONCE=1` runs it."""

from pathlib import Path

import pytest

from tests.support.commands import pdfsluice

pytestmark = pytest.mark.xdist_group("port 8000")  # the demonstration takes it if it is free


@pytest.mark.long
def test_demonstration_can_be_repeated(tmp_path: Path) -> None:
    first = pdfsluice("demo", "--once", "--data-dir", tmp_path / "demo")
    assert first.code == 0, first.err
    assert "15 pages, imported and indexed" in first.out
    assert "Canals, Locks and Sluices, page 11" in first.out
    assert "200,000 cubic metres" in first.out

    again = pdfsluice("demo", "--once", "--data-dir", tmp_path / "demo")
    assert again.code == 0, again.err
    assert "nothing was sent" in again.out
    assert "Canals, Locks and Sluices, page 11" in again.out
