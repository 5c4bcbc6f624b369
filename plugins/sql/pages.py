"""The text of pages in the catalogue ``sql``."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from functools import partial

from sqlalchemy import Connection

from pdfsluice.core import PageText, TextSource

from .database import Database
from .encoding import clean
from .prepared import Prepared
from .reading import (
    MAX_ID,
    read_next_pages,
    read_pages_at,
    read_pages_without_text,
    require_document,
)
from .schema import pages


class SqlPages:
    """The text of documents' pages, in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        statement = database.insert(pages)
        self._save_page = Prepared(
            statement.on_conflict_do_update(
                index_elements=["document_id", "number"],
                set_={
                    name: getattr(statement.excluded, name) for name in ("text", "layout", "source")
                },
            )
        )

    async def save_pages(self, document_id: int, pages: Sequence[PageText]) -> None:
        """Store the text of pages, replacing earlier text of the same pages.

        Raises:
            DocumentNotFound: There is no such document.
        """
        rows = [
            {
                "document_id": document_id,
                "number": page.number,
                "text": clean(page.text),
                "layout": page.layout or None,
                "source": page.source.value,
            }
            for page in pages
        ]

        def operation(connection: Connection) -> None:
            require_document(connection, document_id)
            self._save_page.run_many(connection, rows)

        await self._database.write(operation, is_single=len(rows) == 1)

    async def pages(self, document_id: int) -> AsyncIterator[PageText]:
        """Yield the text of all pages, in order, a few of them in memory at a time."""
        if not 0 < document_id <= MAX_ID:
            return
        after = -1
        while rows := await self._database.read(
            partial(read_next_pages, document_id=document_id, after=after)
        ):
            for row in rows:
                yield PageText(row.number, row.text, source=TextSource(row.source))
            after = rows[-1].number

    async def pages_at(
        self, places: Collection[tuple[int, int]]
    ) -> Mapping[tuple[int, int], PageText]:
        """Return single pages with their layouts; missing ones are left out."""
        return await self._database.read(lambda reader: read_pages_at(reader, places))

    async def pages_without_text(self, document_id: int) -> Mapping[int, TextSource]:
        """Return the pages whose source is ``none`` or ``ocr``, by ascending number."""
        return await self._database.read(partial(read_pages_without_text, document_id=document_id))
