"""Pages are drawn within bounds, whatever their size."""

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdfium2 import PdfDocument

from pdfsluice.core.errors import NotFound, ProtocolError, StageFailed
from pdfsluice.core.plugins.ports.documents import PageRenderer
from pdfsluice.core.testing.pdfs import make_pdf
from pdfsluice.plugins.pdfium.picture_worker import draw
from tests.support.shares import examples


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.pdf"
    path.write_bytes(make_pdf(["first\n" * 30, "", "third"]))
    return path


def opened(jpeg: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(jpeg))
    assert image.format == "JPEG"
    return image


@pytest.mark.parametrize("width", [16, 240, 2000])
async def test_a_page_has_the_width_asked_for(
    renderer: PageRenderer, path: Path, width: int
) -> None:
    image = opened(await renderer.render(path, 1, width=width))
    assert image.width == width
    assert image.height == pytest.approx(width * 792 / 612, abs=2)


async def test_the_right_page_is_drawn(renderer: PageRenderer, path: Path) -> None:
    written, empty, other = [
        opened(await renderer.render(path, number, width=240)).convert("L") for number in (1, 2, 3)
    ]
    assert empty.getextrema() == (255, 255)
    dark = [sum(image.histogram()[:128]) for image in (written, other)]
    assert dark[0] > 5 * dark[1] > 0


@pytest.mark.parametrize("page", [-1, 0, 4, 10**9])
async def test_a_page_that_is_not_there(renderer: PageRenderer, path: Path, page: int) -> None:
    with pytest.raises(NotFound) as error:
        await renderer.render(path, page, width=240)
    assert "3 pages" in error.value.hint


@pytest.mark.parametrize("width", [-1, 0, 15, 3601, 10**9])
async def test_no_other_widths(renderer: PageRenderer, path: Path, width: int) -> None:
    with pytest.raises(ProtocolError):
        await renderer.render(path, 1, width=width)


async def test_a_broken_file_fails_and_the_next_is_drawn(
    renderer: PageRenderer, path: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nnothing more")
    for _ in range(3):
        with pytest.raises(StageFailed) as error:
            await renderer.render(broken, 1, width=240)
        assert error.value.details == {"page": 1, "reason": "error"}
        assert opened(await renderer.render(path, 1, width=240)).width == 240


SIZES = st.floats(min_value=0.001, max_value=3e7, allow_nan=False)


@given(size=st.tuples(SIZES, SIZES), width=st.integers(16, 300))
@settings(max_examples=examples(60), deadline=None)
def test_no_page_size_makes_a_large_picture(size: tuple[float, float], width: int) -> None:
    with PdfDocument(make_pdf(["x"], page_size=size)) as document:
        picture = draw(document[0], width)
    assert picture.width == width
    assert 1 <= picture.height <= 4 * width + 1


@given(user_unit=st.integers(1, 75000), rotation=st.sampled_from([0, 90, 180, 270]))
@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_units_and_rotation_make_no_large_picture(user_unit: int, rotation: int) -> None:
    data = make_pdf(["x"], page_size=(10, 1000), compress=False)
    entries = b"/Type /Page /UserUnit %d /Rotate %d" % (user_unit, rotation)
    with PdfDocument(data.replace(b"/Type /Page ", entries + b" ", 1)) as document:
        picture = draw(document[0], 100)
    assert picture.width == 100
    assert picture.height <= 401
