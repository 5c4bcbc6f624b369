"""A LlamaIndex retriever over the index, for query engines, agents and chats."""

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from .recipe import Recipe
from .worker import Worker


class PassageRetriever(BaseRetriever):
    """A retriever of passages in this process, where ``Index.search`` uses another.

    Nodes carry ``pdf`` (the document's id) and ``page`` in their metadata.

    Args:
        recipe: As the server has it; ``folder`` is ``index`` in its data directory.
        owner: Whose passages are searched; ``None`` for those of all owners.
        top_k: How many passages are wanted.
    """

    def __init__(self, recipe: Recipe, *, owner: str | None, top_k: int = 5) -> None:
        super().__init__()
        self._worker = Worker(recipe)
        self._owner = owner
        self._top_k = top_k

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        reply = self._worker.search(
            query=query_bundle.query_str, top_k=self._top_k, owner=self._owner
        )
        return [
            NodeWithScore(
                node=TextNode(text=text, metadata={"pdf": document, "page": page}), score=score
            )
            for document, page, text, score, *_ in reply["hits"]
        ]
