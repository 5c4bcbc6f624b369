"""A retriever for LlamaIndex."""

from collections.abc import Sequence

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from pdfsluice.client.search import Passage

from .asking import Library, metadata_of


class PdfsluiceRetriever(BaseRetriever):
    """A retriever of passages as LlamaIndex nodes with title and page.

        retriever = PdfsluiceRetriever(Library(server="http://localhost:8000", top_k=8))
        nodes = retriever.retrieve("How much water passes under a gate?")

    Args:
        library: The server, and which of its documents are searched.
    """

    def __init__(self, library: Library) -> None:
        super().__init__()
        self._library = library

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return _nodes(self._library.ask_blocking(query_bundle.query_str))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return _nodes(await self._library.ask(query_bundle.query_str))


def _nodes(passages: Sequence[Passage]) -> list[NodeWithScore]:
    return [
        NodeWithScore(
            node=TextNode(
                id_=f"{passage.document_id}-{passage.page}-{number}",
                text=passage.text,
                metadata=metadata_of(passage),
            ),
            score=passage.score,
        )
        for number, passage in enumerate(passages)
    ]
