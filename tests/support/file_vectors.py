"""A LlamaIndex vector store of a third party: vectors in a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llama_index.core.schema import BaseNode
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    VectorStoreQuery,
    VectorStoreQueryResult,
)


class FileVectors(BasePydanticVectorStore):
    """LlamaIndex's own simple store, read from its file and written to it each time."""

    stores_text: bool = False
    path: str

    @property
    def client(self) -> None:
        return None

    def _load(self) -> SimpleVectorStore:
        if Path(self.path).exists():
            return SimpleVectorStore.from_persist_path(self.path)
        return SimpleVectorStore()

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:
        store = self._load()
        added = store.add(list(nodes))
        store.persist(self.path)
        return added

    def delete(self, ref_doc_id: str, **kwargs: Any) -> None:
        if Path(f"{self.path}.locked").exists():
            raise OSError("the file is locked")
        store = self._load()
        store.delete(ref_doc_id)
        store.persist(self.path)

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:
        return self._load().query(query)
