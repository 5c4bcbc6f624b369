"""The text of a document ends at its limits, whatever the file contains."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from pdfsluice.core.errors import DocumentUnreadable, StageFailed, StorageFull
from pdfsluice.core.models.documents import Document, NewDocument, PageText
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.documents import ImportContext, TextExtractor
from pdfsluice.core.plugins.ports.stores import Catalogue
from pdfsluice.core.testing.pdfs import make_pdf
from pdfsluice.plugins import llamaindex
from pdfsluice.plugins.importers.disk_space import DiskSpace
from pdfsluice.plugins.importers.options import TextOptions
from pdfsluice.plugins.importers.text import TextImporter
from pdfsluice.plugins.llamaindex.options import IndexOptions
from tests.support.heavy_pdfs import repeated_pages
from tests.support.recorded_progress import RecordedProgress

MakeDocument = Callable[..., NewDocument]
MakeExtractors = Callable[..., Awaitable[Sequence[TextExtractor]]]


def a_text_importer(**limits: float) -> TextImporter:
    return TextImporter(TextOptions.model_validate(limits), DiskSpace(Path(), 0))


async def stored(catalogue: Catalogue, document: Document) -> list[PageText]:
    return [page async for page in catalogue.pages(document.id)]


class Endless:
    """An extractor that reads one page of very many, and then fails."""

    async def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        yield PageText(first, f"page {first}")
        await asyncio.sleep(0)
        raise StageFailed("enough", details={"page": first + 1})


class Hanging:
    """An extractor that reads three pages and then hangs."""

    async def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        for number in range(first, 4):
            yield PageText(number, f"page {number}")
        await asyncio.Event().wait()


async def test_all_extractors_together_have_a_time_for_a_document(
    catalogue: Catalogue, make_document: MakeDocument
) -> None:
    """Two of them that hand it to each other end, too, and their results stay."""
    for name, extractors in (
        ("taking turns", [Endless(), Endless()]),
        ("hanging", [Hanging()]),
    ):
        document = await catalogue.add(make_document(name), [])
        progress = RecordedProgress()
        context = ImportContext(
            document=document,
            path=Path("unused"),
            catalogue=catalogue,
            extractors=extractors,
            progress=progress,
        )
        async with asyncio.timeout(60):
            await a_text_importer(document_seconds=1).run(context)
        pages = await stored(catalogue, document)
        assert [page.text for page in pages] == [f"page {n}" for n in range(1, len(pages) + 1)]
        assert progress.messages[-1] == (
            f"The text ends with page {len(pages)}; the rest is left out: it takes longer than"
            " 1 seconds."
        )
        assert (await catalogue.get(document.id, owner=None)).page_count is None


async def test_a_document_of_which_nothing_is_read_in_time_cannot_be_read(
    catalogue: Catalogue, make_document: MakeDocument, make_extractors: MakeExtractors
) -> None:
    document = await catalogue.add(make_document(page_count=3), [])
    context = ImportContext(
        document=document,
        path=Path("unused"),
        catalogue=catalogue,
        extractors=await make_extractors(),
        progress=RecordedProgress(),
    )
    with pytest.raises(DocumentUnreadable, match=r"it takes longer than 0\.001 seconds"):
        await a_text_importer(document_seconds=0.001).run(context)


@pytest.mark.long
async def test_text_ends_at_the_limit_of_characters(
    catalogue: Catalogue,
    make_document: MakeDocument,
    make_extractors: MakeExtractors,
    tmp_path: Path,
) -> None:
    path = tmp_path / "file.pdf"
    path.write_bytes(repeated_pages(3, characters=3_000))
    for limit, last in ((10_000, 3), (9_000, 3), (8_999, 3), (6_000, 2), (3_001, 2), (1, 1)):
        document = await catalogue.add(make_document(str(limit), page_count=3), [])
        progress = RecordedProgress()
        context = ImportContext(
            document=document,
            path=path,
            catalogue=catalogue,
            extractors=await make_extractors(),
            progress=progress,
        )
        await a_text_importer(document_characters=limit).run(context)
        pages = await stored(catalogue, document)
        assert len(pages) == last
        assert sum(len(page.text) for page in pages) == min(limit, 9_000)
        assert progress.messages[-1] == (
            "The text of 3 pages is read."
            if limit >= 9_000
            else f"The text ends with page {last}; the rest is left out: it has more than"
            f" {limit:,} characters."
        )


async def test_pages_without_text_count_as_well(
    catalogue: Catalogue,
    make_document: MakeDocument,
    make_extractors: MakeExtractors,
    tmp_path: Path,
) -> None:
    """A small file can have millions of them."""
    path = tmp_path / "file.pdf"
    path.write_bytes(make_pdf([""] * 40))
    document = await catalogue.add(make_document(page_count=40), [])
    context = ImportContext(
        document=document,
        path=path,
        catalogue=catalogue,
        extractors=await make_extractors(),
        progress=RecordedProgress(),
    )
    await a_text_importer(document_characters=1_000).run(context)
    assert len(await stored(catalogue, document)) == 10


async def test_text_does_not_fill_the_disk(
    catalogue: Catalogue, make_document: MakeDocument, tmp_path: Path
) -> None:
    document = await catalogue.add(make_document(page_count=100), [])
    context = ImportContext(
        document=document,
        path=Path("unused"),
        catalogue=catalogue,
        extractors=[Hanging()],
        progress=RecordedProgress(),
    )
    with pytest.raises(StorageFull, match="stay free") as failure:
        await TextImporter(TextOptions(), DiskSpace(tmp_path, 2**62)).run(context)
    assert failure.value.retryable
    assert await stored(catalogue, document) == []


@pytest.mark.nightly
async def test_the_index_ends_at_the_limit_of_passages(
    make_context: Callable[..., PluginContext],
    make_document: MakeDocument,
    catalogue: Catalogue,
) -> None:
    """Each passage costs a twentieth of a second and two kilobytes."""
    document = await catalogue.add(make_document(page_count=9), [])
    texts = [PageText(number, f"apple {number}") for number in range(1, 10)]
    await catalogue.save_pages(document.id, texts)
    options = IndexOptions(document_passages=4)
    spec, _ = llamaindex.pdfsluice_register_indexes(make_context(index=options))
    progress = RecordedProgress()
    async with spec.open() as index:
        assert await index.add(document, catalogue.pages(document.id), progress) == 4
        found = await index.search("apple", top_k=9, owner=None)
    assert {passage.page for passage in found} == {1, 2, 3, 4}
    assert progress.messages[-1] == "Passages indexed: 4; the rest, from page 5 on, is left out"
