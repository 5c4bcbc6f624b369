"""Every way of hiding every kind; the table is in docs/explanation/scanning.md."""

import io
import logging
from pathlib import Path

import pikepdf
import pytest

from tests.support.evasive_pdfs import KINDS, TECHNIQUES, evasive_pdf, plain_pdf
from tests.support.scanning import scan_bytes

DAMAGING = {
    "header after 900 bytes": set(),
    "no header": {"header-missing"},
    "no endobj": {"endobj-missing"},
    "no endstream": {"endstream-missing"},
    "CR after stream": {"stream-line-end"},
    "spaces after stream": {"stream-line-end"},
    "no Length": {"length-missing"},
    "Length of zero": {"length-wrong"},
    "Length too short": {"length-wrong"},
    "Length too long": {"length-wrong"},
    "Length beyond the end": {"length-wrong"},
    "negative Length": {"length-missing"},
    "Length that covers other objects": {"xref-wrong", "root-missing"},
    "objects inside a stream": {"xref-wrong", "root-missing"},
    "object stream, no Length": {"length-missing"},
    "object stream, Length too long": {"length-wrong"},
    "object stream, Length of zero": {"length-wrong"},
    "object stream, spaces after stream": {"stream-line-end"},
}
UNREADABLE = {
    "indirect Length": "the one shared length is right for one of the streams only",
    "object stream without a type": "qpdf asks for the type; other readers do not",
    "object stream, nulls among filters": "qpdf takes no nulls among filters; other readers do",
}
IMPLIED = {"forms_xfa": {"forms_acroform"}}


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_every_kind_is_seen_through_the_technique(technique: str) -> None:
    for kind in KINDS:
        scanned = scan_bytes(evasive_pdf(kind, technique))
        expected = {kind} | IMPLIED.get(kind, set())
        assert scanned.kinds - {"malformed"} == expected, kind
        assert scanned.codes == DAMAGING.get(technique, set()), kind


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_findings_do_not_depend_on_the_engine(technique: str) -> None:
    for kind in KINDS:
        data = evasive_pdf(kind, technique)
        assert scan_bytes(data) == scan_bytes(data, fast=False)


@pytest.mark.parametrize("technique", sorted(set(TECHNIQUES) - set(DAMAGING)))
def test_the_evasive_documents_are_real(technique: str, caplog: pytest.LogCaptureFixture) -> None:
    """An independent reader opens them and locates the catalogue."""
    if technique in UNREADABLE:
        pytest.skip(UNREADABLE[technique])
    with caplog.at_level(logging.ERROR, logger="pikepdf"):
        for kind in ("javascript", "forms_acroform", "open_action"):
            with pikepdf.open(io.BytesIO(evasive_pdf(kind, technique))) as pdf:
                keys = set(pdf.Root.keys())
                wanted = {"javascript": "/Names", "forms_acroform": "/AcroForm"}
                assert wanted.get(kind, "/OpenAction") in keys
                assert len(pdf.pages) == 1


def test_hidden_is_reported() -> None:
    assert not scan_bytes(evasive_pdf("launch", "nothing hidden")).of("launch")[0].hidden
    for technique in ("escaped names", "object stream, Flate", "objects inside a stream"):
        assert scan_bytes(evasive_pdf("launch", technique)).of("launch")[0].hidden


def test_a_plain_document_has_no_findings() -> None:
    assert scan_bytes(plain_pdf()).findings == ()


def test_the_table_in_the_documentation_is_complete() -> None:
    page = Path(__file__).parents[3] / "docs" / "explanation" / "scanning.md"
    text = page.read_text()
    for technique in TECHNIQUES:
        assert f"| {technique} |" in text
