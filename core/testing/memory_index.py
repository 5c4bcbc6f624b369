"""A search index in memory, for tests."""

import re
from collections.abc import AsyncIterator, Sequence

from pdfsluice.core.models.documents import Document, PageText
from pdfsluice.core.models.passages import Match, Passage
from pdfsluice.core.plugins.ports.documents import Progress

_WORD = re.compile(r"\w+")


class MemoryIndex:
    """An index by the words of pages; each page is one passage."""

    def __init__(self) -> None:
        self._pages: dict[int, tuple[str, list[PageText]]] = {}

    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        """Index a document; return how many of its pages have text."""
        texts = [page async for page in pages if page.text.strip()]
        self._pages[document.id] = document.owner, texts
        progress(1.0, f"{len(texts)} pages can be found")
        return len(texts)

    async def remove(self, document_id: int) -> None:
        """Remove a document."""
        self._pages.pop(document_id, None)

    async def is_empty(self) -> bool:
        """Return whether no page can be found."""
        return not any(texts for _, texts in self._pages.values())

    async def search(
        self,
        query: str,
        *,
        top_k: int,
        owner: str | None,
        documents: Sequence[int] | None = None,
        match: Match | None = None,
    ) -> Sequence[Passage]:
        """Return the pages that have the words of the query most often, best first."""
        if match == "meaning":
            return ()
        words = list(set(_words(query)))
        passages = [
            Passage(
                number, page.number, page.text, sum(word in words for word in _words(page.text))
            )
            for number, (of, pages) in self._pages.items()
            if owner in {None, of} and (documents is None or number in documents)
            for page in pages
        ]
        hits = sorted((each for each in passages if each.score), key=lambda each: -each.score)
        return hits[:top_k]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
