"""Floods of small parts cost little, hide nothing and are the same in pieces."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdfsluice.core.models.findings import Decision
from pdfsluice.plugins.pdf.streaming.scan import Scan
from pdfsluice.plugins.pdf.syntax.effort import Allowance
from pdfsluice.plugins.policy.options import PolicyOptions
from pdfsluice.plugins.policy.policy import RulesPolicy
from tests.support.active_pdfs import completion_context
from tests.support.evasive_pdfs import KINDS, TECHNIQUES, evasive_pdf
from tests.support.floods import FLOODS
from tests.support.scanning import scan_bytes, scan_pieces
from tests.support.shares import examples, share

HEAD = b"%PDF-1.7\n"
CLOSED = b"\n) > ] >> endstream endobj"
LAUNCH = b"\n9 0 obj <</S/Launch/F(x)>> endobj\n"
SMALL = Allowance(first=400, bytes_for_step=32, stretch=8_000, tail=500)

NAMES = sorted(FLOODS)
"""``.ci/run`` tries two of five; the properties draw from all of them."""
each_flood = pytest.mark.parametrize(
    "name",
    share(NAMES, every=5, nightly=[name for at, name in enumerate(NAMES) if at % 5 > 1]),
)

documents = st.builds(
    evasive_pdf, st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(TECHNIQUES))
)
floods = st.builds(
    lambda name, count: FLOODS[name](count), st.sampled_from(NAMES), st.integers(1, 40_000)
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
@settings(max_examples=examples(100), deadline=None)
def test_any_pieces_give_the_same_findings(document: bytes, size: int) -> None:
    whole = scan_bytes(document, size=1 << 24, allowance=SMALL)
    cut = scan_bytes(document, size=max(size, len(document) // 5_000), allowance=SMALL)
    assert (cut.findings, cut.unscanned) == (whole.findings, whole.unscanned)


@given(flooded())
@settings(max_examples=examples(50), deadline=None)
def test_the_engine_makes_no_difference(document: bytes) -> None:
    assert scan_bytes(document, fast=False, allowance=SMALL) == scan_bytes(
        document, allowance=SMALL
    )


@each_flood
def test_what_is_passed_is_reported(name: str) -> None:
    """What follows a flood is either seen, or a part is reported as unread."""
    scanned = scan_pieces(
        [HEAD, FLOODS[name](300_000), CLOSED, LAUNCH, b" " * 1000], allowance=SMALL
    )
    unread = [entry for entry in scanned.unscanned if entry.reason == "flood"]
    if "launch" not in scanned.kinds:
        assert unread
    assert bool(unread) == ("flood" in scanned.codes)


@each_flood
def test_steps_are_bounded_by_the_size(name: str) -> None:
    """Steps stand for time; only the tail of the file is read whatever it costs."""
    data = HEAD + FLOODS[name](700_000)
    allowance = Allowance(first=1000)
    scan = Scan(allowance=allowance)
    scan.feed(memoryview(data))
    scan.finish()
    earned = allowance.first + len(data) / allowance.bytes_for_step
    assert scan.effort.spent < earned + 4 * allowance.tail


@pytest.mark.parametrize(
    "unit",
    [
        b"%d 0 obj\n1\nendobj\n",
        b"%d 0 obj<</Type/Annot/Rect[0 0 9 9]/A<</S/URI/URI(https://example.org/)>>>>endobj\n",
        b"%d 0 obj<</Type/StructElem/S/Normal#20Text/Alt(\\(a\\))/P 3 0 R/K 1>>endobj\n",
        b"%d 0 obj<</Length 1>>stream\nx\nendstream endobj\n",
    ],
    ids=["integers", "links", "structure", "streams"],
)
def test_an_honest_file_of_many_objects_loses_nothing(unit: bytes) -> None:
    """A hundredth of the steps is enough for a hundredth of two million objects."""
    data = HEAD + b"".join(unit % n for n in range(10, 20_010)) + LAUNCH
    allowance = Allowance(first=Allowance().first // 100)
    scanned = scan_bytes(data, allowance=allowance)
    assert "launch" in scanned.kinds
    assert "flood" not in scanned.codes
    assert scanned.unscanned == ()


def test_a_flood_is_flagged_and_reported_immediately() -> None:
    data = HEAD + FLOODS["trailer and space"](300_000)
    scanned = scan_bytes(data, allowance=SMALL)
    (told,) = [f for f in scanned.early if f.details.get("code") == "flood"]
    assert told.offset is not None
    assert told.offset < 10_000
    policy = RulesPolicy(PolicyOptions.model_validate({}))
    session = completion_context(Path("f.pdf")).session
    assert policy.decide(told, session) is Decision.FLAG


def test_the_tail_of_a_flooded_file_is_read() -> None:
    data = HEAD + FLOODS["[] in long objects"](300_000) + LAUNCH
    assert "launch" in scan_bytes(data, allowance=SMALL).kinds


def test_a_negative_object_number_is_no_header() -> None:
    data = HEAD + b"1 0 obj[/JS -1 0 obj<<>>endobj\n" + LAUNCH
    assert "launch" in scan_bytes(data).kinds


def test_links_beyond_the_hundredth_do_not_hide_what_else_an_object_does() -> None:
    links = b"".join(b"%d 0 obj<</S/URI/URI(x)>>endobj\n" % n for n in range(10, 200))
    both = b"7 0 obj<</A<</S/URI/URI(x)>>/AA<</O<</S/JavaScript/JS(y)>>>>>>endobj\n"
    assert {"external_references_uri", "javascript"} <= scan_bytes(HEAD + links + both).kinds
