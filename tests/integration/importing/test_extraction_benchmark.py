"""The benchmark of extraction runs, and PDFium meets every target on a few pages."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.extraction.__main__ import TARGETS, main
from benchmarks.extraction.printed import FONTS, font_families
from tests.support.browsers import find_browser


@pytest.mark.nightly
@pytest.mark.skipif(find_browser() is None, reason="no Chromium is installed")
@pytest.mark.skipif(shutil.which("fc-list") is None, reason="fontconfig is not installed")
def test_smoke_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = {font for fonts in FONTS.values() for font in fonts} - font_families()
    if missing:
        pytest.skip(f"fonts are not installed: {', '.join(sorted(missing))}")
    output = tmp_path / "figures.json"
    short = main(["--pages", "1", "--json", str(output)])
    assert not short, capsys.readouterr().out
    assert json.loads(output.read_text()).keys() >= TARGETS.keys()
