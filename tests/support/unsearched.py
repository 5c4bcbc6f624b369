"""The base of indexes of tests that only receive pages."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Self

from pdfsluice.core.models.passages import Match, Passage


class UnsearchedIndex:
    """An index that finds nothing and forgets nothing; derived classes add pages."""

    async def remove(self, document_id: int) -> None:
        """Do nothing."""

    async def search(
        self,
        query: str,
        *,
        top_k: int,
        owner: str | None,
        documents: Sequence[int] | None = None,
        match: Match | None = None,
    ) -> Sequence[Passage]:
        """Return no passages."""
        return ()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Self]:
        """Return the index itself, as often as it is opened."""
        yield self
