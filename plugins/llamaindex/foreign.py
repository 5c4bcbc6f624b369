"""Vectors in a LlamaIndex vector store that the settings name.

The passages stay in our database.

The store is asked for the names of the nearest nodes, and only those that are published in
the database count, so that a store without transactions does no harm.
"""

from collections.abc import Sequence

from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores.types import (
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
)

from .ingest import OWNER
from .parts import load_vector_store
from .recipe import Recipe


class ForeignVectors:
    """Vectors in a LlamaIndex vector store.

    Args:
        recipe: Names the class of the vector store, and its options.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._store = load_vector_store(recipe.vector_store, recipe.vector_store_options)

    def add(self, nodes: Sequence[BaseNode]) -> None:
        """Store the vectors of nodes."""
        self._store.add(list(nodes))

    def forget(self, source: str) -> None:
        """Delete all vectors of a node by its ``ref_doc_id``."""
        self._store.delete(source)

    def nearest(self, vector: list[float], *, owner: str | None, limit: int) -> list[str]:
        """Return the names of the nearest nodes of an owner."""
        mine = None
        if owner is not None:
            mine = MetadataFilters(filters=[MetadataFilter(key=OWNER, value=owner)])
        result = self._store.query(
            VectorStoreQuery(query_embedding=vector, similarity_top_k=limit, filters=mine)
        )
        return list(result.ids or ())
