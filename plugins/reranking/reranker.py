"""The re-ranker ``llama-index``: the parent's side."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from pdfsluice.core import (
    ChildAccess,
    ChildFailed,
    ChildPool,
    Limits,
    Passage,
    StageFailed,
    plain_environment,
)

from .options import RerankingOptions

logger = logging.getLogger(__name__)

_NEVER = 1_000_000_000
_REQUESTS_PER_PROCESS = 8


class Postprocessor:
    """A re-ranker in child processes that have loaded the postprocessor."""

    def __init__(self, options: RerankingOptions) -> None:
        self._part = {
            "postprocessor": options.postprocessor,
            "options": options.postprocessor_options,
        }
        self._pool = ChildPool(
            "pdfsluice.plugins.reranking.worker",
            Limits(address_space=options.address_space, wall_seconds=options.reply_seconds),
            access=ChildAccess(writable=("/",), network=True, programs=True, everything=True),
            environment=plain_environment(network=True),
            size=options.processes,
            recycle_after=_NEVER,
            idle_seconds=_NEVER,
        )
        self._max_requests = _REQUESTS_PER_PROCESS * options.processes
        self._requests: set[asyncio.Task[Sequence[int]]] = set()

    async def rank(self, query: str, passages: Sequence[Passage]) -> Sequence[float | None]:
        """Return scores by the order in which the postprocessor puts the passages.

        A search that is given up does not end its process, which would have to load the
        postprocessor again.

        Raises:
            StageFailed: The postprocessor failed, or works on too many searches.
        """
        if len(self._requests) >= self._max_requests:
            raise StageFailed("The postprocessor is busy.")
        try:
            order = await asyncio.shield(self._request(query, passages))
        except ChildFailed as failure:
            raise StageFailed(f"The postprocessor failed: {failure.detail}.") from failure
        ranks = {number: rank for rank, number in enumerate(order)}
        return [
            -float(ranks[number]) if number in ranks else None for number in range(len(passages))
        ]

    def load(self) -> None:
        """Load the postprocessor in a process in the background."""
        self._request("", ())

    def _request(self, query: str, passages: Sequence[Passage]) -> asyncio.Task[Sequence[int]]:
        request = asyncio.create_task(self._order(query, passages), name="request of a re-ranker")
        self._requests.add(request)
        request.add_done_callback(self._end)
        return request

    async def _order(self, query: str, passages: Sequence[Passage]) -> Sequence[int]:
        texts = [(passage.text, passage.score) for passage in passages]
        reply = await self._pool.ask({**self._part, "query": query, "passages": texts})
        return [int(number) for number in reply["order"]]

    def _end(self, request: asyncio.Task[Sequence[int]]) -> None:
        self._requests.discard(request)
        if not request.cancelled() and (error := request.exception()) is not None:
            logger.warning("the postprocessor failed: %s", error)

    async def close(self) -> None:
        """End the child processes."""
        for request in self._requests:
            request.cancel()
        await asyncio.gather(*self._requests, return_exceptions=True)
        await self._pool.close()


@asynccontextmanager
async def open_reranker(
    options: RerankingOptions, *, preload: bool = True
) -> AsyncGenerator[Postprocessor, None]:
    """Open the re-ranker.

    Args:
        options: The settings.
        preload: Whether its first process loads the postprocessor immediately.
    """
    reranker = Postprocessor(options)
    if preload:
        reranker.load()
    try:
        yield reranker
    finally:
        await reranker.close()
