"""What ``standard`` decides about active and about harmless content."""

import zlib
from collections.abc import Callable

import pytest

from pdfsluice.core.models.findings import BY_ITSELF, Decision, FindingKind, Revision, Trigger
from tests.integration.scan.conftest import Scanner
from tests.support.raw_pdfs import (
    DELIVERIES,
    SCRIPT,
    document,
    hybrid,
    one_page,
    packed,
    stream,
)
from tests.support.shares import crossed

UNC = rb"(\\\\evil\\share\\a.pdf)"
XFA = (
    b'<x:template xmlns:x="http://www.xfa.org/schema/xfa-template/3.3/"><x:subform>'
    b'<x:event activity="%s"><x:script>app.alert(1)</x:script></x:event></x:subform></x:template>'
)
INVOICE = (
    b'<?xml version="1.0"?><rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:'
    b'standard:CrossIndustryInvoice:100"><rsm:A/></rsm:CrossIndustryInvoice>'
)


def field(actions: bytes) -> dict[int, bytes]:
    """Return a form with one field that has additional actions."""
    widget = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/Rect[1 1 9 9]/AA<<%s>>>>" % actions
    return one_page(b"/AcroForm<</Fields[4 0 R]>>", b"/Annots[4 0 R]", {4: widget})


def annotation(event: bytes, area: bytes) -> dict[int, bytes]:
    """Return a page with one annotation that has a script for an event."""
    body = b"<</Type/Annot/Subtype/Link/Rect[%s]/AA<</%s 5 0 R>>>>" % (area, event)
    return one_page(b"", b"/Annots[4 0 R]", {4: body, 5: SCRIPT})


def opens(action: bytes) -> dict[int, bytes]:
    """Return a document that runs an action when it is opened."""
    return one_page(b"/OpenAction 4 0 R", b"", {4: action})


RUNS_BY_ITSELF = {
    "opening": opens(SCRIPT),
    "launch": opens(b"<</S/Launch/F(calc.exe)>>"),
    "page": one_page(b"", b"/AA<</O 4 0 R>>", {4: SCRIPT}),
    "field format": field(b"/F 5 0 R") | {5: SCRIPT},
    "page-sized annotation": annotation(b"E", b"0 0 300 200"),
    "invisible page event": annotation(b"PV", b"0 0 0 0"),
}


@pytest.mark.parametrize(
    ("content", "delivery"), crossed(RUNS_BY_ITSELF, DELIVERIES, every=len(RUNS_BY_ITSELF))
)
def test_what_runs_by_itself_is_refused_however_it_is_delivered(
    content: str, delivery: str, scanner: Scanner
) -> None:
    result = scanner.scan(DELIVERIES[delivery](RUNS_BY_ITSELF[content]))
    assert result.decision is not None
    assert result.decision.refuses, result.findings
    current = [f for f in result.findings if f.revision is Revision.CURRENT]
    assert any(f.trigger in BY_ITSELF or f.kind == FindingKind.UNREAD for f in current)


UNSOUND = {"in the trailer", "without ends"}
"""Deliveries without a table, of which qpdf opens nothing."""
UNOPENED = {"no header", "Brotli", "Brotli in Flate", "padding"}
"""Deliveries that only the streaming pass reads, and reads as a whole."""


@pytest.mark.long
@pytest.mark.parametrize("delivery", sorted(set(DELIVERIES) - UNSOUND))
def test_a_harmless_document_is_accepted_however_it_is_delivered(
    delivery: str, scanner: Scanner
) -> None:
    content = DELIVERIES[delivery](one_page(b"", b"", {4: b"<</A(b)>>"}))
    flagged = "password" in delivery or delivery in UNOPENED
    assert scanner.decision(content) <= (Decision.FLAG if flagged else Decision.NOTE)


@pytest.mark.parametrize("delivery", sorted(UNOPENED - {"padding"}))
def test_a_link_in_a_file_that_qpdf_does_not_open_is_noted(delivery: str, scanner: Scanner) -> None:
    link = b"<</Subtype/Link/Rect[0 0 1 1]/A<</S/URI/URI(https://x.org/)>>>>"
    content = DELIVERIES[delivery](one_page(b"", b"/Annots[4 0 R]", {4: link}))
    assert scanner.decision(content) is Decision.NOTE


def comments() -> bytes:
    """Return a document whose objects are separated by 100 MB of comments."""
    return packed(
        one_page(),
        lambda data: zlib.compress(data, 1),
        b"/Filter/FlateDecode",
        b"%x\n" * 25_000_000,
    )


UNREAD: dict[str, Callable[[], bytes]] = {
    "unknown filter": lambda: packed(opens(SCRIPT), bytes, b"/Filter/UnknownDecode"),
    "harmless in an unknown filter": lambda: packed(one_page(), bytes, b"/Filter/UnknownDecode"),
    "damage": lambda: packed(opens(SCRIPT), lambda _: b"\x01\x02damage", b"/Filter/FlateDecode"),
    "comments": comments,
    "unopenable": lambda: b"%PDF-1.7\n" + bytes(range(256)) * 50 + b"\n1 0 obj<</A/B>>endobj\n",
}
"""Documents with a part that the scanner cannot read, made when a test needs them."""


@pytest.mark.long
@pytest.mark.parametrize(("content", "policy"), crossed(UNREAD, ["standard", "strict"], every=2))
def test_what_was_not_seen_is_not_clean(content: str, policy: str, scanner: Scanner) -> None:
    decision = scanner.decision(UNREAD[content](), policy)
    assert decision is (Decision.QUARANTINE if policy == "standard" else Decision.REJECT)


def test_an_action_in_what_was_not_read_runs_by_itself_unknown_what(scanner: Scanner) -> None:
    objects = one_page(b"/OpenAction 9 0 R")
    hidden = stream(b"9 0 <</S/Launch>>", b"/Type/ObjStm/N 1/First 4/Filter/OtherDecode")
    result = scanner.scan(document({**objects, 8: hidden}))
    (unknown,) = (f for f in result.findings if f.kind == FindingKind.UNREAD and f.trigger)
    assert unknown.trigger is Trigger.OPEN
    assert "runs by itself, and what it is could not be read" in unknown.message


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize(
    "loose",
    [b"<</S/Launch/F(calc.exe)>>", b"<</S/#4aavaScript/JS(x)>>", b"obj<</OpenAction%s>>" % SCRIPT],
)
def test_dictionaries_count_wherever_they_stand(loose: bytes, place: str, scanner: Scanner) -> None:
    whole = document(one_page())
    content = whole.replace(b"\n3 0 obj", b"\n%s\n3 0 obj" % loose)
    assert scanner.decision(content if place == "before" else whole + loose).refuses


@pytest.mark.parametrize("free", [b"0000000000 65535 f \n", b"0000000000 00000 f \n"])
def test_what_a_hybrid_part_names_is_current(free: bytes, scanner: Scanner) -> None:
    result = scanner.scan(hybrid(opens(SCRIPT), free))
    assert [f.revision for f in result.findings if f.kind == "javascript"] == [Revision.CURRENT]
    assert result.decision is Decision.REJECT


@pytest.mark.parametrize(
    "script",
    [
        rb"AFNumber_Format\(2, 0, 0, 0, \"\", true\);",
        rb"AFDate_FormatEx\('dd.mm.yyyy'\)",
        rb"AFSpecial_Format\(0\);",
        rb"AFSimple_Calculate\(\"SUM\", new Array \(\"a\", \"b\"\)\);",
    ],
)
def test_honest_formats_are_flagged_at_most(script: bytes, scanner: Scanner) -> None:
    call = b"/F<</S/JavaScript/JS(%s)>>" % script
    assert scanner.decision(document(field(call))) is Decision.FLAG


@pytest.mark.parametrize(
    "script",
    [
        rb"AFNumber_Format\(2, 0, 0, 0, \"\", true\); app.alert\(1\)",
        rb"AFNumber_Format\(app.alert\(1\)\)",
        rb"AFNumber_Format\(2\), app.alert\(1\)",
        rb"AFEvil_Format\(1\)",
        rb"AFNumber_Format\(\"\" + x\)",
    ],
)
def test_a_format_that_does_more_runs_by_itself(script: bytes, scanner: Scanner) -> None:
    call = b"/F<</S/JavaScript/JS(%s)>>" % script
    assert scanner.decision(document(field(call))) is Decision.REJECT


@pytest.mark.parametrize("event", [b"E", b"X", b"D", b"U", b"Fo", b"Bl"])
def test_the_size_of_an_annotation_decides_about_the_pointer(
    event: bytes, scanner: Scanner
) -> None:
    assert scanner.decision(document(annotation(event, b"0 0 300 200"))) is Decision.REJECT
    assert scanner.decision(document(annotation(event, b"-900 -900 900 900"))) is Decision.REJECT
    assert scanner.decision(document(annotation(event, b"0 0 20 20"))) is Decision.FLAG


def xfa(*packets: bytes) -> bytes:
    names = b"".join(b"(p)%d 0 R" % number for number in range(10, 10 + len(packets)))
    streams = {10 + index: stream(packet) for index, packet in enumerate(packets)}
    return document(one_page(b"/AcroForm<</Fields[]/XFA[%s]>>" % names, b"", streams))


START = XFA % b"initialize"


@pytest.mark.parametrize(
    "content",
    [
        xfa(START),
        xfa(START[:100], START[100:150], START[150:]),
        xfa(START[: START.index(b"script") + 3], START[START.index(b"script") + 3 :]),
        xfa(START.decode().encode("utf-16")),
        xfa(START.decode().encode("utf-16-be")),
        xfa(START.replace(b"app.alert(1)", b"<![CDATA[app.alert(1)]]>")),
        xfa(
            b'<!DOCTYPE t [<!ENTITY s "<script>x</script>">]>'
            b'<t><event activity="initialize">&s;</event></t>'
        ),
        xfa(XFA % b"docReady"),
        xfa(XFA % b"prePrint"),
        xfa(b"<template><field><calculate><script>1</script></calculate></field></template>"),
        xfa(b"<template><event activity='initialize'><script>1</script>"),
        xfa(b"<t/>", START),
    ],
)
def test_scripts_of_an_xfa_form_run_by_themselves(content: bytes, scanner: Scanner) -> None:
    result = scanner.scan(content)
    (form,) = (f for f in result.findings if f.kind == FindingKind.FORMS_XFA)
    assert form.trigger is Trigger.OPEN
    assert result.decision is Decision.REJECT


@pytest.mark.parametrize("content", [xfa(XFA % b"click"), xfa(b"<template><field/></template>")])
def test_an_xfa_form_without_such_scripts_is_flagged(content: bytes, scanner: Scanner) -> None:
    assert scanner.decision(content) is Decision.FLAG


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        (rb"(javascript:alert\(1\))", True),
        (rb"( java\nscript:alert\(1\))", True),
        (b"(JAVASCRIPT:x)", True),
        (b"<feff006a006100760061007300630072006900700074003a0078>", True),
        (b"(file:///c:/x.exe)", True),
        (b"(data:text/html,x)", True),
        (b"(smb://x/y)", True),
        (UNC, True),
        (b"(http://x.org/)", False),
        (b"(HTTPS://x.org/)", False),
        (b"(mailto:a@b.org)", False),
        (b"(www.x.org)", False),
        (b"(x.org:80/a)", False),
    ],
)
def test_addresses_that_are_opened_unasked(address: bytes, refused: bool, scanner: Scanner) -> None:
    decision = scanner.decision(document(opens(b"<</S/URI/URI%s>>" % address)))
    assert decision.refuses is refused


@pytest.mark.parametrize(
    "objects",
    [
        opens(b"<</S/GoToR/D[0/Fit]/F%s>>" % UNC),
        opens(b"<</S/GoToR/D[0/Fit]/F<</UF%s>>>>" % UNC),
        opens(b"<</S/GoToR/D[0/Fit]/F(//evil/share/a.pdf)>>"),
        opens(b"<</S/GoToE/D[0/Fit]/F%s>>" % UNC),
        opens(b"<</S/SubmitForm/F<</FS/URL/F%s>>>>" % UNC),
        opens(b"<</S/ImportData/F%s>>" % UNC),
        one_page(b"", b"/AA<</O<</S/GoToR/D[0/Fit]/F%s>>>>" % UNC),
        one_page(b"", b"/Contents 4 0 R", {4: stream(b"", b"/F" + UNC)}),
        one_page(
            b"",
            b"/Resources<</XObject<</X 4 0 R>>>>",
            {4: stream(b"", b"/Subtype/Form/BBox[0 0 1 1]/Ref<</Page 0/F%s>>" % UNC)},
        ),
    ],
)
def test_paths_to_other_computers(objects: dict[int, bytes], scanner: Scanner) -> None:
    assert scanner.decision(document(objects)).refuses


@pytest.mark.parametrize(
    ("base", "address", "refused"),
    [
        (b"(javascript:)", rb"(alert\(1\))", True),
        (b"(file://evil/share/)", b"(a.pdf)", True),
        (b"<feff006a006100760061007300630072006900700074003a>", b"(x)", True),
        (b"(javascript:)", b"(https://x.org/)", False),
        (b"(https://x.org/)", b"(a/b.html)", False),
    ],
)
def test_the_base_of_relative_addresses_counts(
    base: bytes, address: bytes, refused: bool, scanner: Scanner
) -> None:
    objects = opens(b"<</S/URI/URI%s>>" % address)
    objects[1] = objects[1].replace(b">>", b"/URI 9 0 R>>", 1)
    decision = scanner.decision(document({**objects, 9: b"<</Base%s>>" % base}))
    assert decision.refuses is refused


CHAINS = {
    "next": opens(b"<</S/GoTo/D[3 0 R/Fit]/Next 5 0 R>>")
    | {5: b"<</S/Named/N/NextPage/Next[6 0 R]>>", 6: SCRIPT},
    "names": one_page(
        b"/Names<</JavaScript 4 0 R>>",
        b"",
        {
            4: b"<</Kids[5 0 R]>>",
            5: b"<</Limits[(a)(b)]/Kids[6 0 R]>>",
            6: b"<</Limits[(a)(b)]/Names[(a)7 0 R]>>",
            7: SCRIPT,
        },
    ),
}


@pytest.mark.parametrize("delivery", ["plain", "object stream", "hybrid"])
@pytest.mark.parametrize("chain", CHAINS)
def test_a_chain_is_followed_to_its_end(chain: str, delivery: str, scanner: Scanner) -> None:
    assert scanner.decision(DELIVERIES[delivery](CHAINS[chain])) is Decision.REJECT


def test_a_form_that_only_one_pass_sees_is_not_clean(scanner: Scanner) -> None:
    objects = one_page(b"/AcroForm<</Fields[]/XFA 4 7 R>>", b"", {4: stream(START)})
    content = document(objects).replace(b"\n4 0 obj", b"\n4 7 obj")
    assert scanner.decision(content).refuses
    whole = b"<</Type/Catalog/Pages<</Kids[]>>/AcroForm<</Fields[]/XFA 4 0 R>>>>"
    loose = b"4 0 obj%s endobj\ntrailer<</Root%s>>" % (stream(START), whole)
    assert scanner.decision(loose).refuses


def test_a_file_without_a_catalogue_that_can_be_read_is_not_clean(scanner: Scanner) -> None:
    content = document(one_page()).replace(b"<<", b"<%c\n<").replace(b">>", b">%c\n>")
    assert scanner.decision(content) is Decision.QUARANTINE


def test_a_link_to_another_document_is_flagged(scanner: Scanner) -> None:
    link = b"/Annots[<</Subtype/Link/Rect[0 0 1 1]/A<</S/GoToR/D[0/Fit]/F(b.pdf)>>>>]"
    assert scanner.decision(document(one_page(b"", link))) is Decision.FLAG


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n", b"", "begins at byte 50"),
        (b"MIME-Version: 1.0\r\nContent-Type: application/pdf\r\n\r\n", b"", "begins at byte 52"),
        (b"--b\r\nContent-Type: application/pdf\r\n\r\n", b"\r\n--b--\r\n", "begins at byte"),
        (b"\x1b%-12345X@PJL ENTER LANGUAGE=PDF\r\n", b"\x1b%-12345X", "begins at byte 34"),
        (b"", b"<!DOCTYPE html><html><body>Session expired</body></html>", "ends at byte"),
        (b"", b"<html><script>1</script></html>" * 90, "ends at byte"),
    ],
)
def test_inert_text_around_a_document_is_flagged_at_most(
    before: bytes, after: bytes, words: str, scanner: Scanner
) -> None:
    for policy in ("standard", "strict"):
        result = scanner.scan(before + document(one_page()) + after, policy)
        assert result.decision is not None
        assert result.decision <= Decision.FLAG
        assert any(words in f.message for f in result.findings)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"<html><script>alert(1)</script></html>\n", b""),
        (b"", b"<?php system($_GET[0]); ?>"),
        (b"#!/bin/sh\nexit\n", b""),
    ],
)
def test_text_that_another_program_runs_is_refused(
    before: bytes, after: bytes, scanner: Scanner
) -> None:
    assert scanner.decision(before + document(one_page()) + after) is Decision.REJECT
