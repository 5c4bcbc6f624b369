"""Documents as Markdown over HTTP, through the client and the real parser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pikepdf
import pytest
import pytest_asyncio

from benchmarks.hidden_text.samples import TECHNIQUES, VISIBLE, sample
from pdfsluice.client import Client, NotFound
from pdfsluice.core.models.sessions import Scope
from tests.support.keys import add_key
from tests.support.runtimes import STORES
from tests.support.web import WebServer, a_server
from tests.unit.importing.test_markdown_page import ORDER, table

pytestmark = pytest.mark.asyncio(loop_scope="module")
BUILT_IN = (*STORES, "api_keys", "pdfium", "importers", "markdown")


class Shelf:
    """A server with one document of three pages; the second hides an order."""

    def __init__(self, server: WebServer, document_id: int, owner: str, stranger: str) -> None:
        self.server, self.document_id = server, document_id
        self.owner, self.stranger = owner, stranger


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shelf(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shelf]:
    folder = tmp_path_factory.mktemp("markdown")
    keys = [
        add_key(folder, name, [Scope.READ, Scope.UPLOAD])["Authorization"].removeprefix("Bearer ")
        for name in ("owner", "stranger")
    ]
    async with a_server(folder, built_in=BUILT_IN) as server:
        async with Client(server.base_url, api_key=keys[0]) as client:
            document = await client.upload(three_pages(folder))
            await client.settled(document.id)
        yield Shelf(server, document.id, *keys)


def three_pages(folder: Path) -> Path:
    path = folder / "levels.pdf"
    with pikepdf.new() as pdf:
        for draw in (table, TECHNIQUES["white"], table):
            page = folder / "page.pdf"
            page.write_bytes(sample(draw, ORDER))
            with pikepdf.open(page) as single:
                pdf.pages.extend(single.pages)
        pdf.save(path)
    return path


async def test_tables_have_rows_and_hidden_text_stays_hidden(shelf: Shelf) -> None:
    async with Client(shelf.server.base_url, api_key=shelf.owner) as client:
        pages = [page async for page in client.markdown(shelf.document_id)]
    assert [page.structured for page in pages] == [True, False, True]
    assert "|Mill Lane|2.31|14|" in pages[0].markdown
    assert pages[1].markdown.strip() == VISIBLE
    assert "cannot see" in pages[1].note


async def test_pages_are_chosen(shelf: Shelf) -> None:
    path = f"/api/documents/{shelf.document_id}/markdown"
    headers = {"X-API-Key": shelf.owner}
    query = {"first": "2", "limit": "1"}
    async with shelf.server.http.get(path, params=query, headers=headers) as response:
        answer = await response.json()
    assert (answer["next"], [page["page"] for page in answer["pages"]]) == (3, [2])
    for wrong in ({"first": "0"}, {"limit": "101"}, {"colour": "red"}):
        async with shelf.server.http.get(path, params=wrong, headers=headers) as response:
            assert response.status == 400


async def test_only_readers_of_the_document_get_it(shelf: Shelf) -> None:
    async with Client(shelf.server.base_url, api_key=shelf.stranger) as client:
        with pytest.raises(NotFound):
            await anext(aiter(client.markdown(shelf.document_id)))
