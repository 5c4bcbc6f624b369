"""The suites of importers, text extractors and page renderers fail for parts that break a rule."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from pdfsluice.core import ImportContext, NotFound, PageText, StageFailed
from pdfsluice.core.testing.contracts import (
    ImporterContract,
    PageRendererContract,
    TextExtractorContract,
)
from pdfsluice.core.testing.contracts.files import TEXTS
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.broken import Broken, rules, suites


class Words:
    """An importer that is right, but for what a subclass breaks."""

    async def run(self, context: ImportContext) -> None:
        pages = [page async for page in context.catalogue.pages(context.document.id)]
        words = sum(len(page.text.split()) for page in pages)
        await context.catalogue.update(context.document.id, metadata={"words": str(words)})
        context.progress(1.0, f"{words} words")

    async def forget(self, document_id: int) -> None:
        pass


class Percent(Words):
    async def run(self, context: ImportContext) -> None:
        context.progress(100, "done\n")


class Adding(Words):
    """Adds to what it has written before."""

    async def run(self, context: ImportContext) -> None:
        document = await context.catalogue.get(context.document.id, owner=None)
        runs = str(int(document.metadata.get("runs", "0")) + 1)
        await context.catalogue.update(document.id, metadata={"runs": runs})


class Marking(Words):
    """Leaves a mark that it is running, and believes it."""

    async def run(self, context: ImportContext) -> None:
        document = await context.catalogue.get(context.document.id, owner=None)
        if document.metadata.get("mark") == "running":
            return
        await context.catalogue.update(document.id, metadata={"mark": "running"})
        await asyncio.sleep(0)
        await context.catalogue.update(document.id, metadata={"mark": "done"})


class Swallowing(Words):
    async def run(self, context: ImportContext) -> None:
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            return
        await super().run(context)


class Sharing(Words):
    """Keeps its context in an attribute."""

    async def run(self, context: ImportContext) -> None:
        self._context = context
        await asyncio.sleep(0)
        await super().run(self._context)


class Moving(Words):
    async def run(self, context: ImportContext) -> None:
        context.path.with_suffix(".txt").write_text("")


class Drawing(Words):
    async def run(self, context: ImportContext) -> None:
        assert context.preview is not None
        await context.preview(1, 100)


class Parsing(Words):
    async def run(self, context: ImportContext) -> None:
        assert context.path.read_bytes().endswith(b"%%EOF\n")


class Reviving(Words):
    async def run(self, context: ImportContext) -> None:
        if not (await context.catalogue.list(owner=None))[1]:
            await context.catalogue.add(context.document, [])


class Remembering(Words):
    """Forgets only what it remembers, and imports nothing twice."""

    def __init__(self) -> None:
        self._documents: list[int] = []

    async def run(self, context: ImportContext) -> None:
        self._documents.append(context.document.id)

    async def forget(self, document_id: int) -> None:
        assert document_id in self._documents, "unknown"
        self._documents.remove(document_id)


IMPORTERS = [
    Broken(ImporterContract, rule, {"importer": importer}, only=only)
    for rule, importer, only in (
        ("test_its_progress_can_be_shown", Percent, {}),
        ("test_repeating_it_changes_nothing", Adding, {}),
        (
            "test_an_interrupted_run_is_repeated_without_a_trace",
            Marking,
            {"turns": 1},
        ),
        ("test_an_interrupted_run_is_repeated_without_a_trace", Swallowing, {"turns": 1}),
        ("test_documents_imported_at_the_same_time_do_not_mix", Sharing, {}),
        ("test_the_file_stays_as_it_is", Moving, {}),
        ("test_it_manages_without_what_may_be_missing", Drawing, {}),
        ("test_a_damaged_file_is_no_defect", Parsing, {"name": "cut-off"}),
        ("test_a_document_that_is_gone_stays_gone", Reviving, {}),
        ("test_a_document_can_be_forgotten_twice_and_imported_again", Remembering, {}),
    )
]

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

ROWS = [*IMPORTERS, *EXTRACTORS, *RENDERERS]
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


class TestWords(ImporterContract):
    @pytest.fixture
    def importer(self) -> Words:
        return Words()
