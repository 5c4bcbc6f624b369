"""Search over documents: passages of the index with documents and places."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pdfsluice.core.errors import PdfsluiceError, ProtocolError
from pdfsluice.core.models.document_filter import DocumentFilter
from pdfsluice.core.models.documents import Document, PageText, TextSource
from pdfsluice.core.models.passages import Match, Passage
from pdfsluice.core.plugins.ports.catalogue import Catalogue
from pdfsluice.core.plugins.ports.documents import Index

from .hit_places import HitPlace, place_of
from .reranking import Reranking
from .snippets import Segment, snippet_of

MAX_QUERY = 2000
MAX_RESULTS = 100
MAX_OFFSET = 900
EVERY_DOCUMENT = DocumentFilter()

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A passage that was found.

    Attributes:
        snippet: The part of it that shows why it was found.
        place: Where it stands on its page; ``None`` if the extractor did not know.
        source: Where the text of its page comes from.
    """

    document: Document
    passage: Passage
    snippet: tuple[Segment, ...]
    place: HitPlace | None
    source: TextSource = TextSource.TEXT


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The hits of a search, best first.

    Attributes:
        next: The offset of the hits that follow; ``None`` at the end.
        note: Why the re-ranker had no part in their order, or why nothing is found, in a
            sentence; usually empty.
    """

    hits: tuple[SearchHit, ...]
    next: int | None = None
    note: str = ""


class Searcher:
    """A search of an index, with what the catalogue adds to the passages.

    Args:
        catalogue: Documents and their pages.
        reranking: Orders the best passages again; on each page of an answer the same ones.
    """

    def __init__(self, catalogue: Catalogue, reranking: Reranking | None = None) -> None:
        self._catalogue = catalogue
        self._reranking = reranking or Reranking()

    async def search(
        self,
        index: Index,
        query: str,
        *,
        owner: str | None,
        top_k: int,
        offset: int,
        wanted: DocumentFilter,
        match: Match | None = None,
    ) -> SearchResult:
        """Return the best passages; see :meth:`.library.Library.search`.

        Raises:
            ProtocolError: The query is empty or too long, or the offset is too large.
        """
        query = query.strip()
        if not query or len(query) > MAX_QUERY:
            raise ProtocolError(f"a query has 1 to {MAX_QUERY} characters")
        if not 0 <= offset <= MAX_OFFSET:
            raise ProtocolError(f"an offset is a number from 0 to {MAX_OFFSET}")
        end = offset + min(top_k, MAX_RESULTS)
        top_k = max(end + 1, self._reranking.passages)
        search = partial(index.search, query, top_k=top_k, owner=owner)
        if match is not None:
            search = partial(search, match=match)
        ranked = await self._reranking.ranked(query, await self._passages(search, owner, wanted))
        passages = ranked.passages
        hits = await self._hits(index, passages[offset:end], owner)
        following = end if len(passages) > end and end <= MAX_OFFSET else None
        return SearchResult(tuple(hits), following, ranked.note)

    async def _passages(
        self,
        search: Callable[..., Awaitable[Sequence[Passage]]],
        owner: str | None,
        wanted: DocumentFilter,
    ) -> Sequence[Passage]:
        if not wanted:
            return await search()
        documents = await self._catalogue.find(wanted, owner=owner)
        if not documents:
            return ()
        return await search(documents=documents)

    async def _hits(
        self, index: Index, passages: Sequence[Passage], owner: str | None
    ) -> list[SearchHit]:
        ids = {passage.document_id for passage in passages}
        documents = await self._catalogue.get_many(ids, owner=owner)
        if missing := ids - documents.keys():
            await self._forget(index, missing)
        places = {(passage.document_id, passage.page) for passage in passages}
        pages = await self._catalogue.pages_at(places)
        described = await asyncio.to_thread(_described, passages, pages)
        return [
            SearchHit(document, passage, snippet, place, _source_of(passage, pages))
            for passage, snippet, place in described
            # Without one, the document was deleted while the search ran.
            if (document := documents.get(passage.document_id)) is not None
            and document.replaced_by is None
        ]

    async def _forget(self, index: Index, missing: Collection[int]) -> None:
        """Remove from the index what was deleted from the catalogue.

        Another node may have indexed a document while it was deleted, or the server was stopped
        before its passages were deleted. They would take the places of others. Documents newer
        than all of the catalogue stay: an earlier copy of it may have been restored by mistake.
        """
        documents = await self._catalogue.get_many(missing, owner=None)
        newest, _ = await self._catalogue.list(owner=None, limit=1)
        last = max((document.id for document in newest), default=0)
        for document_id in set(missing) - documents.keys():
            if document_id > last:
                continue
            try:
                await index.remove(document_id)
            except PdfsluiceError as error:
                logger.warning("document %d is gone, but still indexed: %s", document_id, error)


def _source_of(passage: Passage, pages: Mapping[tuple[int, int], PageText]) -> TextSource:
    page = pages.get((passage.document_id, passage.page))
    return TextSource.TEXT if page is None else page.source


def _described(
    passages: Sequence[Passage], pages: Mapping[tuple[int, int], PageText]
) -> list[tuple[Passage, tuple[Segment, ...], HitPlace | None]]:
    described = []
    for passage in passages:
        page = pages.get((passage.document_id, passage.page))
        place = None if page is None else place_of(passage, page)
        described.append((passage, snippet_of(passage), place))
    return described
