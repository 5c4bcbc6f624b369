"""How a file is built, and what is wrong with it."""

import pytest

from pdfsluice.core.models.findings import Finding, Severity
from pdfsluice.plugins.pdf.streaming.scan import Scan
from pdfsluice.plugins.pdf.streaming.structure import OBJECT_WITHIN
from pdfsluice.plugins.pdf.syntax.numbers import MAX_NUMBER
from tests.support.evasive_pdfs import KINDS, evasive_pdf, noise, plain_pdf
from tests.support.hidden_objects import Hiding
from tests.support.pdf_styles import Style, Writer
from tests.support.scanning import scan_bytes

PLAIN = plain_pdf()


def codes(data: bytes) -> set[str]:
    whole = scan_bytes(data).codes
    assert scan_bytes(data, size=33).codes == whole
    return whole


def test_a_sound_file() -> None:
    assert codes(PLAIN) == set()
    scan = Scan()
    scan.feed(memoryview(PLAIN))
    scan.finish()
    assert scan.structure_report().facts["pdf_version"] == "1.7"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"%PDF-1.7", b"%PDF-x.7", "header-damaged"),
        (b"%PDF-1.7\n", b"", "header-missing"),
        (b"startxref\n", b"startxref\n1", "startxref-wrong"),
        (b"startxref", b"st", "startxref-missing"),
        (b"\nxref\n", b"\nxxxx\n", "xref-missing"),
        (b"0000000015 00000 n", b"0000000014 00000 n", "xref-wrong"),
        (b"5 1\n", b"5 2\n", "xref-wrong"),
        (b"/Root 1 0 R", b"/Root 9 0 R", "root-missing"),
        (b"/Root 1 0 R", b"/Boot 1 0 R", "trailer-damaged"),
        (b"/Size 100", b"/Sise 100", "trailer-damaged"),
        (b"trailer", b"trail", "trailer-missing"),
        (b"\nendobj\n2 0 obj", b"\n2 0 obj", "endobj-missing"),
        (b"endstream", b"endst", "endstream-missing"),
        (b"/Length 37", b"/Lengt 37", "length-missing"),
        (b"/Length 37", b"/Length 36", "length-wrong"),
        (b"/Length 37", b"/Length 99", "length-wrong"),
        (b"/Length 37", b"/Length (37)", "length-missing"),
        (b" stream\n", b" stream \n", "stream-line-end"),
        (b" stream\n", b" stream\r", "stream-line-end"),
        (b"/BaseFont /Helvetica", b"/BaseFont Helvetica", "bad-token"),
        (b"[ 0 0 612 792 ]", b"[ 0 0 612 7-92 ]", "bad-token"),
        (b"/Type /Catalog", b"/Type /Catalog /Odd", "bad-dictionary"),
        (b"<< /Type /Font", b"/Type /Font", "unbalanced"),
        (b"<< /Type /Font", b"<< << /Type /Font", "unbalanced"),
        (b"/BaseFont /Helvetica", b"/BaseFont /Helv#00etica", "bad-token"),
    ],
)
def test_damage(old: bytes, new: bytes, code: str) -> None:
    damaged = PLAIN.replace(old, new)
    assert damaged != PLAIN
    assert code in codes(damaged)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\nxref\n", b"\n\r\n xref\n"),
        (b"startxref\n", b"startxref\r\n  "),
        (b"%%EOF\n", b"%%EOF"),
        (b"%%EOF\n", b"%%EOF\r\n\r\n"),
        (b"%%EOF\n", b""),
        (b"3 0 obj", b"3 0 obj"),
        (b"\nendstream", b"\r\nendstream"),
        (b"\nendstream", b"endstream"),
    ],
)
def test_what_readers_put_up_with(old: bytes, new: bytes) -> None:
    changed = PLAIN.replace(old, new)
    for number in range(1, 6):  # keep the table right
        place, was = changed.index(b"%d 0 obj" % number), PLAIN.index(b"%d 0 obj" % number)
        changed = changed.replace(b"%010d 00000 n" % was, b"%010d 00000 n" % place)
    start = changed.index(b"\nxref\n" if b"\nxref\n" in changed else b" xref") + 1
    before = PLAIN.rindex(b"xref\n0 1")
    assert codes(changed.replace(b"%d\n%%%%EOF" % before, b"%d\n%%%%EOF" % start)) == set()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
def test_truncated_files(kind: str, cut: float) -> None:
    data = evasive_pdf(kind, "object stream, Flate")
    assert "malformed" in scan_bytes(data[: int(len(data) * cut)]).kinds


def test_not_a_pdf() -> None:
    for data in (b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(5000), b"PK\3\4" * 100):
        finding = scan_bytes(data).findings[0]
        assert (finding.kind, finding.severity) == ("malformed", Severity.CRITICAL)


NO_PDFS = {
    "random bytes": noise(200_000),
    "zip": b"PK\3\4" + noise(200_000),
    "null bytes": bytes(200_000),
    "text": b"No object, 10 objections, xrefs, traces of films. " * 4_000,
    "a late header": noise(OBJECT_WITHIN) + b"\n%PDF-1.7\n" + bytes(50_000),
    "late objects": noise(OBJECT_WITHIN) + b"\n1 0 obj 1 endobj\n" * 3_000 + bytes(50_000),
}


@pytest.mark.parametrize("data", NO_PDFS.values(), ids=NO_PDFS.keys())
@pytest.mark.parametrize("size", [5_000, 1 << 20])
def test_what_is_no_pdf_is_reported_before_its_end(data: bytes, size: int) -> None:
    scan = Scan()
    told: list[Finding] = []
    for start in range(0, 100_000, size):
        scan.feed(memoryview(data)[start : start + size])
        told += scan.structure.new()
    (finding,) = [f for f in told if f.details.get("code") == "not-a-pdf"]
    assert (finding.kind, finding.severity) == ("malformed", Severity.CRITICAL)
    assert scan_bytes(data, size=size).findings == scan_bytes(data).findings


@pytest.mark.parametrize("place", [0, 1, 2, 1000])
@pytest.mark.parametrize("body", [b"1", b"(" + b"x" * 100_000 + b")", b"<<>>stream\n" + bytes(99)])
def test_an_object_that_begins_late_makes_a_pdf(place: int, body: bytes) -> None:
    begin = bytes(OBJECT_WITHIN - place)
    data = begin + b"1 0 obj " + body + b" endobj" + bytes(100_000)
    for size in (4_097, 1 << 20):
        assert "header-missing" in scan_bytes(data, size=size).codes
        assert "not-a-pdf" in scan_bytes(bytes(place + 1) + data, size=size).codes


def test_a_table_that_refers_to_itself() -> None:
    start = PLAIN.rindex(b"xref\n0 1")
    looped = PLAIN.replace(b"/Size 100", b"/Size 100 /Prev %d" % start)
    assert "xref-wrong" in codes(looped)


def test_data_after_the_end() -> None:
    assert "trailing-data" in codes(PLAIN + b"x" * 2000)
    assert codes(PLAIN + b"x" * 100) == set()


def test_offsets_that_count_from_the_header() -> None:
    assert codes(b"junk\n" * 20 + PLAIN) == set()


def test_an_object_stream_that_contains_itself() -> None:
    writer = Writer(Style())
    writer.object_stream(7, {7: {"A": 1}})
    assert "object-stream-self" in codes(b"%PDF-1.7\n" + bytes(writer.out))


def test_a_cross_reference_stream_of_the_wrong_size() -> None:
    good = evasive_pdf("launch", "object stream, Flate")
    assert codes(good) == set()
    assert "xref-stream-size" in codes(good.replace(b"/W [ 1 3 1 ]", b"/W [ 1 2 1 ]"))
    assert "xref-stream-damaged" in codes(good.replace(b"/W [ 1 3 1 ]", b"/W [ 1 3 a ]"))


def test_problems_are_reported_once_with_a_count() -> None:
    data = b"%PDF-1.7\n" + b"1 0 obj <</A b>> endobj\n" * 50
    (finding,) = [f for f in scan_bytes(data).findings if f.details.get("code") == "bad-token"]
    assert finding.details["count"] == 50


def test_what_is_no_pdf_is_reported_once() -> None:
    """What a text lacks that a PDF would have is not reported."""
    for data in (b"# Title\n\nSome text.\n", b"startxref\n0\n%%EOF\n", noise(100_000)):
        (finding,) = scan_bytes(data).findings
        assert finding.details["code"] == "not-a-pdf"
        assert scan_bytes(data).unscanned == ()


@pytest.mark.parametrize("end", [b"", b" endobj\n"])
@pytest.mark.parametrize("padding", [0, 1_100_000])
def test_an_object_in_a_stream_to_which_the_table_leads_is_reported(
    end: bytes, padding: int
) -> None:
    data = Hiding(end=end, padding=padding).write()
    (unscanned,) = scan_bytes(data).unscanned
    assert (unscanned.reason, unscanned.object) == ("hidden-object", 5000)
    assert data[unscanned.offset :].startswith(b"5000 0 obj")
    assert scan_bytes(data, size=4_097).unscanned == (unscanned,)


def test_a_wrong_table_is_reported_within_limits() -> None:
    rows = b"".join(b"%010d 00000 n \n" % (90_000 + n) for n in range(300))
    table = b"xref\n1 300\n" + rows + b"trailer<</Size 301/Root 1 0 R>>\nstartxref\n9\n%%EOF\n"
    scanned = scan_bytes(b"%PDF-1.7\n" + table)
    reasons = [u.reason for u in scanned.unscanned]
    assert (reasons.count("hidden-object"), reasons.count("table")) == (100, 1)


def test_a_table_larger_than_is_compared_is_reported() -> None:
    rows = b"0000000009 00000 n \n" * 300_001
    table = b"xref\n1 300001\n" + rows + b"trailer<</Size 2/Root 1 0 R>>\n"
    body = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n"
    scanned = scan_bytes(body + table + b"startxref\n%d\n%%%%EOF\n" % len(body))
    assert [u.reason for u in scanned.unscanned] == ["table"]


def test_a_number_that_no_pdf_may_have() -> None:
    data = Hiding(number=MAX_NUMBER + 1, in_stream=False).write()
    (finding,) = [f for f in scan_bytes(data).findings if f.kind == "malformed"]
    assert (finding.details["code"], finding.severity) == ("number-too-high", Severity.HIGH)
    assert "malformed" not in scan_bytes(Hiding(number=MAX_NUMBER, in_stream=False).write()).kinds
