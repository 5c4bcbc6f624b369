"""Pages become passages that know their page, with LlamaIndex's own parts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.base.embeddings.base import BaseEmbedding

from pdfsluice.core.models import PageText
from pdfsluice.plugins.llamaindex.ingest import (
    PAGE,
    Ingestion,
    collapse_leaders,
    text_of,
)
from pdfsluice.plugins.llamaindex.models import EmbeddingModel
from pdfsluice.plugins.llamaindex.recipe import Recipe

RECIPE = Recipe(folder="unused", chunk_tokens=40, chunk_overlap=8, threads=2)


@pytest.fixture(scope="module")
def model() -> EmbeddingModel:
    return EmbeddingModel(RECIPE)


@pytest.fixture(scope="module")
def ingestion(model: EmbeddingModel) -> Ingestion:
    return Ingestion(RECIPE, model)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Pumps ............... 12", "Pumps … 12"),
        ("Pumps . . . . . . . . 12", "Pumps … 12"),
        ("Pumps\u2026\u2026\u2026\u2026\u2026 12", "Pumps … 12"),
        ("Name: ____________ Date:", "Name: … Date:"),
        ("Wait... what? v1.2.3.4", "Wait... what? v1.2.3.4"),
    ],
)
def test_leaders_are_collapsed(text: str, expected: str) -> None:
    assert " ".join(collapse_leaders(text).split()) == expected


@given(st.text(alphabet="a1 .…_\n", max_size=200))
def test_collapsing_keeps_every_word(text: str) -> None:
    def words(of: str) -> list[str]:
        return "".join(c if c.isalnum() else " " for c in of).split()

    assert words(collapse_leaders(text)) == words(text)


PAGES = st.lists(
    st.lists(st.sampled_from(["pump", "valve", "alarm.", "Restart", "42"]), max_size=120).map(
        " ".join
    ),
    min_size=1,
    max_size=4,
)


@given(texts=PAGES)
@settings(max_examples=15, deadline=None)
def test_every_passage_is_of_its_page_and_fits(
    ingestion: Ingestion, model: EmbeddingModel, texts: list[str]
) -> None:
    pages = [PageText(number, text) for number, text in enumerate(texts, 10)]
    nodes = ingestion.passages(pages, reference="7-x", owner="anna")
    assert model.tokenize is not None
    for node in nodes:
        page = node.metadata[PAGE]
        assert text_of(node) in texts[page - 10]
        assert node.metadata["owner"] == "anna"
        assert node.ref_doc_id == f"7-x-{page}"
        assert len(model.tokenize(text_of(node))) <= RECIPE.chunk_tokens
        assert len(node.get_embedding()) == 384
    assert [node.metadata[PAGE] for node in nodes] == sorted(n.metadata[PAGE] for n in nodes)
    covered = {node.metadata[PAGE] for node in nodes}
    assert covered == {page.number for page in pages if page.text.strip()}


def test_only_the_text_is_embedded(ingestion: Ingestion, model: EmbeddingModel) -> None:
    [one] = ingestion.passages([PageText(1, "the pump")], reference="1", owner="anna")
    [two] = ingestion.passages([PageText(99, "the pump")], reference="2", owner="bert")
    assert one.get_embedding() == pytest.approx(two.get_embedding())
    assert one.get_embedding() == pytest.approx(model.encode_query("the pump"), abs=1e-5)


async def test_the_model_is_a_part_for_llama_index(model: EmbeddingModel) -> None:
    part = model.part
    assert isinstance(part, BaseEmbedding)
    expected = model.encode_query("pump")
    assert part.get_query_embedding("pump") == pytest.approx(expected, abs=1e-5)
    assert part.get_text_embedding("pump") == pytest.approx(expected, abs=1e-5)
    assert await part.aget_query_embedding("pump") == pytest.approx(expected, abs=1e-5)
    assert len(part.get_text_embedding_batch(["a", "b", "c"])) == 3
