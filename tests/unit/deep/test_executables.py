"""Programs are distinguished from documents by content, or by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdfsluice.core.models.findings import FindingKind, Severity
from pdfsluice.plugins.pdf.deep.executables import describe_executable
from tests.support import active_pdfs as pdfs

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0")
PROGRAMS = {
    "PE": (pdfs.windows_program(), "invoice.pdf"),
    "DOS": (b"MZ\x90\0\x03\0\0\0", "readme"),
    "ELF": (b"\x7fELF\x02\x01\x01", "report.txt"),
    "Mach-O": (b"\xcf\xfa\xed\xfe\x07\0\0\x01", "a"),
    "Mach-O universal": (b"\xca\xfe\xba\xbe\0\0\0\x02", "a"),
    "shell": (b"\xef\xbb\xbf#!/bin/sh\nrm -r ~", "notes.txt"),
    "batch": (b"@ECHO OFF\r\ndel *", "notes.txt"),
    "HTA": (b"<html><HTA:APPLICATION id=x><script>", "page.html"),
    "HTA in UTF-16": ("<html><hta:application>".encode("utf-16"), "page.html"),
    "WSF": (b'<?xml version="1.0"?><job id="1"><script language="VBScript">', "x.xml"),
    "VBS": (b'Set s = CreateObject("WScript.Shell")\r\ns.Run "calc"', "x.txt"),
    "JScript": (b"var s = new ActiveXObject('WScript.Shell')", "x.txt"),
    "shortcut": (b"L\0\0\0\x01\x14\x02\0", "x"),
    "Word macros": (OLE + "_VBA_PROJECT".encode("utf-16-le"), "letter.doc"),
    "installer": (OLE + b"\x84\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0\x46", "x.dat"),
    "OOXML macros": (pdfs.office_archive("word/document.xml", "word/vbaProject.bin"), "x.docx"),
    "torn OOXML macros": (b"PK\x03\x04..word/vbaProject.bin..", "x.docx"),
    "JAR": (pdfs.office_archive("META-INF/MANIFEST.MF", "A.class"), "x.zip"),
    "APK": (pdfs.office_archive("classes.dex"), "x.zip"),
    "program in a zip": (pdfs.office_archive("docs/readme.txt", "Setup.EXE"), "x.zip"),
    "by name": (b"whatever", "invoice.pdf.JS "),
    "PowerShell by name": (b"Get-Item", "x.ps1"),
}
DOCUMENTS = {
    "nothing": (b"", ""),
    "text": (b"MZ is the mark of DOS programs", "notes.txt"),
    "a sentence about scripts": (b"Use #!/bin/sh as the first line", "howto.md"),
    "HTML": (b"<html><script>alert(1)</script>", "page.html"),
    "XML job": (b"<job><title>Engineer</title></job>", "jobs.xml"),
    "PDF": (b"%PDF-1.7", "x.pdf"),
    "Word": (OLE + "WordDocument".encode("utf-16-le"), "letter.doc"),
    "OOXML": (pdfs.office_archive("word/document.xml", "[Content_Types].xml"), "x.docx"),
    "zip": (pdfs.office_archive("a.txt", "b.png"), "x.zip"),
    "PNG": (b"\x89PNG\r\n\x1a\n", "x.png"),
    "address as a name": (b"a,b\n1,2\n", "export from example.com"),
    "JSON": (b"{}", "x.json"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str) -> None:
    assert describe_executable(*PROGRAMS[name]) is not None


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents(name: str) -> None:
    assert describe_executable(*DOCUMENTS[name]) is None


@given(
    st.sampled_from([b"", b"MZ", b"PK\x03\x04", OLE, b"<job", b"\xff\xfe", b"#!"]),
    st.binary(max_size=2000),
    st.text(max_size=20),
)
def test_no_content_breaks_it(head: bytes, rest: bytes, name: str) -> None:
    answer = describe_executable(head + rest, name)
    assert answer is None or answer.startswith(("a ", "an "))


async def test_a_program_in_an_attachment_is_a_finding_of_its_own(
    inspect_pdf: pdfs.InspectPdf,
) -> None:
    report = await inspect_pdf(pdfs.attached(pdfs.windows_program(), "in\u202evoice.pdf"))
    (found,) = [f for f in report.findings if f.kind == FindingKind.EXECUTABLE]
    assert found.severity is Severity.CRITICAL
    assert found.message == "The attachment 'invoice.pdf' is a Windows program."
    assert found.object is not None
    assert {f.kind for f in report.findings} == {"executable", "embedded_files"}


async def test_a_large_attachment_is_looked_at_only_at_its_beginning(
    inspect_pdf: pdfs.InspectPdf,
) -> None:
    report = await inspect_pdf(pdfs.attached(bytes(20 << 20), "large.bin"))
    assert [u.reason for u in report.unscanned] == ["limit"]
