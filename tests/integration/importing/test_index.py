"""The index with its real model, its real processes and its real database."""

import asyncio
import itertools
import json
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from pdfsluice.core.errors import DocumentNotFound, StageFailed
from pdfsluice.core.models.documents import Document, PageText
from pdfsluice.core.models.passages import Passage
from pdfsluice.core.plugins.ports.context import PluginContext
from pdfsluice.core.plugins.ports.documents import Index, PageIndex, Progress
from pdfsluice.plugins import llamaindex
from pdfsluice.plugins.llamaindex.options import IndexOptions
from tests.support.remote_model import RemoteModel
from tests.support.workers import workers

MakeContext = Callable[..., PluginContext]
pytestmark = pytest.mark.asyncio(loop_scope="module")
SUPPORT = Path(__file__).parents[2] / "support"

PUMPS = [
    "Contents. Introduction ............ 1. Restart of the pumps ............. 2",
    "After a power failure the pumps restart by themselves. The operator acknowledges the alarm.",
    "",
    "The cat of the station sleeps on the mat in the control room.",
]


async def stream(texts: Sequence[str]) -> AsyncIterator[PageText]:
    for number, text in enumerate(texts, 1):
        yield PageText(number, text)


@dataclass
class Gate:
    """Pages that wait after the first batch, so that indexing is under way."""

    texts: Sequence[str]
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def under_way(self, adding: "asyncio.Task[int]") -> None:
        """Wait until the job waits; show why, if it ends instead."""
        reached = asyncio.create_task(self.reached.wait())
        await asyncio.wait([reached, adding], return_when=asyncio.FIRST_COMPLETED)
        reached.cancel()
        if adding.done():
            adding.result()
            pytest.fail("the job was not held up")

    async def pages(self) -> AsyncIterator[PageText]:
        async for page in stream(self.texts):
            if page.number == 6:
                self.reached.set()
                await self.opened.wait()
            yield page


def quiet(done: float, message: str) -> None:
    pass


_numbers = itertools.count(1)


@dataclass
class Shelf:
    """Documents of an owner of this test alone, in an index that tests share."""

    index: Index
    owner: str
    passages: int = 0

    async def add(
        self,
        texts: Sequence[str] | AsyncIterator[PageText],
        *,
        number: int = 0,
        page_count: int | None = None,
        progress: Progress = quiet,
    ) -> int:
        """Index a document, a new one unless a number is given; return its number."""
        document = self.document(number or next(_numbers), page_count=page_count)
        pages = stream(texts) if isinstance(texts, Sequence) else texts
        self.passages = await self.index.add(document, pages, progress)
        return document.id

    def document(self, number: int, *, page_count: int | None = None) -> Document:
        """Describe a document of the owner."""
        return Document(
            id=number,
            session_id="",
            blob_id="",
            owner=self.owner,
            title="",
            filename="",
            file_size=1,
            sha256="",
            created_at=datetime.now(UTC),
            page_count=page_count,
        )

    async def search(self, query: str, top_k: int = 99) -> Sequence[Passage]:
        return await self.index.search(query, top_k=top_k, owner=self.owner)

    async def places(self, query: str, top_k: int = 99) -> list[tuple[int, int]]:
        return [(hit.document_id, hit.page) for hit in await self.search(query, top_k)]

    async def texts(self, query: str) -> list[str]:
        return [hit.text for hit in await self.search(query)]


@pytest.fixture
def shelf(index: Index, request: pytest.FixtureRequest) -> Shelf:
    return Shelf(index, owner=request.node.name)


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(make_context: MakeContext) -> AsyncIterator[Index]:
    """An index with nothing in it."""
    spec, _ = llamaindex.pdfsluice_register_indexes(make_context())
    async with spec.open() as opened:
        yield opened


def processes() -> dict[str, psutil.Process]:
    """The processes of the index; only the one that embeds has LlamaIndex."""
    libraries = {"pydantic_core": "embedding", "onnxruntime": "searching", "": "words"}
    return {
        next(name for library, name in libraries.items() if _maps(child, library)): child
        for child in workers()
    }


def _maps(process: psutil.Process, library: str) -> bool:
    """Whether a native part of a library is loaded."""
    return any(library in region.path for region in process.memory_maps())


@pytest.mark.long
async def test_passages_are_found_by_meaning_and_by_words(shelf: Shelf) -> None:
    progress: list[tuple[float, str]] = []
    number = await shelf.add(
        PUMPS, page_count=4, progress=lambda done, message: progress.append((done, message))
    )
    assert shelf.passages == 3
    assert progress[1] == (1.0, "Found by words; meaning of 3 of 3 passages")
    assert progress[2] == (1.0, "Passages indexed: 3")
    for query, page in (
        ("what happens when the electricity fails?", 2),
        ("kitten napping on a rug", 4),
        ("acknowledges", 2),
    ):
        best, *rest = await shelf.search(query, top_k=3)
        assert (best.document_id, best.page) == (number, page)
        assert all(best.score >= other.score for other in rest)
    [best] = await shelf.search("cat mat", top_k=1)
    assert best.text == PUMPS[3]
    assert await shelf.search("  ") == ()
    assert await shelf.search("cat", top_k=0) == ()


async def test_documents_of_others_are_not_found(shelf: Shelf) -> None:
    other = Shelf(shelf.index, owner="somebody else")
    mine, theirs = await shelf.add(["a rare zebra"]), await other.add(["a rare zebra"])
    assert await shelf.places("rare zebra") == [(mine, 1)]
    assert await other.places("rare zebra") == [(theirs, 1)]
    everybody = await shelf.index.search("rare zebra", top_k=2, owner=None)
    assert {hit.document_id for hit in everybody} == {mine, theirs}
    assert await shelf.index.search("rare zebra", top_k=5, owner="nobody") == ()


async def test_words_are_found_while_pages_are_read(shelf: Shelf, index: PageIndex) -> None:
    number = next(_numbers)
    document = shelf.document(number)
    await index.add_pages(document, [PageText(1, "a rare zebra"), PageText(2, "two zebras")])
    await index.add_pages(document, [PageText(2, "a second zebra"), PageText(3, "zebra three")])
    hits = await shelf.search("zebra")
    assert sorted(hit.page for hit in hits) == [1, 2, 3]
    assert {(hit.stage, hit.match) for hit in hits} == {("reading", "words")}
    await shelf.add(["a rare zebra"], number=number)
    [hit] = await shelf.search("zebra")
    assert (hit.stage, hit.match) == ("meaning", "words")
    await shelf.index.remove(number)
    await index.add_pages(document, [PageText(1, "a rare zebra")])
    assert await shelf.search("zebra") == (), "its import had not noticed yet"


async def test_a_search_before_anything_is_indexed(fresh: Index) -> None:
    assert await fresh.search("anything", top_k=5, owner=None) == ()


@pytest.mark.nightly
async def test_a_long_page_becomes_passages_that_the_model_can_read_whole(shelf: Shelf) -> None:
    sentences = " ".join(f"Sentence number {n} speaks of valve {n}." for n in range(800))
    await shelf.add(["short", sentences])
    assert 30 < shelf.passages < 100
    found = await shelf.search("valve 787", top_k=3)
    assert {passage.page for passage in found} == {2}
    assert any("valve 787." in passage.text for passage in found)
    assert all(len(passage.text) < 1500 for passage in found)


async def test_a_document_is_replaced_and_removed(shelf: Shelf) -> None:
    first = await shelf.add(["old apples"])
    second = await shelf.add(["other apples"])
    await shelf.add(["", "new apples"], number=first)
    assert sorted(await shelf.places("apples")) == [(first, 2), (second, 1)]
    await shelf.index.remove(first)
    await shelf.index.remove(10**9)
    assert await shelf.places("apples") == [(second, 1)]


async def test_searching_continues_while_a_document_is_indexed(shelf: Shelf) -> None:
    number = await shelf.add(["old apples"])
    gate = Gate([f"new apples {n}" for n in range(9)])
    adding = asyncio.create_task(shelf.add(gate.pages(), number=number))
    await gate.under_way(adding)
    assert await shelf.texts("apples") == ["old apples"]
    gate.opened.set()
    await adding
    assert len(await shelf.texts("apples")) == 9


async def test_a_document_removed_while_it_is_indexed_stays_away(shelf: Shelf) -> None:
    gate = Gate(["apples"] * 9)
    number = next(_numbers)
    adding = asyncio.create_task(shelf.add(gate.pages(), number=number))
    await gate.under_way(adding)
    await shelf.index.remove(number)
    gate.opened.set()
    with pytest.raises(DocumentNotFound):
        await adding
    assert await shelf.texts("apples") == []


async def test_a_crash_while_indexing_changes_nothing(shelf: Shelf) -> None:
    number = await shelf.add(["old apples"])
    gate = Gate(["new apples"] * 9)
    adding = asyncio.create_task(shelf.add(gate.pages(), number=number))
    await gate.under_way(adding)
    processes()["words"].send_signal(signal.SIGKILL)
    gate.opened.set()
    with pytest.raises(StageFailed) as failure:
        await adding
    assert failure.value.details["reason"] == "killed"
    assert await shelf.texts("apples") == ["old apples"]
    await shelf.add(["new pears"], number=number)
    assert await shelf.texts("pears") == ["new pears"]


async def test_the_search_after_a_crash_is_answered(shelf: Shelf) -> None:
    await shelf.add(["apples"])
    for _ in range(2):
        assert await shelf.texts("apples") == ["apples"]
        child = processes()["searching"]
        child.send_signal(signal.SIGKILL)
        child.wait(10)


@pytest.mark.long
async def test_llama_index_itself_can_use_the_index(
    shelf: Shelf, make_context: MakeContext
) -> None:
    from pdfsluice.plugins.llamaindex.retriever import (  # noqa: PLC0415 - takes seconds to import
        PassageRetriever,
    )

    await shelf.add(PUMPS)
    expected = await shelf.search("kitten on a rug", top_k=2)
    folder = Path(shelf.index._recipe["folder"])  # type: ignore[attr-defined] # as the server has it
    recipe = IndexOptions().recipe(folder)
    for owner, hits in ((shelf.owner, expected), ("nobody", ())):
        nodes = PassageRetriever(recipe, owner=owner, top_k=2).retrieve("kitten on a rug")
        assert [
            (node.metadata["pdf"], node.metadata["page"], node.text, node.score) for node in nodes
        ] == [(hit.document_id, hit.page, hit.text, hit.score) for hit in hits]


async def test_llama_index_is_loaded_only_where_indexing_runs(shelf: Shelf) -> None:
    await shelf.add(["apples"])
    assert await shelf.texts("apples") == ["apples"]
    assert set(processes()) == {"words", "embedding", "searching"}


@pytest_asyncio.fixture(loop_scope="module")
async def remote() -> AsyncIterator[tuple[RemoteModel, str]]:
    model = RemoteModel()
    app = web.Application()
    app.router.add_post("/v1/embeddings", model.embeddings)
    async with TestServer(app) as server:
        yield model, str(server.make_url("/v1"))


@pytest.mark.long
async def test_a_remote_model_is_one_setting_away(
    make_context: MakeContext,
    remote: tuple[RemoteModel, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    model, address = remote
    options = IndexOptions(
        embedding="openai",
        embedding_options={"api_base": address, "model_name": "any-model", "max_retries": 0},
        api_key=SecretStr("k-123"),
    )
    spec, _ = llamaindex.pdfsluice_register_indexes(make_context(index=options))
    async with spec.open() as index:
        shelf = Shelf(index, "anna")
        number = await shelf.add(PUMPS)
        assert await shelf.places("acknowledging operators", top_k=1) == [(number, 2)]
        assert model.keys == {"Bearer k-123"}
        assert model.models == {"any-model"}
        assert caplog.messages == []
        model.broken = True
        assert await shelf.places("sleeps") == [(number, 4)], "words find it without the model"
        assert "by words alone" in caplog.messages[0]
        assert "k-123" not in caplog.text
        with pytest.raises(StageFailed) as failure:
            await shelf.add(PUMPS)
        assert "k-123" not in str(failure.value)
    assert "k-123" not in repr(options)


@pytest.mark.nightly
async def test_a_remote_model_is_asked_through_the_proxy_of_the_environment(
    make_context: MakeContext, remote: tuple[RemoteModel, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, address = remote
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", address.removesuffix("/v1"))
    options = IndexOptions(
        embedding="openai",
        embedding_options={"api_base": "http://model.invalid/v1", "model_name": "far-away"},
        api_key=SecretStr("k-123"),
    )
    spec, _ = llamaindex.pdfsluice_register_indexes(make_context(index=options))
    async with spec.open() as index:
        await Shelf(index, "anna").add(PUMPS)
    assert model.models == {"far-away"}


@pytest.mark.nightly
async def test_any_vector_store_of_llama_index_will_do(
    make_context: MakeContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))
    file = tmp_path / "vectors.json"
    options = IndexOptions(
        vector_store="file_vectors:FileVectors", vector_store_options={"path": str(file)}
    )
    spec, _ = llamaindex.pdfsluice_register_indexes(make_context(index=options))
    async with spec.open() as index:
        anna, bert = Shelf(index, "anna"), Shelf(index, "bert")
        first, second = await anna.add(PUMPS), await bert.add(PUMPS)
        assert await anna.places("electricity outage", top_k=1) == [(first, 2)]
        assert await bert.places("electricity outage", top_k=1) == [(second, 2)]
        await anna.add(["kittens"], number=first)
        assert len(_vectors(file)) == 4
        await index.remove(second)
        assert len(_vectors(file)) == 1
        assert caplog.messages == []
        Path(f"{file}.locked").touch()
        await anna.add(["", "dogs"], number=first)
        assert len(_vectors(file)) == 2, "old vectors are ballast"
        assert ["the file is locked" in message for message in caplog.messages] == [True]
        assert await anna.places("small cats") == [(first, 2)]


def _vectors(file: Path) -> dict[str, Any]:
    content: dict[str, dict[str, Any]] = json.loads(file.read_text())
    return content["embedding_dict"]


@pytest.mark.long
async def test_a_missing_part_is_named(make_context: MakeContext) -> None:
    options = IndexOptions(embedding="no_such_module:Embedding")
    spec, _ = llamaindex.pdfsluice_register_indexes(make_context(index=options))
    async with spec.open() as index:
        with pytest.raises(StageFailed, match="no_such_module:Embedding is not installed"):
            await Shelf(index, "anna").add(["text"])
