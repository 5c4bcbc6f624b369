"""Orders the best passages of a search again, with the re-ranker of the settings."""

import asyncio
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

from pdfsluice.config import Settings
from pdfsluice.core.errors import PdfsluiceError
from pdfsluice.core.models.passages import Passage
from pdfsluice.core.plugins.ports.ranking import RerankerSpec
from pdfsluice.core.plugins.registry import Registry, choose

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Passages, best first.

    Attributes:
        note: Why they are in the order of the index, in a sentence; empty if they are not.
    """

    passages: Sequence[Passage]
    note: str = ""


class _Unranked(Exception):
    """The re-ranker is of no use for a search; the message is for its answer."""


class Reranking:
    """The re-ranking of the best passages; if it fails, their order stays.

    Args:
        spec: The re-ranker; ``None`` if the index alone decides.
        label: The re-ranker with its distribution, for messages.
    """

    def __init__(self, spec: RerankerSpec | None = None, *, label: str = "the re-ranker") -> None:
        self._spec = spec
        self._label = label

    @classmethod
    def of(cls, settings: Settings, registry: Registry) -> "Reranking":
        """Return what the settings ask for.

        Raises:
            PluginError: No plugin registered the re-ranker.
        """
        if not settings.reranker:
            return cls()
        spec = choose("rerankers", registry.rerankers, settings.reranker)
        return cls(spec, label=registry.label("rerankers", spec.name))

    @property
    def passages(self) -> int:
        """How many passages of a search are ordered again."""
        return 0 if self._spec is None else self._spec.passages

    async def ranked(self, query: str, passages: Sequence[Passage]) -> Ranked:
        """Return the passages with the best of them in the order of the re-ranker."""
        best, rest = passages[: self.passages], passages[self.passages :]
        if self._spec is None or not best:
            return Ranked(passages)
        try:
            scores = await self._scores(self._spec, query, best)
        except _Unranked as reason:
            logger.warning("passages are not ranked again: %s", reason)
            return Ranked(passages, f"The passages are in the order of the index: {reason}")
        return Ranked([*_in_order(best, scores), *rest])

    async def _scores(
        self, spec: RerankerSpec, query: str, passages: Sequence[Passage]
    ) -> Sequence[float | None]:
        try:
            async with asyncio.timeout(spec.timeout_seconds):
                scores = await spec.reranker.rank(query, passages)
        except TimeoutError:
            limit = f"{spec.timeout_seconds:g} s"
            raise _Unranked(f"{self._label} did not answer within {limit}.") from None
        except PdfsluiceError as error:
            raise _Unranked(error.message) from error
        if len(scores) != len(passages) or any(map(_is_no_number, scores)):
            raise _Unranked(f"{self._label} did not return one finite score for each passage.")
        return scores


def _in_order(passages: Sequence[Passage], scores: Sequence[float | None]) -> list[Passage]:
    pairs = zip(passages, scores, strict=True)
    scored = [(passage, score) for passage, score in pairs if score is not None]
    return [passage for passage, _ in sorted(scored, key=lambda pair: -pair[1])]


def _is_no_number(score: float | None) -> bool:
    return score is not None and not math.isfinite(score)
