"""What every re-ranker must do."""

import asyncio
import math
from collections.abc import Sequence

import pytest

from pdfsluice.core import Passage, Reranker

from .asynchronous import AsyncContract
from .files import cancelled_after, in_time

_TEXTS = (
    "The water level at Mill Lane is 2.31 m.",
    "Das Wehr wurde im März geprüft.",
    "堰は三月に点検された。",
    "\N{SNOWMAN} \x7f \ufffd <b>[1]</b>",
    "level " * 2000,
)
_QUERIES = ("water level", "Wehr", "堰", '"?', "level " * 300)


class RerankerContract(AsyncContract):
    """The tests of a re-ranker.

    Override ``reranker`` with an open one.
    """

    @pytest.fixture
    def reranker(self) -> Reranker:
        raise NotImplementedError("override the fixture 'reranker'")

    @pytest.fixture
    def passages(self) -> Sequence[Passage]:
        """The passages of a search, best first."""
        return [
            Passage(document_id=1, page=number, text=text, score=1 / number)
            for number, text in enumerate(_TEXTS, 1)
        ]

    @pytest.mark.parametrize("query", _QUERIES, ids=range(len(_QUERIES)))
    async def test_each_passage_has_a_score(
        self, reranker: Reranker, passages: Sequence[Passage], query: str
    ) -> None:
        """A finite one, or ``None``; as many as there are passages."""
        for count in range(len(passages) + 1):
            scores = await in_time(reranker.rank(query, passages[:count]))
            assert len(scores) == count
            assert all(score is None or math.isfinite(score) for score in scores)

    async def test_the_same_search_has_the_same_order(
        self, reranker: Reranker, passages: Sequence[Passage]
    ) -> None:
        first = await in_time(reranker.rank(_QUERIES[0], passages))
        again = await in_time(reranker.rank(_QUERIES[0], passages))
        assert list(again) == list(first)

    async def test_searches_at_the_same_time_do_not_mix(
        self, reranker: Reranker, passages: Sequence[Passage]
    ) -> None:
        alone = [list(await in_time(reranker.rank(query, passages))) for query in _QUERIES]
        together = await in_time(_all(reranker, passages))
        assert together == alone

    @pytest.mark.parametrize("turns", [0, 1, 2, 5])
    async def test_a_search_can_be_given_up(
        self, reranker: Reranker, passages: Sequence[Passage], turns: int
    ) -> None:
        """The next one is answered as before."""
        before = list(await in_time(reranker.rank(_QUERIES[0], passages)))
        await cancelled_after(turns, reranker.rank(_QUERIES[1], passages))
        assert list(await in_time(reranker.rank(_QUERIES[0], passages))) == before


async def _all(reranker: Reranker, passages: Sequence[Passage]) -> list[list[float | None]]:
    answers = await asyncio.gather(*(reranker.rank(query, passages) for query in _QUERIES))
    return [list(scores) for scores in answers]
