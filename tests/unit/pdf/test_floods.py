"""Floods of small parts: they cost little, hide nothing unsaid, and look the same in any pieces."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdfsluice.plugins.pdf.effort import Allowance
from pdfsluice.plugins.pdf.scan import Scan
from tests.support.evasive_pdfs import KINDS, TECHNIQUES, evasive_pdf
from tests.support.floods import FLOODS
from tests.support.scanning import scan_bytes, scan_pieces

HEAD = b"%PDF-1.7\n"
CLOSED = b"\n) > ] >> endstream endobj"
LAUNCH = b"\n9 0 obj <</S/Launch/F(x)>> endobj\n"
SMALL = Allowance(first=400, bytes_for_step=32, stretch=8_000, tail=500)

documents = st.builds(
    evasive_pdf, st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(TECHNIQUES))
)
floods = st.builds(
    lambda name, count: FLOODS[name](count), st.sampled_from(sorted(FLOODS)), st.integers(1, 40_000)
)


@st.composite
def flooded(draw: st.DrawFn) -> bytes:
    """Documents with floods put in anywhere."""
    data = draw(documents)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(data)))
        data = data[:place] + draw(floods) + data[place:]
    return data


@given(flooded(), st.sampled_from([1, 7, 500, 4096, 9_001, 70_000]))
@settings(max_examples=150, deadline=None)
def test_any_pieces_give_the_same_findings(document: bytes, size: int) -> None:
    whole = scan_bytes(document, size=1 << 24, allowance=SMALL)
    cut = scan_bytes(document, size=max(size, len(document) // 5_000), allowance=SMALL)
    assert (cut.findings, cut.unscanned) == (whole.findings, whole.unscanned)


@given(flooded())
@settings(max_examples=50, deadline=None)
def test_the_engine_makes_no_difference(document: bytes) -> None:
    assert scan_bytes(document, fast=False, allowance=SMALL) == scan_bytes(
        document, allowance=SMALL
    )


@pytest.mark.parametrize("name", sorted(FLOODS))
def test_what_is_passed_is_said(name: str) -> None:
    """Whatever is behind a flood is either seen, or a part is told to be unread."""
    scanned = scan_pieces(
        [HEAD, FLOODS[name](300_000), CLOSED, LAUNCH, b" " * 1000], allowance=SMALL
    )
    unread = [entry for entry in scanned.unscanned if entry.reason == "flood"]
    if "launch" not in scanned.kinds:
        assert unread
    assert bool(unread) == ("flood" in scanned.codes)


@pytest.mark.parametrize("name", sorted(FLOODS))
def test_steps_are_bounded_by_the_size(name: str) -> None:
    """Steps stand for time; only the tail of the file is read whatever it costs."""
    data = HEAD + FLOODS[name](2_000_000)
    allowance = Allowance(first=1000)
    scan = Scan(allowance=allowance)
    scan.feed(memoryview(data))
    scan.finish()
    earned = allowance.first + len(data) / allowance.bytes_for_step
    assert scan.effort.spent < earned + 4 * allowance.tail
