"""An attachment is one finding, although a name and a stream both show it."""

from itertools import permutations

import pytest

from pdfsluice.core.models.findings import FindingKind, Revision
from pdfsluice.plugins.pdf.streaming.scan import Scan
from tests.support.evasive_pdfs import evasive_pdf
from tests.support.scanning import scan_bytes

SPECIFICATION = b"4 0 obj <</Type/Filespec/F(a.txt)/EF<</F 5 0 R/UF 5 0 R>>>> endobj\n"
STREAM = b"5 0 obj <</Type/EmbeddedFile/Length 1>> stream\nx\nendstream endobj\n"
LONE = b"6 0 obj <</Type/EmbeddedFile/Length 1>> stream\nx\nendstream endobj\n"


@pytest.mark.parametrize("parts", list(permutations([SPECIFICATION, STREAM])))
def test_a_named_attachment_is_one_finding_with_its_name(parts: tuple[bytes, ...]) -> None:
    (found,) = scan_bytes(b"%PDF-1.7\n" + b"".join(parts)).of(FindingKind.EMBEDDED_FILES)
    assert found.object == 4
    assert found.excerpt == "a.txt"


@pytest.mark.parametrize("parts", list(permutations([SPECIFICATION, STREAM, LONE])))
def test_a_stream_that_nothing_names_is_a_finding_of_its_own(parts: tuple[bytes, ...]) -> None:
    found = scan_bytes(b"%PDF-1.7\n" + b"".join(parts)).of(FindingKind.EMBEDDED_FILES)
    assert {f.object for f in found} == {4, 6}


def test_a_stream_that_only_an_earlier_revision_names_is_reported() -> None:
    data = b"%PDF-1.7\n" + SPECIFICATION + STREAM + b"4 0 obj <</Type/Catalog>> endobj\n"
    found = scan_bytes(data).of(FindingKind.EMBEDDED_FILES)
    assert {(f.object, f.revision) for f in found} == {
        (4, Revision.EARLIER),
        (5, Revision.CURRENT),
    }


def test_a_whole_document_reports_its_attachment_once() -> None:
    data = evasive_pdf("embedded_files", "nothing hidden")
    assert len(scan_bytes(data).of(FindingKind.EMBEDDED_FILES)) == 1


@pytest.mark.parametrize("direct", [True, False], ids=["direct length", "length in an object"])
@pytest.mark.parametrize("inside", [True, False])
def test_what_follows_an_attached_document_is_reported_early(inside: bool, direct: bool) -> None:
    """What is inside of it is not, nor an object there with the number of the length."""
    action = b"9 0 obj <</Type/Catalog/OpenAction<</S/JavaScript/JS(x)>>>> endobj\n"
    inner = b"%PDF-1.7\n7 0 obj 5 endobj\n" + (action if inside else b"") + bytes(2_000_000)
    length = b"%d" % len(inner) if direct else b"7 0 R"
    data = b"%%PDF-1.7\n5 0 obj <</Type/EmbeddedFile/Length %b>> stream\n%b" % (length, inner)
    data += b"\nendstream endobj\n7 0 obj %d endobj\n" % len(inner)
    scan = Scan()
    scan.feed(memoryview(data + (b"" if inside else action) + b"8 0 obj 1 endobj\n" * 20_000))
    kinds = {finding.kind for finding in scan.new_findings()}
    assert (FindingKind.JAVASCRIPT in kinds) is not inside


def test_what_follows_an_attachment_counts_if_no_table_was_judged() -> None:
    inner = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n"
    content = (
        b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction 7 0 R>>endobj\n"
        b"5 0 obj<</Type/Filespec/F(a.pdf)/EF<</F 6 0 R>>>>endobj\n"
        b"6 0 obj<</Type/EmbeddedFile/Length 99 0 R>>stream\n" + inner + b"\nendstream endobj\n"
        b"7 0 obj<</S/JavaScript/JS(app.alert\\(1\\))>>endobj\ntrailer<</Root 1 0 R>>\n"
    )
    (script,) = scan_bytes(content).of("javascript")
    assert script.trigger == "open"
