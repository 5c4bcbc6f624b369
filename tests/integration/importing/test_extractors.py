"""Both extractors on real files: good, odd, locked, damaged and hostile ones."""

import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pikepdf
import psutil
import pytest

from pdfsluice.core.errors import StageFailed
from pdfsluice.core.models.documents import PageText
from pdfsluice.core.plugins.ports.documents import TextExtractor
from pdfsluice.core.testing.pdfs import make_pdf, write_large_pdf
from pdfsluice.plugins.pdfium.options import PdfiumOptions
from pdfsluice.plugins.pypdf_text.options import PypdfOptions
from tests.support.workers import resident, workers

MakeExtractors = Callable[..., Awaitable[Sequence[TextExtractor]]]
CORPUS = (
    Path(os.environ.get("PDFSLUICE_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))
    / "pdf"
)


async def read(extractor: TextExtractor, path: Path, first: int = 1) -> list[PageText]:
    return [page async for page in extractor.pages(path, first=first)]


async def outcome(extractor: TextExtractor, path: Path) -> tuple[list[PageText], str | None]:
    """The pages that were read, and why there were no more."""
    pages: list[PageText] = []
    try:
        async for page in extractor.pages(path):
            pages.append(page)  # noqa: PERF401 - what came before the exception counts
    except StageFailed as failure:
        return pages, str(failure.details["reason"])
    return pages, None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.pdf"


async def test_pages_come_in_order_with_their_text(extractor: TextExtractor, path: Path) -> None:
    texts = [f"Page {number}: grüße, Привет, 漢字" for number in range(1, 46)]
    path.write_bytes(make_pdf(texts))
    pages = await read(extractor, path)
    assert [page.number for page in pages] == list(range(1, 46))
    assert [page.text.strip() for page in pages] == texts


async def test_reading_begins_at_the_given_offset(extractor: TextExtractor, path: Path) -> None:
    path.write_bytes(make_pdf([f"page {number}" for number in range(1, 31)]))
    pages = await read(extractor, path, first=28)
    assert [(page.number, page.text.strip()) for page in pages] == [
        (28, "page 28"),
        (29, "page 29"),
        (30, "page 30"),
    ]


async def test_lines_end_with_a_line_feed_alone(extractor: TextExtractor, path: Path) -> None:
    path.write_bytes(make_pdf(["one\ntwo\nthree"]))
    [page] = await read(extractor, path)
    assert page.text.strip().split("\n") == ["one", "two", "three"]


async def test_pages_without_text_are_pages(extractor: TextExtractor, path: Path) -> None:
    path.write_bytes(make_pdf(["", "words", ""], noise_per_page=2000))
    assert [page.text.strip() for page in await read(extractor, path)] == ["", "words", ""]


async def test_an_empty_user_password_is_no_obstacle(extractor: TextExtractor, path: Path) -> None:
    with pikepdf.open(_write(path, ["open to all"]), allow_overwriting_input=True) as pdf:
        pdf.save(path, encryption=pikepdf.Encryption(owner="owner", user="", R=6))
    assert [page.text.strip() for page in await read(extractor, path)] == ["open to all"]


async def test_a_password_is_an_obstacle(extractor: TextExtractor, path: Path) -> None:
    with pikepdf.open(_write(path, ["secret"]), allow_overwriting_input=True) as pdf:
        pdf.save(path, encryption=pikepdf.Encryption(owner="owner", user="user", R=6))
    with pytest.raises(StageFailed) as failure:
        await read(extractor, path)
    assert failure.value.details == {"page": 1, "reason": "error"}
    assert "password" in str(failure.value) or "decrypted" in str(failure.value)


async def test_pypdf_reads_a_file_without_pages(
    make_extractors: MakeExtractors, path: Path
) -> None:
    pdfium, pypdf = await make_extractors()
    path.write_bytes(make_pdf([]))
    assert await read(pypdf, path) == []
    with pytest.raises(StageFailed):  # PDFium does not open such files
        await read(pdfium, path)


@pytest.mark.long
@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.7\n", b"\x00" * 5000, b"%PDF-1.4\n1 0 obj\n<<" * 99]
)
async def test_what_is_no_pdf_is_refused(extractor: TextExtractor, path: Path, data: bytes) -> None:
    path.write_bytes(data)
    pages, reason = await outcome(extractor, path)
    assert (pages, reason) in (([], None), ([], "error"))


async def test_a_file_that_is_gone_is_a_failure(extractor: TextExtractor, path: Path) -> None:
    with pytest.raises(StageFailed):
        await read(extractor, path)


@pytest.mark.nightly
async def test_too_much_memory_is_a_failure(make_extractors: MakeExtractors, path: Path) -> None:
    """A page whose content inflates to a gigabyte: only the child hits its limit."""
    inflated = b"0 0 m 9 9 l S % " + b" " * (400 << 20)
    with pikepdf.open(_write(path, ["small"]), allow_overwriting_input=True) as pdf:
        pdf.pages[0].Contents = pdf.make_stream(inflated)
        pdf.save(path, compress_streams=True, recompress_flate=True)
    del inflated
    assert path.stat().st_size < 2 << 20
    extractors = await make_extractors(
        pdfium=PdfiumOptions(memory_mb=300), pypdf=PypdfOptions(memory_mb=300)
    )
    before = psutil.Process().memory_info().rss
    for extractor in extractors:
        pages, reason = await outcome(extractor, path)
        if reason is None:  # it saw the trap itself and gave up the page
            assert [page.text for page in pages] == [""]
        else:
            assert pages == []
    assert psutil.Process().memory_info().rss - before < 64 << 20


async def test_too_much_time_is_a_failure(make_extractors: MakeExtractors, path: Path) -> None:
    path.write_bytes(make_pdf(["slow"]))
    extractors = await make_extractors(
        pdfium=PdfiumOptions(page_seconds=1e-6), pypdf=PypdfOptions(page_seconds=1e-6)
    )
    for extractor in extractors:
        with pytest.raises(StageFailed) as failure:
            await read(extractor, path)
        assert failure.value.details == {"page": 1, "reason": "timeout"}


@pytest.mark.long
async def test_a_long_document_needs_little_memory(extractor: TextExtractor, path: Path) -> None:
    write_large_pdf(path, 100 << 20, pages=60, text="Page {number} " + "lorem ipsum " * 200)
    most = 0
    async for _ in extractor.pages(path):
        children = workers()
        most = max(most, *map(resident, children))
    assert 0 < most < 100 << 20


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here (PDFSLUICE_CORPUS)")
async def test_real_files_are_read_or_refused(extractor: TextExtractor) -> None:
    outcomes = {"read": 0, "refused": 0}
    for file in sorted(CORPUS.iterdir())[::20]:
        pages, reason = await outcome(extractor, file)
        assert [page.number for page in pages] == list(range(1, len(pages) + 1)), file
        assert reason in (None, "error"), file
        outcomes["read" if reason is None else "refused"] += 1
    assert outcomes["read"] > outcomes["refused"] > 0


def _write(path: Path, texts: list[str]) -> Path:
    path.write_bytes(make_pdf(texts))
    return path
