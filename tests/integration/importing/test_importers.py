"""Importers work with a real catalogue; text is read by whichever extractor can."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pdfsluice.core.errors import DocumentUnreadable, NotFound, StageFailed
from pdfsluice.core.models.documents import Document, NewDocument, PageText
from pdfsluice.core.models.findings import Unscanned
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.documents import ImportContext, Importer, TextExtractor
from pdfsluice.core.plugins.ports.stores import Catalogue
from pdfsluice.core.testing.pdfs import make_pdf
from pdfsluice.plugins import importers
from pdfsluice.plugins.importers.disk_space import DiskSpace
from pdfsluice.plugins.importers.options import TextOptions
from pdfsluice.plugins.importers.text import TextImporter
from pdfsluice.plugins.importers.text_run import MAX_SKIPPED
from tests.support.recorded_progress import RecordedProgress
from tests.support.shares import examples
from tests.support.workers import workers

MakeContext = Callable[..., PluginContext]
MakeDocument = Callable[..., NewDocument]
MakeExtractors = Callable[..., Awaitable[Sequence[TextExtractor]]]


class Scripted:
    """An extractor that fails at certain pages, as real ones below do."""

    def __init__(self, name: str, pages: int, fails_at: frozenset[int]) -> None:
        self._name = name
        self._pages = pages
        self._fails_at = fails_at

    async def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        for number in range(first, self._pages + 1):
            if number in self._fails_at:
                raise StageFailed(f"{self._name} failed", details={"page": number})
            yield PageText(number, f"{self._name} {number}")


def a_text_importer() -> TextImporter:
    return TextImporter(TextOptions(), DiskSpace(Path(), 0))


async def stored(catalogue: Catalogue, document: Document) -> list[PageText]:
    return [page async for page in catalogue.pages(document.id)]


@pytest.fixture
def by_name(make_context: MakeContext) -> dict[str, Importer]:
    specs = importers.pdfsluice_register_importers(make_context())
    assert [(spec.name, spec.after) for spec in specs] == [("text", ()), ("thumbnail", ("text",))]
    return {spec.name: spec.importer for spec in specs}


async def test_text_of_all_pages_is_stored(
    by_name: dict[str, Importer],
    catalogue: Catalogue,
    make_document: MakeDocument,
    make_extractors: MakeExtractors,
    tmp_path: Path,
) -> None:
    texts = [f"Seite {number} · страница" for number in range(1, 61)]
    path = tmp_path / "file.pdf"
    path.write_bytes(make_pdf(texts))
    document = await catalogue.add(make_document(page_count=60), [])
    progress = RecordedProgress()
    context = ImportContext(
        document=document,
        path=path,
        catalogue=catalogue,
        extractors=await make_extractors(),
        progress=progress,
    )
    for _ in range(2):  # repeating it does no harm
        await by_name["text"].run(context)
    pages = await stored(catalogue, document)
    assert [(page.number, page.text.strip()) for page in pages] == list(enumerate(texts, 1))
    assert progress.shares[:60] == [number / 60 for number in range(1, 61)]
    assert progress.messages[59] == "Reading text: page 60 of 60"
    assert progress.messages[-1] == "The text of 60 pages is read."
    assert len(workers()) <= 1, "one reader is kept for the next document"


@pytest.mark.long
async def test_an_unknown_page_count_becomes_known(
    by_name: dict[str, Importer],
    catalogue: Catalogue,
    make_document: MakeDocument,
    make_extractors: MakeExtractors,
    tmp_path: Path,
) -> None:
    for name, texts in (("none", []), ("some", ["a", "b", "c"])):
        path = tmp_path / name
        path.write_bytes(make_pdf(texts))
        document = await catalogue.add(make_document(name), [])
        progress = RecordedProgress()
        await by_name["text"].run(
            ImportContext(
                document=document,
                path=path,
                catalogue=catalogue,
                extractors=await make_extractors(),
                progress=progress,
            )
        )
        assert (await catalogue.get(document.id, owner=None)).page_count == len(texts)
        assert len(await stored(catalogue, document)) == len(texts)
        assert set(progress.shares[:-1]) <= {0.0}  # how much is left cannot be known


@pytest.mark.long
async def test_a_locked_file_fails_with_the_reason(
    by_name: dict[str, Importer],
    catalogue: Catalogue,
    make_document: MakeDocument,
    make_extractors: MakeExtractors,
    tmp_path: Path,
) -> None:
    path = tmp_path / "file.pdf"
    path.write_bytes(make_pdf(["a", "b", "c", "d", "e"]))
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.save(path, encryption=pikepdf.Encryption(owner="owner", user="user", R=6))
    document = await catalogue.add(make_document(page_count=5), [])
    context = ImportContext(
        document=document,
        path=path,
        catalogue=catalogue,
        extractors=await make_extractors(),
        progress=RecordedProgress(),
    )
    with pytest.raises(DocumentUnreadable) as failure:
        await by_name["text"].run(context)
    assert failure.value.details["page"] == 1
    assert failure.value.message == (
        "The text of page 1 cannot be read: the document opens only with a password."
    )


async def test_cancelling_leaves_no_process_behind(
    catalogue: Catalogue,
    make_document: MakeDocument,
    make_extractors: MakeExtractors,
    tmp_path: Path,
) -> None:
    path = tmp_path / "file.pdf"
    path.write_bytes(make_pdf(["word " * 300] * 300))
    document = await catalogue.add(make_document(page_count=300), [])
    started = asyncio.Event()
    context = ImportContext(
        document=document,
        path=path,
        catalogue=catalogue,
        extractors=await make_extractors(),
        progress=lambda done, message: started.set(),
    )
    task = asyncio.create_task(a_text_importer().run(context))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert workers() == []


FAILING = st.frozensets(st.integers(1, 30), max_size=12)


@given(pages=st.integers(1, 30), fails=st.lists(FAILING, min_size=1, max_size=3))
@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_every_page_is_read_by_an_extractor_that_can(
    catalogue: Catalogue,
    make_document: MakeDocument,
    pages: int,
    fails: list[frozenset[int]],
) -> None:
    document = await catalogue.add(make_document(f"{pages}{fails}", page_count=pages), [])
    context = ImportContext(
        document=document,
        path=Path("unused"),
        catalogue=catalogue,
        extractors=[Scripted(str(n), pages, failing) for n, failing in enumerate(fails)],
        progress=RecordedProgress(),
    )
    unreadable = frozenset.intersection(*fails) & frozenset(range(1, pages + 1))
    failed = False
    try:
        await a_text_importer().run(context)
    except DocumentUnreadable:
        failed = True
    got = await stored(catalogue, document)
    assert [page.number for page in got] == list(range(1, len(got) + 1))
    for page in got:
        extractor = page.text.partition(" ")[0]
        if page.number in unreadable:
            assert page.text == ""
        else:
            assert page.number not in fails[int(extractor)]
    assert failed == ({1, 2, 3} <= unreadable)
    assert failed or len(got) == pages


async def test_too_many_unreadable_pages_fail_and_keep_the_others(
    catalogue: Catalogue, make_document: MakeDocument
) -> None:
    document = await catalogue.add(make_document(page_count=100), [])
    context = ImportContext(
        document=document,
        path=Path("unused"),
        catalogue=catalogue,
        extractors=[Scripted("only", 100, frozenset(range(2, 100, 2)))],
        progress=RecordedProgress(),
    )
    with pytest.raises(DocumentUnreadable) as failure:
        await a_text_importer().run(context)
    assert failure.value.details["page"] == 2, "the first failure tells most"
    pages = await stored(catalogue, document)
    assert len(pages) == 2 * MAX_SKIPPED + 1
    assert sum(not page.text for page in pages) == MAX_SKIPPED


async def test_the_first_extractor_explains_why_a_file_cannot_be_read(
    catalogue: Catalogue, make_document: MakeDocument
) -> None:
    document = await catalogue.add(make_document(page_count=9), [])
    every = frozenset(range(1, 10))
    context = ImportContext(
        document=document,
        path=Path("unused"),
        catalogue=catalogue,
        extractors=[Scripted(name, 9, every) for name in ("first", "second", "third")],
        progress=RecordedProgress(),
    )
    with pytest.raises(DocumentUnreadable, match=r"^first failed$"):
        await a_text_importer().run(context)


async def test_a_file_that_arrives_locked_is_reported_as_locked(
    catalogue: Catalogue, make_document: MakeDocument
) -> None:
    """Extractors may trip over something else first."""
    locked = Unscanned(stage="deep", reason="password", message="It opens only with a password.")
    new = replace(make_document(page_count=9), unscanned=(locked,))
    context = ImportContext(
        document=await catalogue.add(new, []),
        path=Path("unused"),
        catalogue=catalogue,
        extractors=[Scripted("only", 9, frozenset(range(1, 10)))],
        progress=RecordedProgress(),
    )
    with pytest.raises(DocumentUnreadable) as failure:
        await a_text_importer().run(context)
    assert failure.value.message == (
        "The text cannot be read: the document opens only with a password."
    )


async def test_without_extractors_there_is_no_text(
    catalogue: Catalogue, make_document: MakeDocument
) -> None:
    document = await catalogue.add(make_document(), [])
    context = ImportContext(
        document=document,
        path=Path("x"),
        catalogue=catalogue,
        extractors=[],
        progress=RecordedProgress(),
    )
    await a_text_importer().run(context)
    assert await stored(catalogue, document) == []
    assert (await catalogue.get(document.id, owner=None)).page_count is None


async def test_the_first_page_is_drawn_in_advance(
    by_name: dict[str, Importer], catalogue: Catalogue, make_document: MakeDocument
) -> None:
    asked: list[tuple[int, int]] = []

    async def draw(page: int, width: int) -> bytes:
        asked.append((page, width))
        return b"jpeg"

    async def cannot(page: int, width: int) -> bytes:
        raise NotFound("no page")

    document = await catalogue.add(make_document(), [])
    progress = RecordedProgress()
    for preview in (draw, cannot, None):
        await by_name["thumbnail"].run(
            ImportContext(
                document=document,
                path=Path("x"),
                catalogue=catalogue,
                extractors=[],
                progress=progress,
                preview=preview,
            )
        )
    assert asked == [(1, 240)]
    assert progress.messages == [
        "The first page is drawn.",
        "There is no picture of the first page: no page",
    ]


async def test_pages_are_published_as_they_are_stored(
    catalogue: Catalogue, make_document: MakeDocument
) -> None:
    document = await catalogue.add(make_document(page_count=60), [])
    batches: list[list[int]] = []

    async def publish(pages: Sequence[PageText]) -> None:
        stored_pages = {page.number for page in await stored(catalogue, document)}
        assert stored_pages >= {page.number for page in pages}
        batches.append([page.number for page in pages])

    await a_text_importer().run(
        ImportContext(
            document=document,
            path=Path("unused"),
            catalogue=catalogue,
            extractors=[Scripted("only", 60, frozenset())],
            progress=RecordedProgress(),
            publish_words=publish,
        )
    )
    assert len(batches) > 1
    assert [number for batch in batches for number in batch] == list(range(1, 61))
