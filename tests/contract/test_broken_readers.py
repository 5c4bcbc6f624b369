"""The suites of text extractors, renderers and recognizers fail for broken parts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core import (
    Box,
    NotFound,
    PageText,
    RecognizedPage,
    RecognizedWord,
    StageFailed,
)
from pdfsluice.core.testing.contracts import (
    PageRendererContract,
    TextExtractorContract,
    TextRecognizerContract,
)
from pdfsluice.core.testing.contracts.files import TEXTS
from pdfsluice.core.testing.contracts.text_recognizer import BLANK
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.broken import Broken, rules, suites

FILES = {make_pdf(TEXTS): TEXTS, make_pdf(["Another file."]): ("Another file.",)}


class Reader:
    """An extractor that is right, but for what a subclass breaks."""

    async def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        await asyncio.sleep(0)
        for number, text in enumerate(self.texts(path)[first - 1 :], first):
            yield PageText(number, text)

    def texts(self, path: Path) -> Sequence[str]:
        try:
            return FILES[path.read_bytes()]
        except KeyError:
            raise StageFailed("The file is damaged.") from None


class Skipping(Reader):
    """Leaves empty pages out."""

    async def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        for number, text in enumerate(self.texts(path), 1):
            if text and number >= first:
                yield PageText(number, text)


class FromTheStart(Reader):
    async def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        for number, text in enumerate(self.texts(path), 1):
            yield PageText(number, text)


class Last(Reader):
    """Takes a number after the last for the last."""

    async def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        texts = self.texts(path)
        start = min(first, len(texts))
        for number, text in enumerate(texts[start - 1 :], start):
            yield PageText(number, text)


class OneFile(Reader):
    """Keeps the pages that it reads in an attribute."""

    async def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        self._texts = self.texts(path)
        await asyncio.sleep(0)
        for number, text in enumerate(self._texts[first - 1 :], first):
            yield PageText(number, text)


class Busy(Reader):
    """Is free again only after the last page."""

    def __init__(self) -> None:
        self._busy = False

    async def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        assert not self._busy, "another file is being read"
        self._busy = True
        for number, text in enumerate(self.texts(path)[first - 1 :], first):
            yield PageText(number, text)
        self._busy = False


class Blank(Reader):
    """Takes what it cannot read for a file without pages."""

    def texts(self, path: Path) -> Sequence[str]:
        return FILES.get(path.read_bytes(), ())


class Fragile(Reader):
    def texts(self, path: Path) -> Sequence[str]:
        content = path.read_bytes()
        assert content in FILES, "unexpected"
        return FILES[content]


class Writing(Reader):
    def texts(self, path: Path) -> Sequence[str]:
        texts = super().texts(path)
        path.write_bytes(b"read")
        return texts


EXTRACTORS = [
    Broken(TextExtractorContract, rule, {"extractor": extractor}, only=only, raises=raises)
    for rule, extractor, only, raises in (
        (
            "test_every_page_has_its_number_and_its_words",
            Skipping,
            {},
            (AssertionError,),
        ),
        ("test_reading_continues_with_any_page", FromTheStart, {}, (AssertionError,)),
        ("test_after_the_last_page_there_is_nothing", Last, {}, (AssertionError,)),
        ("test_files_read_at_the_same_time_do_not_mix", OneFile, {}, (AssertionError,)),
        ("test_reading_can_be_given_up", Busy, {}, (AssertionError,)),
        (
            "test_a_file_that_cannot_be_read_is_left_to_the_next_extractor",
            Blank,
            {},
            (pytest.fail.Exception,),
        ),
        ("test_a_damaged_file_is_no_defect", Fragile, {"name": "cut-off"}, (AssertionError,)),
        ("test_the_file_stays_as_it_is", Writing, {}, (AssertionError,)),
    )
]


def jpeg(width: int, mark: int) -> bytes:
    """Return what looks like a JPEG: a frame and nothing in it."""
    frame = b"\xff\xc0\x00\x08\x08" + (10).to_bytes(2, "big") + width.to_bytes(2, "big")
    return b"\xff\xd8" + frame + bytes([mark]) + b"\xff\xd9"


class Pictures:
    """A renderer that is right, but for what a subclass breaks."""

    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        await asyncio.sleep(0)
        texts = FILES.get(path.read_bytes())
        if texts is None:
            raise StageFailed("The file is damaged.")
        if not 1 <= page <= len(texts):
            raise NotFound(f"There is no page {page}.")
        return jpeg(width, page)


class FixedWidth(Pictures):
    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        return await super().render(path, page, width=600)


class FirstPage(Pictures):
    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        return await super().render(path, 1, width=width)


class Defective(Pictures):
    """Draws what is in no file at all."""

    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        return jpeg(width, page % 100)


class Locked(Pictures):
    """Stays busy after a cancellation."""

    def __init__(self) -> None:
        self._busy = False

    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        assert not self._busy, "another page is being drawn"
        self._busy = True
        picture = await super().render(path, page, width=width)
        self._busy = False
        return picture


class Caching(Pictures):
    async def render(self, path: Path, page: int, *, width: int) -> bytes:
        picture = await super().render(path, page, width=width)
        path.with_name("cache.jpg").write_bytes(picture)
        return picture


RENDERERS = [
    Broken(PageRendererContract, rule, {"renderer": renderer})
    for rule, renderer in (
        ("test_a_picture_has_the_width_asked_for", FixedWidth),
        ("test_pages_drawn_at_the_same_time_do_not_mix", FirstPage),
        ("test_a_page_that_is_not_there", FirstPage),
        ("test_a_file_that_cannot_be_drawn_is_left_to_the_next_renderer", Defective),
        ("test_drawing_can_be_cancelled", Locked),
        ("test_the_file_stays_as_it_is", Caching),
    )
]

PICTURE = jpeg(600, 1)


class Recognizer:
    """A recognizer that is right, but for what a subclass breaks."""

    async def obstacle(self) -> str:
        return ""

    async def recognize(self, picture: bytes) -> RecognizedPage:
        await asyncio.sleep(0)
        if picture == BLANK:
            return RecognizedPage(width=64, height=64)
        if picture != PICTURE:
            raise StageFailed("The picture is damaged.")
        line = [RecognizedWord(text, Box(1, 2, 3, 4)) for text in ("some", "words")]
        return RecognizedPage(width=600, height=10, lines=[line])


class Missing(Recognizer):
    async def obstacle(self) -> str:
        return "A program is missing."


class Backwards(Recognizer):
    async def recognize(self, picture: bytes) -> RecognizedPage:
        page = await super().recognize(picture)
        return replace(page, lines=[list(reversed(line)) for line in page.lines])


class Enlarged(Recognizer):
    """Returns the places in a picture that it has enlarged."""

    async def recognize(self, picture: bytes) -> RecognizedPage:
        return replace(await super().recognize(picture), width=1200, height=20)


class Inventive(Recognizer):
    async def recognize(self, picture: bytes) -> RecognizedPage:
        return await super().recognize(PICTURE)


class Undecided(Recognizer):
    async def recognize(self, picture: bytes) -> RecognizedPage:
        assert picture in {PICTURE, BLANK}, "unexpected"
        return await super().recognize(picture)


class OnePicture(Recognizer):
    async def recognize(self, picture: bytes) -> RecognizedPage:
        self._picture = picture
        await asyncio.sleep(0)
        return await super().recognize(self._picture)


class StillBusy(Recognizer):
    def __init__(self) -> None:
        self._busy = False

    async def recognize(self, picture: bytes) -> RecognizedPage:
        assert not self._busy, "another picture is being read"
        self._busy = True
        page = await super().recognize(picture)
        self._busy = False
        return page


def reading(recognizer: type[Recognizer]) -> dict[str, Callable[[], Any]]:
    return {
        "recognizer": recognizer,
        "picture": lambda: PICTURE,
        "words": lambda: ["some", "words"],
    }


RECOGNIZERS = [
    Broken(TextRecognizerContract, rule, reading(recognizer))
    for rule, recognizer in (
        ("test_nothing_is_in_its_way", Missing),
        ("test_words_are_read_in_order", Backwards),
        ("test_places_are_in_the_picture", Enlarged),
        ("test_a_blank_picture_has_no_words", Inventive),
        ("test_a_damaged_picture_is_no_defect", Undecided),
        ("test_pictures_read_at_the_same_time_do_not_mix", OnePicture),
        ("test_reading_can_be_cancelled", StillBusy),
    )
]

ROWS = [*EXTRACTORS, *RENDERERS, *RECOGNIZERS]
globals().update(suites(ROWS, __name__))


@pytest.mark.parametrize("contract", sorted({row.contract for row in ROWS}, key=str))
def test_each_rule_is_broken_by_a_part(contract: type) -> None:
    assert {row.rule for row in ROWS if row.contract is contract} == rules(contract)


class TestReader(TextExtractorContract):
    """What the broken ones derive from is right."""

    @pytest.fixture
    def extractor(self) -> Reader:
        return Reader()


class TestPictures(PageRendererContract):
    @pytest.fixture
    def renderer(self) -> Pictures:
        return Pictures()
