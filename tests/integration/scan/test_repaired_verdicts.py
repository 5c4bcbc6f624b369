"""Files that qpdf opens in part or not at all are judged by their content."""

import zlib

import pytest

from pdfsluice.core.models.findings import Decision, FindingKind
from tests.integration.scan.conftest import Scanner
from tests.support.raw_pdfs import DELIVERIES, SCRIPT, document, hybrid, one_page, stream
from tests.support.shares import share

UNOPENED = ["no header", "Brotli", "Brotli in Flate"]
FORMAT = b"<</S/JavaScript/JS(AFNumber_Format\\(2, 0, 0, 0, '', true\\);)>>"


def attachment(name: bytes, content: bytes) -> dict[int, bytes]:
    """Return a document with one attached file, compressed and without a type."""
    return one_page(
        b"/Names<</EmbeddedFiles<</Names[(a) 4 0 R]>>>>",
        b"",
        {
            4: b"<</Type/Filespec/F(%s)/EF<</F 5 0 R>>>>" % name,
            5: stream(zlib.compress(content), b"/Filter/FlateDecode"),
        },
    )


def field(script: bytes) -> dict[int, bytes]:
    """Return a form with a field that an action in another object formats."""
    widget = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/Rect[1 1 9 9]/AA<</F 5 0 R>>>>"
    return one_page(b"/AcroForm<</Fields[4 0 R]>>", b"/Annots[4 0 R]", {4: widget, 5: script})


def link(address: bytes, catalogue: bytes = b"") -> dict[int, bytes]:
    """Return a page with one link."""
    annotation = b"<</Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(%s)>>>>" % address
    return one_page(catalogue, b"/Annots[4 0 R]", {4: annotation})


HONEST = {
    "attachment": attachment(b"notes.txt", b"Dear reader"),
    "format script": field(FORMAT),
    "relative link": link(b"docs/a.html"),
    "link with a base": link(b"docs/a.html", b"/URI<</Base(https://example.org/)>>"),
}
HOSTILE = {
    "program": attachment(b"notes.txt", b"MZ" + bytes(100)),
    "program by name": attachment(b"invoice.pdf.lnk", b"nothing to see"),
    "format script": field(SCRIPT),
    "network path": one_page(
        b"/OpenAction 4 0 R",
        b"",
        {4: b"<</S/GoToR/F 5 0 R/D[0/Fit]>>", 5: rb"(\\\\evil\\share\\a.pdf)"},
    ),
    "base": one_page(
        b"/OpenAction 4 0 R/URI 5 0 R",
        b"",
        {4: b"<</S/URI/URI(alert\\(1\\))>>", 5: b"<</Base 6 0 R>>", 6: b"(javascript:)"},
    ),
}


@pytest.mark.parametrize("delivery", share([*UNOPENED, "hybrid"], every=2))
@pytest.mark.parametrize("content", HONEST)
def test_an_honest_document_is_accepted_although_qpdf_does_not_open_it(
    content: str, delivery: str, scanner: Scanner
) -> None:
    result = scanner.scan(DELIVERIES[delivery](HONEST[content]))
    assert result.decision is not None
    assert result.decision <= Decision.FLAG, result.findings
    assert not any(finding.kind == FindingKind.UNREAD for finding in result.findings)


@pytest.mark.parametrize("delivery", share([*UNOPENED, "hybrid"], every=2))
@pytest.mark.parametrize("content", HOSTILE)
def test_a_hostile_document_is_refused_although_qpdf_does_not_open_it(
    content: str, delivery: str, scanner: Scanner
) -> None:
    assert scanner.decision(DELIVERIES[delivery](HOSTILE[content])).refuses


@pytest.mark.parametrize("delivery", UNOPENED)
def test_a_file_that_leaves_readers_a_choice_is_not_repaired(
    delivery: str, scanner: Scanner
) -> None:
    twice = b"5 0 obj\n<</S/Launch/F(calc.exe)>>\nendobj\n"
    content = DELIVERIES[delivery](HONEST["format script"]).replace(
        b"startxref", twice + b"startxref"
    )
    assert scanner.decision(content).refuses


def test_a_script_is_judged_to_its_end(scanner: Scanner) -> None:
    """The beginning that the streaming pass keeps is a call that honest forms make."""
    call = b"AFNumber_Format\\(2, 0, 0, 0, '', true\\);"
    script = b"<</S/JavaScript/JS(%s%sapp.alert\\(1\\))>>" % (call, b" " * 5000)
    for content in (document(field(script)), hybrid(field(script))):
        assert scanner.decision(content) is Decision.REJECT


def freed(action: bytes, *, referred: bool) -> bytes:
    """Write a document whose table marks the action as free; it is referred to or not."""
    whole = document(one_page(b"/OpenAction 4 0 R" if referred else b"", b"", {4: action}))
    row = b"%010d 00000 n" % whole.index(b"4 0 obj")
    return whole.replace(row, b"0000000000 00001 f")


@pytest.mark.parametrize("action", [SCRIPT, b"<</S/Launch/F(calc.exe)>>"])
def test_what_a_table_frees_counts_if_the_document_refers_to_it(
    action: bytes, scanner: Scanner
) -> None:
    """Readers that miss an object rebuild the table, and find it."""
    assert scanner.decision(freed(action, referred=True)) is Decision.REJECT
    assert scanner.decision(freed(action, referred=False)) is Decision.FLAG


@pytest.mark.parametrize("delivery", ["in the trailer", "without ends", "hybrid"])
def test_the_base_counts_where_only_the_streaming_pass_sees_it(
    delivery: str, scanner: Scanner
) -> None:
    catalogue = b"/OpenAction 4 0 R/URI<</Base(javascript:)>>"
    objects = one_page(catalogue, b"", {4: b"<</S/URI/URI(alert\\(1\\))>>"})
    assert scanner.decision(DELIVERIES[delivery](objects)).refuses


def artwork(activation: bytes, script: bytes) -> dict[int, bytes]:
    """Return a page with a 3D annotation."""
    annotation = b"<</Type/Annot/Subtype/3D/Rect[0 0 9 9]/3DD 5 0 R%s>>" % activation
    more = {4: annotation, 5: stream(b"U3D", b"/Type/3D/Subtype/U3D%s" % script), 6: stream(b"x()")}
    return one_page(b"", b"/Annots[4 0 R]", more)


def media(condition: bytes, scripts: bytes) -> dict[int, bytes]:
    """Return a page with a rich-media annotation."""
    settings = b"/RichMediaSettings<</Activation<</Condition/%s%s>>>>" % (condition, scripts)
    more = {
        4: b"<</Type/Annot/Subtype/RichMedia/Rect[0 0 9 9]%s>>" % settings,
        5: b"<</Type/Filespec/F(a.u3d)/EF<</F 6 0 R>>>>",
        6: stream(b"x()"),
    }
    return one_page(b"", b"/Annots[4 0 R]", more)


@pytest.mark.parametrize("delivery", share(["plain", "object stream", "Brotli", "hybrid"], every=2))
@pytest.mark.parametrize(
    ("objects", "decision"),
    [
        (artwork(b"/3DA<</A/PO>>", b"/OnInstantiate 6 0 R"), Decision.REJECT),
        (artwork(b"/3DA<</A/PV>>", b"/OnInstantiate 6 0 R"), Decision.REJECT),
        (artwork(b"/3DA<</A/XA>>", b"/OnInstantiate 6 0 R"), Decision.FLAG),
        (artwork(b"", b"/OnInstantiate 6 0 R"), Decision.FLAG),
        (artwork(b"/3DA<</A/PO>>", b""), Decision.FLAG),
        (media(b"PO", b"/Scripts[5 0 R]"), Decision.REJECT),
        (media(b"XA", b"/Scripts[5 0 R]"), Decision.FLAG),
        (media(b"PO", b""), Decision.FLAG),
    ],
)
def test_scripts_of_three_dimensional_and_rich_media(
    objects: dict[int, bytes], decision: Decision, delivery: str, scanner: Scanner
) -> None:
    assert scanner.decision(DELIVERIES[delivery](objects)) is decision


@pytest.mark.parametrize("tree", [b"Templates", b"Pages"])
@pytest.mark.parametrize("delivery", ["plain", "object stream", "empty password"])
def test_pages_that_a_script_can_show_have_scripts_of_their_own(
    tree: bytes, delivery: str, scanner: Scanner
) -> None:
    page = b"<</Type/%s/MediaBox[0 0 9 9]/AA<</O 5 0 R>>>>" % tree.removesuffix(b"s")
    objects = one_page(b"/Names<</%s<</Names[(t)4 0 R]>>>>" % tree, b"", {4: page, 5: SCRIPT})
    assert scanner.decision(DELIVERIES[delivery](objects)) is Decision.REJECT
