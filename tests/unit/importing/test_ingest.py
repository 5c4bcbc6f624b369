"""Pages become passages that know their page; LlamaIndex's parts embed them."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdfsluice.core.models.documents import PageText
from pdfsluice.plugins.llamaindex.ingest import Cutter, Embedder
from pdfsluice.plugins.llamaindex.models import EmbeddingModel
from pdfsluice.plugins.llamaindex.multilingual import MultilingualEncoder
from pdfsluice.plugins.llamaindex.recipe import Recipe
from pdfsluice.plugins.llamaindex.splitting import collapse_leaders, split
from pdfsluice.plugins.llamaindex.stored import PendingPassage
from tests.support.shares import examples

RECIPE = Recipe(folder="unused", chunk_tokens=40, chunk_overlap=8, threads=2)


@pytest.fixture(scope="module")
def model() -> EmbeddingModel:
    return EmbeddingModel(RECIPE)


@pytest.fixture(scope="module")
def embedder(model: EmbeddingModel) -> Embedder:
    return Embedder(model)


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
@settings(max_examples=examples(25), deadline=None)
def test_every_passage_is_of_its_page_and_fits(model: EmbeddingModel, texts: list[str]) -> None:
    pages = [PageText(number, text) for number, text in enumerate(texts, 10)]
    passages = list(Cutter(RECIPE, 7).passages(pages))
    assert model.tokenize is not None
    for passage in passages:
        assert passage.text in texts[passage.page - 10]
        assert passage.key.startswith(f"7-{passage.page}-")
        assert len(model.tokenize(passage.text)) <= RECIPE.chunk_tokens
    assert [passage.page for passage in passages] == sorted(p.page for p in passages)
    covered = {passage.page for passage in passages}
    assert covered == {page.number for page in pages if page.text.strip()}
    assert list(Cutter(RECIPE, 7).passages(pages)) == passages, "keys do not change"


@given(st.text(alphabet="aé. \n漢字、。ไทย12\u064e", max_size=400))
def test_nothing_is_lost_between_passages(text: str) -> None:
    passages = split(text, tokens=40, overlap=0)
    assert "".join("".join(passages).split()) == "".join(collapse_leaders(text).split())


def test_passages_are_sized_by_their_script() -> None:
    english = split("The pump restarts by itself. " * 200, tokens=200, overlap=0)
    russian = split("Насос запускается снова сам. " * 200, tokens=200, overlap=0)  # noqa: RUF001
    chinese = split("水泵在停电后会自行重新启动。" * 200, tokens=200, overlap=0)
    assert abs(len(english) - len(russian)) <= 1
    assert all(200 <= len(passage) <= 300 for passage in chinese[:-1])


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=8), min_size=5, max_size=120), st.data())
def test_a_short_phrase_stands_whole_in_a_passage(words: list[str], data: st.DataObject) -> None:
    marks = [data.draw(st.sampled_from([" ", " ", " ", ". ", "\n"])) for _ in words]
    text = "".join(map("".join, zip(words, marks, strict=True)))
    passages = split(text, tokens=40, overlap=15)
    spaced = [f" {' '.join(passage.replace('.', ' ').split())} " for passage in passages]
    for start in range(len(words) - 4):
        phrase = f" {' '.join(words[start : start + 5])} "
        assert any(phrase in passage for passage in spaced), phrase


def test_only_the_text_is_embedded(embedder: Embedder, model: EmbeddingModel) -> None:
    passages = [PendingPassage(1, "a", "the pump"), PendingPassage(2, "b", "the pump")]
    one, two = embedder.nodes(passages, owner="anna")
    assert (one.node_id, one.ref_doc_id, one.metadata) == ("a", "a", {"owner": "anna"})
    assert one.get_embedding() == pytest.approx(two.get_embedding())
    assert one.get_embedding() == pytest.approx(model.encode_query("the pump"), abs=1e-5)


async def test_the_model_is_a_part_for_llama_index(model: EmbeddingModel) -> None:
    from llama_index.core.base.embeddings.base import (  # noqa: PLC0415 - takes long to import
        BaseEmbedding,
    )

    part = model.part
    assert isinstance(part, BaseEmbedding)
    expected = model.encode_query("pump")
    assert part.get_query_embedding("pump") == pytest.approx(expected, abs=1e-5)
    assert part.get_text_embedding("pump") == pytest.approx(expected, abs=1e-5)
    assert await part.aget_query_embedding("pump") == pytest.approx(expected, abs=1e-5)
    assert len(part.get_text_embedding_batch(["a", "b", "c"])) == 3


@pytest.mark.long
def test_meaning_crosses_languages() -> None:
    encoder = MultilingualEncoder()
    cat, kitten, pump, power = encoder.encode(
        [
            "Die Katze schläft auf der Matte.",
            "Un chaton se repose sur un tapis.",
            "Насос снова запускается после отключения электричества.",  # noqa: RUF001
            "What happens after a power failure?",
        ]
    )
    assert cat @ kitten > 0.3 > cat @ pump
    assert pump @ power > 0.3 > cat @ power
    assert len(encoder.encode([])) == 0


def test_passages_know_the_heading_of_their_page() -> None:
    long = "This is a sentence that says little, but it is here to fill the page. " * 40
    [first, *rest] = Cutter(Recipe(folder=""), 1).passages(
        [PageText(1, f"Consolidated statements\n(in thousands)\n{long}")]
    )
    assert first.heading == "Consolidated statements\n(in thousands)"
    assert rest
    assert {passage.heading for passage in rest} == {first.heading}


@pytest.mark.long
def test_indexing_needs_no_nltk(tmp_path: Path) -> None:
    """NLTK refuses its data if they are hard links, as some installers make them."""
    code = (
        "import sys; sys.modules['nltk'] = None\n"
        "from pdfsluice.plugins.llamaindex.options import IndexOptions\n"
        "from pdfsluice.plugins.llamaindex.worker import Worker\n"
        f"worker = Worker(IndexOptions().recipe({str(tmp_path)!r}))\n"
        "worker.begin(document=1)\n"
        "worker.stage(pages=[(1, 'The pumps restart. The operator sleeps.')])\n"
        "worker.publish(document=1, owner='anna', title='Pumps')\n"
        "assert worker.embed(document=1, owner='anna', limit=9) == {'embedded': 1}\n"
        "[hit] = worker.search(query='pumps', top_k=1, owner='anna')['hits']\n"
        "print(hit[2])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip().startswith("The pumps restart.")
