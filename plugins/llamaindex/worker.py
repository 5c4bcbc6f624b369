"""The child process that indexes and searches.

Two of them may run at once: one indexes, the other searches and removes, so that a search
never waits for an indexing job. Each imports only what its requests need.
"""

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdfsluice.core import PageText, serve

from .models import EmbeddingModel, pack
from .passages import PassageDatabase, StagedPassage
from .recipe import Recipe

if TYPE_CHECKING:  # LlamaIndex takes a second to import
    from .foreign import ForeignVectors
    from .ingest import Ingestion

DATABASE = "passages.db"
_LEAST_DEPTH = 50
_DEPTH_FACTOR = 4
_NICENESS = 5  # indexing can wait; uploads and searches cannot


class Worker:
    """Everything that belongs to one recipe."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._model = EmbeddingModel(recipe)
        self._reference = ""
        self._owner = ""

    @cached_property
    def _database(self) -> PassageDatabase:
        folder = Path(self.recipe.folder)
        folder.mkdir(parents=True, exist_ok=True)
        return PassageDatabase(folder / DATABASE)

    @cached_property
    def _ingestion(self) -> "Ingestion":
        from .ingest import Ingestion  # noqa: PLC0415 - imports LlamaIndex

        os.nice(_NICENESS)
        return Ingestion(self.recipe, self._model)

    @cached_property
    def _foreign(self) -> "ForeignVectors | None":
        if self.recipe.vector_store == "sqlite":
            return None
        from .foreign import ForeignVectors  # noqa: PLC0415 - imports LlamaIndex

        return ForeignVectors(self.recipe)

    def begin(self, *, document: int, owner: str) -> dict[str, Any]:
        """Start to gather the passages of a document."""
        self._reference = f"{document}-{uuid.uuid4().hex}"
        self._owner = owner
        self._database.stage([], restart=True)
        return {"begun": True}

    def stage(self, *, pages: list[tuple[int, str]]) -> dict[str, Any]:
        """Cut and embed pages, and put their passages aside."""
        from .ingest import PAGE, text_of  # noqa: PLC0415 - imports LlamaIndex

        texts = [PageText(number, text) for number, text in pages]
        nodes = self._ingestion.passages(texts, reference=self._reference, owner=self._owner)
        if self._foreign is not None:
            self._foreign.add(nodes)
        own_vectors = self._foreign is None
        self._database.stage(
            StagedPassage(
                key=node.node_id,
                source=node.ref_doc_id or "",
                page=node.metadata[PAGE],
                text=text_of(node),
                vector=pack(node.get_embedding()) if own_vectors else None,
            )
            for node in nodes
        )
        return {"passages": len(nodes)}

    def publish(self, *, document: int) -> dict[str, Any]:
        """Replace what was there of the document by the passages put aside."""
        return self._forget(
            self._database.publish(document, owner=self._owner, model=self._model.identity)
        )

    def remove(self, *, document: int) -> dict[str, Any]:
        """Forget a document."""
        return self._forget(self._database.remove(document))

    def _forget(self, sources: list[str]) -> dict[str, Any]:
        """Delete vectors elsewhere; what stays there is ballast and is never found again."""
        trouble = ""
        if self._foreign is not None:
            try:
                for source in sources:
                    self._foreign.forget(source)
            except Exception as error:  # noqa: BLE001 - somebody else's store may fail in any way
                trouble = f"{type(error).__name__}: {error}"
        return {"trouble": trouble}

    def search(self, *, query: str, top_k: int, owner: str | None) -> dict[str, Any]:
        """Find passages by words and by meaning; by words alone where no model answers."""
        depth = max(_LEAST_DEPTH, top_k * _DEPTH_FACTOR)
        if self._database.count() == 0:
            return {"hits": [], "trouble": ""}
        trouble = ""
        nearest: Callable[[], list[int]] = list
        try:
            nearest = self._nearest(query, owner, depth)
        except Exception as error:  # noqa: BLE001 - a remote model may fail in any way
            trouble = f"{type(error).__name__}: {error}"
        with self._database.snapshot():
            by_words = self._database.by_words(query, owner=owner, limit=depth)
            hits = self._database.hits(by_words, nearest(), limit=top_k)
        return {
            "hits": [(hit.document, hit.page, hit.text, hit.score) for hit in hits],
            "trouble": trouble,
        }

    def _nearest(self, query: str, owner: str | None, depth: int) -> Callable[[], list[int]]:
        """Ask the model before the snapshot is taken; return what reads inside of it."""
        vector = self._model.encode_query(query)
        if self._foreign is not None:
            keys = self._foreign.nearest(vector, owner=owner, limit=depth)
            return lambda: self._database.by_keys(keys, owner=owner)
        identity = self._model.identity
        return lambda: self._database.by_vector(pack(vector), identity, owner=owner, limit=depth)


class _Requests:
    """Hands requests to the worker of their recipe."""

    def __init__(self) -> None:
        self._worker: Worker | None = None

    def handle(self, request: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
        recipe = Recipe(**request.pop("recipe"))
        if self._worker is None or self._worker.recipe != recipe:
            self._worker = Worker(recipe)
        operation = request.pop("operation")
        if operation not in {"begin", "stage", "publish", "remove", "search"}:
            raise ValueError(f"unknown operation {operation!r}")
        yield getattr(self._worker, operation)(**request)


if __name__ == "__main__":
    serve(_Requests().handle)
