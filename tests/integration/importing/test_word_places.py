"""PDFium's places of words against the ink of the same pages."""

import io
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image

from pdfsluice.core.models.documents import PageText
from pdfsluice.core.models.layout import Box, PageLayout
from pdfsluice.plugins.pdfium.extractor import PdfiumText
from pdfsluice.plugins.pdfium.options import PdfiumOptions
from pdfsluice.plugins.pdfium.renderer import PdfiumPictures
from tests.support.shares import crossed

WIDTH = 1200
WORDS = {"Upper": (60, 700), "Middle": (300, 400), "Lower": (450, 80)}


def write(
    path: Path,
    words: Mapping[str, tuple[int, int]] = WORDS,
    *,
    entries: Mapping[str, object] = MappingProxyType({}),
) -> Path:
    """Write a page of 612 by 792 points with single words."""
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(612, 792))
    first = pdf.pages[0]
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    first.Resources = Dictionary(Font=Dictionary(F=pdf.make_indirect(font)))
    drawn = "".join(f"BT /F 20 Tf {x} {y} Td ({word}) Tj ET\n" for word, (x, y) in words.items())
    first.Contents = pdf.make_stream(drawn.encode())
    for name, value in entries.items():
        first[f"/{name}"] = value
    labels = Array([0, Dictionary(S=Name.r, St=7)])
    pdf.Root.PageLabels = Dictionary(Nums=labels)
    pdf.save(path)
    return path


async def read(path: Path) -> PageText:
    extractor = PdfiumText(PdfiumOptions())
    try:
        (page,) = [page async for page in extractor.pages(path)]
        return page
    finally:
        await extractor.close()


async def drawn(path: Path) -> Image.Image:
    renderer = PdfiumPictures(PdfiumOptions())
    try:
        return Image.open(io.BytesIO(await renderer.render(path, 1, width=WIDTH))).convert("L")
    finally:
        await renderer._pool.close()


def ink(picture: Image.Image, box: Box, layout: PageLayout, *, margin: float = 0) -> int:
    """Return how many dark pixels a rectangle has."""
    scale = picture.width / layout.width
    part = picture.crop(
        (
            int((box.left - margin) * scale),
            int((box.top - margin) * scale),
            int((box.right + margin) * scale) + 1,
            int((box.bottom + margin) * scale) + 1,
        )
    )
    return sum(part.histogram()[:128])


@pytest.mark.parametrize(
    ("crop", "rotation"), crossed([None, (40, 50, 600, 760)], [0, 90, 180, 270], every=3)
)
async def test_the_rectangles_of_words_hold_their_ink(
    tmp_path: Path, rotation: int, crop: tuple[int, ...] | None
) -> None:
    entries: dict[str, object] = {"Rotate": rotation}
    if crop is not None:
        entries["CropBox"] = Array(list(crop))
    path = write(tmp_path / "page.pdf", entries=entries)
    page, picture = await read(path), await drawn(path)
    layout = PageLayout.decode(page.layout)
    assert layout.label == "vii"
    sides = (612, 792) if crop is None else (crop[2] - crop[0], crop[3] - crop[1])
    assert (layout.width, layout.height) == (sides if rotation % 180 == 0 else sides[::-1])
    words = {page.text[word.start : word.end]: word.box for word in layout.words()}
    assert words.keys() == WORDS.keys()
    whole = sum(picture.histogram()[:128])
    inside = sum(ink(picture, box, layout) for box in words.values())
    assert inside == pytest.approx(whole, rel=0.02), "all ink is in some rectangle"
    for box in words.values():
        area = (box.right - box.left) * (box.bottom - box.top)
        assert area < 110 * 30, "and a rectangle is no larger than its word"


async def test_joined_words_and_far_characters_have_their_places(tmp_path: Path) -> None:
    words = {"contain-": (60, 700), "er": (60, 676), "end": (60, 640)}
    page = await read(write(tmp_path / "page.pdf", words))
    assert page.text.split() == ["container", "end"]
    layout = PageLayout.decode(page.layout)
    parts = layout.rectangles(0, len("container"), page.text)
    assert len(parts) == 2, "one on each line"
    assert parts[0].bottom <= parts[1].top + 2


async def test_an_empty_page_has_a_size_and_no_words(tmp_path: Path) -> None:
    page = await read(write(tmp_path / "page.pdf", {}))
    layout = PageLayout.decode(page.layout)
    assert (layout.width, layout.height, len(layout.spans)) == (612, 792, 0)
