"""The child process that indexes and searches.

Indexing and searching run in processes of their own, so that a search never waits for an
indexing job. Each imports only what its requests need.
"""

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdfsluice.core import PageText, serve

from .finding import Finder
from .ingest import Cutter, Embedder
from .models import EmbeddingModel, pack
from .passages import PassageDatabase
from .postgres.vectors import tsvector
from .rankings import Neighbours
from .recipe import Recipe
from .searching import NOTHING, Nearest, Plan, Question, Search, Searcher
from .sqlite_reader import SqliteReader
from .stored import DATABASE, PendingPassage, Slot, StagedPassage
from .terms import analyse

if TYPE_CHECKING:  # LlamaIndex takes a second to import
    from .foreign import ForeignVectors
    from .multilingual import MultilingualEncoder

_NICENESS = 5  # indexing can wait; uploads and searches cannot


class Worker:
    """All that belongs to one recipe."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._model = EmbeddingModel(recipe)
        self._cutter = Cutter(recipe, 0)

    @cached_property
    def _database(self) -> PassageDatabase:
        folder = Path(self.recipe.folder)
        folder.mkdir(parents=True, exist_ok=True)
        return PassageDatabase(folder / DATABASE)

    @cached_property
    def _reader(self) -> SqliteReader:
        return SqliteReader(self._database)

    @cached_property
    def _searcher(self) -> Searcher:
        finder = Finder(self._reader)
        return Searcher(self._reader, finder, knows_english_alone=self._is_for_english)

    @cached_property
    def _embedder(self) -> Embedder:
        os.nice(_NICENESS)
        return Embedder(self._model)

    @cached_property
    def _multilingual(self) -> "MultilingualEncoder":
        from .multilingual import MultilingualEncoder  # noqa: PLC0415 - loads 30 MB

        return MultilingualEncoder()

    @cached_property
    def _foreign(self) -> "ForeignVectors | None":
        if self.recipe.vector_store == "sqlite":
            return None
        from .foreign import ForeignVectors  # noqa: PLC0415 - imports LlamaIndex

        return ForeignVectors(self.recipe)

    @property
    def _is_for_english(self) -> bool:
        """Whether the settings name the built-in model, which knows English alone."""
        return self.recipe.embedding == "minilm"

    # indexing

    def begin(self, *, document: int) -> dict[str, Any]:
        """Start to gather the passages of a document."""
        self._cutter = Cutter(self.recipe, document)
        self._database.stage([], restart=True)
        return {"begun": True}

    def stage(self, *, pages: list[tuple[int, str]]) -> dict[str, Any]:
        """Cut pages into passages and gather them."""
        texts = [PageText(number, text) for number, text in pages]
        return {"passages": self._database.stage(self._cutter.passages(texts))}

    def publish(self, *, document: int, owner: str, title: str) -> dict[str, Any]:
        """Replace the document's passages by the gathered ones.

        A search by words finds them from now on.
        """
        return self._forget(self._database.publish(document, owner=owner, title=title))

    def add_pages(
        self, *, document: int, owner: str, title: str, pages: list[tuple[int, str]]
    ) -> dict[str, Any]:
        """Publish some pages of a document by words, while others are still being read."""
        texts = [PageText(number, text) for number, text in pages]
        self._database.stage(Cutter(self.recipe, document).passages(texts), restart=True)
        numbers = [page.number for page in texts]
        old_pages = self._database.publish(document, owner=owner, title=title, pages=numbers)
        return self._forget(old_pages)

    def embed(self, *, document: int, owner: str, limit: int) -> dict[str, Any]:
        """Give vectors to some passages of a document that have none.

        Returns:
            ``embedded``: how many; 0 if the document is finished.
        """
        every = not self._is_for_english
        pending = self._database.pending(document, "main", limit=limit, every=every)
        if pending:
            self._embed_main(pending, owner)
            return {"embedded": len(pending)}
        pending = self._database.pending(document, "other", limit=limit, every=False)
        if pending and not every:
            self._embed_other(pending)
            return {"embedded": len(pending)}
        self._database.finish(document)
        return {"embedded": 0}

    def _embed_main(self, pending: Sequence[PendingPassage], owner: str) -> None:
        nodes = self._embedder.nodes(pending, owner=owner)
        if self._foreign is not None:
            self._foreign.add(nodes)
            self._database.set_embedded(passage.id for passage in pending)
            return
        vectors = [pack(node.get_embedding()) for node in nodes]
        numbers = [passage.id for passage in pending]
        self._database.add_vectors("main", self._model.identity, zip(numbers, vectors, strict=True))

    def _embed_other(self, pending: Sequence[PendingPassage]) -> None:
        numbers = [passage.id for passage in pending]
        if not self.recipe.multilingual:
            self._database.set_embedded(numbers)
            return
        vectors = self._multilingual.encode([passage.text for passage in pending])
        blobs = [vector.tobytes() for vector in vectors]
        identity = self._multilingual.identity
        self._database.add_vectors("other", identity, zip(numbers, blobs, strict=True))

    def remove(self, *, document: int) -> dict[str, Any]:
        """Forget a document."""
        return self._forget(self._database.remove(document))

    def _forget(self, keys: list[str]) -> dict[str, Any]:
        """Delete vectors in another store.

        Vectors that cannot be deleted are never found again.
        """
        trouble = ""
        if self._foreign is not None:
            try:
                for key in keys:
                    self._foreign.forget(key)
            except Exception as error:  # noqa: BLE001 - a store of others may fail in any way
                trouble = f"{type(error).__name__}: {error}"
        return {"trouble": trouble}

    # for an index in another database

    def cut(self, *, document: int, pages: list[tuple[int, str]], restart: bool) -> dict[str, Any]:
        """Cut pages into passages with their words in PostgreSQL's notation.

        Args:
            document: The document.
            pages: Numbers and texts of some pages.
            restart: Whether they are the first ones.
        """
        if restart:
            self._cutter = Cutter(self.recipe, document)
        texts = [PageText(number, text) for number, text in pages]
        return {"passages": [_as_row(passage) for passage in self._cutter.passages(texts)]}

    def encode(
        self, *, passages: list[tuple[int, str, str]], owner: str, slot: Slot
    ) -> dict[str, Any]:
        """Return the identity of a model and the vectors of passages.

        Args:
            passages: Number, key and text of each.
            owner: The owner of the passages.
            slot: The model.
        """
        if slot == "other":
            return self._encode_other([text for _, _, text in passages])
        pending = [PendingPassage(*passage) for passage in passages]
        nodes = self._embedder.nodes(pending, owner=owner)
        return {
            "model": self._model.identity,
            "vectors": [node.get_embedding() for node in nodes],
        }

    def encode_queries(self, *, texts: list[str], slot: Slot) -> dict[str, Any]:
        """Return the identity of a model and the vectors of queries."""
        if slot == "other":
            return self._encode_other(texts)
        vectors = [self._model.encode_query(text) for text in texts]
        return {"model": self._model.identity, "vectors": vectors}

    def _encode_other(self, texts: list[str]) -> dict[str, Any]:
        vectors = self._multilingual.encode(texts).tolist()
        return {"model": self._multilingual.identity, "vectors": vectors}

    # searching

    def search(self, **wanted: Any) -> dict[str, Any]:
        """Find passages by words and by meaning; by words alone if the model fails.

        Args:
            **wanted: The fields of :class:`~.searching.Search`.
        """
        search = Search(**wanted)
        plan = self._searcher.plan(search, asks_elsewhere=self._foreign is not None)
        if plan is None:
            return NOTHING
        nearest: list[Nearest] = []
        trouble = ""
        try:  # the models are asked before the snapshot is taken
            nearest = [self._ask(plan, question) for question in plan.questions]
        except Exception as error:  # noqa: BLE001 - a remote model may fail in any way
            trouble = f"{type(error).__name__}: {error}"
        return self._searcher.find(plan, nearest) | {"trouble": trouble}

    def _ask(self, plan: Plan, question: Question) -> Nearest:
        """Ask a model; return what reads the passages."""
        if question.slot == "other":
            other = self._multilingual.encode([question.text])[0].tolist()
            identity = self._multilingual.identity
            return lambda: self._searcher.nearest(plan, question, other, identity)
        vector = self._model.encode_query(question.text)
        if self._foreign is None:
            return lambda: self._searcher.nearest(plan, question, vector, self._model.identity)
        search = plan.search
        keys = self._foreign.nearest(vector, owner=search.owner, limit=search.depth)
        return lambda: Neighbours(
            self._reader.by_keys(keys, owner=search.owner, documents=search.documents)
        )


def _as_row(passage: StagedPassage) -> dict[str, Any]:
    exact, stems = analyse(passage.text, passage.language)
    _, heading = analyse(passage.heading, passage.language)
    return {
        "key": passage.key,
        "page": passage.page,
        "language": passage.language,
        "text": passage.text,
        "words": tsvector(exact, stems, heading),
    }


_OPERATIONS = frozenset(
    {
        *("begin", "stage", "publish", "add_pages", "embed", "remove", "search"),
        *("cut", "encode", "encode_queries"),
    }
)


class _Requests:
    """A router of requests to the worker of their recipe."""

    def __init__(self) -> None:
        self._worker: Worker | None = None

    def handle(self, request: dict[str, Any]) -> Mapping[str, Any]:
        recipe = Recipe(**request.pop("recipe"))
        if self._worker is None or self._worker.recipe != recipe:
            self._worker = Worker(recipe)
        operation = request.pop("operation")
        if operation not in _OPERATIONS:
            raise ValueError(f"unknown operation {operation!r}")
        reply: Mapping[str, Any] = getattr(self._worker, operation)(**request)
        return reply


if __name__ == "__main__":
    serve(_Requests().handle)
