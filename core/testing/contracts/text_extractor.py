"""What every text extractor must do."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, cast

import pytest

from pdfsluice.core import PageText, StageFailed, TextExtractor
from pdfsluice.core.testing import make_pdf

from .asynchronous import AsyncContract
from .files import DAMAGED, TEXTS, KeptFile, in_time

_WORD = re.compile(r"\w+")


class TextExtractorContract(AsyncContract):
    """The tests of a text extractor.

    Override ``extractor`` with an open one. Override ``texts`` and ``content`` for another
    file.
    """

    @pytest.fixture
    def extractor(self) -> TextExtractor:
        raise NotImplementedError("override the fixture 'extractor'")

    @pytest.fixture
    def texts(self) -> Sequence[str]:
        """The text of each page; only its words are compared."""
        return TEXTS

    @pytest.fixture
    def content(self, texts: Sequence[str]) -> bytes:
        """The file with these pages."""
        return make_pdf(texts)

    async def test_every_page_has_its_number_and_its_words(
        self, extractor: TextExtractor, texts: Sequence[str], content: bytes, tmp_path: Path
    ) -> None:
        """A page without text is there, too."""
        file = KeptFile.make(tmp_path / "file", content)
        pages = await _read(extractor, file.path)
        assert [page.number for page in pages] == list(range(1, len(texts) + 1))
        assert [_words(page.text) for page in pages] == [_words(text) for text in texts]

    async def test_reading_continues_with_any_page(
        self, extractor: TextExtractor, texts: Sequence[str], content: bytes, tmp_path: Path
    ) -> None:
        file = KeptFile.make(tmp_path / "file", content)
        whole = [(page.number, page.text) for page in await _read(extractor, file.path)]
        for first in range(1, len(texts) + 1):
            rest = await _read(extractor, file.path, first)
            assert [(page.number, page.text) for page in rest] == whole[first - 1 :]

    async def test_after_the_last_page_there_is_nothing(
        self, extractor: TextExtractor, texts: Sequence[str], content: bytes, tmp_path: Path
    ) -> None:
        file = KeptFile.make(tmp_path / "file", content)
        assert await _read(extractor, file.path, len(texts) + 1) == []

    async def test_files_read_at_the_same_time_do_not_mix(
        self, extractor: TextExtractor, texts: Sequence[str], content: bytes, tmp_path: Path
    ) -> None:
        files = [
            KeptFile.make(tmp_path / "one", content),
            KeptFile.make(tmp_path / "two", make_pdf(["Another file."])),
        ]
        one, two = await asyncio.gather(*(_read(extractor, file.path) for file in files))
        assert [_words(page.text) for page in one] == [_words(text) for text in texts]
        assert [_words(page.text) for page in two] == [["another", "file"]]

    async def test_reading_can_be_given_up(
        self, extractor: TextExtractor, texts: Sequence[str], content: bytes, tmp_path: Path
    ) -> None:
        """The next reading starts again, and what was given up holds nothing back."""
        file = KeptFile.make(tmp_path / "file", content)
        for _ in range(2):
            pages = cast("Any", extractor.pages(file.path))
            async with asyncio.timeout(60), aclosing(pages):
                assert (await anext(pages)).number == 1
        assert len(await _read(extractor, file.path)) == len(texts)

    @pytest.mark.parametrize("name", ["empty", "no-pdf", "header-alone"])
    async def test_a_file_that_cannot_be_read_is_left_to_the_next_extractor(
        self, extractor: TextExtractor, name: str, tmp_path: Path
    ) -> None:
        file = KeptFile.make(tmp_path / "file", DAMAGED[name])
        with pytest.raises(StageFailed):
            await _read(extractor, file.path)

    @pytest.mark.parametrize("name", DAMAGED)
    async def test_a_damaged_file_is_no_defect(
        self, extractor: TextExtractor, content: bytes, name: str, tmp_path: Path
    ) -> None:
        """It is read as far as it can be; another file is read as before."""
        damaged = KeptFile.make(tmp_path / "damaged", DAMAGED[name])
        with suppress(StageFailed):
            await _read(extractor, damaged.path)
        file = KeptFile.make(tmp_path / "file", content)
        assert await _read(extractor, file.path)

    async def test_the_file_stays_as_it_is(
        self, extractor: TextExtractor, content: bytes, tmp_path: Path
    ) -> None:
        file = KeptFile.make(tmp_path / "file", content)
        await _read(extractor, file.path)
        file.check()


async def _read(extractor: TextExtractor, path: Path, first: int = 1) -> list[PageText]:
    async def collect(pages: AsyncIterator[PageText]) -> list[PageText]:
        return [page async for page in pages]

    return await in_time(collect(extractor.pages(path, first=first)))


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]
