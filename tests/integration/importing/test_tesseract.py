"""Tesseract against pictures of known text, hostile pictures and missing parts."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from pdfsluice.core import Box, PageLayout, PageText, StageFailed, TextSource
from pdfsluice.core.documents.text.recognized import page_of
from pdfsluice.plugins.pdfium.options import PdfiumOptions
from pdfsluice.plugins.pdfium.renderer import PdfiumPictures
from pdfsluice.plugins.tesseract.options import TesseractOptions
from pdfsluice.plugins.tesseract.recognizer import Tesseract
from tests.support.scans import picture_of, write_scan
from tests.support.shares import share
from tests.support.workers import workers

LINES = ("The weir at Mill Lane was inspected", "in March; three boards have to be replaced.")
TEXT = " ".join(LINES)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tesseract() -> AsyncIterator[Tesseract]:
    reader = Tesseract(TesseractOptions())
    yield reader
    await reader.close()


def jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


async def obstacle(**options: object) -> str:
    reader = Tesseract(TesseractOptions.model_validate(options))
    try:
        return await reader.obstacle()
    finally:
        await reader.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_scan_is_read_with_the_places_of_its_words(
    tesseract: Tesseract, tmp_path: Path
) -> None:
    assert await tesseract.obstacle() == ""
    path = write_scan(tmp_path / "scan.pdf", [picture_of(LINES)])
    renderer = PdfiumPictures(PdfiumOptions())
    picture = await renderer.render(path, 1, width=1700)
    await renderer.close()
    stored = PageText(1, "", layout=PageLayout(612, 792, "iv").encode(), source=TextSource.NONE)
    page = page_of(stored, await tesseract.recognize(picture))
    assert page.text == "\n".join(LINES)
    assert page.source is TextSource.OCR
    layout = PageLayout.decode(page.layout)
    assert [page.text[word.start : word.end] for word in layout.words()] == TEXT.split()
    drawn = Image.open(io.BytesIO(picture)).convert("L")
    scale = drawn.width / layout.width
    whole = sum(drawn.histogram()[:128])
    inside = sum(ink(drawn, word.box, scale) for word in layout.words())
    assert inside == pytest.approx(whole, rel=0.02), "all ink is in the rectangle of a word"


def ink(picture: Image.Image, box: Box, scale: float) -> int:
    edges = [edge * scale for edge in (box.left, box.top, box.right, box.bottom)]
    part = picture.crop((int(edges[0]), int(edges[1]), int(edges[2]) + 1, int(edges[3]) + 1))
    return sum(part.histogram()[:128])


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("turn", share([90, 180, 270], every=3, nightly=[270]))
async def test_paper_that_lay_wrong_is_read(tesseract: Tesseract, turn: int) -> None:
    lines = [*LINES, *(f"Paragraph {n} says what the board decided." for n in range(8))]
    page = await tesseract.recognize(jpeg(picture_of(lines, turn=turn)))
    words = [word.text for line in page.lines for word in line]
    assert words[:7] == LINES[0].split()


@pytest.mark.asyncio(loop_scope="module")
async def test_an_empty_page_has_no_words(tesseract: Tesseract) -> None:
    page = await tesseract.recognize(jpeg(picture_of([])))
    assert list(page.lines) == []


@pytest.mark.long
@pytest.mark.asyncio(loop_scope="module")
async def test_a_hostile_picture_ends_at_most_the_child(tesseract: Tesseract) -> None:
    huge = jpeg(Image.new("L", (8000, 8000)))
    for picture in (huge, huge[:2000], b"\xff\xd8 no picture"):
        with pytest.raises(StageFailed, match="OCR failed"):
            await tesseract.recognize(picture)
    page = await tesseract.recognize(jpeg(picture_of(LINES)))
    assert [word.text for word in page.lines[0]] == LINES[0].split(), "the next is read"


@pytest.mark.long
async def test_a_page_has_a_limit_of_time() -> None:
    noise = Image.effect_noise((4000, 5000), 200)  # 5 s of processor time
    others = workers()
    reader = Tesseract(TesseractOptions(page_seconds=1))
    try:
        with pytest.raises(StageFailed, match="it takes too long"):
            await reader.recognize(jpeg(noise))
    finally:
        await reader.close()
    assert workers() == others


async def test_what_is_missing_is_named_with_its_package() -> None:
    assert await obstacle(languages=["eng", "chi_sim"]) == (
        "Tesseract has no data for the language 'chi_sim'."
        " The operator installs it: apt install tesseract-ocr-chi-sim"
    )
    assert await obstacle(library="/nowhere/libtesseract.so") == (
        "Tesseract is not installed on the server."
        " The operator installs it: apt install tesseract-ocr tesseract-ocr-eng"
    )
