"""The index ``llama-index``: the server's side of indexing and searching."""

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from pdfsluice.core import (
    Child,
    ChildFailed,
    Document,
    DocumentNotFound,
    Match,
    PageText,
    Passage,
    Progress,
    StageFailed,
    TurnTaking,
)

from .options import IndexOptions
from .stored import DATABASE
from .work import (
    MAX_BATCH_PASSAGES,
    MAX_QUERY,
    MAX_TOP_K,
    WORD_PROCESSES,
    WirePages,
    indexing_failed,
    make_folder,
    make_pool,
    passages_of,
    report_embedded,
    stage_all,
    title_of,
    warn,
)

_MAX_REMOVED = 1000  # documents; an import under way may still send pages of them

logger = logging.getLogger(__name__)


class ProcessIndex:
    """An index in child processes that end when idle: words, vectors and search."""

    def __init__(self, options: IndexOptions, folder: Path) -> None:
        self._folder = folder
        self._recipe = options.recipe(folder).as_message()
        self._most_passages = options.document_passages
        self._words = make_pool(options, folder, WORD_PROCESSES, options.indexing_idle_seconds)
        self._embedding = make_pool(options, folder, 1, options.indexing_idle_seconds)
        self._searching = make_pool(
            options, folder, options.parallel_searches, options.search_idle_seconds
        )
        self._publishing = asyncio.Lock()
        self._adding: set[int] = set()
        self._removed: deque[int] = deque(maxlen=_MAX_REMOVED)

    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        """Index a document, replacing what was there of it; return the number of passages.

        Until the last page is read, searches find the document as it was before; then words
        find it, and its vectors follow. If it is indexed again after an interruption,
        unchanged passages keep their vectors. At the
        limit of passages the index of it ends, and the last message reports it.

        Raises:
            DocumentNotFound: The document was removed in the meantime.
            StageFailed: The indexing process failed; nothing has changed.
        """
        self._adding.add(document.id)
        if document.id in self._removed:
            self._removed.remove(document.id)
        try:
            async with self._words.borrow() as child:
                passages, rest = await self._publish_words(child, document, pages, progress)
            await self._embed(document, passages, progress)
        except ChildFailed as failure:
            raise indexing_failed(failure) from failure
        finally:
            self._adding.discard(document.id)
        progress(1.0, f"Passages indexed: {passages}{rest}")
        return passages

    async def add_pages(self, document: Document, pages: Sequence[PageText]) -> None:
        """Publish pages by words while others are still being read.

        It is a head start for :meth:`add`, so a failure is logged and nothing else.
        """
        request = self._request(
            "add_pages",
            document=document.id,
            owner=document.owner,
            title=title_of(document),
            pages=[(page.number, page.text) for page in pages],
        )
        try:  # the child first, as above, or both would wait for each other
            async with self._words.borrow() as child, self._publishing:
                if document.id not in self._removed:
                    await child.ask(request)
        except ChildFailed as failure:
            logger.warning("the words of some pages were not published: %s", failure)

    async def _embed(self, document: Document, passages: int, progress: Progress) -> None:
        """Embed passages, a few at a time, so that documents take turns."""
        count = 0
        while True:
            self._check_wanted(document.id)
            if isinstance(progress, TurnTaking):  # the passages that lack vectors are stored
                await progress.wait_for_turn()
            request = self._request(
                "embed", document=document.id, owner=document.owner, limit=MAX_BATCH_PASSAGES
            )
            reply = await self._embedding.ask(request)
            if not reply["embedded"]:
                break
            count = min(passages, count + reply["embedded"])
            report_embedded(progress, count, passages)

    async def _publish_words(
        self, child: Child, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> tuple[int, str]:
        async def stage(wire: WirePages) -> int:
            staged = await child.ask(self._request("stage", pages=wire))
            self._check_wanted(document.id)
            return int(staged["passages"])

        await child.ask(self._request("begin", document=document.id))
        passages, rest = await stage_all(
            pages, stage, most=self._most_passages, total=document.page_count, progress=progress
        )
        async with self._publishing:
            self._check_wanted(document.id)
            reply = await child.ask(
                self._request(
                    "publish",
                    document=document.id,
                    owner=document.owner,
                    title=title_of(document),
                )
            )
        warn(reply, "Old vectors stay in the vector store")
        return passages, rest

    def _check_wanted(self, document_id: int) -> None:
        if document_id not in self._adding:
            raise DocumentNotFound(f"Document {document_id} was removed while it was indexed.")

    async def remove(self, document_id: int) -> None:
        """Forget a document; an indexing of it that is under way comes to nothing.

        Raises:
            StageFailed: The process that should do it failed.
        """
        async with self._publishing:
            self._adding.discard(document_id)
            self._removed.append(document_id)
            reply = await self._ask(self._request("remove", document=document_id))
        warn(reply, "Old vectors stay in the vector store")

    async def search(
        self,
        query: str,
        *,
        top_k: int,
        owner: str | None,
        documents: Sequence[int] | None = None,
        match: Match | None = None,
    ) -> Sequence[Passage]:
        """Return the best passages, best first; ``owner`` is ``None`` for administrators.

        Passages are found by words and by meaning. Only the first 2,000 characters of the query
        count, and no more than 1,000 passages are returned.

        Raises:
            StageFailed: The search process failed; the next search starts a new one. Or passages
                are wanted by meaning alone, and the model failed.
        """
        if not query.strip() or top_k < 1:
            return ()
        request = self._request(
            "search",
            query=query[:MAX_QUERY],
            top_k=min(top_k, MAX_TOP_K),
            owner=owner,
            documents=None if documents is None else list(documents),
            match=match,
        )
        reply = await self._ask(request)
        return passages_of(reply, match)

    async def is_empty(self) -> bool:
        """Return whether no passage of any document is indexed."""
        return await asyncio.to_thread(_is_empty, self._folder / DATABASE)

    async def close(self) -> None:
        """End all processes."""
        await self._words.close()
        await self._embedding.close()
        await self._searching.close()

    def _request(self, operation: str, **arguments: Any) -> dict[str, Any]:
        return {"operation": operation, "recipe": self._recipe, **arguments}

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._searching.ask(request)
        except ChildFailed as failure:
            raise StageFailed(
                f"The search process failed: {failure}",
                hint="Try again; a new process is started for each try.",
                details={"reason": failure.reason},
            ) from failure


def _is_empty(database: Path) -> bool:
    if not database.exists():
        return True
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            (has_passages,) = connection.execute("SELECT EXISTS(SELECT 1 FROM passages)").fetchone()
    except sqlite3.Error as error:  # what is wrong with it is for the search to report
        logger.debug("%s cannot be read: %s", database, error)
        return False
    return not has_passages


@asynccontextmanager
async def open_index(options: IndexOptions, folder: Path) -> AsyncGenerator[ProcessIndex, None]:
    """Open the index; its processes are started when there is work and ended with it."""
    await asyncio.to_thread(make_folder, folder)
    index = ProcessIndex(options, folder)
    try:
        yield index
    finally:
        await index.close()
