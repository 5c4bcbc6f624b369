"""Files that are a PDF and something else at the same time."""

import io
import zipfile

import pytest

from pdfsluice.core.models.findings import Severity
from pdfsluice.plugins.pdf.streaming.polyglot import sniff
from tests.support.evasive_pdfs import plain_pdf
from tests.support.pdf_styles import Style, Writer
from tests.support.scanning import Scanned, scan_bytes

PE = b"MZ" + b"\x90\0" * 29 + b"\x80\0\0\0" + b"\0" * 64 + b"PE\0\0"
MAGICS: dict[str, bytes] = {
    "zip": b"PK\x03\x04\x14\0\0\0\x08\0",
    "html": b"<html><script>alert(1)</script></html>",
    "exe": PE,
    "gif": b"GIF89a\x01\0\x01\0",
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF",
    "ps": b"%!PS-Adobe-3.0\n",
    "elf": b"\x7fELF\x02\x01\x01\0",
    "rar": b"Rar!\x1a\x07\x01\0",
    "7z": b"7z\xbc\xaf\x27\x1c\0\x04",
    "ole": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "script": b"#!/bin/sh\necho hello\n",
    "tar": b"a.txt".ljust(100, b"\0") + b"0000644\0" * 3 + b"0" * 133 + b"ustar\x0000",
    "java": b"\xca\xfe\xba\xbe\0\0\0\x34",
    "rtf": b"{\\rtf1\\ansi}",
    "macho": b"\xcf\xfa\xed\xfe\x07\0\0\x01",
}


def formats(scanned: Scanned) -> set[str]:
    assert all(f.severity is Severity.HIGH for f in scanned.of("polyglot"))
    return {f.details["format"] for f in scanned.of("polyglot")}


def shifted(prefix: bytes) -> bytes:
    """Write a document whose offsets count from the start of the file."""
    return Writer(Style(header=prefix + b"\n%PDF-1.7\n")).document(
        {1: {"Type": "/Catalog", "Pages": None}}
    )


@pytest.mark.parametrize("name", MAGICS)
def test_before_the_header(name: str) -> None:
    for prefix in (MAGICS[name], MAGICS[name].ljust(900, b"\n")):
        assert formats(scan_bytes(prefix + b"\n" + plain_pdf())) == {name}
        assert formats(scan_bytes(shifted(prefix), size=100)) == {name}


@pytest.mark.parametrize("name", ["html", "script"])
def test_a_text_after_the_end_is_inert(name: str) -> None:
    scanned = scan_bytes(plain_pdf() + b"\n" + MAGICS[name] + b"x" * 900)
    assert formats(scanned) == set()
    (tail,) = (f for f in scanned.findings if f.details.get("code") == "foreign-tail")
    assert tail.severity is Severity.LOW
    assert "ends at byte" in tail.message


def test_a_text_between_two_revisions_is_not_inert() -> None:
    twice = plain_pdf() + b"\n" + MAGICS["html"] + b"\n" + plain_pdf()
    assert formats(scan_bytes(twice)) == {"html"}


@pytest.mark.parametrize("name", sorted(set(MAGICS) - {"html", "script"}))
def test_after_the_end(name: str) -> None:
    for space in (b"", b"\n", b"\0" * 512):
        assert formats(scan_bytes(plain_pdf() + space + MAGICS[name] + b"x" * 900)) == {name}


@pytest.mark.parametrize("name", sorted(set(MAGICS) - {"exe", "tar", "jpeg"}))
def test_between_objects(name: str) -> None:
    data = plain_pdf()
    place = data.index(b"3 0 obj")
    assert name in formats(scan_bytes(data[:place] + MAGICS[name] + b"\n" + data[place:]))


def test_markup_in_a_comment() -> None:
    data = plain_pdf().replace(b"\n3 0 obj", b"\n% --><script>alert(1)</script>\n3 0 obj")
    assert formats(scan_bytes(data)) == {"html"}


def test_the_first_member_of_a_tar_archive() -> None:
    head = b"%PDF-1.4\n".ljust(257, b"\0") + b"ustar\x0000".ljust(255, b"\0")
    assert formats(scan_bytes(head + plain_pdf())) == {"tar"}


def test_an_archive_around_the_document() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.pdf", plain_pdf())
    assert formats(scan_bytes(held.getvalue())) == {"zip"}


@pytest.mark.parametrize("comment", [b"", b"a comment"])
def test_an_archive_after_the_document(comment: bytes) -> None:
    held = io.BytesIO(plain_pdf())
    with zipfile.ZipFile(held, "a") as archive:
        archive.writestr("evil.txt", "hello " * 1000)
        archive.comment = comment
    assert formats(scan_bytes(held.getvalue(), size=77)) == {"zip"}


def test_an_archive_whose_members_are_in_a_stream() -> None:
    """Only the directory at the end of the file decides."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("evil.txt", "hello")
    packed = held.getvalue()
    directory = packed.index(b"PK\x01\x02")
    data = b"%%PDF-1.4\n1 0 obj <</Length %d>> stream\n%s\nendstream endobj\n" % (
        directory,
        packed[:directory],
    )
    assert formats(scan_bytes(data + b"%%EOF\n" + packed[directory:])) == {"zip"}


@pytest.mark.parametrize(
    "data",
    [
        plain_pdf(),
        plain_pdf() + b"\r\n\0\0",
        plain_pdf() + plain_pdf(),
        b"%!PS-Adobe-3.0 PDF-1.4\n" + plain_pdf(),
        b"junk\n" * 20 + plain_pdf(),
        b"\xef\xbb\xbf" + plain_pdf(),
        plain_pdf().replace(b"BT /F1", b"BT <script>")[:-1],
        plain_pdf() + b"BMW and MZ and ID3 and BZh",
        b"".join(MAGICS.values()),
    ],
)
def test_what_is_no_polyglot(data: bytes) -> None:
    assert formats(scan_bytes(data)) == set()


@pytest.mark.parametrize("name", MAGICS)
def test_formats_are_known_by_their_beginning(name: str) -> None:
    assert sniff(MAGICS[name]) == name
    assert sniff(b"plain text") == ""
