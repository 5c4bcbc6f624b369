"""An attachment is one finding, although a name and a stream both show it."""

from itertools import permutations

import pytest

from pdfsluice.core.findings import FindingKind, Revision
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


def test_a_stream_that_only_an_earlier_revision_names_is_still_told() -> None:
    data = b"%PDF-1.7\n" + SPECIFICATION + STREAM + b"4 0 obj <</Type/Catalog>> endobj\n"
    found = scan_bytes(data).of(FindingKind.EMBEDDED_FILES)
    assert {(f.object, f.revision) for f in found} == {
        (4, Revision.EARLIER),
        (5, Revision.CURRENT),
    }


def test_a_whole_document_tells_of_its_attachment_once() -> None:
    data = evasive_pdf("embedded_files", "nothing hidden")
    assert len(scan_bytes(data).of(FindingKind.EMBEDDED_FILES)) == 1
