"""What other readers find in broken syntax counts, although qpdf finds something else."""

import ctypes
import random
import zlib
from pathlib import Path

import pypdfium2.raw as pdfium
import pytest

from pdfsluice.core.models.findings import Decision
from tests.integration.scan.conftest import Scanner
from tests.support.raw_pdfs import SCRIPT, document, one_page, packed, stream

CATALOGUE = b"/OpenAction 4 0 R/Names<</JavaScript<</Names[(a) 4 0 R]>>>>"
NAMED = b"/Names<</JavaScript 6 0 R>>"
TREE = b"<</Names[(a) 4 0 R]>>"


def runs(script: bytes) -> bytes:
    """Return a document that runs an object when it is opened."""
    return document(one_page(CATALOGUE, b"", {4: script}))


def refers(reference: bytes) -> bytes:
    """Return a document that refers in some way to the script that it runs."""
    return document(one_page(CATALOGUE.replace(b"4 0 R", reference), b"", {4: SCRIPT}))


def renumbered(old: bytes, new: bytes) -> bytes:
    """Return a document with an object stream whose numbers are written in another way."""
    objects = one_page(CATALOGUE, b"", {4: SCRIPT})
    encode = lambda data: zlib.compress(data.replace(old, new, 1))  # noqa: E731
    return packed(objects, encode, b"/Filter/FlateDecode")


def rebuilt(*objects: bytes) -> bytes:
    """Return a document of which readers rebuild the table."""
    pages = one_page(NAMED)
    head = b"".join(b"%d 0 obj%b\nendobj\n" % (n, pages[n]) for n in (2, 3))
    tail = b"1 0 obj%b\nendobj\ntrailer<</Root 1 0 R/Size 9>>\nstartxref\n7\n%%%%EOF\n" % pages[1]
    return b"%PDF-1.7\n" + head + b"".join(objects) + tail


SEEN_BY_PDFIUM = {
    "bytes that PDFium takes for white space": runs(SCRIPT.replace(b"/JS(", b"\x80/JS\xff(")),
    "such bytes after every name": runs(b"<</S\x80/JavaScript\xff/JS\x80(app.alert\\(1\\))>>"),
    "such a byte between name and number": document(
        one_page(NAMED.replace(b"Script ", b"Script\x80"), b"", {4: SCRIPT, 6: TREE})
    ),
    "such bytes in a reference": refers(b"4\x800\xffR"),
    "real numbers in a reference": refers(b"4. 0. R"),
    "a sign after a number": refers(b"4- 0 R"),
    "a dictionary in the place of a key": runs(b"<<" + SCRIPT),
    "an array in the place of a key": runs(b"<<[" + SCRIPT[2:]),
    "a bracket too many": runs(b"<" + SCRIPT),
    "a string in the place of a key": runs(b"<<(" + SCRIPT[2:]),
    "such a byte between the numbers of an object stream": renumbered(b" 4 ", b" 4\x80"),
    "a stream in the middle of an action": rebuilt(
        b"4 0 obj<<stream\nx\nendstream\n" + SCRIPT[2:] + b"\nendobj\n", b"6 0 obj" + TREE + b"\n"
    ),
}
"""Documents with a script that PDFium runs when it opens them."""
SEEN_BY_OTHERS = {
    "another number in the object stream than in the table": renumbered(b" 4 ", b" 9 "),
    "no white space before R": refers(b"4 0R"),
    "a null in names": runs(b"<</S/JavaScript#00/JS#00(app.alert\\(1\\))>>"),
    "a string without end": rebuilt(
        b"6 0 obj<</Names[(a) 4 0 R](>>\nendobj\n", b"4 0 obj" + SCRIPT + b"\nendobj\n"
    ),
    "a name tree at the very end": rebuilt(
        b"5 0 obj<</A(x>>\nendobj\n", b"4 0 obj" + SCRIPT + b"\nendobj\n"
    )
    + b"6 0 obj"
    + TREE
    + b"\nendobj\n",
    "an odd reference to a tree that came before": rebuilt(
        b"4 0 obj" + SCRIPT + b"\nendobj\n6 0 obj" + TREE + b"\nendobj\n"
    ).replace(b"6 0 R", b"6 0R"),
    "an odd name of a tree that came before": rebuilt(
        b"4 0 obj" + SCRIPT + b"\nendobj\n6 0 obj" + TREE + b"\nendobj\n"
    ).replace(b"Script 6", b"Script\x806"),
}
"""Documents with a script that PDFium, pdf.js or Poppler runs when it opens them."""


@pytest.mark.parametrize("name", [*SEEN_BY_PDFIUM, *SEEN_BY_OTHERS])
def test_a_script_that_some_reader_runs_by_itself_is_refused(name: str, scanner: Scanner) -> None:
    result = scanner.scan({**SEEN_BY_PDFIUM, **SEEN_BY_OTHERS}[name])
    assert result.decision is not None
    assert result.decision.refuses, result.findings


@pytest.mark.parametrize("name", SEEN_BY_PDFIUM)
def test_pdfium_finds_the_script(name: str, tmp_path: Path) -> None:
    path = tmp_path / "file.pdf"
    path.write_bytes(SEEN_BY_PDFIUM[name])
    pdfium.FPDF_InitLibrary()
    opened = pdfium.FPDF_LoadDocument(str(path).encode(), None)
    try:
        action = pdfium.FPDFDoc_GetJavaScriptAction(opened, 0)
        size = pdfium.FPDFJavaScriptAction_GetScript(action, None, 0)
        text = (ctypes.c_ushort * size)()
        pdfium.FPDFJavaScriptAction_GetScript(action, text, size)
        pdfium.FPDFDoc_CloseJavaScriptAction(action)
    finally:
        pdfium.FPDF_CloseDocument(opened)
    assert "app.alert" in bytes(text).decode("utf-16-le")


@pytest.mark.parametrize(
    "harmless",
    [
        b"<</BaseFont/\xcb\xce\xcc\xe5\x80/X 1>>",
        b"<</BaseFont/A\xc3\x80/F\xff 4 0 R>>",
        b"<</A[1. 2.5 -3 .4]/B 1.5>>",
    ],
)
def test_names_with_high_bytes_and_real_numbers_are_sound(
    harmless: bytes, scanner: Scanner
) -> None:
    result = scanner.scan(document(one_page(b"", b"/A 4 0 R", {4: harmless})))
    assert result.decision is Decision.NOTE
    assert not [each for each in result.findings if each.kind == "malformed"]


def test_damage_that_runs_nothing_is_noted(scanner: Scanner) -> None:
    content = document(one_page(b"/OpenAction 5 0 R", b"", {4: b"<</A(x>>", 5: b"[3 0 R/Fit]"}))
    assert scanner.decision(content) <= Decision.FLAG


@pytest.mark.parametrize("end", [b"endobj", b"stream\nx\nendstream"])
def test_an_action_that_continues_after_its_object_is_refused(end: bytes, scanner: Scanner) -> None:
    launch = b"<</F(cmd.exe) %b /S/Launch>>" % end
    link = b"<</Subtype/Link/Rect[0 0 9 9]/A 4 0 R>>"
    content = document(one_page(b"", b"/Annots[5 0 R]", {4: launch, 5: link}))
    without_table = content.replace(b"xref", b"xxxx")
    assert scanner.decision(without_table).refuses


@pytest.mark.parametrize("place", [-1, 500])
@pytest.mark.parametrize("hexadecimal", [False, True])
def test_a_damaged_attachment_is_judged_by_what_readers_save(
    place: int, hexadecimal: bool, scanner: Scanner
) -> None:
    """Readers save a program whose checksum is wrong, and the beginning of one that breaks off."""
    program = b"MZ" + bytes(62) + random.Random(1).randbytes(2000)
    packed = bytearray(zlib.compress(program))
    packed[place] ^= 0xFF
    if place > 0:
        packed[place:place] = random.Random(2).randbytes(40)
    filters = b"/Filter/FlateDecode"
    if hexadecimal:
        packed, filters = bytearray(packed.hex().encode() + b">"), b"/Filter[/AHx/FlateDecode]"
    specification = b"<</Type/Filespec/F(a.bin)/EF<</F 4 0 R>>>>"
    catalogue = b"/Names<</EmbeddedFiles<</Names[(a)5 0 R]>>>>"
    objects = one_page(catalogue, b"", {4: stream(bytes(packed), filters), 5: specification})
    result = scanner.scan(document(objects))
    assert result.decision is Decision.REJECT
    assert {each.kind for each in result.findings} >= {"executable", "embedded_files"}


def test_a_program_is_recognized_after_junk_in_the_line_of_stream(scanner: Scanner) -> None:
    program = zlib.compress(b"MZ" + bytes(62) + random.Random(1).randbytes(2000))
    content = stream(program, b"/Filter/FlateDecode").replace(b"stream\n", b"stream>\n", 1)
    specification = b"<</Type/Filespec/F(a.bin)/EF<</F 4 0 R>>>>"
    catalogue = b"/Names<</EmbeddedFiles<</Names[(a)5 0 R]>>>>"
    objects = one_page(catalogue, b"", {4: content, 5: specification})
    assert scanner.decision(document(objects)) is Decision.REJECT


def test_an_action_counts_if_its_later_revision_is_broken(scanner: Scanner) -> None:
    """Readers that rebuild the table take the earlier one then."""
    link = b"<</Subtype/Link/Rect[0 0 9 9]/A 4 0 R>>"
    launch = b"<</S/Launch/F(cmd.exe)>>"
    content = document(one_page(b"", b"/Annots[5 0 R]", {4: launch, 5: link}))
    table = content.index(b"xref")
    broken = b"4 0 obj\n<</S{/GoTo>>\nendobj\n"
    without_table = content[:table] + broken + content[table:].replace(b"xref", b"xxxx")
    assert scanner.decision(without_table).refuses
