"""Bookmarks and text attachments are searchable, and marked as what they are."""

import io
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count
from pathlib import Path

import pikepdf
import pytest
from pikepdf import AttachedFileSpec, Dictionary, Name, OutlineItem, Pdf, String

from pdfsluice.core import PageText
from pdfsluice.core.plugins.ports.documents import TextExtractor
from pdfsluice.core.testing.pdfs import make_pdf
from pdfsluice.plugins.pdfium.attachments import attached_texts
from pdfsluice.plugins.pdfium.text_worker import read
from tests.support.odd_documents import changed, portfolio

INVOICE = (
    '<?xml version="1.0"?><rsm:CrossIndustryInvoice xmlns:rsm="urn:a" xmlns:ram="urn:b">\n'
    "<ram:ID>471102</ram:ID><ram:Name>Lieferant &amp; Söhne</ram:Name><ram:Empty/>\n"
    "</rsm:CrossIndustryInvoice>"
)


def pages_of(data: bytes, folder: Path) -> list[PageText]:
    path = folder / "file.pdf"
    path.write_bytes(data)
    return list(read(path, count(1)))


def with_files(files: Mapping[str, bytes]) -> bytes:
    def attach(pdf: Pdf) -> None:
        for name, data in files.items():
            pdf.attachments[name] = AttachedFileSpec(pdf, data, filename=name)

    return changed(make_pdf(["Invoice"]), attach)


async def test_the_extractor_returns_them_through_its_child(
    make_extractors: Callable[..., Awaitable[Sequence[TextExtractor]]], tmp_path: Path
) -> None:
    path = tmp_path / "file.pdf"
    path.write_bytes(with_files({"factur-x.xml": INVOICE.encode()}))
    [page] = [page async for page in (await make_extractors())[0].pages(path)]
    assert page.text.splitlines() == [
        "Invoice",
        "Attachment factur-x.xml: ID 471102; Name Lieferant & Söhne",
    ]
    assert page.notes == ()


def test_bookmarks_stand_on_the_page_that_they_open(tmp_path: Path) -> None:
    def mark(pdf: Pdf) -> None:
        with pdf.open_outline() as outline:
            chapter = OutlineItem("Results of the year", 1)
            chapter.children.append(OutlineItem("Übersicht", 1))
            outline.root += [OutlineItem("first", 0), chapter, OutlineItem("no page")]

    first, second, third = pages_of(changed(make_pdf(["first", "two", "three"]), mark), tmp_path)
    assert first.text.strip() == "first", "what the page says anyway is not repeated"
    assert second.text.splitlines() == [
        "two",
        "Bookmark: Results of the year",
        "Bookmark: Übersicht",
    ]
    assert third.text.strip() == "three"


def test_a_circle_of_bookmarks_ends(tmp_path: Path) -> None:
    def mark(pdf: Pdf) -> None:
        item = pdf.make_indirect(
            Dictionary(Title=String("again"), Dest=pikepdf.Array([pdf.pages[0].obj, Name.Fit]))
        )
        item.Next = item
        item.First = item
        pdf.Root.Outlines = pdf.make_indirect(Dictionary(First=item, Last=item))

    [page] = pages_of(changed(make_pdf(["one"]), mark), tmp_path)
    assert page.text.splitlines() == ["one", "Bookmark: again"]


def test_a_page_has_fifty_bookmarks_at_most(tmp_path: Path) -> None:
    def mark(pdf: Pdf) -> None:
        with pdf.open_outline() as outline:
            outline.root += [OutlineItem(f"item {number}", 0) for number in range(6000)]

    [page] = pages_of(changed(make_pdf(["one"]), mark), tmp_path)
    assert page.text.count("Bookmark: ") == 50


def test_only_text_files_are_read(tmp_path: Path) -> None:
    files = {
        "picture.png": b"\x89PNG text",
        "notes.txt": "Pumpe geprüft".encode(),
        "wide.csv": "a;Größe".encode("utf-16"),
        "other.txt": "Größe".encode("latin-1"),
    }
    [page] = pages_of(with_files(files), tmp_path)
    assert sorted(page.text.splitlines()[1:]) == [
        "Attachment notes.txt: Pumpe geprüft",
        "Attachment other.txt: Größe",
        "Attachment wide.csv: a;Größe",
    ]


def test_the_files_of_a_portfolio_are_left_out(tmp_path: Path) -> None:
    [page] = pages_of(portfolio(), tmp_path)
    assert "Attachment" not in page.text


@pytest.mark.parametrize(
    "content",
    [b"<a>" + b" " * 50_000_000, b"<a" * 200_000, b"<" + b"a" * 400_000, b"<a:" * 130_000],
    ids=["bomb", "open", "name", "prefix"],
)
def test_a_hostile_attachment_takes_little_time_and_memory(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.pdf"
    path.write_bytes(with_files({"factur-x.xml": content}))
    before = time.process_time()
    assert all(len(note.text) <= 256 * 1024 for note in attached_texts(path))
    assert time.process_time() - before < 2


@pytest.mark.parametrize("entry", ["/EF", "/F", "/UF"])
def test_damaged_attachments_are_left_out(tmp_path: Path, entry: str) -> None:
    with pikepdf.open(io.BytesIO(with_files({"notes.txt": b"text"}))) as pdf:
        for thing in pdf.objects:
            if isinstance(thing, Dictionary) and "/EF" in thing:
                thing[entry] = 5
        buffer = io.BytesIO()
        pdf.save(buffer)
    [page] = pages_of(buffer.getvalue(), tmp_path)
    assert page.text.startswith("Invoice")
