"""The PDFs that tests are made of are valid and have the text they were given."""

import io
from pathlib import Path

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from pdfsluice.core.testing.pdfs import iter_pdf, make_pdf, write_large_pdf
from tests.support.shares import examples

# What text extraction keeps: no controls, no combining or joining marks, no right-to-left runs.
LETTERS = st.characters(categories=["Lu", "Ll", "Nd"], max_codepoint=0x04FF)


def check(data: bytes) -> pikepdf.Pdf:
    pdf = pikepdf.open(io.BytesIO(data))
    assert pdf.check_pdf_syntax() == []
    return pdf


@given(
    pages=st.lists(st.text(max_size=300), min_size=1, max_size=4),  # none is an error for qpdf
    compress=st.booleans(),
    title=st.text(),
)
@settings(max_examples=examples(50), deadline=None)
def test_any_text_makes_a_valid_file(pages: list[str], compress: bool, title: str) -> None:
    title = title.encode("utf-16", "replace").decode("utf-16")
    pages = [page.encode("utf-16", "replace").decode("utf-16") for page in pages]
    pdf = check(make_pdf(pages, compress=compress, title=title))
    assert len(pdf.pages) == len(pages)
    assert str(pdf.docinfo["/Title"]) == title


@given(words=st.lists(st.text(LETTERS, min_size=1, max_size=12), min_size=1, max_size=12))
@settings(max_examples=examples(50), deadline=None)
def test_text_can_be_read_again(words: list[str]) -> None:
    line = " ".join(words)[:90].strip()
    page = PdfReader(io.BytesIO(make_pdf([line]))).pages[0]
    assert page.extract_text().split() == line.split()


@pytest.mark.parametrize("text", ["emoji 😀 done", "漢字とかな", "(brackets) \\ and € \u2013 ü"])
def test_scripts(text: str) -> None:
    page = PdfReader(io.BytesIO(make_pdf([text]))).pages[0]
    assert page.extract_text().strip() == text


def test_the_same_arguments_make_the_same_bytes() -> None:
    def make() -> bytes:
        return b"".join(iter_pdf(["one", "два"], noise_per_page=5000))

    assert make() == make()


@pytest.mark.parametrize("size", [1, 300_000, 3_000_000])
def test_a_large_file_has_at_least_its_size(tmp_path: Path, size: int) -> None:
    path = tmp_path / "large.pdf"
    written = write_large_pdf(path, size, pages=3)
    assert path.stat().st_size == written >= size
    assert written < size + 3 * 2048 + 2000
    assert len(check(path.read_bytes()).pages) == 3
    assert PdfReader(path).pages[2].extract_text().strip() == "Page 3"
