"""What every text recognizer must do."""

import asyncio
from base64 import b64decode
from collections.abc import Sequence

import pytest

from pdfsluice.core import RecognizedPage, StageFailed, TextRecognizer

from .asynchronous import AsyncContract
from .files import cancelled_after, in_time
from .page_renderer import jpeg_size

BLANK = b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKra"
    "rYqMyP/L2u71////m8H////6/+b9//j/wAALCABAAEABAREA/8QAFQABAQAAAAAAAAAAAAAAAAAAAAX/xAAUEAEA"
    "AAAAAAAAAAAAAAAAAAAA/9oACAEBAAA/ALIAAAAAAAAAAAAAAAAAAAAD/9k="
)
"""A white picture of 64 by 64 pixels."""


class TextRecognizerContract(AsyncContract):
    """The tests of a text recognizer.

    Override ``recognizer`` with an open one, ``picture`` and ``words``.
    """

    @pytest.fixture
    def recognizer(self) -> TextRecognizer:
        """A recognizer that lacks nothing."""
        raise NotImplementedError("override the fixture 'recognizer'")

    @pytest.fixture
    def picture(self) -> bytes:
        """A JPEG of a page with some words."""
        raise NotImplementedError("override the fixture 'picture'")

    @pytest.fixture
    def words(self) -> Sequence[str]:
        """The words in the picture, in reading order."""
        raise NotImplementedError("override the fixture 'words'")

    async def test_nothing_is_in_its_way(self, recognizer: TextRecognizer) -> None:
        assert await in_time(recognizer.obstacle()) == ""

    async def test_words_are_read_in_order(
        self, recognizer: TextRecognizer, picture: bytes, words: Sequence[str]
    ) -> None:
        assert words
        assert _words(await in_time(recognizer.recognize(picture))) == list(words)

    async def test_places_are_in_the_picture(
        self, recognizer: TextRecognizer, picture: bytes
    ) -> None:
        page = await in_time(recognizer.recognize(picture))
        assert (page.width, page.height) == jpeg_size(picture)
        for word in (word for line in page.lines for word in line):
            assert 0 <= word.box.left < word.box.right <= page.width
            assert 0 <= word.box.top < word.box.bottom <= page.height

    async def test_a_blank_picture_has_no_words(self, recognizer: TextRecognizer) -> None:
        assert _words(await in_time(recognizer.recognize(BLANK))) == []

    @pytest.mark.parametrize("name", ["empty", "no-picture", "half"])
    async def test_a_damaged_picture_is_no_defect(
        self, recognizer: TextRecognizer, picture: bytes, words: Sequence[str], name: str
    ) -> None:
        """The next picture is read as before."""
        damaged = {"empty": b"", "no-picture": b"words", "half": picture[: len(picture) // 2]}
        try:
            assert isinstance(await in_time(recognizer.recognize(damaged[name])), RecognizedPage)
        except StageFailed as error:
            assert error.message.strip()  # noqa: PT017 - it may be raised or not
        assert _words(await in_time(recognizer.recognize(picture))) == list(words)

    async def test_pictures_read_at_the_same_time_do_not_mix(
        self, recognizer: TextRecognizer, picture: bytes, words: Sequence[str]
    ) -> None:
        pages = await asyncio.gather(
            *(in_time(recognizer.recognize(each)) for each in (picture, BLANK, picture))
        )
        assert [_words(page) for page in pages] == [list(words), [], list(words)]

    async def test_reading_can_be_cancelled(
        self, recognizer: TextRecognizer, picture: bytes, words: Sequence[str]
    ) -> None:
        for turns in (0, 1, 5):
            await cancelled_after(turns, recognizer.recognize(picture))
        assert _words(await in_time(recognizer.recognize(picture))) == list(words)


def _words(page: RecognizedPage) -> list[str]:
    return [word.text for line in page.lines for word in line]
