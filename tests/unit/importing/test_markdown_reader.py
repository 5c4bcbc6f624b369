"""What a Markdown parser has read stays in memory, and its failures are answers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from pdfsluice.core import Document, NotFound, PageText, StageFailed
from pdfsluice.core.document_files import DocumentFiles
from pdfsluice.core.documents.markdown import MarkdownReader
from pdfsluice.core.errors import DocumentNotFound
from pdfsluice.core.models.documents import NewDocument
from pdfsluice.core.testing import MemoryCatalogue, MemoryUploadStore

TEXTS = ["The weir", "The lock", "The sluice"]


class Parser:
    """Returns pages as headings; fails after some of them."""

    def __init__(self, pages: int = len(TEXTS)) -> None:
        self.pages_read = pages
        self.calls: list[int] = []

    async def pages(self, path: Path, *, first: int = 1) -> AsyncIterator[PageText]:
        self.calls.append(first)
        for number in range(first, self.pages_read + 1):
            await asyncio.sleep(0)
            yield PageText(number, f"# {TEXTS[number - 1]}")
        if self.pages_read < len(TEXTS):
            raise StageFailed("The text cannot be read: it takes too long.")


class Shelf:
    """Documents with three stored pages, and a clock."""

    def __init__(self) -> None:
        self.catalogue, self.uploads = MemoryCatalogue(), MemoryUploadStore()
        self.now = 0.0

    async def add(self, number: int = 1) -> Document:
        name = str(UUID(int=number))
        blob = await self.uploads.create(name, 1)
        blob.write(0, memoryview(b"x"))
        blob.seal(0, 1)
        blob.close()
        await self.uploads.publish(name, [], "")
        document = await self.catalogue.add(
            NewDocument(
                session_id=name,
                blob_id=name,
                owner="me",
                title=name,
                filename=f"{name}.pdf",
                file_size=1,
                sha256="",
                created_at=datetime.now(UTC),
            ),
            (),
        )
        pages = [PageText(number, text) for number, text in enumerate(TEXTS, 1)]
        await self.catalogue.save_pages(document.id, pages)
        return document

    def reader(self, *parsers: Parser, max_characters: int = 100_000) -> MarkdownReader:
        return MarkdownReader(
            extractors=parsers,
            catalogue=self.catalogue,
            files=DocumentFiles(self.uploads),
            hint="Install it.",
            max_characters=max_characters,
            failure_retention_seconds=600,
            clock=lambda: self.now,
        )


async def test_a_document_is_parsed_once_for_all_of_its_pages() -> None:
    shelf, parser = Shelf(), Parser()
    document, reader = await shelf.add(), shelf.reader(parser)
    pages, again = await asyncio.gather(
        reader.pages(document, first=1, limit=2), reader.pages(document, first=3, limit=2)
    )
    assert [page.markdown for page in pages.pages] == ["# The weir", "# The lock"]
    assert (pages.next, again.next) == (3, None)
    assert [page.markdown for page in again.pages] == ["# The sluice"]
    assert parser.calls == [1]


async def test_the_oldest_documents_leave_the_memory_first() -> None:
    shelf, parser = Shelf(), Parser()
    reader = shelf.reader(parser, max_characters=4100)
    documents = [await shelf.add(number) for number in range(1, 6)]
    for document in documents:
        await reader.pages(document, first=1, limit=1)
    parser.calls.clear()
    await reader.pages(documents[-1], first=1, limit=1)
    assert parser.calls == []
    await reader.pages(documents[0], first=1, limit=1)
    assert parser.calls == [1]


async def test_another_parser_continues_where_one_fails() -> None:
    shelf, first, second = Shelf(), Parser(1), Parser()
    pages = await shelf.reader(first, second).pages(await shelf.add(), first=1, limit=9)
    assert all(page.structured for page in pages.pages)
    assert second.calls == [2]


async def test_a_failure_is_a_note_for_some_minutes() -> None:
    shelf, parser = Shelf(), Parser(1)
    document, reader = await shelf.add(), shelf.reader(parser)
    for now, calls in ((0.0, 1), (599.0, 1), (600.0, 2)):
        shelf.now = now
        pages = (await reader.pages(document, first=1, limit=9)).pages
        assert [page.structured for page in pages] == [True, False, False]
        assert pages[1].markdown == "The lock"
        assert "too long" in pages[1].note
        assert len(parser.calls) == calls


async def test_a_document_with_too_much_markdown_is_read_in_part() -> None:
    shelf, parser = Shelf(), Parser()
    reader = shelf.reader(parser, max_characters=4040)
    pages = (await reader.pages(await shelf.add(), first=1, limit=9)).pages
    assert [page.structured for page in pages] == [True, True, False]
    assert pages[2].note == "The document has more Markdown than is read at a time."


async def test_what_is_not_there_is_an_error() -> None:
    shelf = Shelf()
    document = await shelf.add()
    with pytest.raises(NotFound, match="no plugin reads Markdown"):
        await shelf.reader().pages(document, first=1, limit=1)
    with pytest.raises(DocumentNotFound, match="no text from page 9"):
        await shelf.reader(Parser()).pages(document, first=9, limit=1)
