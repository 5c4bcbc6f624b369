"""The Model Context Protocol, used by its official client."""

import asyncio
import base64
import io
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from PIL import Image

from pdfsluice.client import Client, ClientError, SearchFilter
from pdfsluice.core.models.sessions import Scope
from pdfsluice.core.testing.pdfs import make_pdf
from tests.support.keys import add_key
from tests.support.runtimes import STORES
from tests.support.shares import share
from tests.support.waiting import until
from tests.support.web import WebServer, a_server, body_of

# Every process of the tests collects this module; what takes seconds to import, tests import.
if TYPE_CHECKING:
    import mcp
    import mcp_types

BUILT_IN = (*STORES, "api_keys", "pdfium", "importers", "markdown", "llamaindex")
PAGES = ["Of locks and weirs.", "The northern sluice was painted green."]
pytestmark = pytest.mark.asyncio(loop_scope="module")

Header = Mapping[str, str]


class Reader:
    """A server with one searchable document, and the keys of three callers."""

    def __init__(self, server: WebServer, owner: Header, stranger: Header, sender: Header) -> None:
        self.server, self.owner, self.stranger, self.sender = server, owner, stranger, sender
        self.document_id = 0
        self.session_id = ""

    @property
    def key(self) -> str:
        """The owner's key."""
        return self.owner["Authorization"].removeprefix("Bearer ")

    @asynccontextmanager
    async def client(self, key: Header, mode: str = "auto") -> "AsyncIterator[mcp.Client]":
        import httpx2  # noqa: PLC0415 - see above
        import mcp  # noqa: PLC0415
        from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415

        url = f"{self.server.base_url}/mcp"
        async with (
            httpx2.AsyncClient(headers=dict(key)) as http,
            mcp.Client(streamable_http_client(url, http_client=http), mode=mode) as client,
        ):
            yield client

    async def found(self) -> bool:
        body = {"query": "sluice"}
        path = "/api/documents/search"
        async with self.server.http.post(path, json=body, headers=self.owner) as response:
            return bool((await body_of(response))["results"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def library(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reader]:
    folder = tmp_path_factory.mktemp("mcp")
    owner = add_key(folder, "owner", [Scope.READ, Scope.UPLOAD])
    stranger = add_key(folder, "stranger", [Scope.READ])
    sender = add_key(folder, "sender", [Scope.UPLOAD])
    async with a_server(folder, built_in=BUILT_IN, index="llama-index") as server:
        reader = Reader(server, owner, stranger, sender)
        server.http.headers.update(owner)
        session = await server.initiate(
            make_pdf(PAGES, title="Sluices"), title="Sluices", auto_build_index=True
        )
        await server.put(session["session_id"], make_pdf(PAGES, title="Sluices"), 0)
        path = f"/api/documents/streaming/complete/{session['session_id']}"
        async with server.http.post(path) as response:
            reader.document_id = (await body_of(response))["document"]["id"]
        reader.session_id = session["session_id"]
        await until(reader.found, seconds=60)
        server.http.headers.clear()
        yield reader


def text_of(result: "mcp_types.CallToolResult") -> str:
    [content] = result.content
    assert content.type == "text"
    return content.text


@pytest.mark.long
@pytest.mark.parametrize("mode", share(["auto", "legacy"], every=2, nightly=["legacy"]))
async def test_the_official_client_uses_every_tool(library: Reader, mode: str) -> None:
    async with library.client(library.owner, mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())

        found = await client.call_tool("search_documents", {"query": "northern sluice"})
        passage = found.structured_content["passages"][0]
        assert (passage["title"], passage["page"]) == ("Sluices", 2)

        one: dict[str, Any] = {"document_id": library.document_id}
        page = await client.call_tool("read_page", {**one, "page": 2})
        assert page.structured_content["text"].strip() == PAGES[1]

        pages = await client.call_tool("read_markdown", {**one, "first": 2})
        assert [page["page"] for page in pages.structured_content["pages"]] == [2]

        picture = (await client.call_tool("show_page", {**one, "page": 2, "width": 240})).content[0]
        assert picture.type == "image"
        image = Image.open(io.BytesIO(base64.b64decode(picture.data)))
        assert (image.format, image.width) == ("JPEG", 240)

        document = await client.call_tool("get_document", one)
        assert document.structured_content["page_count"] == len(PAGES)

        upload = await client.call_tool("get_upload", {"session_id": library.session_id})
        assert upload.structured_content["status"] == "completed"
        assert len(tools) == 6


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("read_page", {"document_id": 999, "page": 1}, "document-not-found: There is no document"),
        ("read_page", {"page": 1}, "The arguments are not valid: document_id"),
        ("search_documents", {"query": "x", "top_k": 10**6}, "The arguments are not valid: top_k"),
        ("get_upload", {"session_id": "../keys.json"}, "session-not-found: there is no such"),
        ("delete_document", {"document_id": 1}, "There is no tool 'delete_document'"),
    ],
)
async def test_an_error_is_an_answer_for_the_model(
    library: Reader, tool: str, arguments: dict[str, Any], message: str
) -> None:
    async with library.client(library.owner) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert text_of(result).startswith(message)


async def test_a_stranger_finds_nothing_of_others(library: Reader) -> None:
    async with library.client(library.stranger) as client:
        found = await client.call_tool("search_documents", {"query": "northern sluice"})
        assert found.structured_content["passages"] == []
        page = {"document_id": library.document_id, "page": 1}
        assert (await client.call_tool("read_page", page)).is_error
        upload = {"session_id": library.session_id}
        assert (await client.call_tool("get_upload", upload)).is_error


async def test_a_key_that_may_not_read_is_refused(library: Reader) -> None:
    post = partial(library.server.http.post, "/mcp", json={"jsonrpc": "2.0", "id": 1})
    async with post(headers=library.sender) as response:
        assert (response.status, (await body_of(response))["code"]) == (403, "permission-denied")
    async with post() as response:
        assert response.status == 401
    async with post(headers={**library.owner, "Origin": "https://elsewhere.example"}) as response:
        assert response.status == 403


async def test_a_message_that_is_none_is_refused_by_the_protocol(library: Reader) -> None:
    headers = {**library.owner, "Content-Type": "application/json"}
    for body in (b"{}", b"[", b"null", b"\xff", b'{"jsonrpc":"2.0","id":1,"method":"nothing"}'):
        async with library.server.http.post("/mcp", data=body, headers=headers) as response:
            answer = await body_of(response)
            assert response.status < 500
            assert "error" in answer, body
    async with library.server.http.post("/mcp", data=b"x" * 70_000, headers=headers) as response:
        assert response.status == 413
    async with library.server.http.get("/mcp", headers=headers) as response:
        assert response.status == 405


@pytest.mark.long
async def test_retrievers_of_both_frameworks_cite_the_page(library: Reader) -> None:
    from pdfsluice.client.retrievers import langchain, llama_index  # noqa: PLC0415 - see above
    from pdfsluice.client.retrievers.asking import Library  # noqa: PLC0415

    asked = Library(
        server=library.server.base_url,
        api_key=library.key,
        top_k=1,
        where=SearchFilter(title="Sluices"),
    )
    assert library.key not in repr(asked)
    [scored] = await llama_index.PdfsluiceRetriever(asked).aretrieve("northern sluice")
    [document] = await langchain.PdfsluiceRetriever(library=asked).ainvoke("northern sluice")
    assert scored.node.get_content() == document.page_content
    assert scored.node.metadata == document.metadata
    assert document.metadata["page"] == 2
    assert document.metadata["title"] == "Sluices"


async def test_an_error_of_the_protocol_reaches_the_caller_of_the_client(library: Reader) -> None:
    async with Client(library.server.base_url, api_key=library.key) as client:
        with pytest.raises(ClientError, match="does not answer nothing/such"):
            await client.model_context("nothing/such", {})


@pytest.mark.long
async def test_the_command_relays_between_standard_streams_and_the_server(library: Reader) -> None:
    import mcp  # noqa: PLC0415 - see above

    command = mcp.StdioServerParameters(
        command=sys.executable,
        args=["-m", "pdfsluice.cli", "mcp", "--server", library.server.base_url],
        env={**os.environ, "PDFSLUICE_API_KEY": library.key},
    )
    async with library.client(library.owner) as direct, mcp.Client(command) as relayed:
        assert relayed.instructions == direct.instructions
        assert (await relayed.list_tools()).tools == (await direct.list_tools()).tools
        wanted = {"query": "northern sluice"}
        found = await relayed.call_tool("search_documents", wanted)
        assert found.structured_content["passages"][0]["page"] == 2
        missing = await relayed.call_tool("read_page", {"document_id": 999, "page": 1})
        assert text_of(missing).startswith("document-not-found")


@pytest.mark.long
async def test_the_command_names_a_server_that_is_not_there() -> None:
    command = [sys.executable, "-m", "pdfsluice.cli", "mcp", "--server", "127.0.0.1:9"]
    done = await asyncio.to_thread(
        subprocess.run, command, input=b"", capture_output=True, check=False, timeout=60
    )
    assert done.returncode != 0
    assert done.stdout == b"", "standard output is for messages of the protocol"
    assert b"cannot be reached" in done.stderr
