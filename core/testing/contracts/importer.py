"""What every importer must do."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pdfsluice.core import (
    Document,
    ImportContext,
    Importer,
    NewDocument,
    NotFound,
    PageRenderer,
    PageText,
    PdfsluiceError,
    TextExtractor,
)
from pdfsluice.core.testing import MemoryCatalogue, make_pdf

from .asynchronous import AsyncContract
from .files import DAMAGED, TEXTS, KeptFile, cancelled_after, in_time
from .samples import make_document

_NO_DOCUMENT = 987_654_321


async def _nothing() -> object:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCase:
    """A document for an importer.

    Attributes:
        content: The file.
        pages: What earlier importers stored of it.
        extractors: The text extractors that the importer is given.
        renderers: The page renderers that it is given.
        effects: Returns what the importer did outside of the catalogue, in a form to compare.
    """

    content: bytes = make_pdf(TEXTS)
    pages: Sequence[PageText] = tuple(PageText(n, text) for n, text in enumerate(TEXTS, 1))
    extractors: Sequence[TextExtractor] = ()
    renderers: Sequence[PageRenderer] = ()
    effects: Callable[[], Awaitable[object]] = _nothing


@dataclass(slots=True)
class _Desk:
    """A catalogue with a document, and the messages of its import."""

    file: KeptFile
    case: ImportCase
    document: Document
    catalogue: MemoryCatalogue
    steps: list[tuple[float, str]] = field(default_factory=list)

    @classmethod
    async def make(
        cls, folder: Path, case: ImportCase, new: NewDocument, catalogue: MemoryCatalogue | None
    ) -> "_Desk":
        file = KeptFile.make(folder, case.content)
        catalogue = catalogue or MemoryCatalogue()
        document = await catalogue.add(replace(new, file_size=len(case.content)), [])
        if case.pages:
            await catalogue.save_pages(document.id, case.pages)
        return cls(file, case, document, catalogue)

    async def run(self, importer: Importer, **changes: Any) -> None:
        context = ImportContext(
            document=self.document,
            path=self.file.path,
            catalogue=self.catalogue,
            extractors=self.case.extractors,
            renderers=self.case.renderers,
            progress=lambda done, message: self.steps.append((done, message)),
            preview=self._preview,
            publish_words=self._publish_words,
        )
        await in_time(importer.run(replace(context, **changes)))

    async def result(self) -> tuple[object, ...]:
        """Return everything that the import has left."""
        document = await self.catalogue.get(self.document.id, owner=None)
        pages = [page async for page in self.catalogue.pages(self.document.id)]
        return replace(document, id=0), pages, await self.case.effects()

    async def _preview(self, page: int, width: int) -> bytes:
        if not 1 <= page <= len(TEXTS):
            raise NotFound(f"There is no page {page}.")
        return b"\xff\xd8" + width.to_bytes(2, "big") + b"\xff\xd9"

    async def _publish_words(self, pages: Sequence[PageText]) -> None:
        assert all(isinstance(page, PageText) for page in pages)


class ImporterContract(AsyncContract):
    """The tests of an importer.

    Override ``importer`` with an open importer. Override ``case`` if it needs more than the
    text of pages.
    """

    @pytest.fixture
    def importer(self) -> Importer:
        raise NotImplementedError("override the fixture 'importer'")

    @pytest.fixture
    def case(self) -> ImportCase:
        """The document, by default one with the text of three pages."""
        return ImportCase()

    async def test_its_progress_can_be_shown(
        self, importer: Importer, case: ImportCase, tmp_path: Path
    ) -> None:
        desk = await _desk(tmp_path, case)
        await desk.run(importer)
        for done, message in desk.steps:
            assert 0 <= done <= 1
            assert message.strip()
            assert message.isprintable()

    async def test_repeating_it_changes_nothing(
        self, importer: Importer, case: ImportCase, tmp_path: Path
    ) -> None:
        """A job is repeated after a crash, even if the importer had finished."""
        desk = await _desk(tmp_path, case)
        await desk.run(importer)
        first = await desk.result()
        await desk.run(importer, attempt=2)
        assert await desk.result() == first

    @pytest.mark.parametrize("turns", [0, 1, 3, 10, 50])
    async def test_an_interrupted_run_is_repeated_without_a_trace(
        self, importer: Importer, case: ImportCase, turns: int, tmp_path: Path
    ) -> None:
        whole = await _desk(tmp_path / "whole", case)
        await whole.run(importer)
        broken = await _desk(tmp_path / "broken", case)
        await cancelled_after(turns, broken.run(importer))
        await broken.run(importer, attempt=2)
        assert await broken.result() == await whole.result()

    async def test_documents_imported_at_the_same_time_do_not_mix(
        self, importer: Importer, case: ImportCase, tmp_path: Path
    ) -> None:
        alone = await _desk(tmp_path / "alone", case)
        await alone.run(importer)
        catalogue = MemoryCatalogue()
        desks = [
            await _desk(tmp_path / str(number), case, catalogue=catalogue, session_id=str(number))
            for number in range(3)
        ]
        await asyncio.gather(*(desk.run(importer) for desk in desks))
        expected = _without_session(await alone.result())
        for desk in desks:
            assert _without_session(await desk.result()) == expected

    async def test_the_file_stays_as_it_is(
        self, importer: Importer, case: ImportCase, tmp_path: Path
    ) -> None:
        desk = await _desk(tmp_path, case)
        await desk.run(importer)
        desk.file.check()

    async def test_it_manages_without_what_may_be_missing(
        self, importer: Importer, case: ImportCase, tmp_path: Path
    ) -> None:
        """Without pictures and search it ends, or fails with an error of the interface."""
        desk = await _desk(tmp_path, case)
        with suppress(PdfsluiceError):
            await desk.run(importer, preview=None, publish_words=None, renderers=())

    @pytest.mark.parametrize("name", DAMAGED)
    async def test_a_damaged_file_is_no_defect(
        self, importer: Importer, case: ImportCase, name: str, tmp_path: Path
    ) -> None:
        desk = await _desk(tmp_path, replace(case, content=DAMAGED[name], pages=()))
        with suppress(PdfsluiceError):
            await desk.run(importer)

    async def test_a_document_that_is_gone_stays_gone(
        self, importer: Importer, case: ImportCase, tmp_path: Path
    ) -> None:
        desk = await _desk(tmp_path, case)
        await desk.catalogue.delete(desk.document.id)
        with suppress(PdfsluiceError):
            await desk.run(importer)
        assert await desk.catalogue.list(owner=None) == ([], 0)
        assert [page async for page in desk.catalogue.pages(desk.document.id)] == []

    async def test_a_document_can_be_forgotten_twice_and_imported_again(
        self, importer: Importer, case: ImportCase, tmp_path: Path
    ) -> None:
        desk = await _desk(tmp_path, case)
        await desk.run(importer)
        first = await desk.result()
        for document_id in (desk.document.id, desk.document.id, _NO_DOCUMENT):
            await in_time(importer.forget(document_id))
        await desk.run(importer)
        assert await desk.result() == first


async def _desk(
    folder: Path,
    case: ImportCase,
    *,
    catalogue: MemoryCatalogue | None = None,
    session_id: str = "session",
) -> _Desk:
    new = make_document(session_id=session_id, blob_id=session_id, page_count=len(TEXTS))
    return await _Desk.make(folder / "desk", case, new, catalogue)


def _without_session(result: tuple[object, ...]) -> tuple[object, ...]:
    document, pages, _ = result
    assert isinstance(document, Document)
    return replace(document, session_id="", blob_id=""), pages
