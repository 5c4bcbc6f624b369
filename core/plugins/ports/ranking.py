"""The port of re-rankers: the best passages of a search in a better order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pdfsluice.core.models.passages import Passage

from .opening import UNOPENED, Opener


class Reranker(Protocol):
    """A judge of how well passages answer a query."""

    async def rank(self, query: str, passages: Sequence[Passage]) -> Sequence[float | None]:
        """Return a score for each passage, in their order; greater is better.

        Args:
            query: The query, as the user wrote it.
            passages: The best passages of the index, best first.

        Returns:
            As many scores as there are passages; equal ones keep their order. ``None`` leaves
            a passage out of the answer.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankerSpec:
    """Descriptor of a re-ranker; the setting ``reranker`` chooses one by name.

    Attributes:
        reranker: The re-ranker; called for each search.
        passages: How many passages of a search it is given at most.
        timeout_seconds: How long it may take; after that the order of the index stays.
        open: Opens the re-ranker when the program starts and closes it when the program ends;
            given in place of ``reranker`` if it holds processes or connections.
    """

    name: str
    reranker: Reranker = UNOPENED
    open: Opener[Reranker] | None = None
    passages: int = 50
    timeout_seconds: float = 2.0
