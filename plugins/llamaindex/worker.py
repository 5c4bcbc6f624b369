"""The child process that indexes and searches.

Indexing and searching run in processes of their own, so that a search never waits for an
indexing job. Each imports only what its requests need.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdfsluice.core import Match, PageText, serve

from .confidence import NEARNESS
from .finding import Finder
from .ingest import Cutter, Embedder
from .languages import ENGLISH, UNKNOWN
from .models import EmbeddingModel, pack
from .names import Named
from .passages import PassageDatabase, PendingPassage, Slot
from .queries import Query, parse
from .rankings import Neighbours, Rankings, among
from .recipe import Recipe

if TYPE_CHECKING:  # LlamaIndex takes a second to import
    from .foreign import ForeignVectors
    from .multilingual import MultilingualEncoder

DATABASE = "passages.db"
_MIN_DEPTH = 100
_DEPTH_FACTOR = 4
_NICENESS = 5  # indexing can wait; uploads and searches cannot

Nearest = Callable[[], Neighbours]


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
    def _finder(self) -> Finder:
        return Finder(self._database)

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

    # searching

    def search(
        self,
        *,
        query: str,
        top_k: int,
        owner: str | None,
        documents: Sequence[int] | None = None,
        match: Match | None = None,
    ) -> dict[str, Any]:
        """Find passages by words and by meaning; by words alone if the model fails."""
        depth = max(_MIN_DEPTH, top_k * _DEPTH_FACTOR)
        if self._database.is_empty():
            return {"hits": [], "stages": [], "trouble": ""}
        wanted = parse(query, self._finder.languages())
        named = self._finder.named_by(wanted, owner=owner)
        nearest: list[Nearest] = []
        trouble = ""
        try:
            if match != "words":
                nearest = self._nearest_to(
                    query, wanted, named, owner=owner, depth=depth, documents=documents
                )
        except Exception as error:  # noqa: BLE001 - a remote model may fail in any way
            trouble = f"{type(error).__name__}: {error}"
        with self._database.snapshot():
            rankings: Rankings = self._finder.by_query(
                wanted, owner=owner, limit=depth, named=named, documents=documents
            )
            neighbours = [ranking() for ranking in nearest]
            rankings.meaning = [each.numbers for each in neighbours]
            if match == "meaning":
                rankings = replace(rankings, tiers=[], words=[])
            hits = self._finder.hits(rankings, limit=top_k)
            stages = self._database.stages({hit.document for hit in hits})
            if nearest and not self._finder.is_answered(rankings, neighbours):
                # the meaning of other documents is not known yet
                hits = [hit for hit in hits if stages.get(hit.document) != "meaning"]
        return {
            "hits": [
                (hit.document, hit.page, hit.text, hit.score, hit.match, hit.marks) for hit in hits
            ],
            "stages": list(stages.items()),
            "trouble": trouble,
        }

    def _nearest_to(
        self,
        query: str,
        wanted: Query,
        named: Named,
        *,
        owner: str | None,
        depth: int,
        documents: Sequence[int] | None,
    ) -> list[Nearest]:
        """Return rankings by meaning: of all passages, and of documents that are named."""
        nearest = self._nearest(query, wanted, owner, depth, documents)
        rest, chosen = named.rest_of(query), among(named.chosen, documents)
        if chosen and rest and self._foreign is None:
            nearest += self._nearest(rest, wanted, owner, depth, chosen)
        return nearest

    def _nearest(
        self,
        query: str,
        wanted: Query,
        owner: str | None,
        depth: int,
        documents: Sequence[int] | None,
    ) -> list[Nearest]:
        """Ask the models before the snapshot is taken; return what reads inside of it."""
        nearest: list[Nearest] = []
        is_english = wanted.language in {ENGLISH, UNKNOWN}
        if is_english or not self._is_for_english:
            nearest.append(self._nearest_main(query, owner, depth, documents))
        if wanted.language != ENGLISH and self._database.model("other") is not None:
            vector = self._multilingual.encode([query])[0].tobytes()
            nearest.append(self._nearest_stored(vector, "other", owner, depth, documents))
        return nearest

    def _nearest_main(
        self, query: str, owner: str | None, depth: int, documents: Sequence[int] | None
    ) -> Nearest:
        if self._foreign is None and self._database.model("main") is None:
            return Neighbours
        vector = self._model.encode_query(query)
        if self._foreign is not None:
            keys = self._foreign.nearest(vector, owner=owner, limit=depth)
            return lambda: Neighbours(self._finder.by_keys(keys, owner=owner, documents=documents))
        return self._nearest_stored(pack(vector), "main", owner, depth, documents)

    def _nearest_stored(
        self,
        vector: bytes,
        slot: Slot,
        owner: str | None,
        depth: int,
        documents: Sequence[int] | None,
    ) -> Nearest:
        built_in = self._is_for_english or slot == "other"
        identity = self._multilingual.identity if slot == "other" else self._model.identity
        return lambda: self._finder.by_vector(
            vector,
            identity,
            owner=owner,
            limit=depth,
            slot=slot,
            nearness=NEARNESS[slot] if built_in else None,
            documents=documents,
        )


_OPERATIONS = frozenset({"begin", "stage", "publish", "add_pages", "embed", "remove", "search"})


class _Requests:
    """Passes requests to the worker of their recipe."""

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
