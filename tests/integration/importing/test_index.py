"""The index with its real model, its real processes and its real database."""

import asyncio
import hashlib
import json
import re
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pdfsluice.core.errors import DocumentNotFound, StageFailed
from pdfsluice.core.models import Document, NewDocument, PageText, Passage
from pdfsluice.core.ports import Index, PluginContext
from pdfsluice.plugins import llamaindex
from pdfsluice.plugins.llamaindex.options import IndexOptions
from pdfsluice.plugins.llamaindex.retriever import PassageRetriever
from pydantic import SecretStr

MakeContext = Callable[..., PluginContext]
MakeDocument = Callable[..., NewDocument]
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
    """Pages that wait after the first batch, so that an indexing job is under way for certain."""

    texts: Sequence[str]
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def pages(self) -> AsyncIterator[PageText]:
        async for page in stream(self.texts):
            if page.number == 6:
                self.reached.set()
                await self.opened.wait()
            yield page


def quiet(done: float, message: str) -> None:
    pass


def document(make: MakeDocument, number: int, **fields: Any) -> Document:
    new = make(str(number), **fields)
    values = {name: getattr(new, name) for name in NewDocument.__dataclass_fields__}
    return Document(id=number, **values)


@pytest.fixture
async def index(make_context: MakeContext) -> AsyncIterator[Index]:
    [spec] = llamaindex.pdfsluice_register_indexes(make_context())
    assert spec.name == "llama-index"
    async with spec.open() as opened:
        yield opened
    assert psutil.Process().children() == [], "no process outlives the index"


def places(passages: Sequence[Passage]) -> list[tuple[int, int]]:
    return [(passage.document_id, passage.page) for passage in passages]


async def test_passages_are_found_by_meaning_and_by_words(
    index: Index, make_document: MakeDocument
) -> None:
    told: list[tuple[float, str]] = []
    count = await index.add(
        document(make_document, 7, page_count=4),
        stream(PUMPS),
        lambda done, message: told.append((done, message)),
    )
    assert count == 3
    assert told[0] == (1.0, "Indexing: page 4 of 4, 3 passages")
    assert told[-1] == (1.0, "Indexed: 3 passages")
    for query, page in (
        ("what happens when the electricity fails?", 2),
        ("kitten napping on a rug", 4),
        ("acknowledges", 2),
    ):
        best, *rest = await index.search(query, top_k=3, owner="anna")
        assert (best.document_id, best.page) == (7, page)
        assert all(best.score >= other.score for other in rest)
    [best] = await index.search("cat mat", top_k=1, owner=None)
    assert best.text == PUMPS[3]
    assert await index.search("cat mat", top_k=5, owner="bert") == ()
    assert await index.search("  ", top_k=5, owner=None) == ()
    assert await index.search("cat", top_k=0, owner=None) == ()


async def test_a_search_before_anything_is_indexed(index: Index) -> None:
    assert await index.search("anything", top_k=5, owner=None) == ()


async def test_a_long_page_becomes_passages_that_the_model_can_read_whole(
    index: Index, make_document: MakeDocument
) -> None:
    sentences = " ".join(f"Sentence number {n} speaks of valve {n}." for n in range(800))
    count = await index.add(document(make_document, 1), stream(["short", sentences]), quiet)
    assert 30 < count < 100
    found = await index.search("valve 787", top_k=3, owner="anna")
    assert {passage.page for passage in found} == {2}
    assert any("valve 787." in passage.text for passage in found)
    assert all(len(passage.text) < 1500 for passage in found)


async def test_a_document_is_replaced_and_removed(
    index: Index, make_document: MakeDocument
) -> None:
    await index.add(document(make_document, 1), stream(["old apples"]), quiet)
    await index.add(document(make_document, 2), stream(["other apples"]), quiet)
    await index.add(document(make_document, 1), stream(["", "new apples"]), quiet)
    assert sorted(places(await index.search("apples", top_k=9, owner=None))) == [(1, 2), (2, 1)]
    await index.remove(1)
    await index.remove(99)
    assert places(await index.search("apples", top_k=9, owner=None)) == [(2, 1)]


async def test_searching_goes_on_while_a_document_is_indexed(
    index: Index, make_document: MakeDocument
) -> None:
    await index.add(document(make_document, 1), stream(["old apples"]), quiet)
    gate = Gate([f"new apples {n}" for n in range(9)])
    adding = asyncio.create_task(index.add(document(make_document, 1), gate.pages(), quiet))
    await gate.reached.wait()
    assert places(await index.search("apples", top_k=99, owner=None)) == [(1, 1)]
    gate.opened.set()
    assert await adding == 9
    assert len(await index.search("apples", top_k=99, owner=None)) == 9


async def test_a_document_removed_while_it_is_indexed_stays_away(
    index: Index, make_document: MakeDocument
) -> None:
    gate = Gate(["apples"] * 9)
    adding = asyncio.create_task(index.add(document(make_document, 1), gate.pages(), quiet))
    await gate.reached.wait()
    await index.remove(1)
    gate.opened.set()
    with pytest.raises(DocumentNotFound):
        await adding
    assert await index.search("apples", top_k=9, owner=None) == ()


async def test_a_crash_while_indexing_changes_nothing(
    index: Index, make_document: MakeDocument
) -> None:
    await index.add(document(make_document, 1), stream(["old apples"]), quiet)
    gate = Gate(["new apples"] * 9)
    adding = asyncio.create_task(index.add(document(make_document, 1), gate.pages(), quiet))
    await gate.reached.wait()
    [child] = psutil.Process().children()
    child.send_signal(signal.SIGKILL)
    gate.opened.set()
    with pytest.raises(StageFailed) as failure:
        await adding
    assert failure.value.details["reason"] == "killed"
    [found] = await index.search("apples", top_k=9, owner=None)
    assert found.text == "old apples"
    assert await index.add(document(make_document, 1), stream(["new pears"]), quiet) == 1
    assert [hit.text for hit in await index.search("pears", top_k=9, owner=None)] == ["new pears"]


async def test_the_search_after_a_crash_is_answered(
    index: Index, make_document: MakeDocument
) -> None:
    await index.add(document(make_document, 1), stream(["apples"]), quiet)
    for _ in range(2):
        assert len(await index.search("apples", top_k=9, owner=None)) == 1
        for child in psutil.Process().children():
            child.send_signal(signal.SIGKILL)
            child.wait(10)


async def test_llama_index_itself_can_use_the_index(
    make_context: MakeContext, make_document: MakeDocument, tmp_path: Path
) -> None:
    [spec] = llamaindex.pdfsluice_register_indexes(make_context())
    async with spec.open() as index:
        await index.add(document(make_document, 7), stream(PUMPS), quiet)
        expected = await index.search("kitten on a rug", top_k=2, owner="anna")
    recipe = IndexOptions().recipe(tmp_path / "index")
    for owner, hits in (("anna", expected), ("bert", ())):
        nodes = PassageRetriever(recipe, owner=owner, top_k=2).retrieve("kitten on a rug")
        assert [
            Passage(node.metadata["pdf"], node.metadata["page"], node.text, node.score or 0.0)
            for node in nodes
        ] == list(hits)


async def test_the_server_never_imports_llama_index(
    index: Index, make_document: MakeDocument
) -> None:
    """Neither this process nor the one that searches has it."""
    await index.add(document(make_document, 1), stream(["apples"]), quiet)
    [indexing] = psutil.Process().children()
    await index.search("apples", top_k=1, owner=None)
    [searching] = set(psutil.Process().children()) - {indexing}
    assert _maps(indexing, "pydantic_core")
    assert not _maps(searching, "pydantic_core")
    assert _maps(searching, "onnxruntime")


def _maps(process: psutil.Process, library: str) -> bool:
    """Whether a native part is loaded; all of LlamaIndex is Python, and it needs pydantic."""
    return any(library in region.path for region in process.memory_maps())


class RemoteModel:
    """Speaks OpenAI's embedding interface; texts that share words are near to each other."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.models: set[str] = set()
        self.broken = False

    async def embeddings(self, request: web.Request) -> web.Response:
        if self.broken:
            return web.json_response({"error": {"message": "bad", "type": "x"}}, status=400)
        body = json.loads(await request.text())
        self.keys.add(request.headers["Authorization"])
        self.models.add(body["model"])
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        data = [
            {"object": "embedding", "index": number, "embedding": self._vector(text)}
            for number, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        reply = {"object": "list", "data": data, "model": body["model"], "usage": usage}
        return web.json_response(reply)

    @staticmethod
    def _vector(text: str) -> list[float]:
        vector = np.full(64, 0.001)
        for word in re.findall(r"\w+", text.lower()):
            vector[hashlib.sha256(word[:3].encode()).digest()[0] % 64] += 1
        return [float(value) for value in vector / np.linalg.norm(vector)]


@pytest.fixture
async def remote() -> AsyncIterator[tuple[RemoteModel, str]]:
    model = RemoteModel()
    app = web.Application()
    app.router.add_post("/v1/embeddings", model.embeddings)
    async with TestServer(app) as server:
        yield model, str(server.make_url("/v1"))


async def test_a_remote_model_is_one_setting_away(
    make_context: MakeContext,
    make_document: MakeDocument,
    remote: tuple[RemoteModel, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    model, address = remote
    options = IndexOptions(
        embedding="openai",
        embedding_options={"api_base": address, "model_name": "any-model", "max_retries": 0},
        api_key=SecretStr("k-123"),
    )
    [spec] = llamaindex.pdfsluice_register_indexes(make_context(index=options))
    async with spec.open() as index:
        await index.add(document(make_document, 1), stream(PUMPS), quiet)
        [best] = await index.search("acknowledging operators", top_k=1, owner="anna")
        assert (best.document_id, best.page) == (1, 2)
        assert model.keys == {"Bearer k-123"}
        assert model.models == {"any-model"}
        assert caplog.messages == []
        model.broken = True
        [best] = await index.search("sleeps", top_k=1, owner="anna")
        assert best.page == 4, "words find it where the model cannot"
        assert "by words alone" in caplog.messages[0]
        assert "k-123" not in caplog.text
        with pytest.raises(StageFailed) as failure:
            await index.add(document(make_document, 2), stream(PUMPS), quiet)
        assert "k-123" not in str(failure.value)
    assert "k-123" not in repr(options)


async def test_any_vector_store_of_llama_index_will_do(
    make_context: MakeContext,
    make_document: MakeDocument,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))
    file = tmp_path / "vectors.json"
    options = IndexOptions(
        vector_store="file_vectors:FileVectors", vector_store_options={"path": str(file)}
    )
    [spec] = llamaindex.pdfsluice_register_indexes(make_context(index=options))
    async with spec.open() as index:
        await index.add(document(make_document, 1), stream(PUMPS), quiet)
        await index.add(document(make_document, 2, owner="bert"), stream(PUMPS), quiet)
        [best] = await index.search("electricity outage", top_k=1, owner="anna")
        assert (best.document_id, best.page) == (1, 2)
        [best] = await index.search("electricity outage", top_k=1, owner="bert")
        assert (best.document_id, best.page) == (2, 2)
        await index.add(document(make_document, 1), stream(["kittens"]), quiet)
        assert len(_vectors(file)) == 4
        await index.remove(2)
        assert len(_vectors(file)) == 1
        assert caplog.messages == []
        Path(f"{file}.locked").touch()
        await index.add(document(make_document, 1), stream(["kittens", "dogs"]), quiet)
        assert len(_vectors(file)) == 3, "old vectors are ballast"
        assert ["the file is locked" in message for message in caplog.messages] == [True]
        found = await index.search("small cats", top_k=9, owner=None)
        assert places(found) == [(1, 1), (1, 2)]


def _vectors(file: Path) -> dict[str, Any]:
    content: dict[str, dict[str, Any]] = json.loads(file.read_text())
    return content["embedding_dict"]


@pytest.mark.parametrize(
    "settings",
    [
        {"chunk_tokens": 100, "chunk_overlap": 100},
        {"embedding": "onnx"},
        {"embedding": "no such"},
        {"vector_store": "postgres"},
        {"threads": -1},
        {"unknown": 1},
    ],
)
def test_wrong_settings_stop_the_start(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        IndexOptions(**settings)


async def test_a_missing_part_is_named(
    make_context: MakeContext, make_document: MakeDocument
) -> None:
    options = IndexOptions(embedding="no_such_module:Embedding")
    [spec] = llamaindex.pdfsluice_register_indexes(make_context(index=options))
    async with spec.open() as index:
        with pytest.raises(StageFailed, match="no_such_module:Embedding is not installed"):
            await index.add(document(make_document, 1), stream(["text"]), quiet)
