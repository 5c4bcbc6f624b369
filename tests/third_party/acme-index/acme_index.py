"""An index that finds pages by a word, kept in memory."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pdfsluice.core import (
    Document,
    Index,
    IndexSpec,
    Match,
    PageText,
    Passage,
    PluginContext,
    Progress,
    hookimpl,
)


class Words:
    def __init__(self) -> None:
        self._pages: dict[int, tuple[str, list[PageText]]] = {}

    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        texts = [page async for page in pages]
        self._pages[document.id] = document.owner, texts
        progress(1.0, f"{len(texts)} pages indexed")
        return len(texts)

    async def remove(self, document_id: int) -> None:
        self._pages.pop(document_id, None)

    async def search(
        self,
        query: str,
        *,
        top_k: int,
        owner: str | None,
        documents: Sequence[int] | None = None,
        match: Match | None = None,
    ) -> Sequence[Passage]:
        if match == "meaning":
            return []
        words = query.lower().split()
        passages = [
            Passage(number, page.number, page.text[:200], sum(map(page.text.lower().count, words)))
            for number, (of, pages) in self._pages.items()
            if owner in {None, of} and (documents is None or number in documents)
            for page in pages
        ]
        hits = [passage for passage in passages if passage.score]
        return sorted(hits, key=lambda passage: -passage.score)[:top_k]


@asynccontextmanager
async def open_index() -> AsyncIterator[Index]:
    yield Words()


@hookimpl
def pdfsluice_register_indexes(context: PluginContext) -> Sequence[IndexSpec]:
    return [IndexSpec(name="acme-words", open=open_index)]
