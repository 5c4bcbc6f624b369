"""What every page renderer must do."""

import asyncio
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from pdfsluice.core import NotFound, PageRenderer, StageFailed
from pdfsluice.core.testing import make_pdf

from .asynchronous import AsyncContract
from .files import DAMAGED, TEXTS, KeptFile, cancelled_after, in_time

WIDTHS = (100, 240, 1000)
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOF markers of ITU T.81, table B.1


def jpeg_size(picture: bytes) -> tuple[int, int]:
    """Return width and height of a JPEG.

    Raises:
        ValueError: The picture is no JPEG, or its end is missing.
    """
    if picture[:2] != b"\xff\xd8" or picture[-2:] != b"\xff\xd9":
        raise ValueError("not a whole JPEG")
    position = 2
    while position + 4 <= len(picture):
        marker, length = struct.unpack_from(">xBH", picture, position)
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", picture, position + 5)
            return width, height
        position += 2 + length
    raise ValueError("a JPEG without a frame")


class PageRendererContract(AsyncContract):
    """The tests of a page renderer.

    Override ``renderer`` with an open one. Override ``content`` for another file of three
    pages.
    """

    @pytest.fixture
    def renderer(self) -> PageRenderer:
        raise NotImplementedError("override the fixture 'renderer'")

    @pytest.fixture
    def content(self) -> bytes:
        """A file whose pages look different."""
        return make_pdf(TEXTS)

    @pytest.fixture
    def page_count(self) -> int:
        """How many pages the file has, at most three."""
        return len(TEXTS)

    @pytest.fixture
    def widths(self) -> Sequence[int]:
        """Widths in pixels to ask for."""
        return WIDTHS

    async def test_a_picture_has_the_width_asked_for(
        self, renderer: PageRenderer, content: bytes, widths: Sequence[int], tmp_path: Path
    ) -> None:
        file = KeptFile.make(tmp_path / "file", content)
        for width in widths:
            picture = await in_time(renderer.render(file.path, 1, width=width))
            assert jpeg_size(picture)[0] == width

    async def test_pages_drawn_at_the_same_time_do_not_mix(
        self, renderer: PageRenderer, content: bytes, page_count: int, tmp_path: Path
    ) -> None:
        file = KeptFile.make(tmp_path / "file", content)
        numbers = range(1, page_count + 1)
        alone = [await in_time(renderer.render(file.path, n, width=240)) for n in numbers]
        together = await asyncio.gather(
            *(in_time(renderer.render(file.path, number, width=240)) for number in numbers)
        )
        assert len(set(alone)) == page_count
        assert together == alone

    @pytest.mark.parametrize("page", [-1, 0, 4, 10**9])
    async def test_a_page_that_is_not_there(
        self, renderer: PageRenderer, content: bytes, page: int, tmp_path: Path
    ) -> None:
        file = KeptFile.make(tmp_path / "file", content)
        with pytest.raises(NotFound):
            await in_time(renderer.render(file.path, page, width=240))

    @pytest.mark.parametrize("name", ["empty", "no-pdf", "header-alone"])
    async def test_a_file_that_cannot_be_drawn_is_left_to_the_next_renderer(
        self, renderer: PageRenderer, name: str, tmp_path: Path
    ) -> None:
        file = KeptFile.make(tmp_path / "file", DAMAGED[name])
        with pytest.raises(StageFailed):
            await in_time(renderer.render(file.path, 1, width=240))

    async def test_drawing_can_be_cancelled(
        self, renderer: PageRenderer, content: bytes, tmp_path: Path
    ) -> None:
        file = KeptFile.make(tmp_path / "file", content)
        for turns in (0, 1, 5):
            await cancelled_after(turns, renderer.render(file.path, 1, width=240))
        picture = await in_time(renderer.render(file.path, 1, width=240))
        assert jpeg_size(picture)[0] == 240

    async def test_the_file_stays_as_it_is(
        self, renderer: PageRenderer, content: bytes, tmp_path: Path
    ) -> None:
        file = KeptFile.make(tmp_path / "file", content)
        await in_time(renderer.render(file.path, 1, width=240))
        file.check()
