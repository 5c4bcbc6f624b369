"""The suite of re-rankers: for a postprocessor of LlamaIndex, and for broken ones."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from pdfsluice.core import Passage, Reranker, StageFailed
from pdfsluice.core.testing.contracts import RerankerContract
from pdfsluice.plugins.reranking.options import RerankingOptions
from pdfsluice.plugins.reranking.reranker import Postprocessor, open_reranker
from tests.support.broken import Broken, rules, suites
from tests.support.shares import share

MODULE = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]
POSTPROCESSORS = "llama_index.core.postprocessor"
PASSAGES = [
    Passage(document_id=1, page=number, text=f"passage {number}", score=1 / number)
    for number in range(1, 6)
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reordering() -> AsyncIterator[Postprocessor]:
    options = RerankingOptions(postprocessor=f"{POSTPROCESSORS}:LongContextReorder")
    async with open_reranker(options) as reranker:
        yield reranker


class TestPostprocessor(RerankerContract):
    pytestmark = MODULE

    @pytest.fixture
    def reranker(self, reordering: Postprocessor) -> Reranker:
        return reordering


@pytest.mark.long
@pytest.mark.asyncio(loop_scope="module")
async def test_the_order_is_that_of_the_postprocessor(reordering: Postprocessor) -> None:
    """LongContextReorder puts the best passages at both ends."""
    scores = await reordering.rank("query", PASSAGES)
    places = sorted(range(len(PASSAGES)), key=lambda number: -(scores[number] or 0.0))
    assert places == [0, 2, 4, 3, 1]


@pytest.mark.long
async def test_passages_that_a_postprocessor_drops_have_no_score() -> None:
    options = RerankingOptions(
        postprocessor=f"{POSTPROCESSORS}:SimilarityPostprocessor",
        postprocessor_options={"similarity_cutoff": 0.3},
    )
    async with open_reranker(options) as reranker:
        assert await reranker.rank("query", PASSAGES) == [0.0, -1.0, -2.0, None, None]


@pytest.mark.long
@pytest.mark.parametrize(
    "path", share(["absent:Class", "collections:OrderedDict"], every=1, nightly={"absent:Class"})
)
async def test_what_is_no_postprocessor_fails(path: str) -> None:
    async with open_reranker(RerankingOptions(postprocessor=path)) as reranker:
        with pytest.raises(StageFailed, match="The postprocessor failed"):
            await reranker.rank("query", PASSAGES)


class Right:
    """Counts letters of the query."""

    async def rank(self, query: str, passages: Sequence[Passage]) -> Sequence[float | None]:
        await asyncio.sleep(0)
        return [float(len(set(query) & set(passage.text))) for passage in passages]


class Short(Right):
    async def rank(self, query: str, passages: Sequence[Passage]) -> Sequence[float | None]:
        return (await super().rank(query, passages))[:3]


class Infinite(Right):
    async def rank(self, query: str, passages: Sequence[Passage]) -> Sequence[float | None]:
        return [float("inf") for _ in passages]


class Random(Right):
    async def rank(self, query: str, passages: Sequence[Passage]) -> Sequence[float | None]:
        return [random.random() for _ in passages]


class Remembering(Right):
    """Keeps the query that it works for in an attribute."""

    query: str

    async def rank(self, query: str, passages: Sequence[Passage]) -> Sequence[float | None]:
        self.query = query
        await asyncio.sleep(0)
        return await super().rank(self.query, passages)


class Stubborn(Right):
    async def rank(self, query: str, passages: Sequence[Passage]) -> Sequence[float | None]:
        try:
            return await super().rank(query, passages)
        except asyncio.CancelledError:
            return [None for _ in passages]


def row(rule: str, reranker: type[Right], **only: object) -> Broken:
    return Broken(RerankerContract, rule, {"reranker": reranker}, only=only)


ROWS = [
    row("test_each_passage_has_a_score", Short),
    row("test_each_passage_has_a_score", Infinite),
    row("test_the_same_search_has_the_same_order", Random),
    row("test_searches_at_the_same_time_do_not_mix", Remembering),
    row("test_a_search_can_be_given_up", Stubborn, turns=1),
]

globals().update(suites(ROWS, __name__))


def test_each_rule_has_a_reranker_that_breaks_it() -> None:
    assert {row.rule for row in ROWS} == rules(RerankerContract)
