"""The index ``postgres``: indexing and searching in a database that servers share."""

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from pdfsluice.core import (
    Child,
    ChildFailed,
    ChildPool,
    Document,
    DocumentNotFound,
    Match,
    PageText,
    Passage,
    PdfsluiceError,
    PluginError,
    Progress,
    TurnTaking,
)
from pdfsluice.plugins.llamaindex.finding import Finder
from pdfsluice.plugins.llamaindex.options import IndexOptions
from pdfsluice.plugins.llamaindex.searching import NOTHING, Plan, Search, Searcher
from pdfsluice.plugins.llamaindex.stored import PendingPassage, Slot
from pdfsluice.plugins.llamaindex.work import (
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
)

from . import storing
from .database import IndexDatabase, open_database
from .dictionary import Dictionaries
from .reader import PostgresReader

_MINILM = "minilm"
_BOTH: tuple[Slot, ...] = ("main", "other")

logger = logging.getLogger(__name__)


class PostgresIndex:
    """An index in PostgreSQL; child processes cut and embed without knowing it.

    Args:
        options: The settings of the index.
        folder: Where the child processes may write.
        database: Where the passages are.
    """

    def __init__(self, options: IndexOptions, folder: Path, database: IndexDatabase) -> None:
        self._recipe = options.recipe(folder).as_message()
        self._most_passages = options.document_passages
        self._multilingual = options.multilingual
        self._knows_english_alone = options.embedding == _MINILM
        self._database = database
        self._dictionaries = Dictionaries()
        self._cutting = make_pool(options, folder, WORD_PROCESSES, options.indexing_idle_seconds)
        self._embedding = make_pool(options, folder, 1, options.indexing_idle_seconds)
        self._queries = make_pool(
            options, folder, options.parallel_searches, options.search_idle_seconds
        )

    # indexing

    async def add(
        self, document: Document, pages: AsyncIterator[PageText], progress: Progress
    ) -> int:
        """Index a document, replacing what was there of it; return the number of passages.

        As in the index ``llama-index``, words find it first, and its vectors follow.

        Raises:
            DocumentNotFound: The document was deleted in the meantime.
            StageFailed: A child process failed; what was there before is still found.
        """
        staging = uuid.uuid4().hex
        try:
            async with self._cutting.borrow() as child:
                passages, rest = await self._publish_words(
                    child, staging, document, pages, progress
                )
            await self._embed(document, passages, progress)
        except ChildFailed as failure:
            raise indexing_failed(failure) from failure
        finally:
            await self._unstage(staging)
        progress(1.0, f"Passages indexed: {passages}{rest}")
        return passages

    async def add_pages(self, document: Document, pages: Sequence[PageText]) -> None:
        """Publish pages by words while others are still being read.

        It is a head start for :meth:`add`, so a failure is logged and nothing else.
        """
        staging = uuid.uuid4().hex
        numbers = [page.number for page in pages]
        try:
            async with self._cutting.borrow() as child:
                wire = [(page.number, page.text) for page in pages]
                await self._stage(child, staging, document.id, wire, restart=True)
            await self._publish(staging, document, pages=numbers)
        except (ChildFailed, PdfsluiceError) as failure:
            logger.warning("the words of some pages were not published: %s", failure)
            await self._unstage(staging)

    async def _publish_words(
        self,
        child: Child,
        staging: str,
        document: Document,
        pages: AsyncIterator[PageText],
        progress: Progress,
    ) -> tuple[int, str]:
        await self._stage(child, staging, document.id, [], restart=True)
        passages, rest = await stage_all(
            pages,
            partial(self._stage, child, staging, document.id),
            most=self._most_passages,
            total=document.page_count,
            progress=progress,
        )
        await self._publish(staging, document)
        return passages, rest

    async def _stage(
        self,
        child: Child,
        staging: str,
        document: int,
        pages: WirePages,
        *,
        restart: bool = False,
    ) -> int:
        request = self._request("cut", document=document, pages=pages, restart=restart)
        reply = await child.ask(request)
        return await self._database.run(
            partial(storing.stage, staging=staging, passages=reply["passages"])
        )

    async def _publish(
        self, staging: str, document: Document, pages: Sequence[int] | None = None
    ) -> None:
        await self._database.run(
            partial(
                storing.publish,
                staging=staging,
                document=document.id,
                owner=document.owner,
                title=title_of(document),
                pages=pages,
            )
        )

    async def _unstage(self, staging: str) -> None:
        try:
            await self._database.run(partial(storing.unstage, staging=staging))
        except PdfsluiceError as failure:  # it is swept after a day
            logger.warning("gathered passages were not deleted: %s", failure.message)

    async def _embed(self, document: Document, passages: int, progress: Progress) -> None:
        """Embed passages, a few at a time, so that documents take turns."""
        count = 0
        for slot in _BOTH if self._knows_english_alone else _BOTH[:1]:
            while pending := await self._database.run(partial(self._pending, document.id, slot)):
                if isinstance(progress, TurnTaking):  # the passages that lack vectors are stored
                    await progress.wait_for_turn()
                await self._embed_some(pending, slot, document.owner)
                count = min(passages, count + len(pending))
                report_embedded(progress, count, passages)
        if not await self._database.run(partial(storing.finish, document=document.id)):
            raise DocumentNotFound(f"Document {document.id} was removed while it was indexed.")

    def _pending(self, document: int, slot: Slot, connection: Connection) -> list[PendingPassage]:
        every = not self._knows_english_alone
        return storing.pending(connection, document, slot, limit=MAX_BATCH_PASSAGES, every=every)

    async def _embed_some(self, pending: Sequence[PendingPassage], slot: Slot, owner: str) -> None:
        numbers = [passage.id for passage in pending]
        if slot == "other" and not self._multilingual:
            await self._database.run(partial(storing.set_embedded, numbers=numbers))
            return
        wire = [(passage.id, passage.key, passage.text) for passage in pending]
        reply = await self._embedding.ask(
            self._request("encode", passages=wire, owner=owner, slot=slot)
        )
        await self._database.run(
            partial(
                storing.add_vectors,
                slot=slot,
                model=reply["model"],
                numbers=numbers,
                vectors=reply["vectors"],
            )
        )

    async def remove(self, document_id: int) -> None:
        """Forget a document; an indexing of it that is under way comes to nothing.

        Raises:
            StorageFailed: The database failed.
        """
        await self._database.run(partial(storing.remove, document=document_id))

    # searching

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

        Raises:
            StageFailed: Passages are wanted by meaning alone, and the model failed.
            StorageFailed: The database failed.
        """
        if not query.strip() or top_k < 1:
            return ()
        search = Search(
            query=query[:MAX_QUERY],
            top_k=min(top_k, MAX_TOP_K),
            owner=owner,
            documents=documents,
            match=match,
        )
        plan = await self._database.look(partial(self._plan, search))
        if plan is None:
            return passages_of(NOTHING, match)
        vectors: dict[Slot, dict[str, Any]] = {}
        trouble = ""
        try:
            vectors = await self._encode(plan)
        except ChildFailed as failure:
            trouble = str(failure)
        reply = await self._database.look(partial(self._find, plan, vectors))
        return passages_of(reply | {"trouble": trouble}, match)

    async def _encode(self, plan: Plan) -> dict[Slot, dict[str, Any]]:
        """Return for each model its identity and the vectors of texts."""
        vectors: dict[Slot, dict[str, Any]] = {}
        for slot in _BOTH:
            texts = [question.text for question in plan.questions if question.slot == slot]
            if not texts:
                continue
            request = self._request("encode_queries", texts=texts, slot=slot)
            reply = await self._queries.ask(request)
            by_text = dict(zip(texts, reply["vectors"], strict=True))
            vectors[slot] = {"model": reply["model"], "vectors": by_text}
        return vectors

    async def is_empty(self) -> bool:
        """Return whether no passage of any document is indexed.

        Raises:
            StorageFailed: The database failed.
        """
        return await self._database.run(storing.is_empty)

    def _plan(self, search: Search, connection: Connection) -> Plan | None:
        return self._searcher(connection).plan(search)

    def _find(
        self, plan: Plan, vectors: dict[Slot, dict[str, Any]], connection: Connection
    ) -> dict[str, Any]:
        searcher = self._searcher(connection)
        nearest = [
            partial(
                searcher.nearest,
                plan,
                question,
                vectors[question.slot]["vectors"][question.text],
                vectors[question.slot]["model"],
            )
            for question in plan.questions
            if question.slot in vectors
        ]
        return searcher.find(plan, nearest)

    def _searcher(self, connection: Connection) -> Searcher:
        reader = PostgresReader(connection, self._dictionaries.current(connection))
        return Searcher(reader, Finder(reader), knows_english_alone=self._knows_english_alone)

    # life

    @property
    def _pools(self) -> tuple[ChildPool, ...]:
        return (self._cutting, self._embedding, self._queries)

    async def close(self) -> None:
        """End all processes."""
        for pool in self._pools:
            await pool.close()

    def _request(self, operation: str, **arguments: Any) -> dict[str, Any]:
        return {"operation": operation, "recipe": self._recipe, **arguments}


@asynccontextmanager
async def open_postgres_index(
    options: IndexOptions, folder: Path, url: str
) -> AsyncGenerator[PostgresIndex]:
    """Open the index; child processes start when there is work and end with it.

    Args:
        options: The settings of the index.
        folder: Made if it does not exist.
        url: The database of the catalogue.

    Raises:
        PluginError: The settings, or the database, do not fit.
        StorageFailed: The database cannot be reached.
    """
    if options.vector_store != "sqlite":
        raise PluginError(
            "The index 'postgres' keeps its vectors in PostgreSQL.",
            hint="Remove plugins.index.vector_store, or set index to 'llama-index'.",
        )
    await asyncio.to_thread(make_folder, folder)
    async with open_database(url) as database:
        index = PostgresIndex(options, folder, database)
        try:
            yield index
        finally:
            await index.close()
