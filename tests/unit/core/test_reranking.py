"""A re-ranker orders the best passages; if it fails, the order of the index stays."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from pdfsluice.core import Passage, Reranker, RerankerSpec, StageFailed
from pdfsluice.core.documents.search.reranking import Reranking

PASSAGES = [Passage(document_id=1, page=page, text=f"{page}", score=1 / page) for page in (1, 2, 3)]


class Scores:
    def __init__(self, *scores: float | None) -> None:
        self.scores, self.pages = scores, [0]

    async def rank(self, query: str, passages: Sequence[Passage]) -> Sequence[float | None]:
        self.pages = [passage.page for passage in passages]
        return self.scores


class Failing:
    async def rank(self, query: str, passages: Sequence[Passage]) -> Sequence[float | None]:
        raise StageFailed("re-ranker 'acme' failed.")


class Slow(Scores):
    async def rank(self, query: str, passages: Sequence[Passage]) -> Sequence[float | None]:
        await asyncio.sleep(3600)
        return self.scores


def reranking(reranker: Reranker, *, passages: int = 9) -> Reranking:
    spec = RerankerSpec(name="acme", reranker=reranker, passages=passages, timeout_seconds=0.05)
    return Reranking(spec, label="re-ranker 'acme'")


async def order(ranking: Reranking) -> tuple[list[int], str]:
    ranked = await ranking.ranked("query", PASSAGES)
    return [passage.page for passage in ranked.passages], ranked.note


@pytest.mark.parametrize(
    ("scores", "pages"),
    [((0.1, 0.2, 0.3), [3, 2, 1]), ((1, 1, 2), [3, 1, 2]), ((1, None, 2), [3, 1])],
    ids=["reversed", "equal-ones-stay", "one-is-left-out"],
)
async def test_the_greatest_score_is_first(
    scores: tuple[float | None, ...], pages: list[int]
) -> None:
    assert await order(reranking(Scores(*scores))) == (pages, "")


async def test_only_the_best_passages_are_ranked() -> None:
    reranker = Scores(1, 2)
    assert await order(reranking(reranker, passages=2)) == ([2, 1, 3], "")
    assert reranker.pages == [1, 2]


async def test_without_a_reranker_nothing_changes() -> None:
    assert await order(Reranking()) == ([1, 2, 3], "")


@pytest.mark.parametrize(
    "reranker",
    [
        Failing(),
        Slow(1, 2, 3),
        Scores(1, 2),
        Scores(1, 2, float("nan")),
        Scores(1, 2, float("-inf")),
    ],
    ids=["failing", "slow", "too-few", "no-number", "infinite"],
)
async def test_a_failure_keeps_the_order_and_is_noted(
    reranker: Reranker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        pages, note = await order(reranking(reranker))
    assert pages == [1, 2, 3]
    assert note.startswith("The passages are in the order of the index: ")
    assert "not ranked again" in caplog.text
